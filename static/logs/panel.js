// The panel beside the list: opens, closes and replaces what is shown in it.

import { byId } from './dom.js';
import { ConversationPanel } from './conversation-panel.js';
import { RequestPanel } from './request-panel.js';
import { visible } from './text.js';

export class Panel {
  #store;
  #context;
  #element = byId('panel');
  #shown = null;
  #key = '';

  /** `context`: store, navigate(patch, {replace}), linkTo(open, ...content), focusList(). */
  constructor(store, context) {
    this.#store = store;
    this.#context = context;
    store.on(['open'], () => this.#draw());
    store.on(['tab'], () => this.#shown?.showTab?.());
    this.#draw();
  }

  /** Passes a live frame to what is shown. */
  apply(frame) {
    this.#shown?.apply(frame);
  }

  /** Loads again what is shown, as after a key was entered. */
  reload() {
    this.#shown?.load();
  }

  #draw() {
    const { open } = this.#store.state;
    const key = open ? `${open.kind}:${open.id}` : '';
    if (key === this.#key) return;
    const hadFocus = this.#element.contains(document.activeElement);
    this.#key = key;
    this.#shown?.destroy();
    this.#shown = null;
    this.#element.hidden = !open;
    if (!open) {
      delete document.documentElement.dataset.panel;
      this.#element.replaceChildren();
      // The focus goes back to where the panel was opened from.
      if (hadFocus || document.activeElement === document.body) this.#context.focusList();
      return;
    }
    document.documentElement.dataset.panel = open.kind;
    this.#element.dataset.panel = open.kind;
    this.#element.setAttribute('aria-label', `${open.kind === 'request' ? 'Request' : 'Conversation'} ${visible(open.id)}`);
    const Kind = open.kind === 'request' ? RequestPanel : ConversationPanel;
    this.#shown = new Kind(open.id, this.#context);
    this.#element.replaceChildren(this.#shown.element);
    this.#element.scrollTop = 0;
    this.#shown.load();
    // On narrow screens the panel covers the list, so the focus must not stay under it.
    if (hadFocus || matchMedia('(max-width: 900px)').matches) this.#element.focus({ preventScroll: true });
  }
}
