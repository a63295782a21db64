// The menu behind the header's last button.

import * as api from './api.js';
import { byId, setAttribute, setText } from './dom.js';
import { openClear } from './dialogs.js';
import { exportQuery, isFiltered } from './filters.js';
import { place } from './filterbar.js';
import { fileTime, grouped } from './format.js';
import { announce, tellError } from './notify.js';
import { serverNow } from './server-time.js';

export function setUpMenu(store, feed, { onLogout }) {
  const menu = byId('menu');
  const opener = byId('menu-button');
  const items = () => [...menu.querySelectorAll('[role=menuitem]:not([hidden])')];
  menu.addEventListener('toggle', (event) => {
    const isOpen = event.newState === 'open';
    setAttribute(opener, 'aria-expanded', isOpen);
    if (!isOpen) return;
    setText(byId('export-what'), whatIsExported(store.state, feed.rows.length));
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
  const exportAs = (format) => download(format, exportQuery(store.state.filter, store.state.view), `logs-${fileTime(serverNow())}`);
  on('export-jsonl', () => exportAs('jsonl'));
  on('export-har', () => exportAs('har'));
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

function whatIsExported({ filter, view, list }, count) {
  if (!isFiltered(filter, view)) return 'Nothing is filtered: the whole log, up to 10,000 records, or 1,000 requests as HAR.';
  const isOne = count === 1 && !list.more;
  const many = `${grouped(count)}${list.more ? '+' : ''} ${view === 'records' ? 'record' : 'request'}${isOne ? '' : 's'} that fit${isOne ? 's' : ''} the filters`;
  if (view === 'records') return `${many}; as HAR, their requests.`;
  // The server looks for both in each record by itself.
  return filter.q || filter.types.length ? `${many}; as JSON lines, those records of them that have the text and the type.` : `${many}.`;
}

/** Downloads an export. It is fetched first: a link's download would tell no errors, and has the server's name. */
export async function download(format, query, name) {
  try {
    announce('Exporting');
    const url = URL.createObjectURL(await api.exported(format, query));
    const link = document.createElement('a');
    link.href = url;
    link.download = `${name}.${format}`;
    document.body.append(link);
    link.click();
    link.remove();
    // The browser has to have begun to read it.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    tellError(error, 'Not exported');
  }
}
