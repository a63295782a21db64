// Building elements. Text is only ever set as text; nothing here makes markup from strings.

import { pieces } from './text.js';

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An element. `props`: `class`, `text`, `data` (an object), `on` (listeners), `vars` (CSS custom
 * properties), other keys as attributes; `true` is an empty attribute, `false` and null are none.
 */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === 'class') element.setAttribute('class', value);
    else if (key === 'text') element.textContent = value;
    else if (key === 'data') for (const [name, one] of Object.entries(value)) one !== undefined && (element.dataset[name] = one);
    else if (key === 'vars') for (const [name, one] of Object.entries(value)) element.style.setProperty(`--${name}`, one);
    else if (key === 'on') for (const [name, listener] of Object.entries(value)) element.addEventListener(name, listener);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Sets a text only if it is another one, so that nothing is laid out again for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Foreign text: isolated, hidden characters as marked symbols. */
export function foreign(text) {
  return pieces(text).map((piece) => (piece.hidden ? el('span', { class: 'ctl', text: piece.text }) : piece.text));
}

/** A button. `label` is its text, or its name where it shows an icon alone. */
export function button(label, onClick, { icon: name, iconOnly = false, ...props } = {}) {
  return el(
    'button',
    { type: 'button', class: 'button', 'aria-label': iconOnly ? label : null, title: iconOnly ? label : null, on: { click: onClick }, ...props },
    name && icon(name),
    !iconOnly && el('span', { text: label }),
  );
}

/** What the panel shows while there is nothing else: loading, or a failure with a way out. */
export function panelState(text, action) {
  return el('div', { class: 'panel-state' }, el('p', { text }), action);
}

/** Outlines on a grid of 16. */
const ICONS = {
  close: 'M4 4l8 8M12 4l-8 8',
  back: 'M9.5 3.5L5 8l4.5 4.5',
  copy: 'M5.5 5.5v-2a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-2M3.5 5.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1z',
  link: 'M6.5 9.5l3-3M7 4.8l1.3-1.3a2.5 2.5 0 0 1 3.6 3.6l-1.4 1.3M9 11.2l-1.3 1.3a2.5 2.5 0 0 1-3.6-3.6L5.5 7.6',
  chat: 'M3 3.5h10a.5.5 0 0 1 .5.5v6.5a.5.5 0 0 1-.5.5H7l-3 2.5v-2.5H3a.5.5 0 0 1-.5-.5V4a.5.5 0 0 1 .5-.5z',
  download: 'M8 2.5v7.5M5 7l3 3 3-3M3 13.5h10',
  chevron: 'M6 4l4 4-4 4',
  up: 'M8 12.5v-9M4.5 7L8 3.5 11.5 7',
  tool: 'M9.8 2.8a3.2 3.2 0 0 0-3.6 4.5L2.7 10.8l2.5 2.5 3.5-3.5a3.2 3.2 0 0 0 4.5-3.6l-2 2-1.9-.4-.4-1.9z',
  image: 'M3 3.5h10v9H3zM3 10.5l3-3 3 3 1.5-1.5 2.5 2.5M10.2 6.2h.1',
  thought: 'M8 2.5a4 4 0 0 1 2.3 7.3c-.4.3-.8.9-.8 1.4h-3c0-.5-.4-1.1-.8-1.4A4 4 0 0 1 8 2.5zM6.8 13.5h2.4',
};

export function icon(name) {
  return svg('svg', { class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));
}
