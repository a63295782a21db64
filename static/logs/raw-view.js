// What was on the wire: headers, request, reply and stream, as stored.

import { button, el } from './dom.js';
import { bytes } from './format.js';
import { pretty } from './json.js';
import { codeBlock } from './long-text.js';
import { copy } from './notify.js';
import { visible } from './text.js';

const TITLES = { headers: 'Request headers', request: 'Request body', reply: 'Reply body', stream: 'Stream as sent' };
const ORDER = ['headers', 'request', 'reply', 'stream'];

const MASKED = 'Secrets are masked as [redacted], and images replaced by their size and digest. With logs.bodies = "full" bodies are kept as they are.';

export function rawView({ bodies }, server) {
  if (!bodies.length) {
    const text = server?.bodies === 'off' ? 'Bodies are not stored (logs.bodies = "off").' : 'Nothing is stored of this request’s bodies.';
    return el('p', { class: 'hint', text });
  }
  const sorted = [...bodies].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  const view = el('div', { class: 'raw' }, sorted.map((body) => section(body)));
  // Headers are masked in any case.
  if (bodies.some((body) => body.form === 'redacted' && body.kind !== 'headers')) view.prepend(el('p', { class: 'hint', text: MASKED }));
  return view;
}

function section(body) {
  const title = TITLES[body.kind] ?? visible(body.kind);
  const box = el('div', { class: 'raw-body' });
  const isJson = /json/.test(body.media_type ?? '') || body.kind !== 'stream';
  // Filled when it is opened: a body may be megabytes.
  const fill = () => box.childElementCount || box.append(codeBlock(isJson ? pretty(body.text) : body.text, { json: isJson }));
  const details = el('details', { class: 'raw-section', open: body.kind !== 'stream', data: { body: body.kind, form: body.form }, on: { toggle: () => details.open && fill() } },
    el('summary', {},
      el('span', { class: 'raw-title', text: title }),
      el('span', { class: 'raw-facts', text: [visible(body.media_type ?? ''), bytes(body.size), body.truncated && 'cut'].filter(Boolean).join(', ') }),
      body.form === 'redacted' && el('span', { class: 'tag', title: MASKED, text: 'redacted' }),
      body.form === 'full' && el('span', { class: 'tag is-warn', title: 'Secrets are not masked', text: 'full' })),
    el('div', { class: 'raw-tools' }, button('Copy', () => copy(body.text, title.toLowerCase()), { icon: 'copy', 'aria-label': `Copy ${title.toLowerCase()}` })),
    body.truncated && el('p', { class: 'hint', text: 'Only the beginning of this body is stored.' }),
    box);
  if (details.open) fill();
  return details;
}
