// Request and reply bodies as one readable conversation. Pure: bodies in, messages out.
//
// Message: {role, name?, parts: [Part]}. Part: {kind, …} with kind
//   text {text} | image {url?, note?} | tool_call {name, id, arguments} |
//   tool_result {id, text, parts?} | reasoning {text} | other {value}
// Chat bodies (`messages`) and Responses-shaped ones (`input`, `instructions`) are understood.

import { show } from './json.js';

/** Messages of a request body, or `null` where its shape is unknown. */
export function requestMessages(body) {
  if (!body || typeof body !== 'object') return null;
  const messages = [];
  if (typeof body.instructions === 'string' && body.instructions) {
    messages.push({ role: 'system', name: 'instructions', parts: [text(body.instructions)] });
  }
  if (Array.isArray(body.messages)) {
    for (const message of body.messages) messages.push(chatMessage(message));
  } else if (typeof body.input === 'string') {
    messages.push({ role: 'user', parts: [text(body.input)] });
  } else if (Array.isArray(body.input)) {
    for (const item of body.input) appendItem(messages, item);
  } else if (!messages.length) {
    return null;
  }
  return nameResults(messages);
}

/** Messages of a reply body: a chat completion, a response, or an error; else `null`. */
export function replyMessages(body) {
  if (!body || typeof body !== 'object') return null;
  if (body.error && !Array.isArray(body.output)) return [];
  if (Array.isArray(body.choices)) {
    return body.choices.map((choice) => ({
      ...chatMessage(choice.message ?? choice.delta ?? {}),
      finish: choice.finish_reason ?? undefined,
    }));
  }
  if (Array.isArray(body.output)) {
    const messages = [];
    for (const item of body.output) appendItem(messages, item);
    return messages;
  }
  return null;
}

/** Tools that a request body offers: `{name, description, parameters, kind}`. */
export function offeredTools(body) {
  const tools = Array.isArray(body?.tools) ? body.tools : Array.isArray(body?.functions) ? body.functions : [];
  return tools.map((tool) => {
    const inner = tool?.function ?? tool?.custom ?? tool ?? {};
    return {
      name: String(inner.name ?? tool?.type ?? '?'),
      kind: tool?.type ?? 'function',
      description: typeof inner.description === 'string' ? inner.description : '',
      parameters: inner.parameters ?? inner.format,
    };
  });
}

/** Where the last turn begins: the index of the last user message that is not the first of all. */
export function lastTurn(messages) {
  for (let i = messages.length - 1; i > 0; i--) if (messages[i].role === 'user') return i;
  return 0;
}

function chatMessage(message) {
  if (!message || typeof message !== 'object') return { role: 'unknown', parts: [other(message)] };
  const role = typeof message.role === 'string' ? message.role : 'assistant';
  const parts = [];
  const thoughts = message.reasoning_content ?? message.reasoning;
  if (typeof thoughts === 'string' && thoughts) parts.push({ kind: 'reasoning', text: thoughts });
  if (role === 'tool' || role === 'function') {
    parts.push(toolResult(message.tool_call_id ?? message.name, message.content));
    return { role: 'tool', name: message.name, parts };
  }
  parts.push(...content(message.content));
  if (typeof message.refusal === 'string' && message.refusal) parts.push(text(message.refusal));
  for (const call of Array.isArray(message.tool_calls) ? message.tool_calls : []) parts.push(toolCall(call));
  if (message.function_call) parts.push(toolCall({ function: message.function_call }));
  return { role, name: message.name, parts: splitThoughts(parts) };
}

/** One item of a Responses `input` or `output`. Calls join the assistant's message before them. */
function appendItem(messages, item) {
  if (typeof item === 'string') {
    messages.push({ role: 'user', parts: [text(item)] });
    return;
  }
  const type = item?.type ?? (item?.role ? 'message' : undefined);
  if (type === 'message') {
    messages.push({ role: item.role ?? 'assistant', parts: splitThoughts(content(item.content)) });
  } else if (type === 'function_call' || type === 'custom_tool_call') {
    assistant(messages).parts.push(
      toolCall({ id: item.call_id ?? item.id, function: { name: item.name, arguments: item.arguments ?? item.input } }),
    );
  } else if (type === 'function_call_output' || type === 'custom_tool_call_output') {
    messages.push({ role: 'tool', parts: [toolResult(item.call_id, item.output)] });
  } else if (type === 'reasoning') {
    const told = [item.summary, item.content].flat().filter(Boolean);
    const words = told.map((part) => (typeof part === 'string' ? part : part.text)).filter(Boolean).join('\n\n');
    const hidden = item.encrypted_content ? '(encrypted reasoning, readable to the model alone)' : '';
    assistant(messages).parts.push({ kind: 'reasoning', text: words || hidden || '(empty)' });
  } else {
    messages.push({ role: item?.role ?? 'other', parts: [other(item)] });
  }
}

function assistant(messages) {
  const last = messages.at(-1);
  if (last?.role === 'assistant') return last;
  const message = { role: 'assistant', parts: [] };
  messages.push(message);
  return message;
}

/** A `content` field: a string, or an array of parts in either API's words. */
function content(value) {
  if (value === null || value === undefined || value === '') return [];
  if (typeof value === 'string') return [text(value)];
  if (!Array.isArray(value)) return [other(value)];
  return value.map((part) => {
    if (typeof part === 'string') return text(part);
    switch (part?.type) {
      case 'text':
      case 'input_text':
      case 'output_text':
        return typeof part.text === 'string' ? text(part.text) : other(part);
      case 'refusal':
        return text(part.refusal ?? '');
      case 'image_url':
      case 'input_image':
      case 'image':
        return image(part);
      case 'tool_use':
        return toolCall({ id: part.id, function: { name: part.name, arguments: part.input } });
      case 'tool_result':
        return toolResult(part.tool_use_id, part.content);
      default:
        return other(part);
    }
  });
}

function image(part) {
  const given = part.image_url?.url ?? part.image_url ?? part.url ?? part.source;
  const url = typeof given === 'string' ? given : undefined;
  // Only pictures that are in the body are shown: nothing is ever fetched from elsewhere.
  if (url && /^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+$/.test(url)) return { kind: 'image', url };
  return { kind: 'image', note: url ?? show(part) };
}

function toolCall(call) {
  const inner = call?.function ?? call?.custom ?? {};
  const given = inner.arguments ?? inner.input ?? '';
  return {
    kind: 'tool_call',
    name: String(inner.name ?? '?'),
    id: call?.id,
    arguments: typeof given === 'string' ? given : show(given),
  };
}

function toolResult(id, value) {
  const parts = content(value);
  const words = parts.filter((part) => part.kind === 'text').map((part) => part.text).join('\n');
  return { kind: 'tool_result', id, text: words, parts: parts.filter((part) => part.kind !== 'text') };
}

const text = (value) => ({ kind: 'text', text: value });
const other = (value) => ({ kind: 'other', value });

/** Reasoning that a client wrote into the text as a leading `<think>` block is told as reasoning. */
function splitThoughts(parts) {
  return parts.flatMap((part) => {
    const match = part.kind === 'text' && /^\s*<think>([\s\S]*?)<\/think>\s*/.exec(part.text);
    if (!match) return [part];
    const rest = part.text.slice(match[0].length);
    const thoughts = { kind: 'reasoning', text: match[1].trim() };
    return rest ? [thoughts, text(rest)] : [thoughts];
  });
}

/** Gives each tool result the name of the tool whose call it answers. */
function nameResults(messages) {
  const names = new Map();
  for (const message of messages) {
    for (const part of message.parts) {
      if (part.kind === 'tool_call' && part.id) names.set(part.id, part.name);
      if (part.kind === 'tool_result') part.name ??= names.get(part.id) ?? message.name;
    }
  }
  return messages;
}
