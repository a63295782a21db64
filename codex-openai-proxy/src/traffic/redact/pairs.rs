//! Secrets that stand apart from their names: in the next field, on the next line, behind the short
//! flag of a command.

use super::{
    names::{self, Hint},
    shapes::run,
    values,
    words::is_placeholder,
};
use std::ops::Range;

/// How far from its name a secret may be, in bytes.
const WINDOW: usize = 160;

/// Flags of commands that take secrets: the flag, the commands, and whether a user and a colon
/// stand before the secret.
pub(super) const FLAGS: [(&str, &[&str], bool); 8] = [
    (" -u ", &["curl"], true),
    (" --user ", &["curl"], true),
    (" --proxy-user ", &["curl"], true),
    (" -b ", &["curl"], false),
    (" --cookie ", &["curl"], false),
    (" -p ", &["sshpass", "docker login", "podman login"], false),
    (
        " -p",
        &["sshpass", "mysql", "mysqldump", "mysqladmin"],
        false,
    ),
    (" -a ", &["redis-cli"], false),
];

/// The secret behind the flag at `flag`, the `index`th of [`FLAGS`].
pub(super) fn after_flag(text: &str, flag: &Range<usize>, index: usize) -> Option<Range<usize>> {
    let (_, commands, has_user) = FLAGS.get(index)?;
    let before = &text[text.floor_char_boundary(flag.start.saturating_sub(WINDOW))..flag.start];
    let line = before.rsplit('\n').next().unwrap_or_default();
    if !commands.iter().any(|command| has_command(line, command)) {
        return None;
    }
    let bytes = text.as_bytes();
    let window = &bytes[..bytes.len().min(flag.end + WINDOW)];
    let escapes = run(window, flag.end, |byte| byte == b'\\');
    let quote = window
        .get(escapes)
        .filter(|byte| matches!(byte, b'"' | b'\''));
    let from = quote.map_or(flag.end, |_| escapes + 1);
    let end = run(window, from, |byte| match quote {
        Some(quote) => byte != *quote && byte != b'\\' && byte != b'\n',
        None => !byte.is_ascii_whitespace() && !b"\"'`\\;|&)".contains(&byte),
    });
    let end = if end == window.len() {
        run(bytes, end, |byte| {
            !byte.is_ascii_whitespace() && byte != b'"'
        })
    } else {
        end
    };
    let from = if *has_user {
        from + text[from..end].find(':')? + 1
    } else {
        from
    };
    let value = &text[from..end];
    let is_secret = !is_placeholder(value) && !value.starts_with('-') && !value.is_empty();
    is_secret.then_some(from..end)
}

/// Whether the command is a word of the line.
fn has_command(line: &str, command: &str) -> bool {
    line.match_indices(command).any(|(at, _)| {
        let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
        !line[..at].ends_with(is_word)
            && matches!(line.as_bytes().get(at + command.len()), None | Some(b' '))
    })
}

/// The secret of `name: DB_PASSWORD` and `value: …`, the first of which stands at `name`.
pub(super) fn value_of(text: &str, name: &Range<usize>, hint: Hint) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let before = &bytes[name.start.saturating_sub(16)..name.start];
    let before = trim_end(before, |byte| b" \"'\\".contains(&byte));
    let before = match before {
        [before @ .., b':' | b'='] => trim_end(before, |byte| b" \"'\\".contains(&byte)),
        _ => return None,
    };
    let ends_with = |key: &[u8]| {
        let end = before.split_at_checked(before.len().wrapping_sub(key.len()));
        end.is_some_and(|(_, end)| end.eq_ignore_ascii_case(key))
    };
    if ![&b"name"[..], b"key", b"header"]
        .iter()
        .any(|key| ends_with(key))
    {
        return None;
    }
    let window = &bytes[..bytes.len().min(name.end + WINDOW)];
    let mut at = name.end;
    loop {
        at = match &window[at..] {
            [b'\\', b'n' | b'r' | b't', ..] => at + 2,
            [
                b' ' | b'\n' | b'\r' | b'\t' | b'"' | b'\'' | b',' | b'\\',
                ..,
            ] => at + 1,
            _ => break,
        };
    }
    let end = at + "value".len();
    let is_value = window
        .get(at..end)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"value"));
    if !is_value {
        return None;
    }
    values::assigned(text, at..end, hint)
}

/// The lines of a block of YAML that begins behind `from`: `password: |` and what is indented more
/// than the line of `name`.
pub(super) fn block(text: &str, name: &Range<usize>, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let signs = match bytes.get(from..)? {
        [b'|' | b'>', b'-' | b'+', ..] => 2,
        [b'|' | b'>', ..] => 1,
        _ => return None,
    };
    let line = match bytes.get(from + signs..)? {
        [b'\n', ..] => from + signs + 1,
        [b'\r', b'\n', ..] => from + signs + 2,
        _ => return None,
    };
    let before = &bytes[name.start.saturating_sub(WINDOW)..name.start];
    let own = before
        .iter()
        .rev()
        .take_while(|byte| **byte == b' ')
        .count();
    let mut end = line;
    let mut start = None;
    // The first line decides, so that the others are not gone over in vain.
    let first = text[line..].trim_start_matches(' ').as_bytes();
    let first = &first[..first.len().min(WINDOW)];
    let first = String::from_utf8_lossy(&first[..run(first, 0, |byte| byte != b'\n')]);
    if is_placeholder(&first) {
        return None;
    }
    loop {
        let word = run(bytes, end, |byte| byte == b' ');
        if word - end <= own || matches!(bytes.get(word), None | Some(b'\n')) {
            break;
        }
        start = start.or(Some(word));
        end = run(bytes, word, |byte| byte != b'\n');
        if end == bytes.len() {
            break;
        }
        end += 1;
    }
    let start = start?;
    Some(start..start + text[start..end].trim_end().len())
}

/// The password of `machine h login u password p`, where `from` is behind its name.
pub(super) fn netrc(text: &[u8], name: &Range<usize>) -> Option<usize> {
    let before = &text[name.start.saturating_sub(WINDOW)..name.start];
    let has = |word: &[u8]| before.windows(word.len()).any(|window| window == word);
    let is_password = text[name.clone()] == *b"password";
    let from = run(&text[..text.len().min(name.end + 32)], name.end, |byte| {
        byte == b' '
    });
    (is_password && from > name.end && has(b"machine ") && has(b"login ")).then_some(from)
}

/// The password at the end of a line of `.pgpass`, where `from` is behind the port.
pub(super) fn pgpass(text: &[u8], from: usize) -> Option<Range<usize>> {
    let window = &text[..text.len().min(from + WINDOW)];
    let is_field = |byte: u8| byte.is_ascii_graphic() && !b":\"'\\/".contains(&byte);
    let database = run(window, from, is_field);
    let user = run(window, (database + 1).min(window.len()), is_field);
    let start = (user + 1).min(window.len());
    let end = run(window, start, |byte| {
        byte.is_ascii_graphic() && byte != b'"'
    });
    let is_line = window.get(database) == Some(&b':') && window.get(user) == Some(&b':');
    (is_line && database > from && user > database + 1 && end > start + 3).then_some(start..end)
}

/// What the name in `api key` says, where `key` is a word of its own at `word`.
pub(super) fn spaced(text: &[u8], word: &Range<usize>) -> Option<Hint> {
    const KINDS: [&[u8]; 6] = [
        b"api", b"access", b"secret", b"private", b"account", b"license",
    ];
    let before = text[..word.start].strip_suffix(b" ")?;
    let ends_with = |kind: &[u8]| {
        let end = before.split_at_checked(before.len().wrapping_sub(kind.len()));
        end.is_some_and(|(_, end)| end.eq_ignore_ascii_case(kind))
    };
    (text[word.clone()].eq_ignore_ascii_case(b"key") && KINDS.iter().any(|kind| ends_with(kind)))
        .then_some(Hint::Perhaps)
}

/// Whether a string of a list says that the next is a secret: a flag, or the name of a header.
pub(super) fn announces(string: &str) -> bool {
    let name = string.strip_prefix("--").unwrap_or(string);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    name.len() <= names::LONGEST
        && name.bytes().all(is_name)
        && names::hint(name) == Some(Hint::Secret)
}

fn trim_end(text: &[u8], is_kind: impl Fn(u8) -> bool) -> &[u8] {
    let kept = text.iter().rposition(|byte| !is_kind(*byte));
    &text[..kept.map_or(0, |last| last + 1)]
}
