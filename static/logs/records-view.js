// All records of one request as a table; each opens to its JSON.

import { el, setAttribute } from './dom.js';
import { RECORD_TYPES, recordText } from './explain.js';
import { duration, exactMs, fullTime, preciseClock } from './format.js';
import { show } from './json.js';
import { codeBlock } from './long-text.js';
import { oneLine, visible } from './text.js';

export function recordsView(records) {
  const zero = records.length ? exactMs(records[0].time) : 0;
  return el('table', { class: 'records' },
    el('caption', { class: 'offscreen', text: 'Records of this request, oldest first' }),
    el('thead', {}, el('tr', {}, ['Time', 'After', 'Type', 'What happened'].map((label) => el('th', { scope: 'col', text: label })))),
    el('tbody', {}, records.flatMap((record) => recordRows(record, zero))));
}

function recordRows(record, zero) {
  const more = el('tr', { class: 'record-more', hidden: true }, el('td', { colspan: 4 }));
  const type = el('button', { type: 'button', class: 'record-type', 'aria-expanded': 'false', data: { tone: RECORD_TYPES[record.type] ?? '' }, text: visible(record.type) });
  const toggle = () => {
    const isOpen = more.hidden;
    more.hidden = !isOpen;
    setAttribute(type, 'aria-expanded', isOpen);
    // Made when it is asked for.
    if (isOpen && !more.firstChild.childElementCount) more.firstChild.append(codeBlock(show(record), { json: true }));
  };
  const row = el('tr', { data: { recordSeq: record.seq, type: record.type }, on: { click: toggle } },
    el('td', { class: 'num', title: fullTime(record.time), text: preciseClock(record.time) }),
    el('td', { class: 'num', text: `+${duration(exactMs(record.time) - zero)}` }),
    el('td', {}, type),
    el('td', { class: 'record-text', dir: 'auto', text: oneLine(recordText(record), 400) }));
  return [row, more];
}
