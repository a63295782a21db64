// The live connection: a WebSocket, or a stream where there is none; reconnects by itself.

import { ApiError, call, records } from './api.js';
import { EventStreamReader } from './sse.js';

/** The first frame comes at once; what gives none in this time is not working. */
const HELLO_MS = 3000;
const LONGEST_WAIT_MS = 10_000;
/** After so much silence the server is asked whether there was nothing to tell. */
const SILENCE_MS = 25_000;
/** How long a WebSocket that failed where a stream worked is not tried again. */
const PREFER_STREAM_MS = 300_000;

export class Live {
  #onFrame;
  #onState;
  #after = null;
  #started = null;
  #attempt = 0;
  #epoch = 0;
  #close = null;
  #timer = 0;
  #heard = 0;
  #connected = false;
  #running = false;
  #noSocketUntil = 0;
  #probed = () => {};

  /** `onFrame(frame)`; its hello gets `restarted` and `first`. `onState(state, retryAt)`. */
  constructor({ onFrame, onState }) {
    this.#onFrame = onFrame;
    this.#onState = onState;
    setInterval(() => this.#listen(), 5000);
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#wake());
    addEventListener('online', () => this.#wake());
    addEventListener('offline', () => this.#listen(0));
    addEventListener('pagehide', () => this.stop());
    addEventListener('pageshow', (event) => event.persisted && this.start());
  }

  /** Begins. Resolves once it is known from where live records will come: what is loaded after that misses nothing. */
  start() {
    this.#running = true;
    this.#attempt = 0;
    return new Promise((resolve) => {
      this.#probed = resolve;
      this.#connect();
    });
  }

  stop() {
    this.#running = false;
    this.#drop();
  }

  /** Tries at once instead of waiting, if it is waiting. */
  retryNow() {
    if (this.#running && !this.#connected) this.#connect();
  }

  #wake() {
    if (!this.#running) return;
    if (this.#connected) this.#listen(1000);
    else this.#connect();
  }

  #drop() {
    this.#epoch += 1;
    this.#connected = false;
    clearTimeout(this.#timer);
    this.#close?.();
    this.#close = null;
  }

  async #connect() {
    this.#drop();
    const epoch = this.#epoch;
    const isOld = () => epoch !== this.#epoch;
    if (this.#started === null) this.#onState('connecting', 0);
    try {
      // A cheap call first: it tells whether a key is needed, and where to begin.
      const newest = (await records({ limit: 1 })).records[0]?.seq ?? 0;
      if (isOld()) return;
      this.#after ??= newest;
      this.#probed();
      let end;
      if (Date.now() >= this.#noSocketUntil) {
        end = await this.#use('live', isOld, (hooks) => this.#openSocket(hooks));
        if (isOld()) return;
      }
      if (end !== 'closed') {
        const socketFailed = end === 'failed';
        end = await this.#use('fallback', isOld, (hooks) => this.#openStream(hooks));
        if (socketFailed && end === 'closed') this.#noSocketUntil = Date.now() + PREFER_STREAM_MS;
      }
    } catch (error) {
      this.#probed();
      if (!isOld() && error instanceof ApiError && error.isLocked) {
        this.#running = false;
        this.#onState('locked', 0);
        return;
      }
    }
    if (!isOld() && this.#running) this.#wait();
  }

  #wait() {
    this.#connected = false;
    const longest = Math.min(LONGEST_WAIT_MS, 500 * 2 ** this.#attempt);
    const delay = longest * (0.5 + Math.random() / 2);
    this.#attempt += 1;
    this.#onState(navigator.onLine ? 'reconnecting' : 'offline', Date.now() + delay);
    this.#timer = setTimeout(() => this.#connect(), delay);
  }

  /** Runs one way of connecting to its end: 'closed' if it ever said hello, else 'failed'. */
  #use(state, isOld, open) {
    return new Promise((resolve) => {
      let greeted = false;
      const finish = () => {
        clearTimeout(timer);
        if (!isOld()) this.#close = null;
        resolve(greeted ? 'closed' : 'failed');
      };
      const timer = setTimeout(() => {
        if (!isOld()) this.#close?.();
        finish();
      }, HELLO_MS);
      this.#close = open({
        heard: () => (this.#heard = performance.now()),
        frame: (text) => {
          if (isOld()) return;
          this.#heard = performance.now();
          const frame = JSON.parse(text);
          if (frame.hello && !greeted) {
            greeted = true;
            clearTimeout(timer);
            this.#connected = true;
            this.#attempt = 0;
            this.#onState(state, 0);
          }
          this.#take(frame);
        },
        end: finish,
      });
    });
  }

  #openSocket({ frame, end }) {
    const url = new URL('/logs/api/ws', location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('after', this.#after);
    const socket = new WebSocket(url);
    socket.onmessage = (event) => frame(event.data);
    socket.onclose = end;
    return () => {
      socket.onmessage = null;
      socket.close();
    };
  }

  #openStream({ frame, heard, end }) {
    const abort = new AbortController();
    const read = async () => {
      const query = { after: this.#after };
      const response = await call('/api/stream', { method: 'POST', query, signal: abort.signal });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const events = new EventStreamReader(frame);
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        heard();
        events.push(value);
      }
    };
    // How it failed does not matter: the next attempt's first call tells.
    read().catch(() => {}).finally(end);
    return () => abort.abort();
  }

  #take(frame) {
    const { hello } = frame;
    if (hello) {
      const first = this.#started === null;
      const restarted = !first && (hello.started !== this.#started || hello.seq < this.#after);
      this.#started = hello.started;
      this.#after = hello.seq < this.#after ? hello.seq : Math.max(this.#after, hello.seq);
      frame.hello = { ...hello, first, restarted };
    }
    for (const record of frame.records ?? []) this.#after = Math.max(this.#after, record.seq);
    this.#onFrame(frame);
  }

  /** A connection that died without a word is found by asking: is there anything that we missed? */
  async #listen(silence = SILENCE_MS) {
    if (!this.#connected || performance.now() - this.#heard < silence) return;
    const epoch = this.#epoch;
    this.#heard = performance.now();
    const isFine = await records({ limit: 1 }).then(
      (page) => (page.records[0]?.seq ?? 0) <= this.#after || 'perhaps',
      () => false,
    );
    if (isFine === true) return;
    const before = this.#after;
    if (isFine === 'perhaps') await new Promise((resolve) => setTimeout(resolve, 1500));
    if (epoch === this.#epoch && this.#after === before) this.#connect();
  }
}
