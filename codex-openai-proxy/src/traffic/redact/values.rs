//! What is assigned to a name: in settings, code, headers, URLs and command lines.

use super::{MASK, names::Hint, shapes::run};
use std::ops::Range;

/// Words that stand where a secret would, and are none.
const WORDS: [&str; 43] = [
    "string",
    "str",
    "number",
    "integer",
    "int",
    "boolean",
    "bool",
    "bytes",
    "object",
    "array",
    "any",
    "unknown",
    "void",
    "none",
    "null",
    "nil",
    "undefined",
    "true",
    "false",
    "optional",
    "required",
    "text",
    "value",
    "default",
    "redacted",
    "hidden",
    "empty",
    "missing",
    "yes",
    "no",
    "password",
    "token",
    "secret",
    "api_key",
    "key",
    "bearer",
    "basic",
    "auto",
    "include",
    "omit",
    "same-origin",
    "new",
    "await",
];

/// Schemes of `Authorization` that have credentials behind them.
const SCHEMES: [&str; 9] = [
    "bearer",
    "basic",
    "digest",
    "token",
    "apikey",
    "negotiate",
    "bot",
    "hmac",
    "aws4-hmac-sha256",
];

/// From this length on, letters and digits are no word.
const RANDOM: usize = 16;

/// How much of a value decides whether it is a secret, in bytes. Whatever is looked at in vain is
/// looked at again from the next name on, so this keeps the whole linear.
const WINDOW: usize = 512;

/// A name and what is written behind it without quotes.
struct Assignment<'a> {
    text: &'a str,
    name: Range<usize>,
    separator: Separator,
    hint: Hint,
}

/// What stands between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// `=` and nothing around it.
    Tight,
    /// `=`, `:=` or `=>`.
    Equals,
    /// `:`
    Colon,
    /// `>`: the name is that of an element.
    Tag,
    /// `,` behind a name in quotes, a space behind a flag.
    Weak,
}

impl Assignment<'_> {
    /// The value's first word, as much of it as decides.
    fn first(&self, from: usize) -> Range<usize> {
        let window = self.text.floor_char_boundary(from + WINDOW).max(from);
        from..self.end(&self.text.as_bytes()[..window], from)
    }

    /// Where the word that begins at `from` ends.
    fn end(&self, text: &[u8], from: usize) -> usize {
        let is_setting = self.separator == Separator::Tight && self.is_capitals();
        let is_parameter = self.is_parameter();
        run(text, from, |byte| {
            let ends = byte.is_ascii_whitespace()
                || b"\"'`\\".contains(&byte)
                || (!is_setting && b",;()[]{}<>|&".contains(&byte))
                || (is_parameter && b"&#;".contains(&byte));
            !ends
        })
    }

    /// The value that begins with `first`, if it is neither code nor prose.
    fn secret(&self, first: Range<usize>) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let word = self.text[first.clone()].trim_end_matches(['.', ':', '!', '?']);
        let end = first.start + word.len();
        let is_secret = self.is_secret(word, end);
        if let Some(typed) = self.typed(end) {
            let start = if is_secret { first.start } else { typed.start };
            return Some(start..typed.end);
        }
        is_secret.then(|| {
            let is_all = first.end < first.start + WINDOW - 4;
            let end = if is_all { end } else { self.end(bytes, end) };
            first.start..end
        })
    }

    /// The secret of `token: str = "…"`, where the type ends at `end`.
    fn typed(&self, end: usize) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let equals = blank(bytes, end);
        let is_typed = self.separator == Separator::Colon
            && bytes.get(equals) == Some(&b'=')
            && bytes.get(equals + 1) != Some(&b'=');
        if !is_typed {
            return None;
        }
        let value = quoted(bytes, blank(bytes, equals + 1))?;
        let is_secret = is_quoted_secret(&self.text[value.clone()], self.separator, self.hint);
        is_secret.then_some(value)
    }

    fn is_secret(&self, word: &str, end: usize) -> bool {
        if is_placeholder(word)
            || word
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            return false;
        }
        if self.hint == Hint::Perhaps {
            let at_least = if self.is_parameter() { 6 } else { RANDOM };
            return word.len() >= at_least && is_random(word);
        }
        if self.separator == Separator::Tight && (self.is_capitals() || self.is_parameter()) {
            return true;
        }
        let bytes = self.text.as_bytes();
        if self.separator == Separator::Tag {
            return bytes[end..].starts_with(b"</");
        }
        let is_code = matches!(bytes.get(end), Some(b'(' | b'[' | b'{' | b'<' | b'|'))
            || is_path(word)
            || word.contains("::")
            || word.contains("->");
        if is_code || word.len() < 4 {
            return false;
        }
        let is_word = |byte: u8| byte.is_ascii_alphabetic() || b"_-./*".contains(&byte);
        // Letters alone are an identifier, a type or prose, unless they are all that a line sets.
        !word.bytes().all(is_word)
            || (self.separator != Separator::Weak && is_line(bytes, &self.name, end))
    }

    fn is_capitals(&self) -> bool {
        !self.text[self.name.clone()].contains(|letter: char| letter.is_ascii_lowercase())
    }

    /// Whether the name is one of a URL's query or a form.
    fn is_parameter(&self) -> bool {
        let before = &self.text.as_bytes()[..self.name.start];
        matches!(before.last(), Some(b'?' | b'&' | b';'))
    }
}

/// Whether this is a scheme of `Authorization`.
pub(super) fn is_scheme(word: &str) -> bool {
    SCHEMES
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// The credentials behind `Bearer` or `Basic`, if that is what they are.
pub(super) fn after_scheme(text: &str, scheme: Range<usize>) -> Option<Range<usize>> {
    const SHORTEST: usize = 8;
    let bytes = text.as_bytes();
    let from = run(bytes, scheme.end, |byte| byte == b' ');
    if from == scheme.end {
        return None;
    }
    let end = run(bytes, from, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
    });
    let value = text[from..end].trim_end_matches('.');
    let is_secret = value.len() >= SHORTEST && !is_path(value) && is_mixed(value);
    is_secret.then_some(from..from + value.len())
}

/// The value that is assigned to the name at `name`, if it is a secret.
pub(super) fn assigned(text: &str, name: Range<usize>, hint: Hint) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let (separator, from) = separator(bytes, &name)?;
    // f"…", b"…" and the like.
    let letters = run(&bytes[..bytes.len().min(from + 2)], from, |byte| {
        byte.is_ascii_alphabetic()
    });
    if let Some(value) = quoted(bytes, from).or_else(|| quoted(bytes, letters)) {
        let is_secret = is_quoted_secret(&text[value.clone()], separator, hint);
        return is_secret.then_some(value);
    }
    let assignment = Assignment {
        text,
        name,
        separator,
        hint,
    };
    let ends_with = |ending: &[u8]| {
        let name = &bytes[assignment.name.clone()];
        let end = name.split_at_checked(name.len().wrapping_sub(ending.len()));
        separator == Separator::Colon
            && end.is_some_and(|(_, end)| end.eq_ignore_ascii_case(ending))
    };
    let first = assignment.first(from);
    if ends_with(b"cookie") && text[first.clone()].contains('=') {
        return Some(from..line_end(bytes, from));
    }
    let credentials = ends_with(b"authorization")
        .then(|| credentials(text, &first))
        .flatten();
    credentials.or_else(|| assignment.secret(first))
}

/// The separator behind a name, and where the value begins.
fn separator(text: &[u8], name: &Range<usize>) -> Option<(Separator, usize)> {
    let quote = run(text, name.end, |byte| byte == b'\\');
    let is_quoted = matches!(text.get(quote), Some(b'"' | b'\'' | b'`'));
    let end = if is_quoted { quote + 1 } else { name.end };
    let from = blank(text, end);
    let (separator, end) = match &text[from..] {
        [b':', b':', ..] => return None,
        [b'?', b':', ..] => (Separator::Colon, from + 2),
        [b'=', b'=', b'=', ..] => (Separator::Equals, from + 3),
        [b':', b'=', ..] | [b'=', b'>' | b'=', ..] => (Separator::Equals, from + 2),
        [b'=', ..] if from == name.end && text.get(from + 1) != Some(&b' ') => {
            (Separator::Tight, from + 1)
        }
        [b'=', ..] => (Separator::Equals, from + 1),
        [b':', ..] => (Separator::Colon, from + 1),
        [b'%', b'3', b'D' | b'd' | b'A' | b'a', ..] => (Separator::Tight, from + 3),
        [b'\\', b'u', b'0', b'0', b'3', b'd' | b'D', ..] => (Separator::Tight, from + 6),
        [b']', ..] if is_quoted => {
            let from = blank(text, from + 1);
            match text.get(from) {
                Some(b'=') => (Separator::Equals, from + 1),
                _ => return None,
            }
        }
        [b',', ..] if is_quoted => (Separator::Weak, from + 1),
        [b'>', ..] if from == name.end && text[..name.start].ends_with(b"<") => {
            (Separator::Tag, from + 1)
        }
        [_, ..] if from > name.end && text[name.start..].starts_with(b"--") => {
            (Separator::Weak, from)
        }
        _ => return None,
    };
    Some((separator, blank(text, end)))
}

/// Behind blanks, at most so many as people align with.
fn blank(text: &[u8], from: usize) -> usize {
    const MOST: usize = 32;
    let window = &text[..text.len().min(from + MOST)];
    run(window, from, |byte| byte == b' ' || byte == b'\t')
}

/// What is between the quotes that open at `from`, be they escaped or not.
fn quoted(text: &[u8], from: usize) -> Option<Range<usize>> {
    let open = run(text, from, |byte| byte == b'\\');
    let quote = *text.get(open)?;
    if !matches!(quote, b'"' | b'\'' | b'`') {
        return None;
    }
    let depth = open - from;
    // """…"""
    let tripled = depth == 0 && text[open..].starts_with(&[quote; 3]);
    let start = if tripled { open + 3 } else { open + 1 };
    let mut at = start;
    loop {
        at = run(text, at, |byte| byte != quote && byte != b'\n');
        if text.get(at) != Some(&quote) {
            return Some(start..at);
        }
        let escapes = text[start..at]
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        // More than the opening one has: it is a part of the value.
        if escapes <= depth {
            return Some(start..at - escapes);
        }
        at += 1;
    }
}

fn is_quoted_secret(value: &str, separator: Separator, hint: Hint) -> bool {
    if is_placeholder(value) {
        return false;
    }
    match (hint, separator) {
        (Hint::Perhaps, _) => value.len() >= RANDOM && is_random(value),
        // A list of words, or the arguments of a call.
        (Hint::Secret, Separator::Weak) => is_random(value),
        (Hint::Secret, _) => true,
    }
}

/// Everything behind the scheme of an `Authorization`, to the end of its line or string.
fn credentials(text: &str, scheme: &Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let from = blank(bytes, scheme.end);
    let window = text.floor_char_boundary(from + WINDOW);
    let told = text[from..window.max(from)].split(is_line_end).next();
    let is_secret = is_scheme(&text[scheme.clone()]) && !told.is_none_or(is_placeholder);
    is_secret.then(|| from..line_end(bytes, from))
}

/// Whether a line or string ends with this.
fn is_line_end(char: char) -> bool {
    matches!(char, '"' | '\'' | '`' | '\\' | '\r' | '\n')
}

/// Where the line or string around `from` ends.
fn line_end(text: &[u8], from: usize) -> usize {
    run(text, from, |byte| !is_line_end(char::from(byte)))
}

/// Whether `name: value` or `name=value` is all that its line says.
fn is_line(text: &[u8], name: &Range<usize>, end: usize) -> bool {
    const INDENT: usize = 64;
    let before = &text[name.start.saturating_sub(INDENT)..name.start];
    let indent = before
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'-'))
        .count();
    let begins = match &before[..before.len() - indent] {
        [] => name.start <= INDENT,
        [.., b'\n'] | [.., b'\\', b'n'] => true,
        _ => false,
    };
    let rest = &text[end..];
    begins
        && matches!(
            rest,
            [] | [b'\n', ..] | [b'\r', b'\n', ..] | [b'\\', b'n' | b'r', ..]
        )
}

/// Whether something fills this in later, or did already.
fn is_placeholder(value: &str) -> bool {
    let value = value.trim().trim_end_matches([')', ',', '.', ';']);
    let filled_in = ["$", "{", "<", "%", "[", "*", "…", "...", "&", "@", "!"];
    value.is_empty()
        || filled_in.iter().any(|begin| value.starts_with(begin))
        || WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// `process.env.API_KEY`: names with dots between them.
fn is_path(value: &str) -> bool {
    const LONGEST: usize = 32;
    let is_name = |part: &str| {
        part.len() <= LONGEST
            && part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let first = value.split('.').next().unwrap_or_default();
    value.contains('.')
        && first
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && value.split('.').all(is_name)
}

/// Whether this has digits among its letters, and no blanks.
fn is_random(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !value.contains(' ')
}

/// Whether this is no word: it has digits, signs, or capitals behind its first letter.
fn is_mixed(value: &str) -> bool {
    let is_word_like = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'/' | b'.');
    !value.bytes().skip(1).all(is_word_like)
        && !value
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// Whether this was masked before: `[redacted]`, or `Bearer [redacted]`.
fn is_masked(value: &str) -> bool {
    match value.split_once(' ') {
        Some((scheme, rest)) => is_scheme(scheme) && rest == MASK,
        None => value == MASK,
    }
}

/// Whether a string that is stored under a name is a secret.
pub(super) fn is_secret(value: &str, hint: Hint) -> bool {
    match hint {
        Hint::Secret => !value.is_empty() && !is_masked(value),
        Hint::Perhaps => value.len() >= RANDOM && is_random(value),
    }
}
