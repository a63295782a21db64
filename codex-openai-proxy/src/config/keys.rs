//! API keys, of which only a name and a digest are known.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::{fmt, sync::Arc};
use subtle::{Choice, ConstantTimeEq};

/// What the digest of a key begins with in `config.toml`.
pub const DIGEST_SCHEME: &str = "sha256:";

/// The longest key, in bytes. What is longer is none of ours, and is not worth the time to hash it.
pub const LONGEST: usize = 1024;

/// The longest name of a key, in bytes.
const LONGEST_NAME: usize = 64;

/// What [`fresh`] keys begin with, so that people and scanners for leaked secrets know them.
const PREFIX: &str = "cop_";

/// A key that opens the API. The key itself is not kept, so nothing can tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    name: Arc<str>,
    digest: [u8; 32],
}

impl ApiKey {
    /// A key, if it can be sent in a header: visible ASCII, from one character to [`LONGEST`]. `name`
    /// is what it is called in logs, metrics and limits.
    #[must_use]
    pub fn new(name: &str, key: &str) -> Option<Self> {
        let sendable =
            (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        sendable.then(|| Self {
            name: name.into(),
            digest: digest(key.as_bytes()),
        })
    }

    /// The key whose digest is written as `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn of_digest(name: &str, written: &str) -> Option<Self> {
        let hex = written.strip_prefix(DIGEST_SCHEME)?;
        Some(Self {
            name: name.into(),
            digest: *blake3::Hash::from_hex(hex).ok()?.as_bytes(),
        })
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether a key with this [`digest`] is this one. Takes the same time for every key.
    #[must_use]
    pub fn matches(&self, presented: &[u8; 32]) -> Choice {
        self.digest.ct_eq(presented)
    }

    /// Whether both are the same key, whatever they are called.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.matches(&other.digest).into()
    }

    /// Another key, which only somebody who knows `secret` can make, and which tells nothing of this
    /// one. It is for the one purpose that `context` names: see [`blake3::derive_key`] for what makes a
    /// good one.
    #[must_use]
    pub fn derive(&self, context: &str, secret: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(secret).update(&self.digest);
        hasher.finalize().into()
    }
}

/// What is known of a key.
#[must_use]
pub fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Whether a key may be called so in `[auth.keys]`: ASCII letters, digits, `-`, `_` and `.`, at most
/// 64 of them.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// A key that nobody has: 256 random bits.
///
/// # Errors
///
/// When the system has no randomness to give.
pub fn fresh() -> Result<String, getrandom::Error> {
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random()?)))
}

/// 256 random bits.
///
/// # Errors
///
/// When the system has no randomness to give.
pub fn random() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// The line of `[auth.keys]` that lets a key in, if both the name and the key are possible ones. The
/// key cannot be read from it.
#[must_use]
pub fn line(name: &str, key: &str) -> Option<String> {
    let ApiKey { digest, .. } = is_name(name).then(|| ApiKey::new(name, key))??;
    let hex = blake3::Hash::from_bytes(digest).to_hex();
    // To TOML, a dot in a bare key is a table.
    let quote = if name.contains('.') { "\"" } else { "" };
    Some(format!("{quote}{name}{quote} = \"{DIGEST_SCHEME}{hex}\""))
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApiKey").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `printf secret | sha256sum` has it.
    const SECRET: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    #[test]
    fn fresh_keys_are_usable_and_all_different() {
        let keys: Vec<String> = (0..100).map(|_| fresh().unwrap()).collect();
        for key in &keys {
            assert!(key.starts_with("cop_") && key.len() == 47, "{key}");
            assert!(ApiKey::new("k", key).is_some());
        }
        let mut different = keys.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), keys.len());
    }

    #[test]
    fn the_line_of_a_key_is_toml_that_lets_the_key_in() {
        assert_eq!(
            line("cursor", "secret").unwrap(),
            format!("cursor = \"sha256:{SECRET}\"")
        );
        for name in ["a-b_c", "7", "my.laptop"] {
            let table: toml::Table = line(name, "secret").unwrap().parse().unwrap();
            let key = ApiKey::of_digest(name, table[name].as_str().unwrap()).unwrap();
            assert_eq!(Some(key), ApiKey::new(name, "secret"));
        }
        let long = "x".repeat(LONGEST_NAME + 1);
        for name in ["", "a b", "a\"", "ä", "a\n", &long] {
            assert_eq!(line(name, "secret"), None, "{name:?}");
        }
        assert_eq!(line("k", ""), None);
    }

    #[test]
    fn keys_are_what_a_header_can_hold() {
        let longest = "x".repeat(LONGEST);
        for key in ["x", "sk-1!~", &longest] {
            assert!(ApiKey::new("k", key).is_some(), "{key:?}");
        }
        let longer = format!("{longest}x");
        for key in ["", " ", "a b", "a\t", "schlüssel", "\u{7f}", &longer] {
            assert!(ApiKey::new("k", key).is_none(), "{key:?}");
        }
    }

    #[test]
    fn digests_are_read_as_they_are_written() {
        let secret = ApiKey::new("a", "secret").unwrap();
        let upper = SECRET.to_uppercase();
        for hex in [SECRET, &upper] {
            let read = ApiKey::of_digest("b", &format!("sha256:{hex}")).unwrap();
            assert!(read.is_same_key(&secret), "{hex}");
        }
        let short = format!("sha256:{}", &SECRET[1..]);
        let odd = format!("sha256:{}x", &SECRET[1..]);
        let other = format!("sha512:{SECRET}");
        for written in [SECRET, "sha256:", "", "secret", &short, &odd, &other] {
            assert_eq!(ApiKey::of_digest("a", written), None, "{written}");
        }
    }

    #[test]
    fn nothing_shows_a_key_or_its_digest() {
        let key = ApiKey::new("cursor", "secret").unwrap();
        assert_eq!(format!("{key:?}"), r#"ApiKey("cursor")"#);
    }

    #[test]
    fn derived_keys_differ_by_key_secret_and_purpose() {
        let (a, b) = (
            ApiKey::new("k", "a").unwrap(),
            ApiKey::new("k", "b").unwrap(),
        );
        let derived = [
            a.derive("one", &[1; 32]),
            a.derive("two", &[1; 32]),
            a.derive("one", &[2; 32]),
            b.derive("one", &[1; 32]),
        ];
        for (index, first) in derived.iter().enumerate() {
            assert!(!derived[..index].contains(first), "{index}");
        }
        assert_eq!(derived[0], a.derive("one", &[1; 32]));
    }
}
