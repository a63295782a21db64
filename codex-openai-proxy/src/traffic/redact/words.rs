//! What stands where a secret would, and is none; and what looks like one.

use super::MASK;

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

/// From this length on, letters and digits are no word.
pub(super) const RANDOM: usize = 16;

/// Whether something fills this in later, or did already.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.trim().trim_end_matches([')', ',', '.', ';']);
    let mut rest = value.chars();
    match rest.next() {
        None | Some('<' | '[' | '*' | '…' | '&') => true,
        Some('$') => {
            let rest = rest.as_str();
            let is_number = |rest: &str| rest.bytes().any(|byte| byte.is_ascii_digit());
            rest.starts_with(['{', '(', '['])
                || (is_reference(rest) && !(is_number(rest) && is_mixed_case(rest)))
        }
        Some('@' | '!') => {
            let rest = rest.as_str();
            is_reference(rest) && !rest.bytes().any(|byte| byte.is_ascii_digit())
        }
        Some('{') => value.len() == 1 || value.starts_with("{{") || value.ends_with('}'),
        Some('%') => {
            value.len() < 4 || rest.as_str().starts_with(['(', '{']) || value.ends_with('%')
        }
        Some(_) => value.starts_with("...") || is_word(value),
    }
}

/// Whether this word says what goes here.
pub(super) fn is_word(value: &str) -> bool {
    WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether this may follow a sign that calls a variable: `HOME/x`, `this->token`, `env:KEY`.
fn is_reference(value: &str) -> bool {
    const LONGEST: usize = 64;
    value.len() <= LONGEST
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.:/>-?".contains(&byte))
}

fn is_mixed_case(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_lowercase())
        && value.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether this is the version of a dependency: `^1.0.2`, `workspace:*`.
pub(super) fn is_version(value: &str) -> bool {
    const LONGEST: usize = 32;
    let number = value.trim_start_matches(['^', '~', '=', '<', '>', 'v', ' ']);
    value.len() <= LONGEST
        && (value.starts_with("npm:")
            || value.starts_with("workspace:")
            || (number.split('.').count() > 1
                && number.split('.').all(|part| {
                    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
                })))
}

/// Whether this is a message: at least three words, and some that passwords do not have.
pub(super) fn is_prose(value: &str) -> bool {
    const LONGEST: usize = 256;
    const TELLING: [&str; 8] = ["is", "are", "must", "your", "too", "the", "be", "at"];
    value.len() <= LONGEST
        && value.split(' ').count() > 2
        && value.split(' ').any(|word| TELLING.contains(&word))
}

/// Whether this is a colour of a style sheet.
pub(super) fn is_color(value: &str) -> bool {
    value.strip_prefix('#').is_some_and(|digits| {
        matches!(digits.len(), 3 | 4 | 6 | 8) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Whether this is the path of a file: short parts in one case.
pub(super) fn is_file(value: &str) -> bool {
    const LONGEST: usize = 128;
    const LONGEST_PART: usize = 24;
    let is_part = |part: &str| {
        part.len() <= LONGEST_PART
            && part.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte)
            })
    };
    value.len() <= LONGEST && value.contains('/') && value.split('/').all(is_part)
}

/// `process.env.API_KEY`: names with dots between them.
pub(super) fn is_path(value: &str) -> bool {
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
pub(super) fn is_random(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !value.contains(' ')
}

/// Whether this is no word: it has digits, signs, or capitals behind its first letter.
pub(super) fn is_mixed(value: &str) -> bool {
    let is_word_like = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'/' | b'.');
    !value.bytes().skip(1).all(is_word_like)
        && !value
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// Whether this was masked before: `[redacted]`, or `Bearer [redacted]`.
pub(super) fn is_masked(value: &str) -> bool {
    match value.split_once(' ') {
        Some((scheme, rest)) => super::values::is_scheme(scheme) && rest == MASK,
        None => value == MASK,
    }
}
