// A request and its reply as a readable conversation.

import { button, el, foreign, icon } from './dom.js';
import { lastTurn, offeredTools, replyMessages, requestMessages } from './chat.js';
import { grouped, plural } from './format.js';
import { parse, pretty, show } from './json.js';
import { codeBlock, longText } from './long-text.js';
import { oneLine, visible } from './text.js';

/** Messages before the last turn that are shown without being asked for. */
const BEFORE = 2;
/** How many messages one press of "Show earlier" adds. */
const STEP = 50;

/** The view of a request's details, or `null` where nothing in it can be read as a conversation. */
export function chatView({ request, bodies }, server) {
  const body = (kind) => bodies.find((one) => one.kind === kind);
  const sent = body('request');
  const messages = requestMessages(parse(sent?.text));
  const reply = replyMessages(parse(body('reply')?.text));
  if (!sent && !reply) return none(request, server);
  const view = el('div', { class: 'chat' });
  if (messages) {
    view.append(...requestSection(messages, parse(sent.text)));
  } else if (sent) {
    view.append(el('p', { class: 'hint', text: sent.truncated ? 'The stored request is cut, so it cannot be read as a conversation. This is what there is of it:' : 'This body has no shape that is known here. As it came:' }), codeBlock(pretty(sent.text), { json: true }));
  }
  view.append(replySection(request, reply));
  return view;
}

function none(request, server) {
  const text = server?.bodies === 'off'
    ? 'Bodies are not stored (logs.bodies = "off"), so there is nothing to read. What is known is in the records.'
    : request.method === 'GET' ? 'This request has no body.' : 'No body of this request is stored: it was refused before it was read, or has been dropped for space.';
  return el('p', { class: 'hint', text });
}

function requestSection(messages, body) {
  const system = messages.filter((message) => isSystem(message));
  const chat = messages.filter((message) => !isSystem(message));
  const tools = offeredTools(body);
  const from = Math.max(0, lastTurn(chat) - BEFORE);
  const list = el('div', { class: 'messages', data: { section: 'request' } });
  let first = from > STEP / 10 ? from : 0;
  const earlier = button('', () => {
    const before = Math.max(0, first - STEP);
    earlier.after(...chat.slice(before, first).map((message) => messageBox(message)));
    first = before;
    label();
  }, { id: 'earlier', class: 'more' });
  const label = () => {
    earlier.hidden = first === 0;
    earlier.textContent = `Show ${plural(first, 'earlier message')}`;
  };
  label();
  list.append(...system.map((message) => messageBox(message)));
  if (tools.length) list.append(toolList(tools));
  list.append(earlier, ...chat.slice(first).map((message) => messageBox(message)));
  return [list];
}

const isSystem = (message) => message.role === 'system' || message.role === 'developer';

function replySection(request, reply) {
  const section = el('div', { class: 'messages is-reply', data: { section: 'reply' } }, el('h3', { class: 'section-title' }, 'Reply'));
  if (reply?.some((message) => message.parts.length)) {
    section.append(...reply.map((message) => messageBox(message)));
    const finish = reply.find((message) => message.finish)?.finish;
    if (finish === 'length' || finish === 'content_filter') section.append(el('p', { class: 'hint', text: `The reply ended early: ${finish}.` }));
  } else {
    const why = { running: 'The reply is still being written.', failed: 'There is no reply: the request failed, as told above.', left: 'The client left before anything was kept of the reply.', lost: 'The proxy stopped before the reply was kept.' }[request.state];
    section.append(el('p', { class: 'hint', text: why ?? 'The reply was empty, or is not stored.' }));
  }
  return section;
}

function messageBox(message) {
  const isFolded = isSystem(message);
  const parts = message.parts.map((part) => partBox(part, message.role));
  const head = [el('span', { class: 'msg-role', text: visible(message.role) }), message.name && el('span', { class: 'msg-name', text: visible(message.name) })];
  if (!isFolded) return el('article', { class: 'msg', data: { role: message.role } }, el('header', { class: 'msg-head' }, head), parts.length ? parts : el('p', { class: 'hint', text: '(empty)' }));
  const length = message.parts.reduce((sum, part) => sum + (part.text?.length ?? 0), 0);
  return el('details', { class: 'msg', data: { role: message.role } },
    el('summary', { class: 'msg-head' }, head, el('span', { class: 'msg-peek', dir: 'auto', text: oneLine(message.parts[0]?.text ?? '', 160) }), el('span', { class: 'msg-size', text: `${grouped(length)} characters` })), parts);
}

function partBox(part, role) {
  const box = (className, ...content) => el('div', { class: `part-box ${className}`, data: { part: part.kind } }, content);
  switch (part.kind) {
    case 'text': return box('is-text', longText(part.text, { prose: role === 'assistant', characters: role === 'assistant' ? 6000 : 1600, lines: role === 'assistant' ? 120 : 24 }));
    case 'reasoning': return foldedBox(part, 'thought', 'Reasoning', part.text);
    case 'image': return box('is-image', part.url ? el('img', { src: part.url, alt: 'Image sent with the request', loading: 'lazy' }) : [icon('image'), el('span', { dir: 'auto', text: `Image: ${oneLine(part.note, 160).replace(/^\[(.*)\]$/, '$1')}` })]);
    case 'tool_call': return box('is-call', el('div', { class: 'call-head' }, icon('tool'), el('b', { dir: 'auto', text: visible(part.name) }), part.id && el('code', { class: 'call-id', text: visible(part.id) })), argumentsBox(part.arguments));
    case 'tool_result': return box('is-result', el('div', { class: 'call-head' }, icon('tool'), el('span', {}, 'Result of ', el('b', { dir: 'auto', text: visible(part.name ?? 'a call') })), part.id && el('code', { class: 'call-id', text: visible(part.id) })), longText(part.text, { characters: 700, lines: 10, className: 'is-mono' }), part.parts.map((one) => partBox(one, role)));
    default: return box('is-other', codeBlock(show(part.value), { json: true, lines: 20 }));
  }
}

/** Arguments: JSON with indentation; a custom tool's raw text as it is, with its line breaks. */
function argumentsBox(given) {
  if (given === '') return null;
  const value = parse(given);
  if (value !== null && typeof value === 'object') return codeBlock(show(value), { json: true, lines: 16, characters: 2000 });
  return codeBlock(given, { lines: 24, characters: 3000 });
}

function foldedBox(part, iconName, title, text) {
  return el('details', { class: 'part-box is-reasoning', data: { part: part.kind } },
    el('summary', {}, icon(iconName), el('span', { text: title }), el('span', { class: 'msg-peek', dir: 'auto', text: oneLine(text.replaceAll('**', ''), 140) })),
    longText(text));
}

function toolList(tools) {
  return el('details', { class: 'msg is-tools' },
    el('summary', { class: 'msg-head' }, el('span', { class: 'msg-role', text: 'tools' }), el('span', { class: 'msg-peek', text: tools.map((tool) => visible(tool.name)).join(', ') }), el('span', { class: 'msg-size', text: `${grouped(tools.length)} offered` })),
    el('ul', { class: 'tool-list' }, tools.map((tool) => el('li', {}, el('b', { text: visible(tool.name) }), tool.kind !== 'function' && ` (${visible(tool.kind)})`, tool.description && el('span', { class: 'tool-words', dir: 'auto' }, foreign(oneLine(tool.description, 300)))))));
}
