// What happened, in plain words: errors and what to do, dropped fields, origins, record types.

import { bytes, duration, fullTime, grouped, percent, plural, resetTime, windowLength } from './format.js';
import { serverNow } from './server-time.js';

/** Per error code: what it means and what to do about it. */
const ERRORS = {
  not_logged_in: [
    'The request reached the proxy, but there is no working Codex login on its machine.',
    'Run “codex-openai-proxy login” (or “codex login”) there, then send the request again.',
  ],
  invalid_api_key: [
    'The client did not send the key that this proxy was started with.',
    'Enter the value of PROXY_API_KEY in the client again, without blanks.',
  ],
  api_key_not_set: [
    'The request came through a tunnel or from another machine, and this proxy has no key. Without one it serves its own machine only.',
    'Start the proxy with PROXY_API_KEY set, and give the same value to the client.',
  ],
  usage_limit_reached: [
    'The usage limit of your plan is reached.',
    'Wait until the window resets, or use another provider.',
  ],
  rate_limit_exceeded: ['Too many requests in a short time: the upstream limits their rate.', 'Send it again in a moment.'],
  model_not_found: [
    'The model’s name is not known here or not open to this account.',
    '“codex-openai-proxy models” lists the names to use; aliases are set in config.toml.',
  ],
  context_length_exceeded: [
    'The conversation is longer than the model can read.',
    'Start a new chat or shorten this one. For Cursor, reply.cursor_context_overflow = "compact" makes it compact the chat by itself.',
  ],
  request_too_large: [
    'The request’s body is longer than the proxy accepts.',
    'Raise server.max_body_bytes in config.toml, or send less: large images weigh the most.',
  ],
  conversation_busy: [
    'Another request of the same conversation was still being answered.',
    'Stop that one or wait for it, then send this one again.',
  ],
  conversation_not_found: ['The conversation that was asked for is not known, or was deleted.', 'Send the whole chat; it begins a new one.'],
  upstream_auth_error: [
    'The upstream refuses the login, or this account may not use the model. The client’s key is right.',
    'Check “codex-openai-proxy status”, log in again, or try another model.',
  ],
  upstream_error: ['The upstream failed or its reply broke off, also after several tries.', 'Send it again. If it stays, look at the upstream’s status page.'],
  upstream_timeout: ['The upstream did not answer in time.', 'Send it again.'],
  server_is_overloaded: ['The model is at capacity.', 'Try again in a moment, or use another model.'],
  service_unavailable: ['The proxy cannot take the request now; it may be stopping.', 'Send it again in a moment.'],
  unknown_url: ['The path is none of the proxy’s.', 'The base URL in the client ends with the host or with /v1.'],
  method_not_supported: ['The path is right, the method is not.', 'Chats are sent with POST; lists are asked for with GET.'],
  cyber_policy: ['The upstream refused the content under its usage policy.', 'Ask in another way; the proxy cannot change this.'],
  internal_error: ['Something in the proxy itself went wrong.', 'Its log on standard error tells more. Please report it.'],
};

/** What an ended request's trouble was: `{title, what, todo, message, code, state}`, or `null`. `limits`: what is known of them. */
export function trouble(request, records, limits) {
  if (request.state === 'left') {
    return {
      code: 'client_disconnected', state: 'left', title: 'The client disconnected',
      what: `It closed the connection before the reply was complete${request.duration_ms ? `, after ${duration(request.duration_ms)}` : ''}. Nothing failed here.`,
      todo: 'Usual causes: the user pressed stop, the client’s own time limit, or a tunnel that cuts slow connections.',
    };
  }
  if (request.state === 'lost') {
    return {
      code: 'lost', state: 'lost', title: 'The proxy stopped meanwhile',
      what: 'The process ended before this request did, so how it ended is not known.',
      todo: 'Send it again. A conversation with a name goes on where it was.',
    };
  }
  if (request.state !== 'failed') return null;
  const { type, code, message } = request.error ?? {};
  const inStream = records.findLast((record) => record.type === 'request_failed')?.in_stream;
  const param = records.findLast((record) => record.type === 'request_failed')?.param;
  const known = ERRORS[code] ?? generic(request.status, param);
  let what = known[0];
  if (code === 'usage_limit_reached') {
    const full = limits.flatMap(({ windows }) => windows).filter((w) => w.resets_at && w.used_percent >= 99);
    if (full.length) what += ` It resets at ${resetTime(Math.max(...full.map((w) => w.resets_at)), serverNow())}.`;
  }
  if (inStream) what += ' The stream had begun with status 200, so the error was sent inside it.';
  return { code: code ?? type ?? 'error', state: 'failed', title: `${request.status ?? ''} ${code ?? type ?? 'error'}`.trim(), what, todo: known[1], message };
}

function generic(status, param) {
  if (status === 400) {
    return [
      param ? `The field “${param}” cannot be honoured as it was sent.` : 'The request cannot be understood or honoured as it was sent.',
      'The message names the reason; change the request accordingly.',
    ];
  }
  if (status === 401 || status === 403) return ['The request was refused for lack of a right.', 'Check the key and the login.'];
  if (status === 404) return ['What was asked for does not exist.', 'Check the path and the names in the request.'];
  if (status === 429) return ['The upstream limits requests.', 'Wait, then send it again.'];
  return ['The request failed.', 'The message below tells what is known. Sending it again may help.'];
}

const DROPPED = [
  [/^(temperature|top_p|top_k|frequency_penalty|presence_penalty|seed)$/, 'Codex models choose their own sampling'],
  [/^(max_tokens|max_completion_tokens|max_output_tokens)$/, 'Codex has no limit on the length of a reply'],
  [/^(logit_bias|logprobs|top_logprobs)$/, 'the Codex backend has no token probabilities'],
  [/^(user|safety_identifier|metadata.*|store)$/, 'nothing upstream has a use for it'],
  [/^(stop)$/, 'Codex has no stop sequences'],
  [/^n$/, 'there is one answer per request'],
];

/** Why a field was accepted and not sent on. */
export function whyDropped(name) {
  return DROPPED.find(([pattern]) => pattern.test(name))?.[1] ?? 'it has no counterpart upstream';
}

const REBUILT = {
  edited: 'the client changed the history',
  settings: 'instructions, tools or settings changed that a thread cannot change',
  restored: 'the conversation had been put away, or its last reply had not ended well',
  input: 'the request brought more than one new message',
};

/** Why a thread was rebuilt, and how much of the conversation stayed. */
export function whyRebuilt({ reason, kept, of }) {
  const why = REBUILT[reason] ?? reason;
  return kept === undefined ? why : `${why}; ${grouped(kept)} of ${grouped(of)} blocks stayed`;
}

export const ORIGINS = {
  new: 'a new thread',
  continued: 'the live thread went on',
  resumed: 'tool results went to the waiting turn',
  rebuilt: 'the thread was rebuilt',
};

const PUT_AWAY = { idle: 'nobody used it for a while', parked: 'its tool results never came', too_many: 'too many were live' };

/** One line that says what a record tells. */
export function recordText(r) {
  const ended = () => [r.first_token_ms !== undefined && `first token ${duration(r.first_token_ms)}`, r.duration_ms !== undefined && `took ${duration(r.duration_ms)}`];
  const parts = {
    incoming_request: () => [`${r.method} ${r.path}`, r.model, r.messages !== undefined && plural(r.messages, 'message'), r.tools !== undefined && plural(r.tools, 'tool'), bytes(r.bytes), r.dropped?.length && `dropped ${r.dropped.join(', ')}`],
    codex_forward: () => [`${r.mapped_model}${r.effort ? ` (${r.effort})` : ''}`, `to ${r.provider}`, `thread ${r.thread}`],
    upstream_forward: () => [r.mapped_model, `to ${r.provider}`, r.wire_api, r.relayed && 'as it came', r.attempt > 1 && `attempt ${r.attempt}`],
    thread_started: () => [`thread ${r.thread}`, `in ${duration(r.start_ms)}`, r.items ? `${plural(r.items, 'history item')}` : 'no history'],
    resumed: () => [plural(r.results, 'tool result'), r.waited_ms !== undefined && `waited ${duration(r.waited_ms)}`],
    rebuilt: () => [whyRebuilt(r)],
    first_token: () => [`after ${duration(r.after_ms)}`, { text: 'text', reasoning: 'reasoning', tool_call: 'a tool call' }[r.kind] ?? r.kind],
    reasoning_detected: () => [plural(r.summary_count, 'reasoning summary', 'reasoning summaries')],
    tool_call_forwarded: () => [r.name, r.call_id, bytes(r.bytes)],
    parked: () => [`the turn waits for ${plural(r.calls?.length ?? 0, 'tool result')}`],
    tool_result_received: () => [r.name, r.call_id, bytes(r.bytes)],
    cursor_response: () => [`${r.status}`, r.finish_reason, r.usage && `${grouped(r.usage.input)} in, ${grouped(r.usage.cached)} cached (${percent(r.cached_share)}), ${grouped(r.usage.output)} out`, ...ended(), r.note],
    request_failed: () => [`${r.status}`, r.code ?? r.error_type, r.message],
    client_disconnected: ended,
    stream_codex_error: () => [r.retrying ? 'trying again' : 'gave up', r.message],
    rate_limits: () => [r.limit && r.limit !== 'codex' && `limit ${r.limit}`, r.plan && `plan ${r.plan}`, ...(r.windows ?? []).map((w) => `${w.window_minutes ? windowLength(w.window_minutes) : w.name}: ${Math.round(w.used_percent)}% used${w.resets_at ? `, resets ${fullTime(w.resets_at * 1000)}` : ''}`), !r.windows?.length && 'no figures were told'],
    expired: () => [PUT_AWAY[r.reason] ?? r.reason],
    forked: () => [`from ${r.from}`],
    conversation_deleted: () => ['forgotten for good'],
    warning: () => [r.what, r.detail],
    config_reloaded: () => r.changes ?? [],
    config_not_reloaded: () => ['everything stays as it was', ...(r.mistakes ?? [])],
  }[r.type];
  return (parts ? parts() : [JSON.stringify(r)]).filter(Boolean).join(' · ');
}

/** All record types, in the order in which they happen, with their tone for colours. */
export const RECORD_TYPES = {
  incoming_request: '', codex_forward: '', upstream_forward: '', thread_started: '', resumed: '', rebuilt: 'warn', first_token: '',
  reasoning_detected: '', tool_call_forwarded: 'tool', parked: 'tool', tool_result_received: 'tool', cursor_response: 'good',
  request_failed: 'bad', client_disconnected: 'warn', stream_codex_error: 'bad', rate_limits: '', expired: 'warn', forked: '',
  conversation_deleted: 'warn', warning: 'warn', config_reloaded: '', config_not_reloaded: 'bad',
};

/** The types among them that a request's summary tells of; the others are found in the records alone. */
export const REQUEST_TYPES = new Set(
  Object.keys(RECORD_TYPES).filter(
    (type) => !['rate_limits', 'expired', 'forked', 'conversation_deleted', 'warning', 'config_reloaded', 'config_not_reloaded'].includes(type),
  ),
);

/** The record types that a request's summary tells about it. */
export function typesOf(request) {
  const types = new Set(['incoming_request']);
  const add = (type, is) => is && types.add(type);
  add('codex_forward', request.thread !== undefined);
  add('upstream_forward', request.mapped_model !== undefined && request.thread === undefined);
  add('thread_started', request.origin === 'new');
  add('resumed', request.origin === 'resumed');
  add('rebuilt', request.origin === 'rebuilt' || request.rebuilt);
  add('first_token', request.first_token_ms !== undefined);
  add('reasoning_detected', request.reasoning > 0);
  add('tool_call_forwarded', request.calls?.length > 0);
  add('parked', request.finish_reason === 'tool_calls');
  add('tool_result_received', request.results > 0);
  add('cursor_response', request.state === 'done');
  add('request_failed', request.state === 'failed');
  add('client_disconnected', request.state === 'left');
  add('stream_codex_error', request.retries > 0);
  return types;
}
