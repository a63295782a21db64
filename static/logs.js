// The log viewer's entry: puts its parts together and moves between them.

import { linkTo as addressOf, readHash, writeHash } from './logs/address.js';
import { records, whenLocked } from './logs/api.js';
import { askForKey, setUpDialogs } from './logs/dialogs.js';
import { byId, el } from './logs/dom.js';
import { Feed } from './logs/feed.js';
import { FilterBar } from './logs/filterbar.js';
import { fitting, sameFilter } from './logs/filters.js';
import { Header } from './logs/header.js';
import { setUpKeyboard } from './logs/keyboard.js';
import { List } from './logs/list.js';
import { Live } from './logs/live.js';
import { setUpMenu } from './logs/menu.js';
import { announce, toast } from './logs/notify.js';
import { Panel } from './logs/panel.js';
import { takeTime } from './logs/server-time.js';
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

new Header(store, { onPause: pause, onReconnect: () => live.retryNow(), onUnlock: unlock });
new ListStates(store, feed, {
  clearFilters: () => bar.clear(),
  reload: () => feed.reload(),
  retry: () => (feed.rows.length ? feed.retry() : feed.reload()),
  older: () => feed.older(),
  reconnect: begin,
  unlock,
});
byId('skip').addEventListener('click', (event) => {
  // The address holds the page's state, so the link must not change it.
  event.preventDefault();
  list.focus();
});
setUpMenu(store, feed, { onLogout: loggedOut });
setUpDialogs({ onUnlocked: unlocked });
setUpKeyboard({ move, open: openCurrent, close, pause, leaveField: () => list.focus() });
whenLocked(locked);
addEventListener('popstate', () => follow(readHash(location.hash)));
store.set({ hadKey: remember() === 'yes' });
list.show(store.state.open);
begin();

/** Connects, then loads the list: in this order nothing can be missed in between. */
async function begin() {
  await live.start();
  if (store.state.locked) return;
  feed.reload();
  feed.loadLimits();
}

function takeFrame(frame) {
  takeTime(frame.hello?.now);
  feed.apply(frame);
  panel.apply(frame);
  if (frame.hello && store.state.list.phase === 'error') feed.reload();
}

/** Changes the state that is in the address, and the address. */
function navigate(patch, { replace = false, typing = false } = {}) {
  const next = { ...pick(store.state), ...patch };
  next.filter = fitting(next.filter, next.view);
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
  if (isOther) {
    store.set({ cursor: null });
    list.reset();
    feed.reload();
  }
  list.show(next.open);
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
  // The connection is down then, so whatever else is refused is something that the user did.
  if (!store.state.locked) live.stop();
  store.set({ locked: error, connection: { state: 'locked', retryAt: 0 } });
  askForKey(error);
}

/** The way out of the locked state: the key may have been entered in another tab meanwhile. */
async function unlock() {
  try {
    await records({ limit: 1 });
  } catch (error) {
    // Asked for by the refusal itself.
    if (error.isLocked) return;
  }
  goOn();
}

function unlocked() {
  remember('yes');
  store.set({ hadKey: true });
  announce('Unlocked');
  goOn();
}

function goOn() {
  store.set({ locked: null });
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
