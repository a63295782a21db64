//! What is assigned to a name: in settings, code, headers, URLs and command lines.

use super::{
    names::Hint,
    pairs,
    shapes::run,
    words::{
        RANDOM, is_color, is_file, is_masked, is_mixed, is_path, is_placeholder, is_prose,
        is_random, is_version, is_word,
    },
};
use std::ops::Range;

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
    /// A space, where what stands before says that the value follows.
    Stated,
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
        quoted_secret(
            self.text,
            blank(bytes, equals + 1),
            self.separator,
            self.hint,
        )?
    }

    fn is_secret(&self, word: &str, end: usize) -> bool {
        if is_placeholder(word)
            || is_color(word)
            || is_version(word)
            || (word.starts_with('/') && is_file(word))
            || word
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            return false;
        }
        if self.hint == Hint::Perhaps {
            let at_least = if self.is_parameter() { 6 } else { RANDOM };
            return word.len() >= at_least && is_random(word) && !is_file(word);
        }
        let is_setting = match self.separator {
            Separator::Stated => true,
            Separator::Tight => self.is_capitals() || self.is_parameter(),
            _ => false,
        };
        if is_setting {
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
        let is_alone = self.separator != Separator::Weak && is_alone(self.text, &self.name, end);
        // `token: string1`, `self.token = token1`
        if is_word(word.trim_end_matches(|last: char| last.is_ascii_digit())) {
            return is_alone;
        }
        let is_letter = |byte: u8| byte.is_ascii_alphabetic() || b"_-./*".contains(&byte);
        // Letters alone are an identifier, a type or prose, unless they are all that a line sets.
        !word.bytes().all(is_letter) || is_alone || self.is_of_connection(end)
    }

    /// Whether this is one of the words of `host=x user=y password=z`.
    fn is_of_connection(&self, end: usize) -> bool {
        const BEFORE: usize = 96;
        let bytes = self.text.as_bytes();
        let before = &bytes[self.name.start.saturating_sub(BEFORE)..self.name.start];
        let has = |word: &[u8]| before.windows(word.len()).any(|window| window == word);
        self.separator == Separator::Tight
            && before.ends_with(b" ")
            && matches!(bytes.get(end), None | Some(b' ' | b'\n' | b'"' | b'\''))
            && (has(b"host=") || has(b"user="))
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
    let quoted = |from| quoted_secret(text, from, separator, hint);
    if let Some(value) = quoted(from).or_else(|| quoted(letters)) {
        return value;
    }
    if separator == Separator::Colon
        && hint == Hint::Secret
        && let Some(block) = pairs::block(text, &name, from)
    {
        return Some(block);
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
    // **Name**: value
    let stars = run(&text[..text.len().min(end + 2)], end, |byte| byte == b'*');
    let from = blank(text, stars);
    if let Some(separator) = unusual(text, name, from, end) {
        return Some(separator);
    }
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

/// What else may stand between a name and its value, where the next word is at `from`.
fn unusual(
    text: &[u8],
    name: &Range<usize>,
    from: usize,
    end: usize,
) -> Option<(Separator, usize)> {
    let before = &text[..name.start];
    let is_quote = |at: usize| matches!(text.get(at), Some(b'"' | b'\'' | b'`'));
    match &text[from..] {
        // env.NAME || "…"
        [b'|', b'|', ..] | [b'?', b'?', ..] => {
            let value = blank(text, from + 2);
            is_quote(value).then_some((Separator::Weak, value))
        }
        // | name | … |
        [b'|', b' ', ..] if from > name.end && before.ends_with(b"| ") => {
            Some((Separator::Weak, blank(text, from + 1)))
        }
        // set_name("…")
        [b'(', ..] if from == name.end => {
            let is_setter = [&b"set"[..], b"with"]
                .iter()
                .any(|verb| text[name.clone()].starts_with(verb));
            (is_setter && is_quote(from + 1)).then_some((Separator::Weak, from + 1))
        }
        // **Name:** value
        [b':', b'*', b'*', ..] => Some((Separator::Colon, blank(text, from + 3))),
        // ENV NAME value, setx NAME value
        [_, ..] if from > end && (before.ends_with(b"ENV ") || before.ends_with(b"setx ")) => {
            (text.get(from) != Some(&b'=')).then_some((Separator::Stated, from))
        }
        [_, ..] if from > end && text[name.clone()] == *b"requirepass" => {
            Some((Separator::Stated, from))
        }
        [_, ..] => pairs::netrc(text, name).map(|from| (Separator::Stated, from)),
        [] => None,
    }
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

/// Whether there are quotes at `from`, and what is between them if that is a secret. As much of it
/// decides as a look in vain may cost.
#[expect(
    clippy::option_option,
    reason = "no quotes are not the same as no secret"
)]
fn quoted_secret(
    text: &str,
    from: usize,
    separator: Separator,
    hint: Hint,
) -> Option<Option<Range<usize>>> {
    const WINDOW: usize = 4096;
    let window = text.floor_char_boundary(from + WINDOW).max(from);
    let seen = quoted(&text.as_bytes()[..window], from)?;
    let is_secret = is_quoted_secret(&text[seen.clone()], separator, hint);
    let is_all = seen.end < window;
    Some(match is_secret {
        true if is_all => Some(seen),
        true => quoted(text.as_bytes(), from),
        false => None,
    })
}

fn is_quoted_secret(value: &str, separator: Separator, hint: Hint) -> bool {
    if is_placeholder(value) || is_version(value) || is_color(value) || is_prose(value) {
        return false;
    }
    match (hint, separator) {
        (Hint::Perhaps, _) => value.len() >= RANDOM && is_random(value) && !is_file(value),
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

/// Whether `name: value` or `name=value` is all that its line says, but for what tools write before
/// lines, for the owner of the name, and for a comment.
fn is_alone(text: &str, name: &Range<usize>, end: usize) -> bool {
    const LONGEST: usize = 64;
    let bytes = text.as_bytes();
    let rest = &bytes[blank(bytes, end)..];
    let ends = match rest {
        [] | [b'\n', ..] | [b'\r', b'\n', ..] | [b'\\', b'n' | b'r', ..] => true,
        [b'#', ..] => !bytes[end..].starts_with(b"#"),
        _ => false,
    };
    if !ends {
        return false;
    }
    let from = text.floor_char_boundary(name.start.saturating_sub(LONGEST));
    let before = &text[from..name.start];
    let line = before.rsplit(['\n']).next().unwrap_or_default();
    let line = line.rsplit("\\n").next().unwrap_or_default();
    if from > 0 && line.len() == before.len() {
        return false;
    }
    let line = line.trim_start_matches([' ', '\t']);
    let digits = line.strip_prefix('L').unwrap_or(line);
    let numbered = digits.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let line = match numbered.strip_prefix(['|', ':', '\t', '→']) {
        Some(line) if numbered.len() < digits.len() => line,
        _ => line,
    };
    let owner = line.trim_start_matches([' ', '\t', '-', '+', '>', '*']);
    let is_setting = bytes.get(name.end) == Some(&b'=')
        && !owner.starts_with("self.")
        && !owner.starts_with("this.");
    owner.is_empty()
        || (is_setting
            && owner.ends_with('.')
            && owner
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)))
}

/// Whether a string that is stored under a name is a secret.
pub(super) fn is_secret(value: &str, hint: Hint) -> bool {
    match hint {
        Hint::Secret => !value.is_empty() && !is_masked(value) && !is_version(value),
        Hint::Perhaps => value.len() >= RANDOM && is_random(value) && !is_file(value),
    }
}

/// Whether a string is a secret if what stands before it says so: it is random, or has a scheme.
pub(super) fn is_likely(value: &str) -> bool {
    match value.split_once(' ') {
        Some((scheme, rest)) => is_scheme(scheme) && is_random(rest),
        None => is_random(value),
    }
}
