// Which conversation a record belongs to: the first ones of a request come before anybody knows. Pure.

/** Bounds: requests whose conversation is remembered, and records that wait to be told theirs. */
const REQUESTS = 5000;
const WAITING = 500;

export class Belonging {
  #conversations = new Map();
  #waiting = new Map();

  /** Learns from what came. Returns records from before whose conversation is known only now. */
  take({ requests = [], records = [] }) {
    const learnt = new Set();
    for (const { id, conversation } of requests) this.#learn(id, conversation, learnt);
    for (const { request, conversation } of records) this.#learn(request, conversation, learnt);
    const late = [...this.#waiting.values()].filter((record) => learnt.has(record.request));
    for (const record of late) this.#waiting.delete(record.seq);
    for (const record of records) {
      if (record.request && !this.of(record)) this.#waiting.set(record.seq, record);
    }
    bound(this.#waiting, WAITING);
    bound(this.#conversations, REQUESTS);
    return late;
  }

  /** The record's own conversation, or its request's; `undefined` as long as neither is known. */
  of({ conversation, request }) {
    return conversation ?? this.#conversations.get(request);
  }

  #learn(request, conversation, learnt) {
    if (!request || !conversation || this.#conversations.has(request)) return;
    this.#conversations.set(request, conversation);
    learnt.add(request);
  }
}

/** Forgets the oldest. */
function bound(map, most) {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
