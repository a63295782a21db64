// The waterfall of one request.

import { el } from './dom.js';
import { duration } from './format.js';
import { serverNow } from './server-time.js';
import { ticks, timeline } from './timeline.js';
import { oneLine, visible } from './text.js';

/** The waterfall of a request's details. */
export function waterfall(details, linkTo) {
  const { end, total, isStretched, spans } = timeline(details, serverNow());
  const share = (ms) => Math.max(0, Math.min(1, ms / end));
  // The words need some room.
  const tellsAfter = isStretched && total / end < 0.8;
  const rows = spans.map((span) => {
    const isMoment = span.end === undefined;
    const bar = el('span', {
      class: `wf-bar${isMoment ? ' is-moment' : ''}${span.open ? ' is-open' : ''}`,
      vars: { from: share(span.start), length: isMoment ? 0 : share(span.end) - share(span.start) },
    });
    return el('div', { class: 'wf-row', role: 'listitem', data: { waterfall: span.kind, tone: span.tone, callId: span.callId } },
      el('span', { class: 'wf-label' }, el('span', { dir: 'auto', text: visible(span.label) }), span.detail && el('span', { class: 'wf-detail', title: oneLine(span.detail), text: oneLine(span.detail) })),
      el('span', { class: 'wf-track', 'aria-hidden': 'true' }, bar),
      el('span', { class: 'wf-time' }, timeOf(span, linkTo)));
  });
  return el('section', { class: 'waterfall-box', 'aria-label': 'Waterfall' },
    el('div', { id: 'waterfall', class: 'waterfall', role: 'list', vars: { end: share(total) }, data: { stretched: isStretched ? '' : undefined } },
      el('div', { class: 'wf-axis', 'aria-hidden': 'true' }, el('span'), el('span', { class: 'wf-track' }, ticks(end).filter((ms) => !tellsAfter || ms < total * 0.85).map((ms) => el('span', { class: 'wf-tick', vars: { at: share(ms) }, text: duration(ms) })), tellsAfter && el('span', { class: 'wf-after', text: 'after the reply' })), el('span')),
      rows));
}

function timeOf(span, linkTo) {
  if (span.kind === 'tool') {
    if (!span.answered) return ['no result yet'];
    const text = `waited ${duration(span.waited)}`;
    return span.answeredBy ? linkTo({ kind: 'request', id: span.answeredBy }, text) : text;
  }
  if (span.end === undefined) return span.kind === 'end' ? duration(span.start) : `at ${duration(span.start)}`;
  return duration(span.end - span.start);
}
