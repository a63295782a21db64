// Tokens over a conversation's requests as a small chart: input with its cached part, and output.

import { el, svg } from './dom.js';
import { clock, compact, grouped, percent, plural } from './format.js';
import { whyRebuilt } from './explain.js';
import { cachedShare } from './turns.js';

const HEIGHT = 132;
const PAD = { left: 44, right: 8, top: 18, bottom: 20 };
/** Bars beyond these are dots in a fog; the newest are shown. */
const MOST = 160;

/** The chart for turns (oldest first) at a width in pixels. */
export function tokenChart(all, width, onPick) {
  const turns = all.filter((turn) => turn.usage).slice(-MOST);
  if (turns.length === 0) return el('p', { class: 'hint', text: 'No request of this conversation has told its tokens yet.' });
  const inner = { width: width - PAD.left - PAD.right, height: HEIGHT - PAD.top - PAD.bottom };
  const top = niceTop(Math.max(...turns.map((turn) => turn.usage.input + turn.usage.output)));
  const slot = inner.width / Math.max(turns.length, 8);
  const bar = Math.max(2, Math.min(22, slot * 0.7));
  const y = (tokens) => PAD.top + inner.height * (1 - tokens / top);
  const grid = [0, top / 2, top].map((value) => [
    svg('line', { class: 'chart-grid', x1: PAD.left, x2: width - PAD.right, y1: y(value), y2: y(value) }),
    svg('text', { class: 'chart-label', x: PAD.left - 6, y: y(value) + 3.5, 'text-anchor': 'end' }, compact(value)),
  ]);
  const bars = turns.map((turn, index) => {
    const x = PAD.left + slot * (index + 0.5) - bar / 2;
    return oneTurn(turn, { x, bar, y, onPick, floor: PAD.top + inner.height });
  });
  const breaks = turns.map((turn, index) => turn.rebuilt && breakMark(turn, PAD.left + slot * index, PAD.top + inner.height));
  const times = endLabels(turns).map(([at, text]) =>
    svg('text', { class: 'chart-label', x: at === 0 ? PAD.left : PAD.left + slot * (at + 0.5), y: HEIGHT - 5, 'text-anchor': at === 0 ? 'start' : 'middle' }, text));
  const newest = turns.at(-1);
  const told = `${plural(turns.length, 'request')}; the newest had ${grouped(newest.usage.input)} input tokens, ${percent(cachedShare(newest))} of them cached, and ${grouped(newest.usage.output)} output tokens; the prefix broke ${plural(turns.filter((turn) => turn.rebuilt).length, 'time')}`;
  return svg('svg', { id: 'chart', class: 'chart', role: 'img', 'aria-label': `Tokens over time: ${told}`, viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT }, grid, bars, breaks, times);
}

/** When the first and the last turn were, as exact as it takes to tell them apart. */
function endLabels(turns) {
  const last = turns.length - 1;
  const [from, to] = [clock(turns[0].time), clock(turns[last].time)];
  if (from === to || last < 2) return [[0, from]];
  if (from.slice(0, 5) !== to.slice(0, 5)) return [[0, from.slice(0, 5)], [last, to.slice(0, 5)]];
  return [[0, from], [last, to]];
}

function oneTurn(turn, { x, bar, y, floor, onPick }) {
  const { input, cached = 0, output } = turn.usage;
  const block = (name, from, to) => svg('rect', { class: `chart-${name}`, x, width: bar, y: y(to), height: Math.max(0, y(from) - y(to)) });
  const title = `${clock(turn.time)}: ${grouped(input)} in, ${grouped(cached)} cached (${percent(cachedShare(turn))}), ${grouped(output)} out`;
  return svg('g', { class: 'chart-turn', on: { click: () => onPick(turn) } },
    svg('title', {}, title),
    svg('rect', { class: 'chart-hit', x: x - 2, width: bar + 4, y: PAD.top, height: floor - PAD.top }),
    block('cached', 0, cached), block('input', cached, input), block('output', input, input + output));
}

function breakMark(turn, x, floor) {
  return svg('g', { class: 'chart-break' },
    svg('title', {}, `Rebuilt: ${whyRebuilt(turn.rebuilt)}`),
    svg('line', { x1: x, x2: x, y1: PAD.top - 6, y2: floor }),
    svg('path', { d: `M${x - 4} ${PAD.top - 12}h8l-4 6z` }));
}

/** The next number that is round enough to be halved on the axis. */
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10].map((n) => n * power).find((n) => n >= value) ?? value;
}
