// One request, opened: facts, waterfall, errors, and the tabs with what was said.

import * as api from './api.js';
import { statusText } from './cells.js';
import { chatView } from './chat-view.js';
import { button, el, icon, panelState, setAttribute } from './dom.js';
import { droppedFields, errorBox, factList, figures, notes, usageBar } from './facts.js';
import { download } from './menu.js';
import { copy, tellError } from './notify.js';
import { rawView } from './raw-view.js';
import { recordsView } from './records-view.js';
import { Refresher } from './refresher.js';
import { visible } from './text.js';
import { waterfall } from './waterfall.js';

const TABS = [['chat', 'Conversation'], ['records', 'Records'], ['raw', 'Raw']];
/** How often what is open is asked for again while it changes. */
const REFRESH_MS = 400;
const TICK_MS = 250;

export class RequestPanel {
  element = el('div', { class: 'panel-inner' });
  #id;
  #context;
  #details = null;
  #abort = new AbortController();
  #refresher = new Refresher(() => this.load(), REFRESH_MS);
  #hasFailed = false;
  #ticking = 0;
  #top = el('div', { class: 'panel-top' });
  #fall = el('div', {});
  #tabs = new Map();
  #tabpanel = el('div', { id: 'tabpanel', role: 'tabpanel', tabindex: '0' });
  /** Of what the tab was drawn, so that nothing that the user unfolded is thrown away for nothing. */
  #drawn = '';

  constructor(id, context) {
    this.#id = id;
    this.#context = context;
    this.element.append(panelState('Loading the request…'));
  }

  async load() {
    try {
      this.#details = await api.request(this.#id, this.#abort.signal);
      this.#hasFailed = false;
      this.#draw();
    } catch (error) {
      if (error.name === 'AbortError' || this.#details) return;
      this.#hasFailed = true;
      const text = error.status === 404 ? `No request “${visible(this.#id)}” is in the log (any more).` : visible(error.message);
      this.element.replaceChildren(this.#bar(), panelState(text, error.status === 404 ? null : button('Try again', () => this.load())));
    }
  }

  apply(frame) {
    if (frame.cleared) return this.#context.navigate({ open: null });
    const mine = new Set(this.#details?.tool_calls.map((call) => call.call_id));
    const isChanged = frame.requests?.some((request) => this.#isMine(request.id))
      || frame.records?.some((record) => record.type === 'tool_result_received' && mine.has(record.call_id))
      || frame.hello?.restarted || frame.hello?.gap || (frame.hello && this.#hasFailed);
    if (isChanged) this.#refresher.soon();
  }

  destroy() {
    this.#abort.abort();
    this.#refresher.stop();
    clearInterval(this.#ticking);
  }

  showTab() {
    if (this.#details) this.#drawTab();
  }

  /** The address may hold the client's own id. */
  #isMine(id) {
    return id === this.#id || id === this.#details?.request.id;
  }

  #draw() {
    const { request } = this.#details;
    if (!this.#tabpanel.isConnected) {
      this.element.replaceChildren(this.#bar(), this.#top, this.#tabList(), this.#tabpanel);
    } else {
      this.element.firstElementChild.replaceWith(this.#bar());
    }
    const { linkTo, store } = this.#context;
    const openFolds = [...this.#top.querySelectorAll('details[open]')].map((fold) => fold.className);
    this.#fall = waterfall(this.#details, linkTo);
    this.#top.replaceChildren(...[
      errorBox(this.#details, store.state.limits), notes(this.#details.records), figures(request), usageBar(request),
      this.#fall, factList(this.#details, linkTo), droppedFields(this.#details.records),
    ].filter(Boolean));
    for (const name of openFolds) this.#top.querySelector(`details.${name}`)?.setAttribute('open', '');
    clearInterval(this.#ticking);
    if (request.state === 'running') this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.#drawTab();
  }

  #tick() {
    if (document.hidden) return;
    const fall = waterfall(this.#details, this.#context.linkTo);
    this.#fall.replaceWith(fall);
    this.#fall = fall;
  }

  #bar() {
    const request = this.#details?.request;
    const { navigate } = this.#context;
    const close = el('button', { type: 'button', id: 'panel-close', class: 'button panel-close', 'aria-label': 'Close', title: 'Close (Esc)', on: { click: () => navigate({ open: null }) } }, icon('close'), icon('back'), el('span', { class: 'back-word', text: 'Back' }));
    if (!request) return el('header', { class: 'panel-bar' }, el('h2', { text: 'Request' }), el('span', { class: 'spacer' }), close);
    const small = (label, onClick, name, props) => button(label, onClick, { icon: name, iconOnly: true, ...props });
    return el('header', { class: 'panel-bar', data: { state: request.state } },
      el('span', { class: 'badge', text: statusText(request) }),
      el('h2', { dir: 'auto', title: visible(request.id), text: visible(request.model ?? `${request.method} ${request.path}`) }),
      el('span', { class: 'spacer' }),
      button('Copy as curl', () => this.#copyCurl(), { icon: 'copy', id: 'copy-curl' }),
      small('Copy link', () => copy(this.#context.urlOf({ kind: 'request', id: request.id }), 'the link'), 'link', { id: 'copy-link' }),
      small('Export JSON lines', () => download('jsonl', { request: request.id }, `request-${request.id}`), 'download', { id: 'export-request-jsonl', 'data-badge': 'JSONL' }),
      small('Export HAR', () => download('har', { request: request.id }, `request-${request.id}`), 'download', { id: 'export-request-har', 'data-badge': 'HAR' }),
      request.conversation && small('Conversation', () => navigate({ open: { kind: 'conversation', id: request.conversation } }), 'chat', { id: 'open-conversation' }),
      close);
  }

  async #copyCurl() {
    try {
      await copy(await api.curl(this.#details.request.id), 'the curl command');
    } catch (error) {
      tellError(error, 'Not copied');
    }
  }

  #tabList() {
    const list = el('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Details' });
    for (const [name, label] of TABS) {
      const tab = el('button', { type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': 'tabpanel', class: 'tab', text: label, on: { click: () => this.#choose(name) } });
      this.#tabs.set(name, tab);
      list.append(tab);
    }
    list.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const names = [...this.#tabs.keys()];
      const next = names[(names.indexOf(this.#context.store.state.tab) + step + names.length) % names.length];
      this.#choose(next);
      this.#tabs.get(next).focus();
    });
    return list;
  }

  #choose(tab) {
    this.#context.navigate({ tab }, { replace: true });
    this.#drawTab();
  }

  #drawTab() {
    const { tab, server } = this.#context.store.state;
    const { request, records, bodies } = this.#details;
    for (const [name, element] of this.#tabs) {
      setAttribute(element, 'aria-selected', name === tab);
      setAttribute(element, 'tabindex', name === tab ? '0' : '-1');
    }
    setAttribute(this.#tabpanel, 'data-tab', tab);
    setAttribute(this.#tabpanel, 'aria-labelledby', `tab-${tab}`);
    const sizes = bodies.map((body) => `${body.kind} ${body.size} ${body.text.length}`).join();
    const signature = `${tab} ${request.state} ${tab === 'records' ? records.length : sizes}`;
    if (signature === this.#drawn) return;
    this.#drawn = signature;
    const view = tab === 'records' ? recordsView(records) : tab === 'raw' ? rawView(this.#details, server) : chatView(this.#details, server);
    this.#tabpanel.replaceChildren(view);
  }
}
