//! Names under which secrets are stored.

use aho_corasick::{AhoCorasick, BuildError};
use std::sync::LazyLock;

/// How much a name says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    /// What is stored under it is a secret.
    Secret,
    /// What is stored under it is a secret if it looks like one.
    Perhaps,
}

/// The longest name that is looked at, in bytes; of a longer one, its end.
pub(super) const LONGEST: usize = 64;

/// What the names of secrets end with, in lower case and without separators.
const ENDINGS: [&str; 36] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "psk",
    "pwd",
    "secret",
    "secrets",
    "apikey",
    "apikeys",
    "accesskey",
    "secretkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "authkey",
    "accountkey",
    "sharedkey",
    "masterkey",
    "subscriptionkey",
    "storagekey",
    "servicekey",
    "servicerolekey",
    "credential",
    "credentials",
    "authorization",
    "authheader",
    "cookie",
    "cookies",
    "setcookie",
    "bearer",
    "jwt",
    "auth",
    "authentication",
    "connectionstring",
];

/// Endings of names that look like those above and store no secret.
const HARMLESS: [&str; 23] = [
    "maxtoken",
    "pagetoken",
    "nexttoken",
    "continuationtoken",
    "synctoken",
    "canceltoken",
    "cancellationtoken",
    "stoptoken",
    "eostoken",
    "bostoken",
    "padtoken",
    "unktoken",
    "septoken",
    "clstoken",
    "masktoken",
    "specialtoken",
    "firsttoken",
    "lasttoken",
    "starttoken",
    "endtoken",
    "pertoken",
    "oldpwd",
    "xpwd",
];

/// What may stand before `pass`, so that it is short for a password.
const PASS_OF: [&str; 18] = [
    "require", "become", "sudo", "db", "user", "smtp", "mail", "root", "mysql", "pg", "postgres",
    "redis", "admin", "ssh", "ftp", "login", "proxy", "mqtt",
];

/// Words at the end of a name that change nothing.
const QUALIFIERS: [&str; 16] = [
    "value",
    "base",
    "raw",
    "old",
    "new",
    "backup",
    "prod",
    "production",
    "dev",
    "test",
    "staging",
    "live",
    "b64",
    "base64",
    "string",
    "plain",
];

/// Kinds of keys that are no secrets, where a name of capitals ends with `KEY`.
const OPEN_KEYS: [&str; 8] = [
    "PUBLIC",
    "CACHE",
    "PRIMARY",
    "FOREIGN",
    "SORT",
    "PARTITION",
    "ROUTING",
    "IDEMPOTENCY",
];

/// Parts of the names of headers that tell secrets.
const HEADER_PARTS: [&str; 11] = [
    "auth",
    "cookie",
    "key",
    "token",
    "secret",
    "signature",
    "password",
    "passwd",
    "credential",
    "bearer",
    "jwt",
];

static IN_HEADERS: LazyLock<Result<AhoCorasick, BuildError>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(HEADER_PARTS)
});

/// What a name, in any case and with any separators, says about its value.
pub(super) fn hint(name: &str) -> Option<Hint> {
    let mut buffer = [0; 2 * LONGEST];
    let words = words(name, &mut buffer)?;
    let words = without_qualifiers(words);
    let mut compact = [0; 2 * LONGEST];
    let mut length = 0;
    for byte in words.bytes().filter(|byte| *byte != b'_') {
        compact[length] = byte;
        length += 1;
    }
    let compact = std::str::from_utf8(&compact[..length]).ok()?;
    // The working directory, in every shell.
    if compact == "pwd" || ends_with(compact, &HARMLESS) {
        return None;
    }
    if ends_with(compact, &ENDINGS) || is_pass(compact) {
        return Some(Hint::Secret);
    }
    // FOO_KEY says little; in a list of settings it is worth a look at the value.
    let is_setting = || name.bytes().all(|byte| !byte.is_ascii_lowercase());
    let is_open = || OPEN_KEYS.iter().any(|kind| name.contains(kind));
    let ends = ["_key", "_tokens", "_pat", "_salt"];
    let is_secret = ends_with(words, &ends) || compact == "pass";
    (is_secret && is_setting() && !is_open()).then_some(Hint::Perhaps)
}

/// Whether the value of this header is nobody's business.
pub(super) fn is_secret_header(name: &str) -> bool {
    // The parts are constants, of which a search can be built.
    IN_HEADERS
        .as_ref()
        .map_or(true, |parts| parts.is_match(name))
}

/// Whether the value of this parameter is a secret in a URL, where short names are usual.
pub(super) fn is_secret_parameter(name: &str) -> bool {
    [
        "key",
        "code",
        "sig",
        "signature",
        "X-Amz-Signature",
        "pwd",
        "pass",
    ]
    .iter()
    .any(|secret| name.eq_ignore_ascii_case(secret))
}

/// The words of a name in lower case with `_` between them: `apiKey`, `API-Key` and `api.key` alike.
fn words<'a>(name: &str, into: &'a mut [u8; 2 * LONGEST]) -> Option<&'a str> {
    let name = name.as_bytes();
    let name = &name[name.len().saturating_sub(LONGEST)..];
    let mut length = 0;
    for (at, byte) in name.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| name[at]);
        let after = name.get(at + 1);
        let begins_word = byte.is_ascii_uppercase()
            && (before.is_some_and(|before| before.is_ascii_lowercase())
                || (before.is_some_and(|before| before.is_ascii_uppercase())
                    && after.is_some_and(u8::is_ascii_lowercase)));
        if begins_word {
            into[length] = b'_';
            length += 1;
        }
        into[length] = if byte.is_ascii_alphanumeric() {
            byte.to_ascii_lowercase()
        } else {
            b'_'
        };
        length += 1;
    }
    std::str::from_utf8(&into[..length]).ok()
}

fn without_qualifiers(words: &str) -> &str {
    let mut words = words;
    loop {
        words = words.trim_end_matches(|last: char| last == '_' || last.is_ascii_digit());
        let last = words.as_bytes().last();
        let shorter = QUALIFIERS
            .iter()
            .filter(|word| word.as_bytes().last() == last)
            .find_map(|word| words.strip_suffix(word)?.strip_suffix('_'));
        match shorter {
            Some(shorter) => words = shorter,
            None => return words,
        }
    }
}

/// Whether a word ends with one of these. Nearly none does, which its last byte tells sooner than all.
fn ends_with(word: &str, endings: &[&str]) -> bool {
    let last = word.as_bytes().last();
    endings
        .iter()
        .any(|ending| ending.as_bytes().last() == last && word.ends_with(ending))
}

fn is_pass(compact: &str) -> bool {
    let of = compact.strip_suffix("pass");
    of.is_some_and(|of| PASS_OF.iter().any(|known| of.ends_with(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_style() {
        for name in [
            "api_key",
            "apiKey",
            "API-KEY",
            "x-api-key",
            "X_API_KEY",
            "APIKey",
            "apikey",
            "OPENAI_API_KEY",
            "openai.api.key",
            "api_key_2",
            "API_KEY_PROD",
            "token",
            "Token",
            "access_token",
            "accessToken",
            "refresh-token",
            "id_token",
            "sessionToken",
            "GITHUB_TOKEN",
            "githubtoken",
            "authorization",
            "Proxy-Authorization",
            "auth",
            "basicAuth",
            "password",
            "dbPassword",
            "DB_PASS",
            "passwd",
            "passphrase",
            "secret",
            "clientSecret",
            "client_secret",
            "SECRET_KEY_BASE",
            "cookie",
            "Set-Cookie",
            "credential",
            "credentials",
            "private_key",
            "privateKey",
            "bearer",
            "jwt",
            "AccountKey",
            "SharedAccessKey",
            "Ocp-Apim-Subscription-Key",
            "AWS_SECRET_ACCESS_KEY",
            "passcode",
            "psk",
            "become_pass",
            "requirepass",
        ] {
            assert_eq!(hint(name), Some(Hint::Secret), "{name}");
        }
        for name in [
            "AZURE_OPENAI_KEY",
            "STRIPE_KEY",
            "ENCRYPTION-SALT-KEY",
            "API_TOKENS",
            "GH_PAT",
            "APP_SALT",
            "PASS",
        ] {
            assert_eq!(hint(name), Some(Hint::Perhaps), "{name}");
        }
    }

    #[test]
    fn names_of_other_things_are_not() {
        for name in [
            "",
            "_",
            "max_tokens",
            "maxTokens",
            "max_completion_tokens",
            "input_tokens",
            "tokens",
            "tokenizer",
            "token_count",
            "tokenCount",
            "author",
            "authors",
            "authority",
            "authored",
            "prompt_cache_key",
            "key",
            "keys",
            "keyboard",
            "monkey",
            "primary_key",
            "public_key",
            "PUBLIC_KEY",
            "CACHE_KEY",
            "KEY",
            "cacheKey",
            "secretary",
            "passenger",
            "pass",
            "first_pass",
            "compass",
            "bypass",
            "next_page_token",
            "pageToken",
            "eos_token",
            "PWD",
            "pwd",
            "OLDPWD",
            "cookies_enabled",
            "password_reset_url",
            "call_id",
            "signature",
        ] {
            assert_eq!(hint(name), None, "{name}");
        }
    }
}
