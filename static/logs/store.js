// The page's state: one object, changed only by `set`, told to its listeners once per frame.

import { EMPTY_FILTER } from './filters.js';

/** What the page knows, at its start. */
function initial() {
  return {
    // From the address.
    view: 'requests', filter: EMPTY_FILTER, open: null, tab: 'chat',
    // The live connection: state, and when the next attempt is made.
    connection: { state: 'connecting', retryAt: 0 },
    // What the server told: version, bodies, started; and its figures.
    server: null, stats: null,
    // The newest rate limits, one record per name of a limit.
    limits: [],
    paused: false,
    // Rows that came while the list was scrolled away or paused.
    fresh: 0,
    // The list: 'loading' | 'ready' | 'error', and its foot.
    list: { phase: 'loading', error: null, more: false, tail: 'idle' },
    // The seq of the current row.
    cursor: null,
    // The refusal (an ApiError) while a key is needed.
    locked: null, hadKey: false,
  };
}

export class Store {
  #state = initial();
  #listeners = [];
  #changed = new Set();
  #scheduled = false;

  get state() {
    return this.#state;
  }

  /** Changes some keys. Listeners hear of it in the next frame. */
  set(patch) {
    for (const [key, value] of Object.entries(patch)) {
      if (this.#state[key] === value) continue;
      this.#state[key] = value;
      this.#changed.add(key);
    }
    if (this.#changed.size) this.#schedule();
  }

  /** Tells that something changed that is kept outside of the state, such as the list's rows. */
  touch(key) {
    this.#changed.add(key);
    this.#schedule();
  }

  /** Calls `listener(state, changed)` in frames in which one of `keys` changed. */
  on(keys, listener) {
    this.#listeners.push({ keys, listener });
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => this.#tell());
  }

  #tell() {
    this.#scheduled = false;
    const changed = this.#changed;
    this.#changed = new Set();
    for (const { keys, listener } of this.#listeners) {
      if (keys.some((key) => changed.has(key))) listener(this.#state, changed);
    }
  }
}
