//! Searches text for secrets.
//!
//! One pass finds every word that a secret may begin with or stand behind; what follows each is then
//! looked at by hand. That keeps the whole linear: a look is bounded, or what it went over is masked.

use super::{
    MASK, media,
    names::{self, Hint},
    pairs::{self, FLAGS},
    pem,
    shapes::{self, SHAPES, Shape},
    values,
    words::is_placeholder,
};
use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, Input, MatchKind};
use std::{borrow::Cow, ops::Range, sync::LazyLock};

/// Words that the names of secrets have in them.
const STEMS: [&str; 15] = [
    "key",
    "token",
    "secret",
    "pass",
    "pwd",
    "credential",
    "auth",
    "cookie",
    "jwt",
    "code",
    "sig",
    "connection",
    "psk",
    "_pat",
    "salt",
];

/// What a word in the text may be the beginning of, in the order in which [`ANCHORS`] knows them:
/// first the names, then these, then the shapes, then the flags.
const OTHERS: [(&str, Anchor); 9] = [
    ("bearer", Anchor::Scheme),
    ("basic", Anchor::Scheme),
    ("eyJ", Anchor::WebToken),
    ("-----BEGIN", Anchor::PrivateKey),
    ("data:", Anchor::DataUrl),
    ("://", Anchor::Url),
    (":5432:", Anchor::PgPass),
    (":AA", Anchor::Telegram),
    ("Private-Lines:", Anchor::PuttyKey),
];

static ANCHORS: LazyLock<Result<AhoCorasick, BuildError>> = LazyLock::new(|| {
    let others = OTHERS.iter().map(|(word, _)| *word);
    let shapes = SHAPES.iter().map(|shape| shape.prefix);
    let flags = FLAGS.iter().map(|(flag, ..)| *flag);
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::DFA))
        .build(STEMS.into_iter().chain(others).chain(shapes).chain(flags))
});

#[derive(Debug, Clone, Copy)]
enum Anchor {
    /// A part of a name.
    Name,
    /// The scheme of an `Authorization`, or a name.
    Scheme,
    WebToken,
    PrivateKey,
    DataUrl,
    /// The middle of a URL.
    Url,
    /// The port in a line of `.pgpass`.
    PgPass,
    /// The colon behind the number of a bot.
    Telegram,
    PuttyKey,
    Shape(&'static Shape),
    /// One of [`FLAGS`].
    Flag(usize),
}

impl Anchor {
    fn of(pattern: usize) -> Option<Self> {
        let Some(other) = pattern.checked_sub(STEMS.len()) else {
            return Some(Self::Name);
        };
        match other.checked_sub(OTHERS.len()) {
            None => Some(OTHERS[other].1),
            Some(shape) => {
                let flag = || shape.checked_sub(SHAPES.len()).map(Self::Flag);
                SHAPES.get(shape).map(Self::Shape).or_else(flag)
            }
        }
    }
}

/// The text with its secrets masked and its `data:` URLs replaced.
pub(super) fn redact(text: &str) -> Cow<'_, str> {
    // The words are constants: this has failed in no build that was ever tested.
    let Ok(anchors) = &*ANCHORS else {
        return Cow::Borrowed(MASK);
    };
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = anchors.find(Input::new(text).range(at..)) {
        let word = found.start()..found.end();
        let anchor = Anchor::of(found.pattern().as_usize());
        match anchor.and_then(|anchor| look(text, anchor, &word)) {
            Some((secret, shown)) => {
                out.push_str(&text[copied..secret.start]);
                out.push_str(&shown);
                copied = secret.end;
                at = secret.end;
            }
            None => at = word.start + 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// The secret that `word` leads to, never before it, and what to show for it.
fn look(
    text: &str,
    anchor: Anchor,
    word: &Range<usize>,
) -> Option<(Range<usize>, Cow<'static, str>)> {
    let bytes = text.as_bytes();
    let start = word.start;
    let whole = |end| start..end;
    let secret = match anchor {
        Anchor::Shape(shape) => shape.end(bytes, start).map(whole),
        Anchor::WebToken => shapes::web_token(bytes, start).map(whole),
        Anchor::PrivateKey => pem::private_key(bytes, start).map(whole),
        Anchor::DataUrl => {
            let (url, shown) = media::data_url(text, start)?;
            return Some((url, Cow::Owned(shown)));
        }
        Anchor::Url => user_info(text, word.end),
        Anchor::PgPass => pairs::pgpass(bytes, word.end),
        Anchor::Telegram => shapes::telegram(bytes, start),
        Anchor::PuttyKey => pem::putty_key(bytes, word.end).map(|end| word.end..end),
        Anchor::Flag(flag) => pairs::after_flag(text, word, flag),
        Anchor::Scheme => values::after_scheme(text, word.clone()).or_else(|| named(text, word)),
        Anchor::Name => named(text, word),
    };
    Some((secret?, Cow::Borrowed(MASK)))
}

/// What is assigned to the name that `word` is a part of, if it is a secret.
fn named(text: &str, word: &Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let before = &bytes[word.start.saturating_sub(names::LONGEST)..word.start];
    let length = before
        .iter()
        .rev()
        .take_while(|byte| is_name(**byte))
        .count();
    let mut start = word.start - length;
    // The last character of an escape is not the first of a name.
    start += match bytes[..start].last().zip(bytes.get(start)) {
        Some((b'\\', b'n' | b'r' | b't' | b'b' | b'f')) => 1,
        Some((b'\\', b'u')) => 5,
        Some((b'%', _)) => 2,
        _ => 0,
    };
    let start = start.min(word.start);
    let window = &bytes[..bytes.len().min(word.end + names::LONGEST)];
    let end = shapes::run(window, word.end, is_name);
    let name = &text[start..end];
    let parameter = matches!(bytes[..start].last(), Some(b'?' | b'&' | b';'));
    let hint = if parameter && names::is_secret_parameter(name) {
        Hint::Perhaps
    } else {
        names::hint(name).or_else(|| pairs::spaced(bytes, &(start..end)))?
    };
    let name = start..end;
    values::assigned(text, name.clone(), hint).or_else(|| pairs::value_of(text, &name, hint))
}

/// The password in a URL whose authority begins at `start`, or a user that looks like one.
fn user_info(text: &str, start: usize) -> Option<Range<usize>> {
    const LONGEST: usize = 512;
    const LONG_USER: usize = 16;
    let bytes = text.as_bytes();
    let window = &bytes[..bytes.len().min(start + LONGEST)];
    let end = shapes::run(window, start, |byte| {
        byte.is_ascii_graphic() && !b"/\\?#\"'<>`|{}".contains(&byte)
    });
    let user = &window[start..end];
    let at = user.iter().rposition(|byte| *byte == b'@')?;
    let secret = match user[..at].iter().position(|byte| *byte == b':') {
        Some(colon) if colon + 1 < at => start + colon + 1..start + at,
        None if at >= LONG_USER => start..start + at,
        _ => return None,
    };
    let is_variable =
        text[secret.clone()].starts_with('$') && is_placeholder(&text[secret.clone()]);
    (!is_variable).then_some(secret)
}
