// Long texts: cut at first, shown on demand, and never put into the page all at once.

import { el, foreign } from './dom.js';
import { bytes, grouped } from './format.js';
import { tokens } from './json.js';
import { foldAt, visible } from './text.js';

/** How much one press of "Show more" adds; the page stays quick at any length. */
const STEP = 200_000;
/** Colours for JSON up to here: beyond, they would cost more than they give. */
const COLOURED = 60_000;

/**
 * A text of people, models or tools. `limit`: characters and lines shown at first. `prose` sets
 * fenced code apart. The element grows in steps and folds again.
 */
export function longText(text, { characters = 1600, lines = 24, prose = false, className = '' } = {}) {
  const body = el('div', { class: `text ${className}`, dir: 'auto' });
  const more = el('button', { type: 'button', class: 'more' });
  const render = (from, to) => (prose ? fenced(text.slice(from, to)) : foreign(text.slice(from, to)));
  const cut = foldAt(text, characters, lines);
  const bar = el('div', { class: 'more-bar' }, more);
  let shown = 0;
  const show = (to) => {
    // Prose is set anew, since a cut may be in the middle of a fence; long texts are only added to.
    if (prose && to <= STEP) body.replaceChildren(...render(0, to));
    else if (to < shown) body.replaceChildren(...render(0, to));
    else body.append(...render(shown, to));
    shown = to;
    body.classList.toggle('is-cut', shown < text.length);
    const left = text.length - shown;
    more.textContent = shown >= text.length ? 'Show less' : left > STEP ? `Show more (${grouped(left)} characters left)` : `Show all (${grouped(text.length)} characters)`;
    bar.hidden = cut >= text.length;
  };
  more.addEventListener('click', () => show(shown >= text.length ? cut : nextStep(text, shown)));
  show(cut);
  return [body, bar];
}

function nextStep(text, shown) {
  return Math.min(text.length, shown + STEP);
}

/** Text with its fenced code blocks as such. */
function fenced(text) {
  const parts = text.split(/^(```[^\n]*\n[\s\S]*?(?:^```[ \t]*$|(?![\s\S])))/m).filter((part) => part !== '');
  return parts.map((part) => {
    const match = /^```([^\n]*)\n([\s\S]*?)\n?(?:```[ \t]*)?$/.exec(part);
    if (!match) return el('span', { dir: 'auto' }, foreign(parts.length > 1 ? part.replace(/^\n+|\n+$/g, '') : part));
    return el('pre', { class: 'fence', data: { language: visible(match[1].trim()) || undefined } }, foreign(match[2]));
  });
}

/** Code or JSON in a block of fixed width, cut like other texts. */
export function codeBlock(text, { characters = 20_000, lines = 400, json = false } = {}) {
  const code = el('pre', { class: 'code', tabindex: '0', dir: 'ltr' });
  const more = el('button', { type: 'button', class: 'more' });
  let shown = 0;
  const show = (to) => {
    const piece = text.slice(shown, to);
    code.append(...(json && to <= COLOURED ? coloured(piece) : foreign(piece)));
    shown = to;
    more.textContent = text.length - shown > STEP ? `Show more (${bytes(text.length - shown)} left)` : `Show all (${bytes(text.length)})`;
    more.hidden = shown >= text.length;
  };
  more.addEventListener('click', () => show(nextStep(text, shown)));
  show(foldAt(text, characters, lines));
  return el('div', { class: 'code-box' }, code, el('div', { class: 'more-bar' }, more));
}

function coloured(text) {
  return tokens(text).flatMap(({ text: piece, kind }) => (kind ? el('span', { class: `json-${kind}` }, foreign(piece)) : [piece]));
}
