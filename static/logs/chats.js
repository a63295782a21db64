// The conversations that the list has shown: offered to the filter, and found by a part of their id.

import { el } from './dom.js';
import { oneLine } from './text.js';

/** How many of the newest rows are looked at each time that any change. */
const NEWEST = 300;
/** How many are offered. */
const OFFERED = 100;
/** How many are remembered, so that a filtered list does not forget the others. */
const KNOWN = 2000;

export class Chats {
  /** Id → the newest text of it, the conversation that was seen last at the end. */
  #known = new Map();
  #list;
  #key = '';

  constructor(datalist) {
    this.#list = datalist;
  }

  /** Learns from the newest rows of the list, requests or records. */
  take(rows, most = NEWEST) {
    for (let i = Math.min(rows.length, most) - 1; i >= 0; i--) {
      const { conversation, preview } = rows.at(i);
      if (!conversation) continue;
      const words = preview ?? this.#known.get(conversation) ?? '';
      this.#known.delete(conversation);
      this.#known.set(conversation, words);
    }
    for (const id of this.#known.keys()) {
      if (this.#known.size <= KNOWN) break;
      this.#known.delete(id);
    }
    const newest = [...this.#known].slice(-OFFERED).reverse();
    const key = newest.map(([id]) => id).join('\n');
    if (key === this.#key) return;
    this.#key = key;
    this.#list.replaceChildren(...newest.map(([id, words]) => el('option', { value: id, text: oneLine(words, 60) })));
  }

  /** The id that a text means: itself, or the only one of the list that has it in it. */
  resolve(text, rows) {
    if (!text || this.#known.has(text)) return text;
    this.take(rows, rows.length);
    const part = text.toLowerCase();
    const found = [...this.#known.keys()].filter((id) => id.toLowerCase().includes(part));
    return found.length === 1 ? found[0] : text;
  }
}
