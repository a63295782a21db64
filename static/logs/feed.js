// What fills the list: pages from the server, live frames, pause, and catching up after a gap.

import * as api from './api.js';
import { Belonging } from './belonging.js';
import { recordMatcher, recordQuery, requestMatcher, requestQuery } from './filters.js';
import { mergeLimits } from './limits.js';
import { Rows } from './rows.js';

const PAGE = 200;
/** How many pages are loaded to catch up before the list is begun anew instead. */
const CATCH_UP_PAGES = 5;
/** Pages that one scroll may load while a filter that the server does not know lets nothing through. */
const SPARSE_PAGES = 10;
/** What a paused list holds back; beyond it, resuming reloads. */
const HELD = 5000;

export class Feed {
  #store;
  #views = { requests: new Rows((request) => request.id), records: new Rows((record) => record.seq) };
  #abort = new AbortController();
  #loading = false;
  /** The seq down to which the list has been loaded: rows filtered out count too. */
  #reached = Infinity;
  #held = new Map();
  #heldTooMany = false;
  /** What came live while a page was on its way, which may tell of an earlier state. */
  #meanwhile = [];
  #belonging = new Belonging();

  constructor(store) {
    this.#store = store;
  }

  get rows() {
    return this.#views[this.#store.state.view];
  }

  /** Begins the list anew for the current view and filter. */
  async reload() {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#loading = false;
    this.#release();
    this.#prune();
    this.#patch({ phase: 'loading', error: null, tail: 'idle' });
    await this.#page({ fresh: true });
  }

  /** Loads older rows, unless that is being done or there are none. */
  async older() {
    const { list } = this.#store.state;
    if (this.#loading || list.phase !== 'ready' || !list.more) return;
    await this.#page({ fresh: false });
  }

  /** Loads again what failed. */
  async retry() {
    this.#patch({ tail: 'idle', error: null });
    await this.older();
  }

  /** Takes a live frame. */
  apply(frame) {
    const { state } = this.#store;
    if (frame.stats) this.#store.set({ stats: { ...state.stats, ...frame.stats } });
    if (frame.hello) this.#store.set({ server: frame.hello });
    const limits = (frame.records ?? []).filter((record) => record.type === 'rate_limits');
    this.#takeLimits([...limits, frame.stats?.rate_limits]);
    if (frame.cleared) this.#cleared();
    const late = this.#belonging.take(frame);
    if (state.paused) this.#hold(frame);
    else this.#takeLive((state.view === 'records' ? [...(frame.records ?? []), ...late] : frame.requests) ?? []);
    const incomplete = frame.hello && frame.records?.length && !frame.requests;
    if (frame.hello && (frame.hello.gap || frame.hello.restarted || incomplete)) this.#catchUp();
  }

  setPaused(paused) {
    this.#store.set({ paused });
    if (paused) return;
    const rows = [...this.#held.values()];
    const reload = this.#heldTooMany;
    this.#release();
    this.#store.set({ fresh: 0 });
    if (reload) this.reload();
    else this.#merge(rows);
  }

  /** Loads the limits of the last hours: the figures tell of the newest alone. */
  async loadLimits() {
    try {
      this.#takeLimits((await api.records({ type: 'rate_limits', limit: 50 })).records);
    } catch {
      // They come with the next request, and what else is wrong is told by others.
    }
  }

  #takeLimits(told) {
    this.#store.set({ limits: mergeLimits(this.#store.state.limits, told) });
  }

  get #isRecords() {
    return this.#store.state.view === 'records';
  }

  #query(before) {
    const { filter } = this.#store.state;
    const query = this.#isRecords ? recordQuery(filter) : requestQuery(filter);
    return { ...query, limit: PAGE, ...(before === undefined || before === Infinity ? {} : { before }) };
  }

  async #fetch(before, signal) {
    const page = this.#isRecords
      ? await api.records(this.#query(before), signal)
      : await api.requests(this.#query(before), signal);
    this.#belonging.take(page);
    return { rows: page.records ?? page.requests, more: page.more };
  }

  /** Rows of a page that pass what the server does not filter: the record types of requests. */
  #sift(rows) {
    const { filter } = this.#store.state;
    if (this.#isRecords || !filter.types.length) return rows;
    return rows.filter(requestMatcher(filter, { texts: false }));
  }

  async #page({ fresh }) {
    const { signal } = this.#abort;
    this.#loading = true;
    this.#meanwhile = [];
    if (!fresh) this.#patch({ tail: 'loading' });
    try {
      let before = fresh ? undefined : this.#reached;
      let more = true;
      let found = [];
      for (let pages = 0; pages < SPARSE_PAGES && more && found.length < PAGE / 4; pages++) {
        const page = await this.#fetch(before, signal);
        before = page.rows.at(-1)?.seq ?? before;
        more = page.more && page.rows.length > 0;
        found = found.concat(this.#sift(page.rows));
      }
      if (fresh) {
        const live = [...this.rows].filter((row) => !found.length || row.seq > found[0].seq);
        this.rows.clear();
        found.push(...live);
      }
      this.#reached = before ?? 0;
      const dropped = this.rows.merge(found);
      this.#patch({ phase: 'ready', error: null, more: more || dropped, tail: 'idle' });
      if (dropped) this.#reached = this.rows.oldest.seq;
      this.#merge(this.#meanwhile);
    } catch (error) {
      if (error.name === 'AbortError') return;
      this.#patch(fresh && !this.rows.length ? { phase: 'error', error } : { phase: 'ready', tail: 'error', more: true, error });
    } finally {
      if (!signal.aborted) this.#loading = false;
    }
    this.#store.touch('rows');
  }

  #patch(patch) {
    this.#store.set({ list: { ...this.#store.state.list, ...patch } });
  }

  /** At once, what is loaded is filtered here, so that typing is answered without waiting. */
  #prune() {
    const matches = this.#matcher();
    const rows = this.rows;
    const kept = [...rows].filter(matches);
    if (kept.length === rows.length) return;
    rows.clear();
    rows.merge(kept);
    this.#store.touch('rows');
  }

  #matcher(options) {
    const { filter } = this.#store.state;
    const conversationOf = (record) => this.#belonging.of(record);
    return this.#isRecords ? recordMatcher(filter, { ...options, conversationOf }) : requestMatcher(filter, options);
  }

  #takeLive(changed) {
    if (this.#loading) this.#meanwhile.push(...changed);
    this.#merge(changed);
  }

  #merge(changed) {
    if (!changed.length) return;
    const matches = this.#matcher();
    // A row that the server found by its text stays, whatever the summary shows of it.
    const stays = this.#matcher({ texts: false });
    const rows = this.rows;
    const keep = [];
    for (const row of changed) {
      const key = this.#isRecords ? row.seq : row.id;
      const known = rows.get(key);
      if (known ? stays(row) : matches(row)) {
        if (known && !this.#isRecords && known.updated > row.updated) continue;
        if (known || row.seq > this.#reached || !this.#store.state.list.more) keep.push(row);
      } else if (known) {
        rows.remove(key);
      }
    }
    if (rows.merge(keep)) {
      this.#reached = rows.oldest.seq;
      this.#patch({ more: true });
    }
    this.#store.touch('rows');
  }

  #hold(frame) {
    const matches = this.#matcher();
    for (const row of (this.#isRecords ? frame.records : frame.requests) ?? []) {
      const key = this.#isRecords ? row.seq : row.id;
      if (this.#held.size < HELD || this.#held.has(key)) this.#held.set(key, row);
      else this.#heldTooMany = true;
    }
    let fresh = 0;
    const newest = this.rows.newest?.seq ?? 0;
    for (const row of this.#held.values()) fresh += row.seq > newest && matches(row);
    this.#store.set({ fresh });
  }

  #release() {
    this.#held.clear();
    this.#heldTooMany = false;
  }

  #cleared() {
    for (const rows of Object.values(this.#views)) rows.clear();
    this.#release();
    this.#reached = 0;
    this.#patch({ phase: 'ready', error: null, more: false, tail: 'idle' });
    this.#store.set({ fresh: 0, cursor: null });
    this.#store.touch('rows');
  }

  /** After a gap: newest pages until they meet what is here, then the rows that seemed to run. */
  async #catchUp() {
    if (this.#store.state.paused) {
      this.#heldTooMany = true;
      return;
    }
    const rows = this.rows;
    const newest = rows.newest?.seq ?? 0;
    const { signal } = this.#abort;
    try {
      let before;
      for (let pages = 0; pages < CATCH_UP_PAGES; pages++) {
        const page = await this.#fetch(before, signal);
        this.#merge(this.#sift(page.rows));
        before = page.rows.at(-1)?.seq;
        if (!page.more || before === undefined || before <= newest) return await this.#settle(signal);
      }
      await this.reload();
    } catch (error) {
      if (error.name !== 'AbortError' && !error.isLocked) this.#patch({ tail: 'error', error });
    }
  }

  /** Asks for rows that are shown as running: their end may have been missed. */
  async #settle(signal) {
    if (this.#isRecords) return;
    const running = [...this.rows].filter((row) => row.state === 'running').slice(-20);
    const told = await Promise.allSettled(running.map((row) => api.request(row.id, signal)));
    this.#merge(told.filter((one) => one.status === 'fulfilled').map((one) => one.value.request));
  }
}
