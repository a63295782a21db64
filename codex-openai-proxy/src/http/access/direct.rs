//! Whether a request comes directly from a program on this machine, and whether a web page sent it.

use super::{Arrival, Refusal};
use http::{HeaderMap, HeaderValue, Uri, header, uri::Authority};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where browsers tell how the page that asks is related to what it asks.
const FETCH_SITE: &str = "sec-fetch-site";

/// Headers that only something between the client and us adds: tunnels, reverse proxies, balancers,
/// networks that deliver content.
const FORWARDING_HEADERS: [&str; 17] = [
    "cdn-loop",
    "client-ip",
    "forwarded",
    "proxy-client-ip",
    "remote-addr",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-host",
    "x-nginx-proxy",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-rewrite-url",
    "x-true-client-ip",
];

/// What such headers begin with otherwise.
const FORWARDING_PREFIXES: [&str; 20] = [
    "akamai-",
    "cf-",
    "fastly-",
    "fly-",
    "ngrok-",
    "tailscale-",
    "wl-proxy-",
    "x-akamai-",
    "x-amz-cf-",
    "x-amzn-",
    "x-appengine-",
    "x-arr-",
    "x-azure-",
    "x-envoy-",
    "x-forwarded",
    "x-original-",
    "x-real-",
    "x-tailscale-",
    "x-tunnel-",
    "x-vercel-",
];

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

/// Lets a request in unless a browser says that a page of another origin sent it.
///
/// # Errors
///
/// [`Refusal::ForeignPage`]
pub fn same_origin(arrival: &Arrival<'_>) -> Result<(), Refusal> {
    let headers = arrival.headers;
    // Where the browser says how the page is related, it knows better than the Host that a tunnel may
    // have rewritten; pages have no say in it.
    let mut sites = headers.get_all(FETCH_SITE).iter().peekable();
    let is_same = if sites.peek().is_some() {
        sites.all(|site| site == "same-origin" || site == "none")
    } else {
        let host = named_host(arrival);
        let mut origins = headers.get_all(header::ORIGIN).iter();
        origins.all(|origin| host.is_some_and(|host| is_origin_of(origin, host)))
    };
    is_same.then_some(()).ok_or(Refusal::ForeignPage)
}

/// What the client calls us, as long as it does not give us several names.
fn named_host<'a>(arrival: &Arrival<'a>) -> Option<&'a [u8]> {
    let Arrival { uri, headers, .. } = *arrival;
    let authority = uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    let hosts = headers.get_all(header::HOST).into_iter();
    let mut names = hosts.map(HeaderValue::as_bytes).chain(authority);
    let name = names.next()?;
    names
        .all(|other| other.eq_ignore_ascii_case(name))
        .then_some(name)
}

/// Whether a page of this origin was loaded from this host. The port may be missing where it is the
/// scheme's own.
fn is_origin_of(origin: &HeaderValue, host: &[u8]) -> bool {
    let origin = Uri::try_from(origin.as_bytes()).ok();
    let authority = origin.as_ref().and_then(Uri::authority);
    let default = match origin.as_ref().and_then(Uri::scheme_str) {
        Some("https") => &b":443"[..],
        _ => b":80",
    };
    authority.is_some_and(|authority| {
        let host = host.strip_suffix(default).unwrap_or(host);
        authority.as_str().as_bytes().eq_ignore_ascii_case(host)
    })
}

/// Whether a browser asks for a page to show it in a window of its own.
pub(super) fn is_navigation(headers: &HeaderMap) -> bool {
    let is = |name, word| headers.get(name).is_some_and(|value| value == word);
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

/// Tells what gives away that a request comes from elsewhere.
pub(super) fn direct(arrival: &Arrival<'_>) -> Result<(), Indirection> {
    let Arrival { peer, uri, headers } = arrival;
    if !peer.to_canonical().is_loopback() {
        return Err(Indirection::Peer);
    }
    if headers.keys().any(|name| is_forwarding(name.as_str())) {
        return Err(Indirection::Forwarded);
    }
    // All are looked at, because an HTTP/1.1 target may name an authority beside the Host.
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
    let mut sites = headers.get_all(FETCH_SITE).iter();
    let near = sites.all(|site| {
        ["same-origin", "same-site", "none"]
            .iter()
            .any(|near| site == near)
    });
    if !near && !local_page {
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
    // Behind the host, or where a port should be, may stand the rest of another name.
    let rest = authority.as_str().strip_prefix(host).unwrap_or_default();
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if !(rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port)) {
        return false;
    }
    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let address = match literal {
        Some(literal) => literal.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::from),
    };
    host.eq_ignore_ascii_case("localhost")
        || address.is_some_and(|address| address.to_canonical().is_loopback())
}

/// Whether an `Origin` is a page of this machine. `null`, which sandboxed pages send, is not.
fn is_loopback_origin(origin: &[u8]) -> bool {
    let Ok(uri) = Uri::try_from(origin) else {
        return false;
    };
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.authority().is_some_and(is_loopback_host)
}
