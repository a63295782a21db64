//! Secrets that are known by their shape, because their issuers begin them with a word of their own.

use Alphabet::{Alphanumeric, Dashed, Dotted, Hash, Hex, Path, Upper};
use std::ops::Range;

/// A kind of secret: a word that it begins with, and what follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// How it begins.
    pub(super) prefix: &'static str,
    alphabet: Alphabet,
    at_least: usize,
    rule: Rule,
}

/// What a secret is written with, behind its prefix.
#[derive(Debug, Clone, Copy)]
enum Alphabet {
    /// Letters and digits.
    Alphanumeric,
    /// Capitals and digits.
    Upper,
    /// Hexadecimal digits.
    Hex,
    /// Letters, digits, `-` and `_`.
    Dashed,
    /// The same and `.`.
    Dotted,
    /// The same, `.` and `/`.
    Path,
    /// What hashes of passwords are written with.
    Hash,
}

/// What else has to be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Nothing: the prefix does not occur in words.
    Distinct,
    /// It does not go on from a word.
    Apart,
    /// Neither is it made of words.
    Random,
    /// The same, and that between two dashes or behind the kind of the key.
    Key,
}

/// All of them. Lengths are well below those of real ones, and far above those of words.
pub(super) const SHAPES: &[Shape] = &[
    // This proxy's own.
    shape("cop_", Dashed, 32, Rule::Apart),
    // OpenAI, Anthropic, OpenRouter and others.
    shape("sk-", Dashed, 16, Rule::Key),
    shape("sess-", Dashed, 24, Rule::Random),
    shape("ghp_", Alphanumeric, 20, Rule::Distinct),
    shape("gho_", Alphanumeric, 20, Rule::Distinct),
    shape("ghs_", Alphanumeric, 20, Rule::Distinct),
    shape("ghu_", Alphanumeric, 20, Rule::Distinct),
    shape("ghr_", Alphanumeric, 20, Rule::Distinct),
    shape("github_pat_", Dashed, 20, Rule::Distinct),
    // GitLab.
    shape("glpat-", Dotted, 16, Rule::Distinct),
    shape("gldt-", Dotted, 16, Rule::Distinct),
    shape("glrt-", Dotted, 16, Rule::Distinct),
    shape("glcbt-", Dotted, 16, Rule::Distinct),
    shape("glptt-", Dotted, 16, Rule::Distinct),
    shape("gloas-", Dotted, 16, Rule::Distinct),
    // Slack, Discord.
    shape("xoxb-", Dashed, 10, Rule::Distinct),
    shape("xoxp-", Dashed, 10, Rule::Distinct),
    shape("xoxa-", Dashed, 10, Rule::Distinct),
    shape("xoxr-", Dashed, 10, Rule::Distinct),
    shape("xoxs-", Dashed, 10, Rule::Distinct),
    shape("xoxc-", Dashed, 10, Rule::Distinct),
    shape("xoxd-", Dashed, 10, Rule::Distinct),
    shape("xoxe-", Dashed, 10, Rule::Distinct),
    shape("xoxe.xox", Dashed, 10, Rule::Distinct),
    shape("xapp-", Dashed, 10, Rule::Distinct),
    shape("hooks.slack.com/services/", Path, 16, Rule::Distinct),
    shape("discord.com/api/webhooks/", Path, 24, Rule::Distinct),
    // AWS: ids of keys.
    shape("AKIA", Upper, 16, Rule::Apart),
    shape("ASIA", Upper, 16, Rule::Apart),
    shape("ABIA", Upper, 16, Rule::Apart),
    shape("ACCA", Upper, 16, Rule::Apart),
    // Google.
    shape("AIza", Dashed, 30, Rule::Apart),
    shape("ya29.", Dashed, 20, Rule::Apart),
    shape("GOCSPX-", Dashed, 20, Rule::Distinct),
    shape("1//0", Dashed, 20, Rule::Apart),
    // Stripe.
    shape("sk_live_", Alphanumeric, 16, Rule::Distinct),
    shape("sk_test_", Alphanumeric, 16, Rule::Distinct),
    shape("rk_live_", Alphanumeric, 16, Rule::Distinct),
    shape("rk_test_", Alphanumeric, 16, Rule::Distinct),
    shape("whsec_", Path, 16, Rule::Distinct),
    // Registries and platforms.
    shape("npm_", Alphanumeric, 30, Rule::Apart),
    shape("pypi-", Dashed, 32, Rule::Apart),
    shape("dckr_pat_", Dashed, 16, Rule::Distinct),
    shape("dop_v1_", Hex, 32, Rule::Distinct),
    shape("doo_v1_", Hex, 32, Rule::Distinct),
    shape("dor_v1_", Hex, 32, Rule::Distinct),
    shape("shpat_", Hex, 24, Rule::Distinct),
    shape("shpca_", Hex, 24, Rule::Distinct),
    shape("shppa_", Hex, 24, Rule::Distinct),
    shape("shpss_", Hex, 24, Rule::Distinct),
    shape("SG.", Dotted, 32, Rule::Random),
    shape("ATATT3", Dashed, 24, Rule::Distinct),
    shape("lin_api_", Alphanumeric, 20, Rule::Distinct),
    shape("figd_", Dashed, 20, Rule::Distinct),
    shape("glsa_", Dashed, 20, Rule::Distinct),
    shape("hvs.", Dashed, 20, Rule::Apart),
    shape("tskey-", Dashed, 16, Rule::Distinct),
    shape("AGE-SECRET-KEY-1", Upper, 32, Rule::Distinct),
    // Other models.
    shape("hf_", Alphanumeric, 20, Rule::Random),
    shape("xai-", Alphanumeric, 20, Rule::Random),
    shape("gsk_", Alphanumeric, 20, Rule::Apart),
    shape("pplx-", Alphanumeric, 20, Rule::Random),
    shape("r8_", Alphanumeric, 30, Rule::Apart),
    shape("nvapi-", Dashed, 20, Rule::Distinct),
    shape("lsv2_pt_", Dashed, 20, Rule::Distinct),
    shape("tgp_v1_", Dashed, 20, Rule::Distinct),
    // Codex, Heroku, Twilio, Mailgun, Fernet.
    shape("rt_", Dotted, 40, Rule::Random),
    shape("HRKU-", Dashed, 20, Rule::Distinct),
    shape("SK", Hex, 32, Rule::Random),
    shape("key-", Hex, 32, Rule::Random),
    shape("gAAAAA", Path, 60, Rule::Apart),
    // Hashes of passwords, as in /etc/shadow and .htpasswd.
    shape("$1$", Hash, 20, Rule::Distinct),
    shape("$5$", Hash, 30, Rule::Distinct),
    shape("$6$", Hash, 30, Rule::Distinct),
    shape("$y$", Hash, 30, Rule::Distinct),
    shape("$2a$", Hash, 50, Rule::Distinct),
    shape("$2b$", Hash, 50, Rule::Distinct),
    shape("$2y$", Hash, 50, Rule::Distinct),
    shape("$apr1$", Hash, 20, Rule::Distinct),
    shape("$argon2", Hash, 40, Rule::Distinct),
];

const fn shape(prefix: &'static str, alphabet: Alphabet, at_least: usize, rule: Rule) -> Shape {
    Shape {
        prefix,
        alphabet,
        at_least,
        rule,
    }
}

impl Shape {
    /// Where such a secret that begins at `start` ends, if it is one. Its prefix is there, in some
    /// case.
    pub(super) fn end(&self, text: &[u8], start: usize) -> Option<usize> {
        let from = start + self.prefix.len();
        if text[start..from] != *self.prefix.as_bytes() {
            return None;
        }
        if self.rule != Rule::Distinct && !is_apart(text, start) {
            return None;
        }
        let run = run(text, from, |byte| self.alphabet.has(byte));
        let body = &text[from..run];
        let is_made_so = match self.rule {
            Rule::Distinct | Rule::Apart => true,
            Rule::Random => is_random(body),
            Rule::Key => is_key(body),
        };
        (body.len() >= self.at_least && is_made_so).then_some(run)
    }
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Dashed => is_dashed(byte),
            Self::Dotted => is_dashed(byte) || byte == b'.',
            Self::Hash => byte.is_ascii_alphanumeric() || b"$./,=+".contains(&byte),
            Self::Path => is_dashed(byte) || matches!(byte, b'.' | b'/' | b'+' | b'='),
        }
    }
}

/// Where a JSON web token (RFC 7519) that begins with `eyJ` at `start` ends: three parts, or five
/// where it is encrypted.
pub(super) fn web_token(text: &[u8], start: usize) -> Option<usize> {
    let goes_on = matches!(text[..start].last(), Some(b'-' | b'_'));
    if goes_on || !is_apart(text, start) || !text[start..].starts_with(b"eyJ") {
        return None;
    }
    let mut end = run(text, start, is_dashed);
    if end - start < 10 {
        return None;
    }
    let mut parts = 1;
    while parts < 5 && text.get(end) == Some(&b'.') {
        end = run(text, end + 1, is_dashed);
        parts += 1;
    }
    (parts >= 3).then_some(end)
}

/// The end of the bytes from `from` on that are all of a kind.
pub(super) fn run(text: &[u8], from: usize, is_kind: impl Fn(u8) -> bool) -> usize {
    let length = text[from..].iter().position(|byte| !is_kind(*byte));
    length.map_or(text.len(), |length| from + length)
}

/// Whether no word goes on at `at`. The last character of an escape is none.
fn is_apart(text: &[u8], at: usize) -> bool {
    let before = &text[..at];
    match before.last() {
        Some(last) if last.is_ascii_alphanumeric() => ends_with_escape(before),
        _ => true,
    }
}

/// Whether this ends with an escape: `\n` or `\u0026` as in strings, `%3D` as in URLs, or a colour
/// of a terminal.
fn ends_with_escape(text: &[u8]) -> bool {
    match text {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] => true,
        [.., b'\\', b'u', a, b, c, d] => [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()),
        [.., b'%', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        [colour @ .., b'm'] => {
            let digits = colour
                .iter()
                .rev()
                .take(16)
                .take_while(|byte| byte.is_ascii_digit() || **byte == b';')
                .count();
            colour[..colour.len() - digits].ends_with(b"[")
        }
        _ => false,
    }
}

fn is_dashed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Whether this is a key behind `sk-`, and no name of something.
fn is_key(body: &[u8]) -> bool {
    const KINDS: [&[u8]; 8] = [
        b"proj-",
        b"ant-",
        b"or-",
        b"svcacct-",
        b"admin-",
        b"None-",
        b"live-",
        b"test-",
    ];
    const PART: usize = 16;
    let mut parts = body.split(|byte| *byte == b'-');
    is_random(body)
        && (body.len() >= 256
            || KINDS.iter().any(|kind| body.starts_with(kind))
            || parts.any(|part| part.len() >= PART && is_random(part)))
}

/// The secret half of a bot's token, where the colon of `123456789:AA…` is at `colon`.
pub(super) fn telegram(text: &[u8], colon: usize) -> Option<Range<usize>> {
    const SECRET: usize = 30;
    let digits = text[..colon]
        .iter()
        .rev()
        .take(11)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let from = colon + 1;
    let end = run(&text[..text.len().min(from + 256)], from, is_dashed);
    ((8..=10).contains(&digits) && end - from >= SECRET).then_some(from..end)
}

/// Whether this is not made of words: it has a digit or a capital, or is too long for that.
fn is_random(body: &[u8]) -> bool {
    let is_sign = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    body.iter().any(is_sign)
        || (body.len() >= 20 && body.iter().all(u8::is_ascii_alphabetic))
        || (body.len() >= 32 && !body.contains(&b'-'))
        // Nor may it be looked at in vain too often.
        || body.len() >= 256
}
