// The facts of one request: what came, what it became, what it cost, and what went wrong.

import { el, foreign } from './dom.js';
import { ORIGINS, trouble, whyDropped, whyRebuilt } from './explain.js';
import { UNKNOWN, bytes, duration, fullTime, grouped, hue, percent, plural, preciseClock } from './format.js';
import { mappedModel, toolsText } from './cells.js';
import { visible } from './text.js';
import { cachedShare } from './turns.js';

/** The figures that are looked for first. */
export function figures(request) {
  const { usage } = request;
  const shown = [
    ['duration', 'Duration', request.state === 'running' ? 'running' : duration(request.duration_ms)],
    ['first-token', 'First token', duration(request.first_token_ms)],
    ['input', 'Input tokens', grouped(usage?.input)],
    ['cached', 'From the cache', percent(cachedShare(request))],
    ['output', 'Output tokens', grouped(usage?.output)],
  ];
  // Without tokens there is nothing to tell about them.
  return el('dl', { class: 'figures' }, shown.filter(([, , value]) => value !== UNKNOWN || request.state === 'running').map(([name, label, value]) =>
    el('div', { class: 'figure', data: { fact: name } }, el('dt', { text: label }), el('dd', { text: value }))));
}

/** Facts that are shown at once; the others are one press away, so that the conversation is in sight. */
const FIRST = new Set(['model', 'conversation', 'origin', 'answers', 'calls', 'messages', 'retries']);

/** The facts as a list. `linkTo(open, ...content)` makes links inside of the page. */
export function factList({ request, records, tool_calls: calls = [] }, linkTo) {
  const incoming = records.find((record) => record.type === 'incoming_request') ?? {};
  const mapped = mappedModel(request);
  const answers = calls.filter((call) => call.answered_by === request.id && call.request !== request.id);
  const facts = [
    ['model', 'Model', (request.model || mapped) && el('span', { class: 'model-pair' }, el('b', { dir: 'auto', text: visible(request.model ?? UNKNOWN) }), mapped && mapped !== request.model && el('span', { class: 'arrow', text: ' → ' }), mapped && mapped !== request.model && el('span', { text: mapped }))],
    ['conversation', 'Conversation', request.conversation && linkTo({ kind: 'conversation', id: request.conversation }, chatName(request.conversation))],
    ['origin', 'Thread', request.origin && (request.rebuilt ? `rebuilt: ${whyRebuilt(request.rebuilt)}` : ORIGINS[request.origin])],
    ['answers', 'Answers', answers.length && answerList(answers, linkTo)],
    ['calls', 'Tools called', request.calls?.length && toolsText(request.calls)],
    ['messages', 'Sent', [request.messages !== undefined && plural(request.messages, 'message'), request.tools !== undefined && plural(request.tools, 'tool'), incoming.bytes > 0 && bytes(incoming.bytes), request.stream !== undefined && (request.stream ? 'streamed' : 'not streamed')].filter(Boolean).join(', ')],
    ['client', 'Client', [incoming.user_agent, incoming.peer].filter(Boolean).map(visible).join(', from ')],
    ['key', 'API key', incoming.key && visible(incoming.key)],
    ['started', 'Received', el('span', { title: fullTime(request.time), text: preciseClock(request.time) })],
    ['finish', 'Finish reason', request.finish_reason && visible(request.finish_reason)],
    ['route', 'Path', visible(`${request.method ?? ''} ${request.path ?? ''}`.trim())],
    ['reasoning', 'Reasoning', request.reasoning ? plural(request.reasoning, 'summary', 'summaries') : undefined],
    ['retries', 'Retries', request.retries || undefined],
    ['thread', 'Thread id', request.thread && el('code', { text: visible(request.thread) })],
    ['client-id', 'Client’s id', request.client_id && el('code', { text: visible(request.client_id) })],
    ['id', 'Request id', el('code', { text: visible(request.id) })],
  ];
  const list = (some) => el('dl', { class: 'facts' }, some.map(([name, label, value]) =>
    el('div', { class: 'fact', data: { fact: name } }, el('dt', { text: label }), el('dd', { dir: 'auto' }, typeof value === 'number' ? grouped(value) : value))));
  const known = facts.filter(([, , value]) => value);
  const first = known.filter(([name]) => FIRST.has(name));
  const others = known.filter(([name]) => !FIRST.has(name));
  return el('div', { class: 'fact-lists' }, list(first),
    el('details', { class: 'more-facts' }, el('summary', { text: 'More facts' }), list(others)));
}

export function chatName(id) {
  return el('span', { class: 'chat-link' }, el('span', { class: 'dot', vars: { hue: hue(id) } }), el('span', { dir: 'auto', text: visible(id) }));
}

function answerList(answers, linkTo) {
  const waited = Math.max(...answers.map((call) => call.waited_ms ?? 0));
  const from = answers[0].request;
  return [`${plural(answers.length, 'tool call')} of `, linkTo({ kind: 'request', id: from }, 'an earlier request'), waited ? ` after ${duration(waited)}` : ''];
}

/** Tokens as a bar: cached input, other input, output. */
export function usageBar(request) {
  const { usage } = request;
  if (!usage) return null;
  const share = cachedShare(request);
  const total = Math.max(1, usage.input + usage.output);
  const part = (name, value) => el('i', { class: `part part-${name}`, vars: { part: Math.max(0, value) / total } });
  const legend = (name, label, value) => el('span', { class: `legend legend-${name}` }, el('span', { text: label }), ' ', el('b', { text: value }));
  return el(
    'section', { class: 'usage', 'aria-label': 'Tokens', data: { usage: '' } },
    el('div', { class: 'usage-bar', 'aria-hidden': 'true' }, part('cached', usage.cached ?? 0), part('input', usage.input - (usage.cached ?? 0)), part('output', usage.output)),
    el('div', { class: 'usage-legend' },
      legend('cached', 'Cached', `${grouped(usage.cached)} (${percent(share)})`),
      legend('input', 'Not cached', grouped(usage.input - (usage.cached ?? 0))),
      legend('output', 'Output', `${grouped(usage.output)}${usage.reasoning ? `, ${grouped(usage.reasoning)} reasoning` : ''}`)),
  );
}

/** Fields that were accepted and not sent on, each with the reason. */
export function droppedFields(records) {
  const names = records.find((record) => record.type === 'incoming_request')?.dropped ?? [];
  if (!names.length) return null;
  return el('details', { class: 'dropped', data: { fact: 'dropped' } },
    el('summary', {}, el('span', { text: `${plural(names.length, 'field')} accepted, not sent on: ` }), el('span', { class: 'dropped-names', text: names.map(visible).join(', ') })),
    el('ul', {}, names.map((name) => el('li', { data: { droppedField: name } }, el('code', { text: visible(name) }), ` ${whyDropped(name)}`))));
}

/** The box that says what went wrong and what to do; `null` where nothing did. */
export function errorBox({ request, records }, limits) {
  const told = trouble(request, records, limits);
  if (!told) return null;
  return el('section', { id: 'error-box', class: 'error-box', 'aria-label': 'What went wrong', data: { code: told.code, state: told.state } },
    el('h3', { class: 'error-title', text: visible(told.title) }),
    el('p', { class: 'error-what', dir: 'auto', text: visible(told.what) }),
    el('p', { class: 'error-do', text: told.todo }),
    told.message && el('p', { class: 'error-message', dir: 'auto' }, foreign(told.message)));
}

/** What the log says of a success that is none, and of upstream trouble on the way. */
export function notes(records) {
  const found = [];
  if (records.some((record) => record.note === 'context_overflow_hidden')) {
    found.push('The chat is too long for the model. The client was told so by an empty reply that claims 1,000,000 tokens, as reply.cursor_context_overflow says.');
  }
  for (const record of records.filter((r) => r.type === 'warning')) found.push(`${visible(record.what)}: ${visible(record.detail)}`);
  return found.length ? el('ul', { class: 'notes' }, found.map((text) => el('li', { text }))) : null;
}
