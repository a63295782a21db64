//! Private keys in files, whole or in part, as tools show them: with line numbers, or as a diff.

use super::shapes::run;

/// The longest private key, in bytes.
const KEY: usize = 64 * 1024;

/// From this length on, base64 is no word.
const LINE: usize = 16;

/// Fields of a key, before its base64.
const FIELDS: [&[u8]; 5] = [
    b"Proc-Type:",
    b"DEK-Info:",
    b"Version:",
    b"Comment:",
    b"Hash:",
];

/// Where a private key in PEM that begins with `-----BEGIN` at `start` ends; the end of what looks
/// like one where the last line is missing.
pub(super) fn private_key(text: &[u8], start: usize) -> Option<usize> {
    const LABEL: usize = 80;
    let rest = &text[start + "-----BEGIN".len()..];
    let label = find(&rest[..rest.len().min(LABEL)], b"-----")?;
    find(&rest[..label], b"PRIVATE KEY")?;
    let from = start + "-----BEGIN".len() + label + 5;
    let rest = &text[from..text.len().min(from + KEY)];
    // A key has no dashes in a row, so the next are those of its last line or of something else.
    let end = find(rest, b"-----").filter(|end| {
        let rest = &rest[*end..];
        // A line that a diff takes out has one more.
        rest.starts_with(b"-----END") || rest.starts_with(b"------END")
    });
    let Some(last) = end else {
        return Some(lines(text, from));
    };
    let last = from + last + "-----END".len();
    let rest = &text[last..text.len().min(last + LABEL)];
    let dashes = find(rest, b"-----").map_or(0, |end| end + 5);
    Some(run(text, last + dashes, |byte| byte == b'-'))
}

/// Where the lines of a key in the form of `PuTTY` end. `from` is behind `Private-Lines:`.
pub(super) fn putty_key(text: &[u8], from: usize) -> Option<usize> {
    let number = run(text, from, |byte| byte == b' ');
    let end = run(text, number, |byte| byte.is_ascii_digit());
    let last = lines(text, end);
    (number < end && end < last).then_some(last)
}

/// Where the lines of base64 end that begin behind `from`.
fn lines(text: &[u8], from: usize) -> usize {
    let mut end = from;
    let mut at = from;
    let mut fields = 0;
    loop {
        let line = prefix(text, at);
        let base64 = run(text, line, is_base64);
        let is_whole = matches!(
            text.get(base64),
            None | Some(b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'\\')
        );
        // Where a token follows, its first part looks like a line. It is masked as the whole that it is.
        let goes_on = match &text[base64..] {
            [b'-', next @ ..] => !next.starts_with(b"-"),
            [next, ..] => b"._".contains(next),
            [] => false,
        };
        let is_long = base64 - line >= LINE && !goes_on;
        let is_key = is_long || (base64 > line && is_whole && end > from);
        if is_key {
            at = base64;
            end = base64;
        } else if FIELDS.iter().any(|field| text[line..].starts_with(field)) {
            // No key has more, so text is not gone over in vain.
            fields += 1;
            if fields > FIELDS.len() {
                return end;
            }
            at = run(text, line, |byte| !matches!(byte, b'\n' | b'\\' | b'"'));
        } else if base64 > line {
            return end;
        } else {
            at = line;
        }
        let next = line_break(text, at);
        if next == at {
            return end;
        }
        // What ends a line of the key belongs to it.
        if is_key {
            end = next;
        }
        at = next;
    }
}

/// Behind the ends of lines at `from`, be they escaped or not.
fn line_break(text: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        at = match &text[at..] {
            [b'\n' | b'\r' | b' ' | b'\t', ..] => at + 1,
            [b'\\', b'n' | b'r', ..] => at + 2,
            _ => return at,
        };
    }
}

/// Behind what a tool writes before a line: its number, the sign of a diff or a quote.
fn prefix(text: &[u8], from: usize) -> usize {
    const LONGEST: usize = 24;
    let window = &text[..text.len().min(from + LONGEST)];
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\t');
    let blank = run(window, from, is_blank);
    let letter = blank + usize::from(window.get(blank) == Some(&b'L'));
    let digits = run(window, letter, |byte| byte.is_ascii_digit());
    let number = match &window[digits..] {
        [b'|' | b':' | b'\t', ..] if digits > letter => digits + 1,
        [0xe2, 0x86, 0x92, ..] if digits > letter => digits + 3,
        _ => blank,
    };
    run(window, number, |byte| {
        is_blank(byte) || b"+->|".contains(&byte)
    })
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
