// What a waterfall shows of one request: spans on one time axis. Pure.

import { exactMs as at } from './format.js';

/** How far beyond the request's own end a wait for tool results may stretch the axis. */
const STRETCH = 1.6;

/**
 * Spans of a request: `{end, total, isStretched, spans}` in milliseconds since its first byte. Span:
 * `{kind, label, start, end?, open?, detail?, callId?, answeredBy?, tone?}`; without `end` it is a
 * moment, with `open` it goes on past the axis.
 */
export function timeline({ request, records, tool_calls: calls = [] }, now) {
  const first = (type) => records.find((record) => record.type === type);
  const incoming = first('incoming_request');
  const received = at(incoming?.time ?? request.time);
  const readMs = incoming?.read_ms ?? 0;
  const zero = received - readMs;
  const since = (record) => Math.max(0, at(record.time) - zero);
  const running = request.state === 'running';
  const last = records.findLast((r) => ['cursor_response', 'request_failed', 'client_disconnected'].includes(r.type));
  const total = last ? request.duration_ms ?? since(last) : running ? Math.max(readMs, now - zero) : Math.max(...records.map(since), readMs);

  const spans = [{ kind: 'received', label: 'Received', start: 0, end: readMs, detail: 'body read' }];
  const forward = first('codex_forward') ?? first('upstream_forward');
  const started = first('rebuilt') ?? first('resumed') ?? first('thread_started');
  if (forward) {
    const detail = { thread_started: 'thread started', rebuilt: 'thread rebuilt', resumed: 'turn resumed' }[started?.type];
    spans.push({ kind: 'forwarded', label: 'Forwarded', start: readMs, end: since(forward), detail });
  }
  const token = first('first_token');
  const from = forward ? since(forward) : readMs;
  if (token) {
    const what = { reasoning: 'reasoning', tool_call: 'a tool call' }[token.kind] ?? token.kind;
    spans.push({ kind: 'first-token', label: 'First token', start: from, end: since(token), detail: what });
  } else if (running) {
    spans.push({ kind: 'first-token', label: 'Waiting for the model', start: from, end: total, open: true });
  }
  const thought = records.findLast((record) => record.type === 'reasoning_detected');
  if (thought) {
    const detail = `${thought.summary_count} ${thought.summary_count === 1 ? 'summary' : 'summaries'}`;
    // Where the client saw it begin it is a span, else only known to have been.
    const span = token?.kind === 'reasoning' ? { start: since(token), end: since(thought) } : { start: since(thought) };
    spans.push({ kind: 'reasoning', label: 'Reasoning', detail, ...span });
  }
  if (token) spans.push({ kind: 'reply', label: 'Reply', start: since(token), end: total, open: running });
  for (const record of records.filter((r) => r.type === 'stream_codex_error')) {
    spans.push({ kind: 'retry', label: record.retrying ? 'Retry' : 'Upstream error', start: since(record), detail: record.message, tone: 'bad' });
  }
  const axis = axisEnd(total, calls, zero, request.id);
  for (const call of calls.filter((c) => c.request === request.id)) {
    spans.push(toolSpan(call, zero, axis));
  }
  // What went wrong on the way stands where it happened.
  spans.sort((a, b) => a.start - b.start);
  spans.push({ kind: 'end', start: total, open: running, ...ending(request) });
  return { end: axis, total, isStretched: axis > total * 1.01, spans };
}

/** The axis ends with the request, or with its last tool wait if that is not out of proportion. */
function axisEnd(total, calls, zero, id) {
  const mine = calls.filter((call) => call.request === id);
  // Something has to be divided by.
  if (!(total > 0)) return 1;
  if (!mine.length) return total;
  const answered = Math.max(total, ...mine.map((call) => (call.answered ? at(call.answered) - zero : Infinity)));
  return Math.min(answered, total * STRETCH);
}

function toolSpan(call, zero, axis) {
  const start = Math.max(0, at(call.forwarded) - zero);
  const end = call.answered ? at(call.answered) - zero : Infinity;
  return {
    kind: 'tool', label: call.name, start, end: Math.min(end, axis), open: end > axis, callId: call.call_id,
    answeredBy: call.answered_by, answered: call.answered !== undefined,
    waited: call.waited_ms ?? (call.answered ? end - start : undefined),
  };
}

function ending(request) {
  switch (request.state) {
    case 'running': return { label: 'Running', tone: 'run' };
    case 'done': return { label: 'Done', detail: request.finish_reason, tone: 'good' };
    case 'failed': return { label: 'Failed', detail: request.error?.code ?? request.error?.type, tone: 'bad' };
    case 'left': return { label: 'Client left', tone: 'warn' };
    default: return { label: 'Lost', detail: 'the proxy stopped', tone: 'warn' };
  }
}

/** Marks for an axis of so many milliseconds: some round numbers. */
export function ticks(end) {
  const rough = end / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
  const marks = [];
  // A label needs room up to the end.
  for (let t = step; t < end * 0.9; t += step) marks.push(t);
  return marks;
}
