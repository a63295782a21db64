//! The log viewer's login: a cookie that stands for a key, so that the page need not keep one.
//!
//! Nothing is remembered here. The cookie tells until when it is good, signed with a key that is
//! derived from the API key; with another API key it is worth nothing.

use crate::config::ApiKey;
use blake3::Hash;
use http::{HeaderMap, HeaderValue, header};
use std::time::Duration;

/// The name of the cookie.
const NAME: &str = "codex_openai_proxy_logs";

/// How long a login lasts.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// What the signing key is derived for.
const CONTEXT: &str = "codex-openai-proxy 2026-11-21 log viewer session v1";

/// A `Set-Cookie` that logs in, for a key that was shown. `now` is in seconds since 1970.
#[must_use]
pub fn open(key: &ApiKey, headers: &HeaderMap, now: u64) -> HeaderValue {
    let expiry = now.saturating_add(LIFETIME.as_secs());
    let value = format!("{expiry}.{}", sign(key, expiry).to_hex());
    set_cookie(&value, LIFETIME, headers)
}

/// A `Set-Cookie` that logs out.
#[must_use]
pub fn close(headers: &HeaderMap) -> HeaderValue {
    set_cookie("", Duration::ZERO, headers)
}

/// Whether these headers show a cookie that one of the keys has signed and that is still good.
#[must_use]
pub fn is_open(headers: &HeaderMap, keys: &[ApiKey], now: u64) -> bool {
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies.filter_map(|cookies| cookies.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .any(|(name, value)| name == NAME && is_good(value, keys, now))
}

fn is_good(value: &str, keys: &[ApiKey], now: u64) -> bool {
    let parts = value.split_once('.').and_then(|(expiry, signature)| {
        Some((expiry.parse::<u64>().ok()?, Hash::from_hex(signature).ok()?))
    });
    // Hashes are compared in constant time.
    parts.is_some_and(|(expiry, signature)| {
        expiry > now && keys.iter().any(|key| sign(key, expiry) == signature)
    })
}

fn sign(key: &ApiKey, expiry: u64) -> Hash {
    blake3::keyed_hash(&key.derive(CONTEXT), &expiry.to_be_bytes())
}

fn set_cookie(value: &str, lifetime: Duration, headers: &HeaderMap) -> HeaderValue {
    let seconds = lifetime.as_secs();
    let secure = if is_https(headers) { "; Secure" } else { "" };
    let cookie =
        format!("{NAME}={value}; Path=/logs; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    // Digits, a dot and the words above are all that a header value may hold.
    HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether the client's browser speaks HTTPS, to a tunnel or reverse proxy that tells so.
#[must_use]
pub fn is_https(headers: &HeaderMap) -> bool {
    let value = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let forwarded = value("x-forwarded-proto")
        .and_then(|schemes| schemes.split(',').next())
        .is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
    let visitor =
        value("cf-visitor").is_some_and(|visitor| visitor.contains(r#""scheme":"https""#));
    forwarded || visitor
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn keys(keys: &[&str]) -> Vec<ApiKey> {
        keys.iter().map(|key| ApiKey::new(key).unwrap()).collect()
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    /// The cookie as a browser sends it back.
    fn cookie(set: &HeaderValue) -> String {
        set.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    #[test]
    fn a_cookie_is_good_for_a_week_and_for_its_key() {
        let set = open(&keys(&["a"])[0], &HeaderMap::new(), NOW);
        let shown = headers(&[("cookie", &format!("x=1; {}; y=2", cookie(&set)))]);
        let week = 7 * 24 * 60 * 60;
        for (with, now, good) in [
            (&["a"][..], NOW, true),
            (&["b", "a"], NOW, true),
            (&["a"], NOW + week - 1, true),
            (&["a"], NOW + week, false),
            (&["b"], NOW, false),
            (&[], NOW, false),
        ] {
            assert_eq!(is_open(&shown, &keys(with), now), good, "{with:?} {now}");
        }
    }

    #[test]
    fn a_cookie_cannot_be_made_up_or_prolonged() {
        let keys = keys(&["a"]);
        let good = cookie(&open(&keys[0], &HeaderMap::new(), NOW));
        let (_, signature) = good.split_once('.').unwrap();
        let name = "codex_openai_proxy_logs";
        for bad in [
            format!("{name}={}.{signature}", u64::MAX),
            format!("{name}={}.{}", u64::MAX, "0".repeat(64)),
            format!("{name}=.{signature}"),
            format!("{name}={}", u64::MAX),
            format!("{name}="),
            format!("x{good}"),
            good[..good.len() - 1].to_owned(),
        ] {
            assert!(!is_open(&headers(&[("cookie", &bad)]), &keys, NOW), "{bad}");
        }
        // One good one among several of the name is enough.
        let both = format!("{name}=1.2; {good}");
        assert!(is_open(&headers(&[("cookie", &both)]), &keys, NOW));
    }

    #[test]
    fn the_cookie_keeps_to_the_log_and_to_https_where_that_is_spoken() {
        let key = &keys(&["a"])[0];
        let plain = open(key, &HeaderMap::new(), NOW);
        let plain = plain.to_str().unwrap();
        assert!(
            plain.ends_with("; Path=/logs; Max-Age=604800; HttpOnly; SameSite=Strict"),
            "{plain}"
        );
        for secure in [
            ("x-forwarded-proto", "https"),
            ("x-forwarded-proto", "HTTPS, http"),
            ("cf-visitor", r#"{"scheme":"https"}"#),
        ] {
            let set = open(key, &headers(&[secure]), NOW);
            assert!(set.to_str().unwrap().ends_with("; Secure"), "{secure:?}");
        }
        let gone = close(&HeaderMap::new());
        assert!(
            gone.to_str()
                .unwrap()
                .contains("logs=; Path=/logs; Max-Age=0;")
        );
    }
}
