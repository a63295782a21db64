// The keyboard: `/`, `j`/`k`, arrows, Enter, Esc, `p`, `?`.

import { openHelp } from './dialogs.js';
import { byId } from './dom.js';

const MOVES = {
  j: 1, k: -1, ArrowDown: 1, ArrowUp: -1, PageDown: 'page-down', PageUp: 'page-up', Home: 'first', End: 'last',
};

/** `actions`: move(to), open(), close(), pause(). */
export function setUpKeyboard(actions) {
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    // Dialogs and popovers have the browser's own keys.
    if (document.querySelector('dialog[open], [popover]:popover-open')) return;
    const field = event.target.closest?.('input, textarea, select');
    if (event.key === 'Escape') return escape(event, field, actions);
    if (field) {
      // From the search field down into the list.
      if (event.key === 'ArrowDown' && field.id === 'search') run(event, () => actions.move(1, { focus: true }));
      return;
    }
    const isArrow = event.key.length > 1;
    const inPanel = event.target.closest?.('#panel, [role=tablist]');
    if (event.key in MOVES) {
      // In the panel the arrows scroll it, as everywhere; the letters move in the list.
      if (!isArrow || !inPanel) run(event, () => actions.move(MOVES[event.key]));
    } else if (event.key === 'Enter') {
      if (event.target === byId('grid') || event.target === document.body) run(event, actions.open);
    } else if (event.key === '/') {
      run(event, () => {
        byId('search').focus();
        byId('search').select();
      });
    } else if (event.key === 'p') {
      run(event, actions.pause);
    } else if (event.key === '?') {
      run(event, openHelp);
    }
  });
}

function run(event, action) {
  event.preventDefault();
  action();
}

function escape(event, field, actions) {
  if (field) run(event, actions.leaveField);
  else run(event, actions.close);
}
