// Foreign text made safe to look at: control, bidi and invisible characters are shown, not obeyed.

// C0 and C1 controls except tab and line feed; soft hyphen; Arabic letter mark; zero-width and bidi
// characters; line and paragraph separators; invisible operators; the BOM; interlinear and tag
// characters; the grapheme joiner and the blank Braille pattern; variation selectors, but for the
// one that may follow an emoji or stand in a keycap; lone surrogates. The zero-width joiner stays:
// emoji and several scripts need it.
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180E\u200B\u200C\u200E\u200F\u2028-\u202E\u2060-\u206F\u2800\u3164\uFEFF\uFFA0\uFFF9-\uFFFB\uFE00-\uFE0D]|(?<!\p{Extended_Pictographic}|[\u{1F1E6}-\u{1F1FF}\u{1F3FB}-\u{1F3FF}])[\uFE0E\uFE0F](?!(?<=[0-9#*].)\u20E3)|[\u{E0000}-\u{E0FFF}]|[\uD800-\uDFFF]/gu;

/** Names of the C0 controls. Many fonts have no glyphs for their symbols, such as `␛`. */
const CONTROLS = 'NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US'.split(' ');

/** The visible form of one hidden character: `⟨ESC⟩`, `⟨U+202E⟩`. */
export function symbol(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return `⟨${CONTROLS[code]}⟩`;
  if (code === 0x7f) return '⟨DEL⟩';
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/** `text` with every hidden character replaced by its symbol. */
export function visible(text) {
  return String(text ?? '').replace(HIDDEN, symbol);
}

/** The same on one line: breaks and runs of white space become one blank. */
export function oneLine(text, limit = 300) {
  const source = String(text ?? '');
  // Cut first: a preview needs no more, and the source may be megabytes.
  return visible(source.slice(0, limit * 4).replace(/[ \t\r\n]+/g, ' ').trim()).slice(0, limit);
}

/**
 * `text` in pieces, `{text, hidden}`, so that the symbols can be told from text that looks like
 * them. Carriage returns before a line feed are left out.
 */
export function pieces(text) {
  const source = text.replace(/\r\n/g, '\n');
  const found = [];
  let end = 0;
  for (const match of source.matchAll(HIDDEN)) {
    if (match.index > end) found.push({ text: source.slice(end, match.index), hidden: false });
    found.push({ text: symbol(match[0]), hidden: true });
    end = match.index + match[0].length;
  }
  if (end < source.length) found.push({ text: source.slice(end), hidden: false });
  return found;
}

/**
 * Where to cut a long text: the largest length up to `characters` that also holds no more than
 * `lines` lines and splits no surrogate pair. The text's own length where it needs no cut.
 */
export function foldAt(text, characters, lines) {
  let end = Math.min(text.length, characters);
  let at = -1;
  for (let line = 0; line < lines; line++) {
    at = text.indexOf('\n', at + 1);
    if (at < 0 || at >= end) break;
    if (line === lines - 1) end = at;
  }
  // A few characters more are better than a button.
  if (text.length - end < characters / 10 && end === Math.min(text.length, characters)) return text.length;
  const code = text.charCodeAt(end - 1);
  return end < text.length && code >= 0xd800 && code < 0xdc00 ? end - 1 : end;
}
