// The virtual list: however many rows there are, only those near the window are in the page.

import { COLUMNS, fillRecord, fillRequest, fillTimes, makeRow } from './cells.js';
import { byId, el, setAttribute, setText } from './dom.js';
import { grouped, plural } from './format.js';
import { announceNews } from './notify.js';
import { serverNow } from './server-time.js';

/** Rows that are kept above and below the window. */
const MARGIN = 8;
const TICK_MS = 200;
const NEWS_MS = 1500;
/** How near to the end older rows are asked for, in heights of the window. */
const NEAR_END = 2;

export class List {
  #store;
  #feed;
  #onOpen;
  #grid = byId('grid');
  #body = byId('rows');
  #head = byId('columns');
  #pool = [];
  #view = null;
  #rowHeight = 34;
  #newestSeen = 0;
  /** The row at the top of the window and how far it is scrolled, to stay there when rows come. */
  #anchor = null;
  #isDrawing = false;
  /** The request that the address names and that is to be shown once it is among the rows. */
  #wanted = null;
  /** Times are told without their day today. */
  #today = dayOf(serverNow());

  constructor(store, feed, onOpen) {
    this.#store = store;
    this.#feed = feed;
    this.#onOpen = onOpen;
    this.#grid.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#body.addEventListener('click', (event) => this.#clicked(event));
    this.#body.addEventListener('auxclick', (event) => this.#clicked(event));
    byId('new-pill').addEventListener('click', () => this.toTop());
    new ResizeObserver(() => this.#measure()).observe(this.#grid);
    store.on(['rows', 'list', 'cursor', 'view', 'open'], () => this.#update());
    store.on(['fresh', 'paused'], () => this.#drawPill());
    setInterval(() => this.#tick(), TICK_MS);
    this.#update();
  }

  /** Moves the current row; `to` is a number of rows, or 'first', 'last', 'page-up', 'page-down'. */
  move(to) {
    const { rows } = this.#feed;
    if (!rows.length) return null;
    const { cursor } = this.#store.state;
    const at = cursor === null ? -1 : rows.indexOf(cursor);
    const page = Math.max(1, Math.floor(this.#height() / this.#rowHeight) - 1);
    const step = { 'page-up': -page, 'page-down': page }[to] ?? to;
    const target = to === 'first' ? 0 : to === 'last' ? rows.length - 1 : at < 0 ? this.#firstVisible() : at + step;
    const index = Math.max(0, Math.min(rows.length - 1, target));
    this.#store.set({ cursor: rows.at(index).seq });
    this.#reveal(index);
    return rows.at(index);
  }

  current() {
    const { cursor } = this.#store.state;
    const row = cursor === null ? undefined : this.#feed.rows.at(this.#feed.rows.indexOf(cursor));
    return row?.seq === cursor ? row : undefined;
  }

  /** Shows where a request is in the list, now or with the first page, if it is there. */
  show(open) {
    const current = this.current();
    const id = open?.kind === 'request' ? open.id : null;
    this.#wanted = current && isOf(current, id) ? null : id;
    this.#seek();
  }

  toTop() {
    if (this.#store.state.paused) this.#feed.setPaused(false);
    this.#anchor = null;
    this.#grid.scrollTop = 0;
    this.#store.set({ fresh: 0 });
    this.#grid.focus({ preventScroll: true });
  }

  /** Begins at the top, as after a change of the filter. */
  reset() {
    this.#anchor = null;
    this.#newestSeen = 0;
    this.#grid.scrollTop = 0;
    this.#store.set({ fresh: 0 });
  }

  focus() {
    this.#grid.focus({ preventScroll: true });
  }

  #height() {
    return this.#grid.clientHeight - this.#head.offsetHeight;
  }

  #firstVisible() {
    return Math.ceil(this.#grid.scrollTop / this.#rowHeight);
  }

  #isAtTop() {
    return this.#grid.scrollTop < this.#rowHeight / 2;
  }

  #measure() {
    const height = parseFloat(getComputedStyle(this.#body).getPropertyValue('--row-height')) || 34;
    if (height !== this.#rowHeight) {
      const index = this.#grid.scrollTop / this.#rowHeight;
      this.#rowHeight = height;
      for (const element of this.#pool) element.index = null;
      this.#size();
      this.#grid.scrollTop = index * height;
    }
    this.#draw();
  }

  #size() {
    this.#body.style.setProperty('height', `${this.#feed.rows.length * this.#rowHeight}px`);
  }

  #reveal(index, { inTheMiddle = false } = {}) {
    const top = index * this.#rowHeight;
    const lowest = top + this.#rowHeight - this.#height();
    const { scrollTop } = this.#grid;
    if (top < scrollTop) this.#grid.scrollTop = inTheMiddle ? (top + lowest) / 2 : top;
    else if (lowest > scrollTop) this.#grid.scrollTop = inTheMiddle ? (top + lowest) / 2 : lowest;
    this.#remember();
    this.#draw();
  }

  #seek() {
    if (this.#wanted === null) return;
    const { rows } = this.#feed;
    const index = rows.findIndex((row) => isOf(row, this.#wanted));
    if (index >= 0) {
      this.#store.set({ cursor: rows.at(index).seq });
      this.#size();
      this.#reveal(index, { inTheMiddle: true });
    }
    // Of what is not among the newest rows the panel alone tells.
    if (index >= 0 || this.#store.state.list.phase !== 'loading') this.#wanted = null;
  }

  #scrolled() {
    this.#remember();
    if (this.#isAtTop() && !this.#store.state.paused) this.#store.set({ fresh: 0 });
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#draw();
    });
  }

  #remember() {
    const index = Math.floor(this.#grid.scrollTop / this.#rowHeight);
    const row = this.#isAtTop() ? undefined : this.#feed.rows.at(index);
    this.#anchor = row ? { seq: row.seq, offset: this.#grid.scrollTop - index * this.#rowHeight } : null;
  }

  #update() {
    const { view } = this.#store.state;
    if (view !== this.#view) this.#build(view);
    this.#countFresh();
    this.#size();
    if (this.#anchor) {
      const index = this.#feed.rows.indexOf(this.#anchor.seq);
      this.#grid.scrollTop = Math.max(0, index) * this.#rowHeight + this.#anchor.offset;
    }
    const rowCount = this.#store.state.list.more ? -1 : this.#feed.rows.length + 1;
    setAttribute(this.#grid, 'aria-rowcount', rowCount);
    this.#seek();
    this.#draw();
  }

  #build(view) {
    this.#view = view;
    this.#pool = [];
    this.#anchor = null;
    this.#newestSeen = 0;
    this.#body.replaceChildren();
    this.#grid.dataset.view = view;
    this.#grid.setAttribute('aria-label', view === 'records' ? 'Records' : 'Requests');
    this.#head.replaceChildren(
      ...COLUMNS[view].map(([name, label, full]) =>
        el('div', { class: `cell cell-${name}`, role: 'columnheader', title: full, 'aria-label': full, text: label })),
    );
    this.#grid.scrollTop = 0;
  }

  /** Rows that came while the top is out of sight are counted; those that the user sees are not. */
  #countFresh() {
    const { rows } = this.#feed;
    const newest = rows.newest?.seq ?? 0;
    if (this.#newestSeen && newest > this.#newestSeen) {
      let count = 0;
      while (count < rows.length && rows.at(count).seq > this.#newestSeen) count += 1;
      const noun = this.#view === 'records' ? 'record' : 'request';
      announceNews(plural(count, `new ${noun}`));
      if (!this.#isAtTop()) this.#store.set({ fresh: this.#store.state.fresh + count });
    }
    this.#newestSeen = newest;
  }

  #drawPill() {
    const { fresh, paused } = this.#store.state;
    const pill = byId('new-pill');
    pill.hidden = fresh === 0 || (this.#isAtTop() && !paused);
    const noun = this.#view === 'records' ? 'record' : 'request';
    setText(pill.querySelector('span'), `${grouped(fresh)} new ${noun}${fresh === 1 ? '' : 's'}`);
  }

  #draw() {
    const { rows } = this.#feed;
    const { list, cursor, open } = this.#store.state;
    const first = Math.max(0, Math.floor(this.#grid.scrollTop / this.#rowHeight) - MARGIN);
    const count = Math.min(rows.length - first, Math.ceil(this.#height() / this.#rowHeight) + 2 * MARGIN);
    while (this.#pool.length < count) this.#add();
    const size = this.#pool.length;
    const now = serverNow();
    let active = null;
    for (let i = 0; i < size; i++) {
      // Each row on the screen keeps the element that its place had: a scroll fills only what is new.
      const index = first + ((((i - first) % size) + size) % size);
      const element = this.#pool[i];
      const row = index < first + count ? rows.at(index) : undefined;
      element.hidden = !row;
      if (!row) {
        element.row = null;
        continue;
      }
      if (element.row !== row) this.#fill(element, row, now);
      if (element.index !== index) this.#put(element, index);
      if (row.seq === cursor) active = element;
      const isOpen = open?.kind === 'request' && (row.id ?? row.request) === open.id;
      setAttribute(element, 'aria-selected', isOpen ? 'true' : 'false');
      element.classList.toggle('is-current', row.seq === cursor);
    }
    setAttribute(this.#grid, 'aria-activedescendant', active ? active.id : null);
    const left = rows.length * this.#rowHeight - this.#grid.scrollTop - this.#height();
    if (list.more && list.tail === 'idle' && left < NEAR_END * this.#height()) this.#feed.older();
    this.#drawPill();
  }

  #add() {
    const element = makeRow(this.#view);
    element.id = `row-${this.#pool.length}`;
    this.#pool.push(element);
    this.#body.append(element);
  }

  #fill(element, row, now) {
    element.row = row;
    if (this.#view === 'records') fillRecord(element, row, now);
    else fillRequest(element, row, now);
    element.classList.toggle('is-new', isNews(row, now));
  }

  #put(element, index) {
    element.index = index;
    element.style.setProperty('transform', `translateY(${index * this.#rowHeight}px)`);
    element.setAttribute('aria-rowindex', index + 2);
    element.classList.toggle('is-odd', index % 2 === 1);
  }

  #tick() {
    if (document.hidden) return;
    const now = serverNow();
    if (dayOf(now) !== this.#today) this.#turnDay(now);
    if (this.#view !== 'requests') return;
    for (const element of this.#pool) {
      if (element.row?.state === 'running') fillTimes(element, element.row, now);
      if (element.row) element.classList.toggle('is-new', isNews(element.row, now));
    }
  }

  /** At midnight what was today's becomes yesterday's. */
  #turnDay(now) {
    this.#today = dayOf(now);
    for (const element of this.#pool) element.row = null;
    this.#draw();
  }

  #clicked(event) {
    const element = event.target.closest('.row');
    if (!element?.row || event.button > 1) return;
    this.#store.set({ cursor: element.row.seq });
    this.#onOpen(element.row, { inNewTab: event.button === 1 || event.metaKey || event.ctrlKey });
  }
}

/** A row lights up for a moment after its arrival. */
function isNews(row, now) {
  return Math.abs(now - Date.parse(row.time)) < NEWS_MS;
}

function dayOf(time) {
  return new Date(time).toDateString();
}

/** Whether a row is a request, or of it. The address may hold the client's own id. */
function isOf(row, id) {
  return row.type === undefined ? row.id === id || row.client_id === id : row.request === id;
}
