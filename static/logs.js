// The log viewer's entry: puts its parts together and moves between them.

import { linkTo as addressOf, readHash, writeHash } from './logs/address.js';
import { whenLocked } from './logs/api.js';
import { askForKey, setUpDialogs } from './logs/dialogs.js';
import { byId, el } from './logs/dom.js';
import { Feed } from './logs/feed.js';
import { FilterBar } from './logs/filterbar.js';
import { sameFilter } from './logs/filters.js';
import { Header } from './logs/header.js';
import { setUpKeyboard } from './logs/keyboard.js';
import { List } from './logs/list.js';
import { Live } from './logs/live.js';
import { setUpMenu } from './logs/menu.js';
import { announce, toast } from './logs/notify.js';
import { Panel } from './logs/panel.js';
import { ListStates } from './logs/states.js';
import { Store } from './logs/store.js';
import { visible } from './logs/text.js';

/** Typing within this time is one step of the history. */
const TYPING_STEP_MS = 3000;
/** Moving through the list with a panel open loads the row on which it rests. */
const REST_MS = 120;
/** Remembers that this browser has entered a key, never the key. */
const UNLOCKED = 'logs.unlocked';

const store = new Store();
store.set(readHash(location.hash));
const feed = new Feed(store);
const live = new Live({ onFrame: takeFrame, onState: (state, retryAt) => store.set({ connection: { state, retryAt } }) });
const list = new List(store, feed, openRow);
const panel = new Panel(store, { store, navigate, linkTo, urlOf, focusList: () => list.focus() });
const bar = new FilterBar(store, feed, (patch, { typing }) => navigate(patch, { typing }));

new Header(store, { onPause: pause, onReconnect: () => live.retryNow() });
new ListStates(store, feed, {
  clearFilters: () => bar.clear(),
  reload: () => feed.reload(),
  retry: () => (feed.rows.length ? feed.retry() : feed.reload()),
  older: () => feed.older(),
  reconnect: begin,
  unlock: () => askForKey(store.state.locked),
});
byId('skip').addEventListener('click', (event) => {
  // The address holds the page's state, so the link must not change it.
  event.preventDefault();
  list.focus();
});
setUpMenu(store, { onLogout: loggedOut });
setUpDialogs({ onUnlocked: unlocked });
setUpKeyboard({ move, open: openCurrent, close, pause, leaveField: () => list.focus() });
whenLocked(locked);
addEventListener('popstate', () => follow(readHash(location.hash)));
store.set({ hadKey: remember() === 'yes' });
begin();

/** Connects, then loads the list: in this order nothing can be missed in between. */
async function begin() {
  await live.start();
  if (!store.state.locked) feed.reload();
}

function takeFrame(frame) {
  feed.apply(frame);
  panel.apply(frame);
  if (frame.hello && store.state.list.phase === 'error') feed.reload();
}

/** Changes the state that is in the address, and the address. */
function navigate(patch, { replace = false, typing = false } = {}) {
  const next = { ...pick(store.state), ...patch };
  const hash = writeHash(next);
  if (hash !== location.hash) {
    const now = performance.now();
    const isSameStep = replace || (typing && now - navigate.typedAt < TYPING_STEP_MS);
    if (typing) navigate.typedAt = now;
    history[isSameStep ? 'replaceState' : 'pushState'](null, '', `${location.pathname}${hash}`);
  }
  follow(next);
}
navigate.typedAt = -Infinity;

function pick({ view, filter, open, tab }) {
  return { view, filter, open, tab };
}

/** Makes the page what a state from the address says. */
function follow(next) {
  const { view, filter } = store.state;
  const isOther = next.view !== view || !sameFilter(next.filter, filter);
  store.set(next);
  const opened = next.open?.kind === 'request' && feed.rows.get(next.open.id);
  if (opened && !isOther) store.set({ cursor: opened.seq });
  if (!isOther) return;
  store.set({ cursor: null });
  list.reset();
  feed.reload();
}

function urlOf(open) {
  return addressOf({ ...pick(store.state), open });
}

/** A link to something inside of the page that can also be opened in a new tab. */
function linkTo(open, ...content) {
  const follow = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    navigate({ open });
  };
  return el('a', { href: writeHash({ ...pick(store.state), open }), on: { click: follow } }, content);
}

function openRow(row, { inNewTab = false, replace = false } = {}) {
  const id = row.type === undefined ? row.id : row.request;
  const open = id ? { kind: 'request', id } : row.conversation ? { kind: 'conversation', id: row.conversation } : null;
  if (!open) return;
  if (inNewTab) window.open(urlOf(open), '_blank', 'noopener');
  else navigate({ open }, { replace });
}

function openCurrent() {
  const row = list.current();
  if (row) openRow(row);
}

function move(to, { focus = false } = {}) {
  const row = list.move(to);
  if (focus) list.focus();
  if (!row || store.state.open?.kind !== 'request') return;
  clearTimeout(move.timer);
  move.timer = setTimeout(() => store.state.open && openRow(row, { replace: true }), REST_MS);
}

function close() {
  if (store.state.open) navigate({ open: null });
}

function pause() {
  const paused = !store.state.paused;
  feed.setPaused(paused);
  announce(paused ? 'Paused' : 'Resumed');
}

function locked(error) {
  if (store.state.locked) return;
  live.stop();
  store.set({ locked: error, connection: { state: 'locked', retryAt: 0 } });
  askForKey(error);
}

function unlocked() {
  remember('yes');
  store.set({ locked: null, hadKey: true });
  announce('Unlocked');
  begin();
  panel.reload();
}

function loggedOut() {
  remember('no');
  // What was shown must not stay for whoever uses this browser next.
  location.replace(location.pathname);
}

function remember(value) {
  try {
    if (value) localStorage.setItem(UNLOCKED, value);
    return localStorage.getItem(UNLOCKED);
  } catch {
    return null;
  }
}

addEventListener('unhandledrejection', (event) => {
  toast(`Something went wrong in this page: ${visible(event.reason?.message ?? '')}`, { isError: true });
});
