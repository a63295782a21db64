// A conversation's requests and events as one story, and its sums. Pure.

/** Record types that tell of a conversation without belonging to a request. */
const EVENTS = new Set(['expired', 'forked', 'conversation_deleted', 'warning', 'rate_limits', 'parked']);

/** Requests (any order) and records (any order) as entries `{turn}` or `{event}`, oldest first. */
export function story(requests, records) {
  const entries = requests.map((turn) => ({ seq: turn.seq, turn }));
  for (const event of records) {
    if (!event.request && EVENTS.has(event.type)) entries.push({ seq: event.seq, event });
  }
  return entries.sort((a, b) => a.seq - b.seq);
}

/** The share of a turn's input that came from the cache, or `undefined` where it is not known. */
export function cachedShare(turn) {
  const { input, cached } = turn.usage ?? {};
  return input > 0 ? Math.min(1, (cached ?? 0) / input) : undefined;
}

/** Sums of a conversation: tokens, cache share, failures, time. */
export function sums(requests) {
  const total = { requests: requests.length, input: 0, cached: 0, output: 0, failed: 0, left: 0, calls: 0, rebuilt: 0, busy: 0 };
  for (const request of requests) {
    total.input += request.usage?.input ?? 0;
    total.cached += request.usage?.cached ?? 0;
    total.output += request.usage?.output ?? 0;
    total.failed += request.state === 'failed';
    total.left += request.state === 'left';
    total.calls += request.calls?.length ?? 0;
    total.rebuilt += Boolean(request.rebuilt);
    total.busy += request.duration_ms ?? 0;
  }
  return total;
}

/** What of a list of records belongs to waits: for each request, ms that its results were waited for. */
export function waits(records) {
  const byRequest = new Map();
  for (const record of records) {
    if (record.type === 'resumed' && record.request && record.waited_ms !== undefined) byRequest.set(record.request, record.waited_ms);
  }
  return byRequest;
}
