//! The log viewer's login: a cookie that stands for a key, so that the page need not keep one.
//!
//! The cookie tells until when it is good. It is signed with a key that is derived from the API key and
//! from a secret of this installation: with another API key it is worth nothing, and whoever reads the
//! digests of the keys in `config.toml` cannot make one. All that is remembered here is who has logged
//! out, beyond this process where there is a file for it.

mod closed;

use crate::config::ApiKey;
use blake3::{Hash, Hasher};
use closed::Closed;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use uuid::Uuid;

/// The name of the cookie.
const NAME: &str = "codex_openai_proxy_logs";

/// How long a login lasts.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// What the signing key is derived for.
const CONTEXT: &str = "codex-openai-proxy 2026-11-21 log viewer session v2";

/// How many cookies of a request are looked at. Browsers send one.
const MOST_SHOWN: usize = 4;

/// Makes cookies and knows them again. A cheap handle.
#[derive(Clone)]
pub struct Sessions(Arc<Shared>);

struct Shared {
    secret: [u8; 32],
    /// Logins that were taken back before their time.
    closed: Mutex<Closed>,
    /// Whether some of them are not kept yet.
    unkept: AtomicBool,
    /// Where they are kept. Locked while it is written.
    file: Option<Mutex<PathBuf>>,
}

/// What a cookie says. As text: `EXPIRY.ID.SIGNATURE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Login {
    /// Until when it is good, in seconds since 1970.
    expiry: u64,
    id: Uuid,
}

impl Sessions {
    /// Cookies that are signed with the help of this secret. With the same one, those of an earlier
    /// process are good too.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Arc::new(Shared {
            secret,
            closed: Mutex::default(),
            unkept: AtomicBool::new(false),
            file: None,
        }))
    }

    /// The same, where this file tells later processes who has logged out. `now` is in seconds since
    /// 1970.
    #[must_use]
    pub fn kept(secret: [u8; 32], file: &Path, now: u64) -> Self {
        let closed = Closed::read(file, now).unwrap_or_else(|error| {
            tracing::warn!(%error, file = %file.display(), "logouts_not_read");
            Closed::default()
        });
        Self(Arc::new(Shared {
            secret,
            closed: Mutex::new(closed),
            unkept: AtomicBool::new(false),
            file: Some(Mutex::new(file.to_owned())),
        }))
    }

    /// Cookies that are good for as long as this process runs.
    #[must_use]
    pub fn of_this_process() -> Self {
        let mut secret = Hasher::new();
        for _ in 0..2 {
            secret.update(Uuid::new_v4().as_bytes());
        }
        Self::new(secret.finalize().into())
    }

    /// A `Set-Cookie` that logs in, for a key that was shown. `now` is in seconds since 1970.
    #[must_use]
    pub fn open(&self, key: &ApiKey, headers: &HeaderMap, now: u64) -> HeaderValue {
        let login = Login {
            expiry: now.saturating_add(LIFETIME.as_secs()),
            id: Uuid::new_v4(),
        };
        let Login { expiry, id } = login;
        let signature = self.sign(key, login).to_hex();
        let value = format!("{expiry}.{}.{signature}", id.simple());
        set_cookie(&value, LIFETIME, headers)
    }

    /// A `Set-Cookie` that logs out. A cookie that these headers show is worth nothing any more, here
    /// or in another browser; for later processes, [`Sessions::keep`] has to be called.
    #[must_use]
    pub fn close(&self, headers: &HeaderMap, keys: &[ApiKey], now: u64) -> HeaderValue {
        let good: Vec<_> = shown(headers)
            .filter(|(login, signature)| self.signer(*login, *signature, keys, now).is_some())
            .map(|(login, _)| login)
            .collect();
        // Whoever has no login is not to make us write.
        let is_news = !good.is_empty();
        self.closed().add(good, now);
        if is_news {
            self.0.unkept.store(true, Relaxed);
        }
        set_cookie("", Duration::ZERO, headers)
    }

    /// Whether [`Sessions::keep`] has something to do.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.0.file.is_none() || !self.0.unkept.load(Relaxed)
    }

    /// Writes down who has logged out. Blocks.
    pub fn keep(&self) {
        let Some(file) = &self.0.file else { return };
        let file = file.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.unkept.store(false, Relaxed);
        let closed = self.closed().clone();
        if let Err(error) = closed.write(&file) {
            self.0.unkept.store(true, Relaxed);
            tracing::warn!(%error, file = %file.display(), "logout_not_kept");
        }
    }

    /// The key for which these headers show a cookie that is still good.
    #[must_use]
    pub fn key_of<'a>(
        &self,
        headers: &HeaderMap,
        keys: &'a [ApiKey],
        now: u64,
    ) -> Option<&'a ApiKey> {
        shown(headers)
            .filter(|(login, _)| !self.closed().contains(login))
            .find_map(|(login, signature)| self.signer(login, signature, keys, now))
    }

    fn signer<'a>(
        &self,
        login: Login,
        signature: Hash,
        keys: &'a [ApiKey],
        now: u64,
    ) -> Option<&'a ApiKey> {
        if login.expiry <= now {
            return None;
        }
        // Hashes are compared in constant time.
        keys.iter().find(|key| self.sign(key, login) == signature)
    }

    fn sign(&self, key: &ApiKey, login: Login) -> Hash {
        let mut hasher = Hasher::new_keyed(&key.derive(CONTEXT, &self.0.secret));
        hasher.update(&login.expiry.to_be_bytes());
        hasher.update(login.id.as_bytes());
        hasher.finalize()
    }

    fn closed(&self) -> MutexGuard<'_, Closed> {
        self.0.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// The logins that the cookies of a request claim, and what they are signed with.
fn shown(headers: &HeaderMap) -> impl Iterator<Item = (Login, Hash)> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies.filter_map(|cookies| cookies.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| *name == NAME)
        .filter_map(|(_, value)| {
            let mut parts = value.splitn(3, '.');
            let login = Login {
                expiry: parts.next()?.parse().ok()?,
                id: Uuid::try_parse(parts.next()?).ok()?,
            };
            Some((login, Hash::from_hex(parts.next()?).ok()?))
        })
        .take(MOST_SHOWN)
}

fn set_cookie(value: &str, lifetime: Duration, headers: &HeaderMap) -> HeaderValue {
    let seconds = lifetime.as_secs();
    let secure = if is_https(headers) { "; Secure" } else { "" };
    let cookie =
        format!("{NAME}={value}; Path=/logs; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    // Digits, letters, dots and the words above are all that a header value may hold.
    HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether the client's browser speaks HTTPS, to a tunnel or reverse proxy, as either of them tells.
#[must_use]
pub fn is_https(headers: &HeaderMap) -> bool {
    let value = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // Of a list, the first is what the client spoke.
    let first = |name| value(name).and_then(|list| list.split(',').next());
    let forwarded = first(header::FORWARDED).is_some_and(|client| {
        client.split(';').any(|pair| {
            let (name, scheme) = pair.split_once('=').unwrap_or_default();
            name.trim().eq_ignore_ascii_case("proto")
                && scheme
                    .trim()
                    .trim_matches('"')
                    .eq_ignore_ascii_case("https")
        })
    });
    let x_forwarded = first(HeaderName::from_static("x-forwarded-proto"))
        .is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
    let visitor = value(HeaderName::from_static("cf-visitor"))
        .is_some_and(|visitor| visitor.contains(r#""scheme":"https""#));
    let page = value(header::ORIGIN).is_some_and(|origin| origin.starts_with("https://"));
    forwarded || x_forwarded || visitor || page
}

#[cfg(test)]
mod tests;
