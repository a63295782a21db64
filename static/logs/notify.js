// Words for the user: toasts, announcements for screen readers, and the clipboard.

import { byId, el } from './dom.js';
import { visible } from './text.js';

const SHOWN_MS = 3500;
const ERROR_MS = 9000;
/** Announcements of news come at most this often. */
const QUIET_MS = 10_000;

let lastNews = 0;

/** A short note at the lower edge. */
export function toast(text, { isError = false } = {}) {
  const note = el('div', { class: `toast${isError ? ' is-error' : ''}`, role: isError ? 'alert' : 'status', text: visible(text) });
  const area = byId('toasts');
  while (area.childElementCount > 3) area.firstElementChild.remove();
  area.append(note);
  setTimeout(() => note.remove(), isError ? ERROR_MS : SHOWN_MS);
}

/** Tells of a failed call, unless the key prompt does. */
export function tellError(error, what) {
  if (error?.name === 'AbortError' || error?.isLocked) return;
  toast(`${what}: ${error?.message ?? error}`, { isError: true });
}

/** Says something to screen readers. */
export function announce(text) {
  const area = byId('announcer');
  if (area.textContent !== text) area.textContent = text;
}

/** The same for news that come often: all but a few are left out. */
export function announceNews(text) {
  const now = performance.now();
  if (now - lastNews < QUIET_MS) return;
  lastNews = now;
  announce(text);
}

/** Copies a text and says so. Where the clipboard's API is missing (plain HTTP), by selection. */
export async function copy(text, what) {
  try {
    await write(text);
    toast(`Copied ${what}`);
  } catch {
    toast(`Could not copy ${what}: the browser does not allow it`, { isError: true });
  }
}

async function write(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      return await navigator.clipboard.writeText(text);
    } catch {
      // Refused, for example without focus: the old way may still be open.
    }
  }
  const area = el('textarea', { class: 'offscreen', 'aria-hidden': 'true', readonly: true });
  area.value = text;
  const before = document.activeElement;
  // Inside of an open dialog only what is in it can have the focus.
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  before?.focus?.();
  if (!isCopied) throw new Error('not copied');
}
