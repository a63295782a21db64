//! Heads of requests: the first line is the peer's address and the target, the others are headers.

use codex_openai_proxy::{
    config::{ApiKey, KeptBodies},
    http::{
        access::{Arrival, Caller, Credentials, check as access, same_origin},
        admission::ClientAddress,
        routes::Access,
        session::{Sessions, is_https},
    },
    traffic::{BodyKind, redact},
    turn::TraceContext,
};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::net::IpAddr;

/// The key.
const KEY: &str = "s3cr3t-k3y";

/// Where a key is shown.
const SHOWN_IN: [&str; 3] = ["authorization", "x-api-key", "api-key"];

/// Asks who is let in, with and without a key.
///
/// # Panics
///
/// Somebody is let in who should not be.
pub fn check(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let (peer, target) = first.split_once(' ').unwrap_or((&first, "/"));
    let (Ok(peer), Ok(uri)) = (peer.parse::<IpAddr>(), target.parse::<Uri>()) else {
        return;
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = HeaderName::from_bytes(line[..colon].trim_ascii());
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let arrival = Arrival {
        peer,
        uri: &uri,
        headers: &headers,
    };
    without_key(&arrival);
    with_key(&arrival);
    traced(&headers);
    addressed(peer, &headers);
    kept(&headers);
    // Nothing that comes in may break it.
    let _ = is_https(&headers);
}

fn asked(arrival: &Arrival<'_>, route: Access, keys: &[ApiKey]) -> Option<Caller> {
    let sessions = Sessions::new([7; 32]);
    let credentials = Credentials {
        keys,
        sessions: &sessions,
        now: 1,
    };
    let asked = access(arrival, route, &credentials);
    let _ = sessions.close(arrival.headers, keys, 1);
    asked.ok()
}

/// Nobody is let in but programs and pages of this machine, over no other.
fn without_key(arrival: &Arrival<'_>) {
    let Arrival { peer, uri, headers } = arrival;
    let Some(caller) = asked(arrival, Access::Guarded, &[]) else {
        assert_eq!(asked(arrival, Access::Viewer, &[]), None);
        return;
    };
    assert_eq!(caller, Caller::Local);
    assert!(peer.to_canonical().is_loopback());
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut hosts: Vec<String> = headers.get_all("host").iter().map(text).collect();
    hosts.extend(
        uri.authority()
            .map(|authority| authority.as_str().to_owned()),
    );
    assert!(!hosts.is_empty(), "a request to nobody");
    for origin in headers.get_all("origin").iter().map(text) {
        let Some((_, host)) = origin.split_once("://") else {
            panic!("an origin that is none: {origin}");
        };
        let end = host.find(['/', '?', '#']).unwrap_or(host.len());
        hosts.push(host[..end].to_owned());
    }
    for host in hosts {
        assert!(is_local(&host), "{host} is elsewhere");
    }
    for name in headers.keys().map(HeaderName::as_str) {
        let is_forwarded = name.starts_with("x-forwarded")
            || name.starts_with("cf-")
            || ["forwarded", "via"].contains(&name);
        assert!(!is_forwarded, "{name} came along");
    }
}

/// Whether a host, with a port or without one, is this machine's own name or address.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let inner = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost")
        || inner
            .unwrap_or(name)
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Nobody is let in who does not show the key; who shows it in the usual way is.
fn with_key(arrival: &Arrival<'_>) {
    let Some(key) = ApiKey::new("name", KEY) else {
        panic!("a key that is none");
    };
    let keys = [key];
    let caller = asked(arrival, Access::Guarded, &keys);
    let shown = SHOWN_IN
        .iter()
        .flat_map(|name| arrival.headers.get_all(*name));
    let shown: Vec<&[u8]> = shown.map(HeaderValue::as_bytes).collect();
    match &caller {
        Some(caller) => {
            assert_eq!(caller.key().map(|name| &**name), Some("name"));
            assert!(
                shown.iter().any(|value| value.ends_with(KEY.as_bytes())),
                "no key"
            );
        }
        None => assert!(shown != [b"Bearer s3cr3t-k3y"], "the key was not enough"),
    }
    // No cookie was handed out, so that none opens anything.
    assert_eq!(asked(arrival, Access::Viewer, &keys), caller);
    assert_eq!(asked(arrival, Access::Open, &keys), Some(Caller::Stranger));
    // A page elsewhere is told by either of the two, whatever else there is.
    if arrival
        .headers
        .get_all("sec-fetch-site")
        .iter()
        .any(|site| site == "cross-site")
    {
        assert!(same_origin(arrival).is_err());
    }
}

/// What is passed on of a trace is what came.
fn traced(headers: &HeaderMap) {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(context) = text("traceparent").and_then(TraceContext::parse) else {
        return;
    };
    let context = context.with_state(text("tracestate").unwrap_or_default());
    let parent = context.parent();
    let again = TraceContext::parse(&parent);
    assert_eq!(again.map(|again| again.parent()), Some(parent));
    let child = context.child(5);
    assert_eq!(child.id(), context.id());
    assert_eq!(child.state(), context.state());
    assert!(HeaderValue::from_str(&child.parent()).is_ok());
    assert!(
        child
            .state()
            .is_none_or(|state| HeaderValue::from_str(state).is_ok())
    );
}

/// Nobody from elsewhere chooses the address that limits count him by.
fn addressed(peer: IpAddr, headers: &HeaderMap) {
    let own = ClientAddress::of(peer, &HeaderMap::new(), None);
    for name in ["x-forwarded-for", "cf-connecting-ip", "forwarded"] {
        let address = ClientAddress::of(peer, headers, Some(name));
        assert!(peer.to_canonical().is_loopback() || address == own);
    }
}

/// The log keeps no key.
fn kept(headers: &HeaderMap) {
    let pairs = || {
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
    };
    let elsewhere = pairs().any(|(name, value)| {
        let tells = |text: &[u8]| text.windows(KEY.len()).any(|part| part == KEY.as_bytes());
        tells(name.as_bytes()) || (tells(value) && !SHOWN_IN.contains(&name) && name != "cookie")
    });
    let head = redact::head(pairs());
    let kept = redact::body(BodyKind::Headers, &head, KeptBodies::Full).text;
    assert!(
        serde_json::from_str::<serde_json::Value>(&kept).is_ok(),
        "{kept}"
    );
    assert!(elsewhere || !kept.contains(KEY), "{kept}");
}
