//! Who is let in, decided from the head of a request alone.
//!
//! With an API key set, whoever shows it. Without one, only programs on this machine that come
//! directly: through a tunnel or a reverse proxy everybody comes from 127.0.0.1, and so does any
//! web page that this machine's browser shows, so the peer's address alone proves nothing.

mod counters;
mod direct;
mod guesses;
mod refusals;
#[cfg(test)]
mod tests;

pub use direct::{Indirection, same_origin};
pub use guesses::Guesses;
pub use refusals::{Refusals, Told};

use super::{routes::Access, session::Sessions};
use crate::config::{
    ApiKey,
    keys::{LONGEST, digest},
};
use direct::{direct, is_navigation};
use http::{HeaderMap, Uri, header};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// The header names of a key, besides `Authorization: Bearer`.
pub const KEY_HEADERS: [&str; 2] = ["x-api-key", "api-key"];

/// How many keys of a request are looked at. A client has reason to send one in each of the three
/// headers; whoever sends more of them only guesses.
const MOST_SHOWN: usize = 4;

/// What is known of a request before its body is read.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// The target; over HTTP/2 it holds the `:authority`.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// What opens the service.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// The keys; without any, only direct requests of this machine are let in.
    pub keys: &'a [ApiKey],
    /// Those who have logged in to the log viewer with one of them.
    pub sessions: &'a Sessions,
    /// The time, in seconds since 1970.
    pub now: u64,
}

/// Who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Whoever shows the key of this name.
    Key(Arc<str>),
    /// A program on this machine, where no key is set.
    Local,
    /// Anybody: the route is open to all.
    Stranger,
}

impl Caller {
    /// What the key is called that was shown.
    #[must_use]
    pub fn key(&self) -> Option<&Arc<str>> {
        match self {
            Self::Key(name) => Some(name),
            Self::Local | Self::Stranger => None,
        }
    }
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A key is set and the request shows none.
    NoKey,
    /// A key is set and the request shows another.
    WrongKey,
    /// The same, of somebody who has shown too many of them. See [`Guesses`].
    TooManyWrongKeys {
        /// How long to wait before the next.
        retry_after: Duration,
    },
    /// No key is set and the request does not come directly from this machine.
    NotDirect(Indirection),
    /// A web page of another origin wants to see the log.
    ForeignPage,
}

/// Lets a request in or says why not.
///
/// # Errors
///
/// The reason.
pub fn check(
    arrival: &Arrival<'_>,
    access: Access,
    credentials: &Credentials<'_>,
) -> Result<Caller, Refusal> {
    let Credentials {
        keys,
        sessions,
        now,
    } = *credentials;
    let direct = || {
        direct(arrival)
            .map(|()| Caller::Local)
            .map_err(Refusal::NotDirect)
    };
    match (access, keys) {
        (Access::Open, _) | (Access::Page, [_, ..]) => Ok(Caller::Stranger),
        (Access::Guarded, []) => direct(),
        // Following a link from elsewhere shows the page to nobody but the user.
        (Access::Page, []) => match direct() {
            Err(Refusal::NotDirect(Indirection::CrossSite)) if is_navigation(arrival.headers) => {
                Ok(Caller::Local)
            }
            verdict => verdict,
        },
        (Access::Guarded, [_, ..]) => check_key(arrival.headers, keys),
        (Access::Viewer, []) => {
            let caller = direct()?;
            same_origin(arrival)?;
            Ok(caller)
        }
        (Access::Viewer, [_, ..]) => match check_key(arrival.headers, keys) {
            // Browsers send cookies whoever made them ask; no page but ours is to make use of that.
            Err(Refusal::NoKey) => {
                let key = sessions.key_of(arrival.headers, keys, now);
                let key = key.ok_or(Refusal::NoKey)?;
                same_origin(arrival)?;
                Ok(Caller::Key(Arc::clone(key.name())))
            }
            verdict => verdict,
        },
    }
}

/// The key among `keys` that `presented` is. Takes the same time for each.
#[must_use]
pub fn key_of<'a>(presented: &[u8], keys: &'a [ApiKey]) -> Option<&'a ApiKey> {
    if presented.len() > LONGEST {
        return None;
    }
    let presented = digest(presented);
    let mut found = None;
    for key in keys {
        if key.matches(&presented).into() {
            found = Some(key);
        }
    }
    found
}

/// Looks for a key that is known among those that are shown. An empty one is none.
fn check_key(headers: &HeaderMap, keys: &[ApiKey]) -> Result<Caller, Refusal> {
    let bearer = headers
        .get_all(header::AUTHORIZATION)
        .iter()
        .filter_map(|value| bearer_token(value.as_bytes()));
    let plain = KEY_HEADERS
        .iter()
        .flat_map(|name| headers.get_all(*name))
        .map(|value| value.as_bytes().trim_ascii());
    let shown = bearer.chain(plain).filter(|key| !key.is_empty());
    let mut refusal = Refusal::NoKey;
    for presented in shown.take(MOST_SHOWN) {
        if let Some(key) = key_of(presented, keys) {
            return Ok(Caller::Key(Arc::clone(key.name())));
        }
        refusal = Refusal::WrongKey;
    }
    Err(refusal)
}

/// The token of `Bearer TOKEN`; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer_token(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then_some(token.trim_ascii())
}
