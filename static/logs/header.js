// The header: the connection's state, figures, rate limits, and the buttons beside them.

import { byId, el, setAttribute, setText } from './dom.js';
import { UNKNOWN, duration, fullTime, grouped, percent, plural, resetTime, windowLength } from './format.js';
import { limitName } from './limits.js';
import { announce } from './notify.js';
import { serverNow } from './server-time.js';
import { visible } from './text.js';

const STATES = {
  connecting: ['Connecting', 'The connection is being opened'],
  live: ['Live', 'Live by WebSocket'],
  fallback: ['Live (stream)', 'Live by a stream: a WebSocket did not open'],
  reconnecting: ['Reconnecting', 'The proxy does not answer. Click to try now'],
  offline: ['Offline', 'This browser has no network. Click to try now'],
  paused: ['Paused', 'The list stands still; nothing is lost'],
  locked: ['Key needed', 'The proxy wants its key. Click to enter it'],
};

const BODIES = {
  off: 'Bodies are not stored',
  redacted: 'Bodies are stored with secrets masked and images replaced by size and digest',
  full: 'Bodies are stored as they are, secrets included',
};

const THEMES = ['system', 'light', 'dark'];

export class Header {
  #store;
  #wasLive = false;

  constructor(store, { onPause, onReconnect, onUnlock }) {
    this.#store = store;
    byId('pause').addEventListener('click', onPause);
    byId('connection').addEventListener('click', () => (store.state.locked ? onUnlock() : onReconnect()));
    byId('theme').addEventListener('click', nextTheme);
    showTheme();
    store.on(['connection', 'paused', 'locked'], () => this.#drawConnection());
    store.on(['stats', 'server'], () => this.#drawStats());
    store.on(['limits'], () => this.#drawLimits());
    // Countdowns: the next attempt, and the resets of the limits.
    setInterval(() => this.#store.state.connection.retryAt && this.#drawConnection(), 250);
    setInterval(() => this.#drawLimits(), 30_000);
  }

  #drawConnection() {
    const { connection, paused, locked } = this.#store.state;
    const isUp = connection.state === 'live' || connection.state === 'fallback';
    const state = locked ? 'locked' : paused && isUp ? 'paused' : connection.state;
    const element = byId('connection');
    const [word, title] = STATES[state];
    const left = Math.ceil((connection.retryAt - Date.now()) / 1000);
    const isWaiting = state === 'reconnecting' || state === 'offline';
    const text = state === 'reconnecting' ? (left > 0 ? `Reconnecting in ${left} s` : 'Reconnecting…') : word;
    if (element.dataset.connection !== state) {
      element.dataset.connection = state;
      if (isUp !== this.#wasLive || isWaiting) announce(isWaiting ? 'Connection lost. Reconnecting.' : title);
      this.#wasLive = isUp;
    }
    setText(element.querySelector('.connection-text'), text);
    element.title = title;
    element.disabled = !isWaiting && state !== 'locked';
    setAttribute(element, 'aria-label', isWaiting ? `${text}. Reconnect now` : state === 'locked' ? `${text}. Press to enter it` : text);
    const pause = byId('pause');
    setText(pause.querySelector('span'), paused ? 'Resume' : 'Pause');
    setAttribute(pause, 'aria-pressed', paused);
  }

  #drawStats() {
    const { stats, server } = this.#store.state;
    if (stats) {
      stat('rpm', grouped(stats.requests_per_minute));
      const rate = stats.error_rate;
      stat('error-rate', percent(rate), rate > 0.2 ? 'bad' : rate > 0 ? 'warn' : '');
      stat('first-token', duration(stats.median_first_token_ms));
      stat('running', grouped(stats.running), stats.running ? 'run' : '');
      warning('dropped', stats.dropped_records, 'dropped', 'records came faster than they could be kept');
      warning('unsaved', stats.unsaved_records, 'unsaved', 'records could not be written to disk; they are gone after a restart');
    }
    if (server) {
      const bodies = document.querySelector('[data-stat="bodies"]');
      setText(bodies.querySelector('.stat-value'), server.bodies ?? UNKNOWN);
      bodies.title = BODIES[server.bodies] ?? '';
      setText(document.querySelector('[data-stat="version"] .stat-value'), server.version ? `v${visible(server.version)}` : UNKNOWN);
      document.querySelector('[data-stat="version"]').title = server.started ? `Running since ${fullTime(server.started)}` : '';
    }
  }

  #drawLimits() {
    const { limits } = this.#store.state;
    const area = byId('limits');
    area.hidden = limits.length === 0;
    area.replaceChildren(...limits.flatMap((one) => one.windows.map((window) => limitMeter(window, one))));
  }
}

function stat(name, text, tone = '') {
  const element = document.querySelector(`[data-stat="${name}"]`);
  setText(element.querySelector('.stat-value'), text);
  element.dataset.tone = tone;
}

function warning(name, count, word, why) {
  const element = document.querySelector(`[data-stat="${name}"]`);
  element.hidden = !(count > 0);
  setText(element.querySelector('.stat-value'), `${grouped(count)} ${word}`);
  element.title = `${plural(count ?? 0, 'record')} ${word}: ${why}`;
}

function limitMeter(window, limits) {
  const used = Math.max(0, Math.min(100, window.used_percent ?? 0));
  const length = window.window_minutes ? `${windowLength(window.window_minutes)} limit` : visible(window.name);
  const name = `${visible(limitName(limits))} ${length}`.trim();
  const resets = window.resets_at ? `resets ${resetTime(window.resets_at, serverNow())}` : '';
  const tone = used >= 95 ? 'bad' : used >= 80 ? 'warn' : '';
  return el(
    'div',
    { class: 'limit', data: { limit: window.name, limitName: limitName(limits) || undefined, tone }, title: [limits.plan && `plan ${visible(limits.plan)}`, `${used.toFixed(1)}% used`, resets, limits.time && `as of ${fullTime(limits.time)}`].filter(Boolean).join('; ') },
    el('span', { class: 'limit-head' }, el('span', { class: 'limit-name', text: name }), el('span', { class: 'limit-used', text: `${Math.round(used)}%` })),
    el('span', {
      class: 'meter', role: 'meter', 'aria-label': `${name}, used`, 'aria-valuemin': 0, 'aria-valuemax': 100,
      'aria-valuenow': Math.round(used), 'aria-valuetext': `${Math.round(used)}% used${resets ? `, ${resets}` : ''}`, vars: { used: used / 100 },
    }, el('i')),
    el('span', { class: 'limit-reset', text: resets }),
  );
}

function currentTheme() {
  return document.documentElement.dataset.theme ?? 'system';
}

function nextTheme() {
  const theme = THEMES[(THEMES.indexOf(currentTheme()) + 1) % THEMES.length];
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === 'system') localStorage.removeItem('logs.theme');
    else localStorage.setItem('logs.theme', theme);
  } catch {
    // It then lasts until the page is left.
  }
  showTheme();
  announce(`Theme: ${theme}`);
}

function showTheme() {
  const theme = currentTheme();
  const element = byId('theme');
  element.dataset.value = theme;
  element.title = `Theme: ${theme}`;
  element.setAttribute('aria-label', `Theme: ${theme}`);
}
