// The menu behind the header's last button.

import * as api from './api.js';
import { byId, setAttribute } from './dom.js';
import { openClear } from './dialogs.js';
import { recordQuery } from './filters.js';
import { place } from './filterbar.js';
import { tellError } from './notify.js';

export function setUpMenu(store, { onLogout }) {
  const menu = byId('menu');
  const opener = byId('menu-button');
  const items = () => [...menu.querySelectorAll('[role=menuitem]:not([hidden])')];
  menu.addEventListener('toggle', (event) => {
    const isOpen = event.newState === 'open';
    setAttribute(opener, 'aria-expanded', isOpen);
    if (!isOpen) return;
    place(menu, opener);
    items()[0].focus();
  });
  menu.addEventListener('keydown', (event) => {
    const all = items();
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    all.at(to % all.length).focus();
  });
  const on = (id, action) =>
    byId(id).addEventListener('click', () => {
      menu.hidePopover();
      action();
    });
  on('export-jsonl', () => download('jsonl', recordQuery(store.state.filter)));
  on('export-har', () => download('har', recordQuery(store.state.filter)));
  on('clear-all', openClear);
  on('logout', async () => {
    try {
      await api.logout();
      onLogout();
    } catch (error) {
      tellError(error, 'Not logged out');
    }
  });
  store.on(['hadKey'], (state) => (byId('logout').hidden = !state.hadKey));
}

/** Downloads an export. Asked first is whether the server answers at all: a download tells no errors. */
export async function download(format, query) {
  try {
    await api.records({ ...query, limit: 1 });
  } catch (error) {
    tellError(error, 'Not exported');
    return;
  }
  const link = document.createElement('a');
  link.href = api.exportUrl(format, query);
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}
