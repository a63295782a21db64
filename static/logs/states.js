// What the list shows instead of rows (loading, empty, nothing found, not reachable), and its foot.

import { button, byId, el, icon } from './dom.js';
import { isFiltered } from './filters.js';
import { copy } from './notify.js';
import { visible } from './text.js';

export class ListStates {
  #store;
  #feed;
  #actions;

  /** `actions`: clearFilters, reload, older, reconnect, unlock. */
  constructor(store, feed, actions) {
    this.#store = store;
    this.#feed = feed;
    this.#actions = actions;
    byId('locked-unlock').addEventListener('click', actions.unlock);
    store.on(['rows', 'list', 'filter', 'view', 'locked', 'connection'], () => this.#draw());
    this.#draw();
  }

  #kind() {
    const { list, locked, filter, view, connection } = this.#store.state;
    if (this.#feed.rows.length) return null;
    if (locked) return 'locked';
    if (list.phase === 'error') return list.error.isOffline ? 'disconnected' : 'error';
    if (list.phase === 'loading') return connection.state === 'reconnecting' || connection.state === 'offline' ? 'disconnected' : 'loading';
    if (list.tail === 'error') return 'error';
    if (list.more) return 'sparse';
    return isFiltered(filter, view) ? 'no-match' : 'empty';
  }

  #draw() {
    const kind = this.#kind();
    const element = byId('empty');
    element.hidden = kind === null;
    // Rows that are there stay readable; the bar over them tells why no others come.
    byId('locked-bar').hidden = !this.#store.state.locked || kind !== null;
    // Each failure has its own words.
    if (element.dataset.empty !== kind || kind === 'error') {
      element.dataset.empty = kind ?? '';
      element.replaceChildren(...(kind ? this.#content(kind).filter(Boolean) : []));
    }
    this.#drawTail(kind);
  }

  #content(kind) {
    const { list, view, filter } = this.#store.state;
    const actions = this.#actions;
    const title = (text) => el('h2', { text });
    const words = (...content) => el('p', {}, content);
    switch (kind) {
      case 'loading':
        return [el('div', { class: 'skeleton', 'aria-hidden': 'true' }, Array.from({ length: 12 }, () => el('i'))), el('p', { class: 'offscreen', text: 'Loading' })];
      case 'empty':
        return [
          title(view === 'records' ? 'No records yet' : 'No requests yet'),
          words('The proxy is ready. Give a client this base URL, and its requests appear here as they come in:'),
          baseUrl(),
          words(`In Cursor: Settings → Models → API Keys → Override OpenAI Base URL. Cursor calls from its own cloud, so it needs the proxy’s public address.`),
        ];
      case 'no-match':
        return [title('Nothing matches'), words('No ', view, ' in the log, stored or live, pass this filter.'), filter.chat && words('A conversation is found by its whole id, or by a part that only one of those listed has.'), button('Clear filters', actions.clearFilters, { class: 'button is-primary' })];
      case 'sparse':
        return [title('Nothing yet'), words('The newest part of the log has nothing that passes this filter. There is more behind it.'), button('Look further back', actions.older, { class: 'button is-primary' })];
      case 'disconnected':
        return [title('The proxy cannot be reached'), words('It may be stopped, or the tunnel to it. This page tries again by itself and goes on where it was.'), button('Try now', actions.reconnect, { class: 'button is-primary' })];
      case 'locked':
        return [title('Locked'), words('The proxy shows its log to those who have its key, the value of PROXY_API_KEY where it runs.'), button('Enter the key', actions.unlock, { class: 'button is-primary' })];
      default: {
        const told = words(visible(list.error?.message ?? 'Unknown error'));
        if (this.#isByFilter()) return [title('This filter is not understood'), told, button('Clear filters', actions.clearFilters, { class: 'button is-primary' })];
        return [title('The log could not be read'), told, button('Try again', actions.reload, { class: 'button is-primary' })];
      }
    }
  }

  /** Whether the server refused what was filtered for: trying again would be of no use. */
  #isByFilter() {
    const { list, filter, view } = this.#store.state;
    return list.error?.status === 400 && isFiltered(filter, view);
  }

  #drawTail(kind) {
    const { list } = this.#store.state;
    const tail = byId('tail');
    const state = kind !== null ? 'none' : list.tail === 'error' ? 'error' : list.tail === 'loading' ? 'loading' : list.more ? 'more' : 'end';
    tail.hidden = kind !== null;
    if (tail.dataset.tail === state && state !== 'error') return;
    tail.dataset.tail = state;
    const content = {
      none: [],
      loading: ['Loading older ones…'],
      more: [button('Load older', this.#actions.older)],
      end: ['The log’s beginning'],
      error: [`${visible(list.error?.message ?? 'The older rows could not be loaded.')} `, this.#isByFilter() ? button('Clear filters', this.#actions.clearFilters) : button('Try again', this.#actions.retry)],
    }[state];
    // A grid holds rows and cells only.
    tail.replaceChildren(el('div', { role: 'row' }, el('div', { role: 'gridcell' }, content)));
  }
}

function baseUrl() {
  const url = `${location.origin}/v1`;
  const copyIt = el('button', { type: 'button', class: 'button', 'aria-label': 'Copy base URL', on: { click: () => copy(url, 'the base URL') } }, icon('copy'));
  return el('div', { class: 'base-url' }, el('code', { id: 'base-url', text: url }), copyIt);
}
