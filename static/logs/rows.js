// The rows of a list in memory: ordered by seq, found by key, bounded. Pure.

/** How many rows are kept. Older ones are dropped first; the server has them still. */
const LIMIT = 20_000;

export class Rows {
  /** Oldest first, so that new ones are pushed. */
  #rows = [];
  #byKey = new Map();
  #keyOf;

  constructor(keyOf) {
    this.#keyOf = keyOf;
  }

  get length() {
    return this.#rows.length;
  }

  /** The row at a place in the list, which has the newest first. */
  at(index) {
    return this.#rows[this.#rows.length - 1 - index];
  }

  get(key) {
    return this.#byKey.get(key);
  }

  get newest() {
    return this.#rows.at(-1);
  }

  get oldest() {
    return this.#rows[0];
  }

  clear() {
    this.#rows = [];
    this.#byKey.clear();
  }

  /**
   * Puts rows in or replaces them. Returns whether any had to be dropped for the bound.
   * Pages and live frames come in order, so all but a few rows are put at one of the ends.
   */
  merge(rows) {
    const older = [];
    for (const row of rows) {
      const key = this.#keyOf(row);
      const known = this.#byKey.get(key);
      this.#byKey.set(key, row);
      if (known && known.seq === row.seq) this.#rows[this.#place(row.seq)] = row;
      else if (!this.#rows.length || row.seq > this.newest.seq) this.#rows.push(row);
      else if (row.seq < this.#rows[0].seq) older.push(row);
      else this.#rows.splice(this.#place(row.seq), 0, row);
    }
    if (older.length) this.#rows = older.sort((a, b) => a.seq - b.seq).concat(this.#rows);
    return this.#bound();
  }

  remove(key) {
    const row = this.#byKey.get(key);
    if (!row) return;
    this.#byKey.delete(key);
    this.#rows.splice(this.#place(row.seq), 1);
  }

  /** The place in the list of the newest row with this seq or an older one. */
  indexOf(seq) {
    let low = this.#place(seq);
    if (low < this.#rows.length && this.#rows[low].seq > seq) low -= 1;
    if (low === this.#rows.length) low -= 1;
    return this.#rows.length - 1 - low;
  }

  /** The place in the list of the newest row that passes a test, or -1. */
  findIndex(test) {
    const at = this.#rows.findLastIndex(test);
    return at < 0 ? -1 : this.#rows.length - 1 - at;
  }

  *[Symbol.iterator]() {
    yield* this.#rows;
  }

  /** The first place in `#rows` whose seq is not smaller. */
  #place(seq) {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#rows[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #bound() {
    const extra = this.#rows.length - LIMIT;
    if (extra <= 0) return false;
    for (const row of this.#rows.splice(0, extra)) this.#byKey.delete(this.#keyOf(row));
    return true;
  }
}
