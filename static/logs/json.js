// JSON texts: parsing that does not throw, pretty printing, and tokens for colours. Pure.

/** The value of a JSON text, or `undefined` where it is none. */
export function parse(text) {
  if (typeof text !== 'string' || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A JSON text with indentation; any other text as it is. */
export function pretty(text) {
  const value = parse(text);
  return value === undefined ? text : JSON.stringify(value, null, 2);
}

/** Any value as indented JSON. */
export function show(value) {
  return JSON.stringify(value, null, 2) ?? String(value);
}

const TOKEN = /("(?:[^"\\\n]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;

/** Pieces of a JSON text with their kind: `key`, `string`, `number`, `word`, or `null` for the rest. */
export function tokens(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > end) found.push({ text: text.slice(end, match.index), kind: null });
    const kind = match[2] !== undefined ? 'key' : match[1] ? 'string' : match[3] ? 'word' : 'number';
    const piece = kind === 'key' ? match[1] : match[0];
    found.push({ text: piece, kind });
    end = match.index + piece.length;
  }
  if (end < text.length) found.push({ text: text.slice(end), kind: null });
  return found;
}
