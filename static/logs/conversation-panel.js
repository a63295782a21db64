// One conversation, opened: its requests in order, cache, tokens over time, and where a prefix broke.

import * as api from './api.js';
import { statusText, toolsText } from './cells.js';
import { tokenChart } from './chart.js';
import { button, el, icon, panelState } from './dom.js';
import { recordText, whyRebuilt } from './explain.js';
import { chatName } from './facts.js';
import { UNKNOWN, compact, duration, fullTime, grouped, listTime, percent, plural } from './format.js';
import { copy } from './notify.js';
import { Refresher } from './refresher.js';
import { serverNow } from './server-time.js';
import { oneLine, visible } from './text.js';
import { cachedShare, story, sums, waits } from './turns.js';

const PAGE = 500;
const REFRESH_MS = 700;

export class ConversationPanel {
  element = el('div', { class: 'panel-inner' });
  #id;
  #context;
  #abort = new AbortController();
  #refresher = new Refresher(() => this.load(), REFRESH_MS);
  #hasFailed = false;
  #data = null;
  #chart = el('div', { class: 'chart-box' });
  #sizes = new ResizeObserver(() => this.#drawChart());

  constructor(id, context) {
    this.#id = id;
    this.#context = context;
    this.element.append(this.#bar(), panelState('Loading the conversation…'));
  }

  async load() {
    const { signal } = this.#abort;
    const query = { conversation: this.#id };
    try {
      const [requests, records] = await Promise.all([
        api.requests({ ...query, limit: PAGE }, signal),
        api.records({ ...query, limit: 1000 }, signal),
      ]);
      this.#data = { requests: requests.requests, more: requests.more, records: records.records };
      this.#hasFailed = false;
      this.#draw();
    } catch (error) {
      if (error.name === 'AbortError' || this.#data) return;
      this.#hasFailed = true;
      this.element.replaceChildren(this.#bar(), panelState(visible(error.message), button('Try again', () => this.load())));
    }
  }

  apply(frame) {
    if (frame.cleared) return this.#context.navigate({ open: null });
    const isMine = frame.requests?.some((request) => request.conversation === this.#id)
      || frame.records?.some((record) => record.conversation === this.#id) || frame.hello?.gap || frame.hello?.restarted || (frame.hello && this.#hasFailed);
    if (isMine) this.#refresher.soon();
  }

  destroy() {
    this.#abort.abort();
    this.#sizes.disconnect();
    this.#refresher.stop();
  }

  #bar() {
    const { navigate, urlOf } = this.#context;
    return el('header', { class: 'panel-bar' },
      el('h2', { title: visible(this.#id) }, chatName(this.#id)),
      el('span', { class: 'spacer' }),
      button('Show in list', () => navigate({ view: 'requests', filter: { ...this.#context.store.state.filter, chat: this.#id } }), { id: 'filter-to-chat' }),
      button('Copy link', () => copy(urlOf({ kind: 'conversation', id: this.#id }), 'the link'), { icon: 'link', iconOnly: true, id: 'copy-link' }),
      el('button', { type: 'button', id: 'panel-close', class: 'button panel-close', 'aria-label': 'Close', title: 'Close (Esc)', on: { click: () => navigate({ open: null }) } }, icon('close'), icon('back'), el('span', { class: 'back-word', text: 'Back' })));
  }

  #draw() {
    const { requests, records, more } = this.#data;
    if (!requests.length && !records.length) {
      this.element.replaceChildren(this.#bar(), panelState('Nothing of this conversation is in the log (any more).'));
      return;
    }
    this.#sizes.disconnect();
    this.element.replaceChildren(
      this.#bar(),
      el('div', { class: 'panel-top' },
        this.#facts(),
        el('section', { class: 'chart-section', 'aria-label': 'Tokens over time' },
          el('div', { class: 'usage-legend' }, ['cached', 'input', 'output'].map((name) => el('span', { class: `legend legend-${name}` }, { cached: 'Cached input', input: 'Not cached', output: 'Output' }[name])), el('span', { class: 'legend legend-break' }, 'Prefix broke')),
          this.#chart)),
      more && el('p', { class: 'hint', text: `The newest ${grouped(PAGE)} requests are shown.` }) || '',
      this.#turns());
    this.#sizes.observe(this.#chart);
  }

  #facts() {
    const { requests } = this.#data;
    const total = sums(requests);
    const facts = [
      ['Requests', `${grouped(total.requests)}${total.failed ? `, ${grouped(total.failed)} failed` : ''}${total.left ? `, ${grouped(total.left)} left` : ''}`],
      ['Input tokens', grouped(total.input)],
      ['From the cache', total.input ? percent(total.cached / total.input) : UNKNOWN],
      ['Output tokens', grouped(total.output)],
      ['Tool calls', grouped(total.calls)],
      ['Prefix broken', total.rebuilt ? plural(total.rebuilt, 'time') : 'never'],
    ];
    return el('dl', { class: 'figures' }, facts.map(([label, value]) => el('div', { class: 'figure' }, el('dt', { text: label }), el('dd', { text: value }))));
  }

  #drawChart() {
    const width = Math.floor(this.#chart.clientWidth);
    if (!width || !this.#data) return;
    const turns = [...this.#data.requests].reverse();
    this.#chart.replaceChildren(tokenChart(turns, width, (turn) => this.#context.navigate({ open: { kind: 'request', id: turn.id } })));
  }

  #turns() {
    const { requests, records } = this.#data;
    const waited = waits(records);
    let number = 0;
    const rows = story(requests, records).flatMap(({ turn, event }) => {
      if (event) return [this.#eventRow(event)];
      number += 1;
      return [turn.rebuilt && breakRow(turn), this.#turnRow(turn, number, waited.get(turn.id))];
    });
    return el('table', { class: 'turns' },
      el('caption', { class: 'offscreen', text: 'Requests of this conversation, oldest first' }),
      el('thead', {}, el('tr', {}, [['#', 'num'], ['Time', 'num'], ['Request', ''], ['Status', ''], ['Duration', 'num'], ['In', 'num'], ['Cached', 'num'], ['Out', 'num']].map(([label, className]) => el('th', { scope: 'col', class: className, text: label })))),
      el('tbody', {}, rows.filter(Boolean)));
  }

  #turnRow(turn, number, waitedMs) {
    const share = cachedShare(turn);
    const { linkTo } = this.#context;
    const tools = toolsText(turn.calls);
    const words = turn.results && turn.origin === 'resumed' ? `${plural(turn.results, 'tool result')}${waitedMs !== undefined ? ` after ${duration(waitedMs)}` : ''}` : oneLine(turn.preview ?? `${turn.method} ${turn.path}`, 160);
    return el('tr', { data: { turn: number, requestId: turn.id, origin: turn.origin, state: turn.state } },
      el('td', { class: 'num dim', text: grouped(number) }),
      el('td', { class: 'num', title: fullTime(turn.time), text: listTime(turn.time, serverNow()) }),
      el('td', { class: 'turn-words' }, el('div', { class: 'turn-line' }, el('span', { class: `origin origin-${turn.origin}`, title: turn.origin, text: turn.origin ?? '' }), linkTo({ kind: 'request', id: turn.id }, el('span', { dir: 'auto', text: words || 'Request' })), tools && el('span', { class: 'turn-tools', title: tools }, icon('tool'), tools))),
      el('td', {}, el('span', { class: 'badge', text: statusText(turn) })),
      el('td', { class: 'num', text: duration(turn.duration_ms) }),
      el('td', { class: 'num', text: compact(turn.usage?.input) }),
      el('td', { class: 'num' }, el('span', { class: 'share-value', text: percent(share) }), el('span', { class: 'share', 'aria-hidden': 'true', vars: { share: share ?? 0 } }, el('i'))),
      el('td', { class: 'num', text: compact(turn.usage?.output) }));
  }

  #eventRow(event) {
    return el('tr', { class: 'event-row', data: { event: event.type } },
      el('td', {}), el('td', { class: 'num', title: fullTime(event.time), text: listTime(event.time, serverNow()) }),
      el('td', { colspan: 6, dir: 'auto', text: `${visible(event.type)} · ${oneLine(recordText(event))}` }));
  }
}

/** The point where the prefix broke, between what came before and the request that did it. */
function breakRow(turn) {
  const { kept, of } = turn.rebuilt;
  const share = of > 0 ? kept / of : 0;
  return el('tr', { class: 'break-row', data: { break: turn.rebuilt.reason } },
    el('td', { colspan: 8 }, el('div', { class: 'break' }, el('b', { text: 'Prefix broke here' }), el('span', { text: visible(whyRebuilt(turn.rebuilt)) }), el('span', { class: 'break-bar', 'aria-hidden': 'true', vars: { share } }, el('i')))));
}
