// The rows of the list: made once per place on the screen, filled again and again.

import { el, setText } from './dom.js';
import { ORIGINS, RECORD_TYPES, recordText, whyRebuilt } from './explain.js';
import { UNKNOWN, compact, duration, fullTime, grouped, hue, listTime, percent, plural, shortId } from './format.js';
import { oneLine, visible } from './text.js';
import { cachedShare } from './turns.js';

/** Columns of each view: cell name, heading, and the heading in full where it is short. */
export const COLUMNS = {
  requests: [
    ['status', 'Status'], ['time', 'Time'], ['model', 'Model'], ['chat', 'Conversation'], ['preview', 'Request'], ['tools', 'Tools called'],
    ['first-token', 'First', 'First token'], ['duration', 'Duration'], ['in', 'In', 'Input tokens'], ['cached', 'Cached', 'Cached input tokens'], ['out', 'Out', 'Output tokens'],
  ],
  records: [['time', 'Time'], ['type', 'Type'], ['chat', 'Conversation'], ['request', 'Request'], ['text', 'What happened']],
};

/** An empty row of a view, with its cells as `row.cells`. */
export function makeRow(view) {
  const cells = {};
  for (const [name] of COLUMNS[view]) cells[name] = el('div', { class: `cell cell-${name}`, role: 'gridcell', data: { cell: name } });
  const row = el('div', { class: 'row', role: 'row' }, Object.values(cells));
  row.cells = cells;
  cells.chat.append(el('span', { class: 'dot' }), el('span', { class: 'chat-name', dir: 'auto' }));
  if (view === 'requests') {
    cells.status.append(el('span', { class: 'badge' }));
    cells.model.append(el('span', { class: 'model-sent', dir: 'auto' }), el('span', { class: 'model-mapped', dir: 'auto' }));
    cells.preview.append(el('span', { class: 'mark' }), el('span', { class: 'words', dir: 'auto' }));
    cells.duration.append(el('span', { class: 'value' }), el('span', { class: 'spark', 'aria-hidden': 'true' }, el('i'), el('i')));
    cells.cached.append(el('span', { class: 'value' }), el('span', { class: 'share', 'aria-hidden': 'true' }, el('i')));
  } else {
    cells.text.setAttribute('dir', 'auto');
  }
  return row;
}

/** What a request's badge says. */
export function statusText(request) {
  switch (request.state) {
    case 'running': return 'run';
    case 'left': return 'left';
    case 'lost': return 'lost';
    default: return request.status ? String(request.status) : request.state;
  }
}

const STATE_WORDS = {
  running: 'running', done: 'done', failed: 'failed', left: 'the client disconnected', lost: 'the proxy was stopped meanwhile',
};

/** `gpt-5.5 (high)`: what the model is to the upstream. */
export function mappedModel(request) {
  if (!request.mapped_model) return '';
  return visible(request.effort ? `${request.mapped_model} (${request.effort})` : request.mapped_model);
}

export function fillRequest(row, request, now) {
  const { cells } = row;
  row.dataset.requestId = request.id;
  row.dataset.state = request.state;
  row.dataset.seq = request.seq;
  row.classList.toggle('is-bad', request.state === 'failed');
  setText(cells.status.firstChild, statusText(request));
  cells.status.title = `${STATE_WORDS[request.state] ?? request.state}${request.status ? `, status ${request.status}` : ''}`;
  setText(cells.time, listTime(request.time, now));
  cells.time.title = fullTime(request.time);
  const sent = visible(request.model ?? '') || UNKNOWN;
  const mapped = mappedModel(request);
  setText(cells.model.firstChild, sent);
  setText(cells.model.lastChild, mapped && mapped !== sent ? mapped : '');
  cells.model.title = mapped ? `${sent} → ${mapped}` : sent;
  fillChat(cells.chat, request.conversation, request.origin && ORIGINS[request.origin]);
  const [mark, words] = cells.preview.children;
  const [word, tone, title] = markOf(request);
  setText(mark, word);
  mark.dataset.tone = tone;
  mark.title = title;
  setText(words, previewText(request));
  words.classList.toggle('is-error', request.state === 'failed');
  words.title = words.textContent;
  setText(cells.tools, toolsText(request.calls));
  cells.tools.title = (request.calls ?? []).map(visible).join(', ');
  fillTimes(row, request, now);
  const { usage } = request;
  const share = cachedShare(request);
  setText(cells.in, compact(usage?.input));
  cells.in.title = usage ? `${grouped(usage.input)} input tokens` : '';
  setText(cells.cached.firstChild, usage ? compact(usage.cached) : UNKNOWN);
  cells.cached.title = usage ? `${grouped(usage.cached)} of ${grouped(usage.input)} from the cache (${percent(share)})` : '';
  cells.cached.lastChild.hidden = !usage;
  cells.cached.lastChild.style.setProperty('--share', share ?? 0);
  setText(cells.out, compact(usage?.output));
  cells.out.title = usage ? `${grouped(usage.output)} output tokens, ${grouped(usage.reasoning ?? 0)} of them reasoning` : '';
}

/** The cells that tick while a request runs. */
export function fillTimes(row, request, now) {
  const { cells } = row;
  const elapsed = request.state === 'running' ? Math.max(0, now - Date.parse(request.time)) : request.duration_ms;
  setText(cells['first-token'], duration(request.first_token_ms));
  setText(cells.duration.firstChild, request.state === 'running' ? ticking(elapsed) : duration(elapsed));
  const spark = cells.duration.lastChild;
  spark.style.setProperty('--length', sparkLength(elapsed));
  spark.style.setProperty('--first', elapsed > 0 ? Math.min(1, (request.first_token_ms ?? elapsed) / elapsed) : 0);
}

/** Tenths of a second, so that the digits do not flicker. */
function ticking(ms) {
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms);
}

/** From 100 ms to two minutes on a logarithmic scale: short ones stay visible, long ones comparable. */
function sparkLength(ms) {
  if (!(ms > 0)) return 0;
  return Math.min(1, Math.max(0.04, Math.log10(ms / 100) / Math.log10(1200)));
}

/** What sets a request apart, in front of its text: a whole loop of tools has the same one. */
function markOf({ rebuilt, retries, results }) {
  if (rebuilt) return ['rebuilt', 'warn', whyRebuilt(rebuilt)];
  if (retries) return ['retried', 'warn', plural(retries, 'retry', 'retries')];
  if (results) return [plural(results, 'result'), 'tool', `brings ${plural(results, 'tool result')}`];
  return ['', '', ''];
}

function previewText(request) {
  if (request.state === 'failed' && request.error) {
    return oneLine(`${request.error.code ?? request.error.type}: ${request.error.message}`);
  }
  if (request.preview) return oneLine(request.preview);
  return request.path && request.path !== '/v1/chat/completions' ? visible(`${request.method} ${request.path}`) : '';
}

/** `read_file ×2, grep`. */
export function toolsText(calls) {
  if (!calls?.length) return '';
  const counts = new Map();
  for (const name of calls) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count > 1 ? `${visible(name)} ×${count}` : visible(name))).join(', ');
}

function fillChat(cell, id, origin) {
  const [dot, name] = cell.children;
  setText(name, id ? visible(shortId(id)) : '');
  dot.hidden = !id;
  if (id) dot.style.setProperty('--hue', hue(id));
  cell.title = id ? visible(origin ? `${id}: ${origin}` : id) : '';
}

export function fillRecord(row, record, now) {
  const { cells } = row;
  row.dataset.recordSeq = record.seq;
  row.dataset.type = record.type;
  row.dataset.tone = RECORD_TYPES[record.type] ?? '';
  row.classList.toggle('is-bad', RECORD_TYPES[record.type] === 'bad');
  setText(cells.time, listTime(record.time, now));
  cells.time.title = fullTime(record.time);
  setText(cells.type, visible(record.type));
  fillChat(cells.chat, record.conversation);
  setText(cells.request, record.request ? visible(shortId(record.request)) : '');
  cells.request.title = record.request ? visible(record.request) : '';
  setText(cells.text, oneLine(recordText(record)));
  cells.text.title = cells.text.textContent;
}
