//! Who is let in, decided from the head of a request alone.
//!
//! With an API key set, whoever shows it. Without one, only programs on this machine that come
//! directly: through a tunnel or a reverse proxy everybody comes from 127.0.0.1, and so does any
//! web page that this machine's browser shows, so the peer's address alone proves nothing.

use super::{routes::Access, session};
use crate::config::ApiKey;
use http::{HeaderMap, HeaderValue, Uri, header, uri::Authority};
use std::net::IpAddr;
use subtle::Choice;

/// The header names of a key, besides `Authorization: Bearer`.
pub const KEY_HEADERS: [&str; 2] = ["x-api-key", "api-key"];

/// Where browsers tell how the page that asks is related to what it asks.
const FETCH_SITE: &str = "sec-fetch-site";

/// Headers that only something between the client and us adds.
const FORWARDING_HEADERS: [&str; 5] = [
    "forwarded",
    "via",
    "x-real-ip",
    "true-client-ip",
    "cdn-loop",
];

/// What such headers begin with otherwise.
const FORWARDING_PREFIXES: [&str; 2] = ["cf-", "x-forwarded-"];

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

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A key is set and the request shows none.
    NoKey,
    /// A key is set and the request shows another.
    WrongKey,
    /// No key is set and the request does not come directly from this machine.
    NotDirect(Indirection),
    /// A web page of another origin wants to see the log.
    ForeignPage,
}

/// What gives away that a request does not come directly from a program on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indirection {
    /// The peer's address.
    Peer,
    /// A forwarding header.
    Forwarded,
    /// The `Host`, or its absence.
    Host,
    /// The `Origin`: a web page from elsewhere.
    Origin,
    /// `Sec-Fetch-Site`: a web page from elsewhere that hides its origin.
    CrossSite,
}

/// Lets a request in or says why not. `now` is in seconds since 1970.
///
/// # Errors
///
/// The reason.
pub fn check(
    arrival: &Arrival<'_>,
    access: Access,
    keys: &[ApiKey],
    now: u64,
) -> Result<(), Refusal> {
    let direct = || direct(arrival).map_err(Refusal::NotDirect);
    match (access, keys) {
        (Access::Open, _) | (Access::Page, [_, ..]) => Ok(()),
        (Access::Guarded, []) => direct(),
        // Following a link from elsewhere shows the page to nobody but the user.
        (Access::Page, []) => match direct() {
            Err(Refusal::NotDirect(Indirection::CrossSite)) if is_navigation(arrival.headers) => {
                Ok(())
            }
            verdict => verdict,
        },
        (Access::Guarded, [_, ..]) => check_key(arrival.headers, keys),
        (Access::Viewer, []) => {
            direct()?;
            same_origin(arrival)
        }
        (Access::Viewer, [_, ..]) => match check_key(arrival.headers, keys) {
            // Browsers send cookies whoever made them ask; no page but ours is to make use of that.
            Err(Refusal::NoKey) if session::is_open(arrival.headers, keys, now) => {
                same_origin(arrival)
            }
            verdict => verdict,
        },
    }
}

/// Lets a request in unless a browser says that a page of another origin sent it.
///
/// # Errors
///
/// [`Refusal::ForeignPage`]
pub fn same_origin(arrival: &Arrival<'_>) -> Result<(), Refusal> {
    let Arrival { uri, headers, .. } = arrival;
    let host = headers.get(header::HOST);
    let host = host.map(HeaderValue::as_bytes).or_else(|| {
        uri.authority()
            .map(|authority| authority.as_str().as_bytes())
    });
    let is_ours = |origin: &HeaderValue| {
        let origin = Uri::try_from(origin.as_bytes()).ok();
        let authority = origin.as_ref().and_then(Uri::authority);
        let default = match origin.as_ref().and_then(Uri::scheme_str) {
            Some("https") => &b":443"[..],
            _ => b":80",
        };
        authority.zip(host).is_some_and(|(authority, host)| {
            let host = host.strip_suffix(default).unwrap_or(host);
            authority.as_str().as_bytes().eq_ignore_ascii_case(host)
        })
    };
    // Where the browser says how the page is related, it knows better than the Host that a tunnel may
    // have rewritten; pages have no say in it.
    let mut sites = headers.get_all(FETCH_SITE).iter().peekable();
    let is_same = if sites.peek().is_some() {
        sites.all(|site| site == "same-origin" || site == "none")
    } else {
        headers.get_all(header::ORIGIN).iter().all(is_ours)
    };
    is_same.then_some(()).ok_or(Refusal::ForeignPage)
}

/// Whether a browser asks for a page to show it in a window of its own.
fn is_navigation(headers: &HeaderMap) -> bool {
    let is = |name, word| headers.get(name).is_some_and(|value| value == word);
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

/// The key among `keys` that `presented` is. Takes the same time for each.
#[must_use]
pub fn key_of<'a>(presented: &[u8], keys: &'a [ApiKey]) -> Option<&'a ApiKey> {
    let mut found = None;
    for key in keys {
        if key.matches(presented).into() {
            found = Some(key);
        }
    }
    found
}

/// Compares every key shown with every key set, so that the time tells nothing.
fn check_key(headers: &HeaderMap, keys: &[ApiKey]) -> Result<(), Refusal> {
    let mut shown = false;
    let mut known = Choice::from(0);
    let bearer = headers
        .get_all(header::AUTHORIZATION)
        .iter()
        .filter_map(|value| bearer_token(value.as_bytes()));
    let plain = KEY_HEADERS
        .iter()
        .flat_map(|name| headers.get_all(*name))
        .map(|value| value.as_bytes().trim_ascii());
    for presented in bearer.chain(plain) {
        shown = true;
        for key in keys {
            known |= key.matches(presented);
        }
    }
    match (bool::from(known), shown) {
        (true, _) => Ok(()),
        (false, true) => Err(Refusal::WrongKey),
        (false, false) => Err(Refusal::NoKey),
    }
}

/// The token of `Bearer TOKEN`; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer_token(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then_some(token.trim_ascii())
}

fn direct(arrival: &Arrival<'_>) -> Result<(), Indirection> {
    let Arrival { peer, uri, headers } = arrival;
    if !peer.to_canonical().is_loopback() {
        return Err(Indirection::Peer);
    }
    if headers.keys().any(|name| is_forwarding(name.as_str())) {
        return Err(Indirection::Forwarded);
    }
    // Both are looked at, because an HTTP/1.1 target may name an authority beside the Host.
    let mut named = false;
    for host in headers.get_all(header::HOST) {
        named = true;
        let authority = Authority::try_from(host.as_bytes()).ok();
        if !authority.is_some_and(|authority| is_loopback_host(&authority)) {
            return Err(Indirection::Host);
        }
    }
    if let Some(authority) = uri.authority() {
        named = true;
        if !is_loopback_host(authority) {
            return Err(Indirection::Host);
        }
    }
    if !named {
        return Err(Indirection::Host);
    }
    let mut local_page = false;
    for origin in headers.get_all(header::ORIGIN) {
        local_page = true;
        if !is_loopback_origin(origin.as_bytes()) {
            return Err(Indirection::Origin);
        }
    }
    // To a browser, a page of localhost that asks 127.0.0.1 is cross-site too; its Origin tells.
    let cross_site = headers
        .get_all(FETCH_SITE)
        .iter()
        .any(|site| site == "cross-site");
    if cross_site && !local_page {
        return Err(Indirection::CrossSite);
    }
    Ok(())
}

fn is_forwarding(name: &str) -> bool {
    FORWARDING_HEADERS.contains(&name)
        || FORWARDING_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Whether a browser or a program that dialled this name reached this machine. A name that only
/// resolves to a loopback address does not count: whoever owns it can make it do so.
fn is_loopback_host(authority: &Authority) -> bool {
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether an `Origin` is a page of this machine. `null`, which sandboxed pages send, is not.
fn is_loopback_origin(origin: &[u8]) -> bool {
    let Ok(uri) = Uri::try_from(origin) else {
        return false;
    };
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.authority().is_some_and(is_loopback_host)
}

#[cfg(test)]
mod tests;
