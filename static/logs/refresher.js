// Loads again what is open while it changes, not more often than every so many milliseconds.

export class Refresher {
  #timer = 0;
  #load;
  #ms;

  constructor(load, ms) {
    this.#load = load;
    this.#ms = ms;
  }

  /** Loads soon, however often that is asked for until then. */
  soon() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#load();
    }, this.#ms);
  }

  stop() {
    clearTimeout(this.#timer);
  }
}
