// The filter bar: text, status, model, conversation, record types, and which list is shown.

import { byId, el, setAttribute, setText } from './dom.js';
import { Chats } from './chats.js';
import { RECORD_TYPES, REQUEST_TYPES } from './explain.js';
import { EMPTY_FILTER, isFiltered, sameFilter } from './filters.js';
import { grouped } from './format.js';

/** So long after a key the server is asked. */
const TYPING_MS = 220;

/** Words for the fields of narrow screens, where the usual ones would be cut. */
const NARROW = '(max-width: 560px)';

const TEXTS = { q: 'search', model: 'filter-model', chat: 'filter-chat' };

export class FilterBar {
  #store;
  #feed;
  #onChange;
  #timer = 0;
  #chats = new Chats(byId('chats'));

  /** `onChange({filter?, view?}, {typing})` changes the state and loads. */
  constructor(store, feed, onChange) {
    this.#store = store;
    this.#feed = feed;
    this.#onChange = onChange;
    for (const id of Object.values(TEXTS)) {
      byId(id).addEventListener('input', () => this.#typed());
    }
    byId('filter-chat').addEventListener('change', (event) => {
      this.#change({}, { typing: true });
      // A part of an id stands for the whole.
      event.target.value = this.#store.state.filter.chat;
    });
    const narrow = matchMedia(NARROW);
    narrow.addEventListener('change', () => showWords(narrow.matches));
    showWords(narrow.matches);
    byId('filter-status').addEventListener('change', (event) => this.#change({ status: event.target.value }));
    byId('filter-reset').addEventListener('click', () => this.clear());
    byId('view-requests').addEventListener('click', () => onChange({ view: 'requests' }, {}));
    byId('view-records').addEventListener('click', () => onChange({ view: 'records' }, {}));
    this.#buildTypes();
    store.on(['filter', 'view'], () => this.#draw());
    store.on(['rows', 'list', 'filter', 'view'], () => this.#drawCount());
    store.on(['rows'], () => this.#offer());
    this.#draw();
  }

  clear() {
    this.#onChange({ filter: EMPTY_FILTER }, {});
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#change({}, { typing: true }), TYPING_MS);
  }

  #change(patch, options = {}) {
    clearTimeout(this.#timer);
    // What was typed elsewhere in the last moment counts too.
    const typed = Object.fromEntries(Object.entries(TEXTS).map(([key, id]) => [key, byId(id).value.trim()]));
    typed.chat = this.#chats.resolve(typed.chat, this.#feed.rows);
    const filter = { ...this.#store.state.filter, ...typed, ...patch };
    if (!sameFilter(filter, this.#store.state.filter)) this.#onChange({ filter }, options);
  }

  #buildTypes() {
    const boxes = Object.entries(RECORD_TYPES).filter(([type]) => type !== 'upstream_forward').map(([type, tone]) =>
      el('label', { class: 'check', data: { known: REQUEST_TYPES.has(type) ? 'requests' : 'records' } }, el('input', { type: 'checkbox', value: type, name: 'type' }), el('span', { class: 'type-name', data: { tone }, text: type })));
    byId('types').append(el('fieldset', {}, el('legend', { id: 'types-legend' }), el('div', { class: 'checks' }, boxes)));
    byId('types').addEventListener('change', () => {
      const types = [...byId('types').querySelectorAll('input:checked')].map((box) => box.value);
      this.#change({ types });
    });
    byId('types').addEventListener('toggle', (event) => {
      setAttribute(byId('filter-types'), 'aria-expanded', event.newState === 'open');
      if (event.newState === 'open') place(byId('types'), byId('filter-types'));
    });
  }

  #draw() {
    const { filter, view } = this.#store.state;
    for (const [key, id] of Object.entries(TEXTS)) {
      const input = byId(id);
      // While somebody types in it, the field is ahead of the state.
      if (document.activeElement !== input || filter[key] === '') input.value = filter[key];
    }
    const status = byId('filter-status');
    if (![...status.options].some((option) => option.value === filter.status)) {
      status.append(el('option', { value: filter.status, text: filter.status }));
    }
    status.value = filter.status;
    for (const box of byId('types').querySelectorAll('input')) box.checked = filter.types.includes(box.value);
    const types = byId('filter-types');
    setText(types.querySelector('span'), filter.types.length === 0 ? 'Types' : filter.types.length === 1 ? filter.types[0] : `${filter.types.length} types`);
    types.classList.toggle('is-set', filter.types.length > 0);
    status.classList.toggle('is-set', filter.status !== '');
    byId('filter-reset').hidden = !isFiltered(filter, view);
    setText(byId('types-legend'), view === 'records' ? 'Records of any of these types' : 'Requests with any of these records');
    setAttribute(types, 'aria-label', filter.types.length ? `Types: ${filter.types.join(', ')}` : 'Types');
    byId('types').dataset.view = view;
    for (const name of ['requests', 'records']) setAttribute(byId(`view-${name}`), 'aria-pressed', view === name);
    for (const element of document.querySelectorAll('[data-only="requests"]')) element.hidden = view !== 'requests';
  }

  #drawCount() {
    const { list, view } = this.#store.state;
    const { length } = this.#feed.rows;
    const noun = view === 'records' ? 'record' : 'request';
    setText(byId('count'), list.phase === 'loading' && !length ? '' : `${grouped(length)}${list.more ? '+' : ''} ${noun}${length === 1 && !list.more ? '' : 's'}`);
  }

  /** What the newest rows have, for the fields to offer. */
  #offer() {
    this.#chats.take(this.#feed.rows);
    if (this.#store.state.view === 'requests') this.#offerModels();
  }

  #offerModels() {
    const models = new Set();
    const { rows } = this.#feed;
    for (let i = 0; i < Math.min(rows.length, 300); i++) {
      const { model, mapped_model: mapped } = rows.at(i);
      if (model) models.add(model);
      if (mapped) models.add(mapped);
    }
    const key = [...models].sort().join('\n');
    const list = byId('models');
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(...[...models].sort().map((value) => el('option', { value })));
  }
}

function showWords(isNarrow) {
  byId('search').placeholder = isNarrow ? 'Search' : 'Search text, models, tools, ids';
  byId('filter-chat').placeholder = isNarrow ? 'Chat' : 'Conversation';
  setText(byId('filter-status').options[0], isNarrow ? 'Status' : 'Any status');
}

/** Puts a popover under its button, inside of the window. */
export function place(popover, opener) {
  const box = opener.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left, innerWidth - popover.offsetWidth - 8));
  popover.style.setProperty('left', `${left}px`);
  popover.style.setProperty('top', `${box.bottom + 6}px`);
}
