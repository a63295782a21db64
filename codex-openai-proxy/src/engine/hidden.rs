//! Secrets, taken out of what those say to whom they were told.

use crate::config::Secret;
use std::cmp::Reverse;

/// What stands in place of a secret.
const HIDDEN: &str = "[hidden]";

/// The shortest secret that is looked for: a shorter one is a word like others.
const SHORTEST: usize = 8;

/// How texts go on where they were cut.
const ELLIPSES: [&str; 2] = ["...", "…"];

/// The most backslashes before an escaped character: JSON in JSON in JSON.
const MOST_BACKSLASHES: usize = 8;

/// The text without these, whatever its encoding, also where JSON or a URL escapes them, and where one
/// is cut in the middle. Where there is none of them, it stays as it is to the byte.
pub fn without<'a>(secrets: impl IntoIterator<Item = &'a Secret>, mut text: Vec<u8>) -> Vec<u8> {
    let words = secrets.into_iter().filter_map(|secret| {
        // `Bearer KEY`: the key may be repeated alone.
        secret.expose().split_ascii_whitespace().next_back()
    });
    let mut words: Vec<&[u8]> = words
        .map(str::as_bytes)
        .filter(|word| word.len() >= SHORTEST)
        .collect();
    // One that begins with another has to go first, or its end would stay.
    words.sort_unstable_by_key(|word| Reverse(word.len()));
    for word in words {
        if let Some(hidden) = hide(word, &text) {
            text = hidden;
        }
    }
    text
}

/// The same for one secret; `None` where it does not stand there.
fn hide(secret: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut hidden = Vec::new();
    let (mut kept, mut at) = (0, 0);
    while at < text.len() {
        let (length, spelled) = spell(secret, &text[at..]);
        let is_whole = spelled == secret.len();
        if is_whole || (spelled >= SHORTEST && is_cut(&text[at + length..])) {
            hidden.extend_from_slice(&text[kept..at]);
            hidden.extend_from_slice(HIDDEN.as_bytes());
            at += length;
            kept = at;
        } else {
            at += 1;
        }
    }
    if kept == 0 {
        return None;
    }
    hidden.extend_from_slice(&text[kept..]);
    Some(hidden)
}

/// Whether this follows what was cut.
fn is_cut(rest: &[u8]) -> bool {
    rest.is_empty()
        || ELLIPSES
            .iter()
            .any(|mark| rest.starts_with(mark.as_bytes()))
}

/// How much of the text, from its beginning, spells how much of the secret.
fn spell(secret: &[u8], text: &[u8]) -> (usize, usize) {
    let mut at = 0;
    for (spelled, &byte) in secret.iter().enumerate() {
        match stands_for(byte, &text[at..]) {
            Some(length) => at += length,
            None => return (at, spelled),
        }
    }
    (at, secret.len())
}

/// How many bytes of the text, from its beginning, stand for this one: itself; as JSON writes it, also
/// within JSON; or as URLs do.
fn stands_for(byte: u8, text: &[u8]) -> Option<usize> {
    let escaped = match text {
        [b'\\', ..] => in_json(byte, text),
        [b'%', rest @ ..] => is_number(byte, rest.get(..2)).then_some(3),
        _ => None,
    };
    escaped.or_else(|| (*text.first()? == byte).then_some(1))
}

/// The same for what begins with a backslash.
fn in_json(byte: u8, text: &[u8]) -> Option<usize> {
    let run = text.iter().take(MOST_BACKSLASHES);
    let run = run.take_while(|&&byte| byte == b'\\').count();
    match &text[run..] {
        [b'u', rest @ ..] if is_number(byte, rest.get(..4)) => Some(run + 5),
        [first, ..] if *first == byte => Some(run + 1),
        _ => None,
    }
}

/// Whether these are its hexadecimal digits.
fn is_number(byte: u8, digits: Option<&[u8]>) -> bool {
    let number = digits.and_then(|digits| {
        digits.iter().try_fold(0, |number, &digit| {
            Some(number * 16 + char::from(digit).to_digit(16)?)
        })
    });
    number == Some(u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(secrets: &[&str], text: impl AsRef<[u8]>) -> String {
        let secrets: Vec<Secret> = secrets.iter().copied().map(Secret::new).collect();
        let text = without(&secrets, text.as_ref().to_vec());
        text.iter().copied().map(char::from).collect()
    }

    #[test]
    fn a_secret_that_is_repeated_is_hidden() {
        let secrets = ["sk-12345678", "v1"];
        assert_eq!(
            said(&secrets, "wrong key: sk-12345678 (v1)"),
            "wrong key: [hidden] (v1)"
        );
        assert_eq!(said(&secrets, "v1 only"), "v1 only");
        assert_eq!(said(&secrets, [0xff]), "\u{ff}");
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_stands_and_however_it_is_cut() {
        let secrets = ["Bearer sk-12345678-abc"];
        let latin = b"cl\xe9 sk-12345678-abc sk-12345678-abc";
        assert_eq!(said(&secrets, latin), "cl\u{e9} [hidden] [hidden]");
        for (text, expected) in [
            ("the key sk-12345678-a", "the key [hidden]"),
            ("the key sk-12345", "the key [hidden]"),
            ("the key sk-1234", "the key sk-1234"),
            ("sk-12345678... (401)", "[hidden]... (401)"),
            ("sk-sk-12345678-abc", "sk-[hidden]"),
            ("sk-12345678-other", "sk-12345678-other"),
        ] {
            assert_eq!(said(&secrets, text), expected);
        }
        assert_eq!(
            without(&secrets.map(Secret::new), "sk-12345678…".into()),
            "[hidden]…".as_bytes()
        );
    }

    #[test]
    fn a_secret_is_found_however_json_and_urls_write_it() {
        let secrets = ["ab/cd+ef\"gh\\ij="];
        for text in [
            r#""ab/cd+ef\"gh\\ij=""#,
            r#""ab\/cd\u002bef\u0022gh\u005Cij\u003d""#,
            r#""{\"key\":\"ab\\/cd+ef\\\"gh\\\\ij=\"}""#,
            r#""\u0061b\/cd+ef\"gh\\ij=""#,
            r#""http://host/?key=ab%2Fcd%2bef%22gh%5Cij%3D""#,
        ] {
            let hidden = said(&secrets, text);
            assert!(hidden.contains(HIDDEN), "{hidden}");
            assert!(!hidden.contains("ij"), "{hidden}");
            let is_json = serde_json::from_str::<String>(&hidden).is_ok();
            assert!(is_json, "{hidden}");
        }
    }

    #[test]
    fn of_secrets_that_begin_alike_nothing_stays() {
        for secrets in [
            ["sk-12345678", "sk-12345678-abc"],
            ["sk-12345678-abc", "sk-12345678"],
        ] {
            assert_eq!(
                said(&secrets, "sk-12345678-abc, sk-12345678"),
                "[hidden], [hidden]"
            );
        }
    }

    #[test]
    fn a_text_of_nothing_but_escapes_costs_no_more_than_its_length() {
        let text = "\\".repeat(1_000_000);
        assert_eq!(said(&["sk-12345678"], &text), text);
    }
}
