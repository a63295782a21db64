//! Verdicts on requests, as tables.

use super::*;
use http::{HeaderName, HeaderValue};

const LOCAL: &str = "127.0.0.1";
const FOREIGN: &str = "192.0.2.7";

const NOW: u64 = 1_790_000_000;

type Headers<'a> = &'a [(&'a str, &'a str)];

/// The verdict on a request with these headers, with or without the key `secret` set.
fn verdict(peer: &str, headers: &[(&str, &str)], keys: &[&str]) -> Result<(), Refusal> {
    verdict_on(peer, "/v1/models", headers, keys)
}

fn verdict_on(
    peer: &str,
    uri: &str,
    headers: &[(&str, &str)],
    keys: &[&str],
) -> Result<(), Refusal> {
    verdict_as(Access::Guarded, peer, uri, headers, keys)
}

/// The verdict on a viewer of the log.
fn verdict_on_viewer(headers: &[(&str, &str)], keys: &[&str]) -> Result<(), Refusal> {
    verdict_as(Access::Viewer, LOCAL, "/logs/api/records", headers, keys)
}

fn verdict_as(
    access: Access,
    peer: &str,
    uri: &str,
    headers: &[(&str, &str)],
    keys: &[&str],
) -> Result<(), Refusal> {
    let headers = headers
        .iter()
        .map(|(name, value)| {
            (
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect();
    let keys: Vec<ApiKey> = keys
        .iter()
        .map(|key| ApiKey::new("test", key).unwrap())
        .collect();
    let arrival = Arrival {
        peer: peer.parse().unwrap(),
        uri: &uri.parse().unwrap(),
        headers: &headers,
    };
    let credentials = Credentials {
        keys: &keys,
        sessions: &sessions(),
        now: NOW,
    };
    check(&arrival, access, &credentials).map(drop)
}

fn sessions() -> Sessions {
    Sessions::new([7; 32])
}

/// Checks requests from this machine that name it as their host, each with these headers besides.
fn check_local(cases: &[(Headers<'_>, Result<(), Refusal>)]) {
    for (more, expected) in cases {
        let headers = [&[("host", "127.0.0.1:11435")], *more].concat();
        assert_eq!(verdict(LOCAL, &headers, &[]), *expected, "{headers:?}");
    }
}

const fn refuse(why: Indirection) -> Result<(), Refusal> {
    Err(Refusal::NotDirect(why))
}

#[test]
fn without_a_key_the_peer_has_to_be_this_machine() {
    let refused = refuse(Indirection::Peer);
    for (peer, expected) in [
        (LOCAL, Ok(())),
        ("127.8.8.8", Ok(())),
        ("::1", Ok(())),
        ("::ffff:127.0.0.1", Ok(())),
        (FOREIGN, refused),
        ("::ffff:192.0.2.7", refused),
        ("0.0.0.0", refused),
        ("::", refused),
    ] {
        // A key that nobody asked for changes nothing.
        for key in ["Bearer sk-any", "x"] {
            let headers = [("host", "localhost"), ("authorization", key)];
            assert_eq!(verdict(peer, &headers, &[]), expected, "{peer}");
        }
    }
}

#[test]
fn without_a_key_the_host_has_to_be_a_loopback_name() {
    let refused = refuse(Indirection::Host);
    for (host, expected) in [
        ("localhost", Ok(())),
        ("LocalHost:8080", Ok(())),
        ("127.0.0.1:11435", Ok(())),
        ("127.1.2.3", Ok(())),
        ("[::1]:11435", Ok(())),
        ("", refused),
        ("evil.example", refused),
        ("localhost.evil.example", refused),
        ("localhost:80.evil.example", refused),
        ("[::1].evil.example:80", refused),
        ("127.0.0.1.nip.io", refused),
        ("localhost@evil.example", refused),
        ("evil.example@localhost", refused),
        ("192.168.0.2:11435", refused),
        ("0.0.0.0:11435", refused),
        ("local host", refused),
    ] {
        assert_eq!(verdict(LOCAL, &[("host", host)], &[]), expected, "{host}");
    }
    assert_eq!(verdict(LOCAL, &[], &[]), refused);
    check_local(&[(&[("host", "evil.example")], refused)]);
}

#[test]
fn without_a_key_nothing_may_stand_between() {
    let refused = refuse(Indirection::Forwarded);
    check_local(&[
        (&[("cf-ray", "1")], refused),
        (&[("CF-Connecting-IP", "127.0.0.1")], refused),
        (&[("x-forwarded-for", "127.0.0.1")], refused),
        (&[("x-forwarded-proto", "https")], refused),
        (&[("forwarded", "for=127.0.0.1")], refused),
        (&[("via", "1.1 x")], refused),
        (&[("x-real-ip", "127.0.0.1")], refused),
        (&[("true-client-ip", "127.0.0.1")], refused),
        (&[("cdn-loop", "x")], refused),
        (&[("x-stainless-os", "Linux"), ("accept", "*/*")], Ok(())),
    ]);
}

#[test]
fn without_a_key_web_pages_have_to_be_local() {
    let foreign = refuse(Indirection::Origin);
    let site = "sec-fetch-site";
    check_local(&[
        (&[("origin", "http://localhost:3000")], Ok(())),
        (&[("origin", "https://[::1]")], Ok(())),
        (&[("origin", "null")], foreign),
        (&[("origin", "https://evil.example")], foreign),
        (&[("origin", "https://localhost.evil.example")], foreign),
        (&[("origin", "localhost")], foreign),
        (
            &[("origin", "http://localhost"), ("origin", "null")],
            foreign,
        ),
        (&[(site, "same-origin")], Ok(())),
        (&[(site, "none")], Ok(())),
        (&[(site, "cross-site")], refuse(Indirection::CrossSite)),
        (
            &[(site, "cross-site"), ("origin", "http://localhost")],
            Ok(()),
        ),
        (
            &[(site, "cross-site"), ("origin", "https://x.example")],
            foreign,
        ),
    ]);
}

#[test]
fn the_authority_of_the_target_counts_like_a_host() {
    let refuse = Err(Refusal::NotDirect(Indirection::Host));
    let host = [("host", "localhost")];
    for (uri, headers, expected) in [
        ("http://127.0.0.1:1/v1/models", &[][..], Ok(())),
        ("http://localhost/v1/models", &host[..], Ok(())),
        ("http://evil.example/v1/models", &[][..], refuse),
        ("http://evil.example/v1/models", &host[..], refuse),
    ] {
        assert_eq!(verdict_on(LOCAL, uri, headers, &[]), expected, "{uri}");
    }
}

#[test]
fn with_a_key_it_alone_decides() {
    let keys = ["secret", "other"];
    for (headers, expected) in [
        (&[("authorization", "Bearer secret")][..], Ok(())),
        (&[("authorization", "bearer  other ")], Ok(())),
        (&[("x-api-key", "secret")], Ok(())),
        (&[("api-key", "other")], Ok(())),
        (
            &[("authorization", "Bearer wrong"), ("api-key", "secret")],
            Ok(()),
        ),
        (
            &[
                ("authorization", "Bearer secret"),
                ("cf-ray", "1"),
                ("host", "x.example"),
            ],
            Ok(()),
        ),
        (
            &[
                ("authorization", "Bearer secret"),
                ("origin", "https://x.example"),
            ],
            Ok(()),
        ),
        (&[], Err(Refusal::NoKey)),
        (&[("host", "127.0.0.1")], Err(Refusal::NoKey)),
        (&[("authorization", "Basic secret")], Err(Refusal::NoKey)),
        (&[("authorization", "secret")], Err(Refusal::NoKey)),
        (&[("authorization", "Bearer ")], Err(Refusal::NoKey)),
        (&[("authorization", "Bearer secre")], Err(Refusal::WrongKey)),
        (
            &[("authorization", "Bearer secretx")],
            Err(Refusal::WrongKey),
        ),
        (&[("x-api-key", "SECRET")], Err(Refusal::WrongKey)),
    ] {
        for peer in [LOCAL, FOREIGN] {
            assert_eq!(
                verdict(peer, headers, &keys),
                expected,
                "{peer} {headers:?}"
            );
        }
    }
}

#[test]
fn pages_are_open_to_all_where_there_is_a_key_and_else_to_direct_requests() {
    let page = |peer, headers: Headers<'_>, keys: &[&str]| {
        verdict_as(Access::Page, peer, "/logs", headers, keys)
    };
    let tunnel = [("host", "proxy.example"), ("cf-ray", "1")];
    assert_eq!(page(FOREIGN, &tunnel, &["secret"]), Ok(()));
    assert_eq!(page(LOCAL, &tunnel, &[]), refuse(Indirection::Forwarded));
    assert_eq!(page(LOCAL, &[("host", "localhost")], &[]), Ok(()));
    assert_eq!(
        page(FOREIGN, &[("host", "localhost")], &[]),
        refuse(Indirection::Peer)
    );
}

#[test]
fn without_a_key_the_log_is_for_its_own_page_and_for_programs() {
    let host = ("host", "localhost:11435");
    for (more, expected) in [
        (&[][..], Ok(())),
        (&[("origin", "http://localhost:11435")], Ok(())),
        (&[("origin", "http://LOCALHOST:11435")], Ok(())),
        (&[("sec-fetch-site", "same-origin")], Ok(())),
        (&[("sec-fetch-site", "none")], Ok(())),
        // A tunnel has rewritten the Host, and the browser knows better.
        (
            &[
                ("origin", "http://localhost:8080"),
                ("sec-fetch-site", "same-origin"),
            ],
            Ok(()),
        ),
        // Pages of this machine, but not ours.
        (
            &[("origin", "http://localhost:3000")],
            Err(Refusal::ForeignPage),
        ),
        (
            &[("origin", "http://127.0.0.1:11435")],
            Err(Refusal::ForeignPage),
        ),
        (
            &[("sec-fetch-site", "same-site")],
            Err(Refusal::ForeignPage),
        ),
        (
            &[("origin", "https://evil.example")],
            refuse(Indirection::Origin),
        ),
        (&[("cf-ray", "1")], refuse(Indirection::Forwarded)),
    ] {
        let headers = [&[host], more].concat();
        assert_eq!(verdict_on_viewer(&headers, &[]), expected, "{headers:?}");
    }
}

#[test]
fn a_link_from_elsewhere_leads_to_the_page_and_to_nothing_else() {
    let link = [
        ("host", "localhost:11435"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let page = |headers| verdict_as(Access::Page, LOCAL, "/logs", headers, &[]);
    assert_eq!(page(&link), Ok(()));
    let frame = [&link[..3], &[("sec-fetch-dest", "iframe")]].concat();
    assert_eq!(page(&frame), refuse(Indirection::CrossSite));
    assert_eq!(page(&link[..2]), refuse(Indirection::CrossSite));
    assert_eq!(verdict(LOCAL, &link, &[]), refuse(Indirection::CrossSite));
    assert_eq!(
        verdict_on_viewer(&link, &[]),
        refuse(Indirection::CrossSite)
    );
}

#[test]
fn the_default_port_may_be_named() {
    let arrival = |host: &str, origin: &str| {
        let headers = [("host", host), ("origin", origin)];
        let headers = headers.iter().map(|(name, value)| {
            let name = name.parse::<HeaderName>().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        });
        let headers = headers.collect();
        let arrival = Arrival {
            peer: LOCAL.parse().unwrap(),
            uri: &"/logs".parse().unwrap(),
            headers: &headers,
        };
        same_origin(&arrival)
    };
    assert_eq!(arrival("a.example:443", "https://a.example"), Ok(()));
    assert_eq!(arrival("a.example:80", "http://a.example"), Ok(()));
    for (host, origin) in [
        ("a.example:80", "https://a.example"),
        ("a.example:4430", "https://a.example"),
        ("a.example", "https://a.example:444"),
    ] {
        assert_eq!(
            arrival(host, origin),
            Err(Refusal::ForeignPage),
            "{host} {origin}"
        );
    }
}

#[test]
fn with_a_key_the_log_takes_the_key_or_the_cookie_of_its_own_page() {
    let key = ApiKey::new("test", "secret").unwrap();
    let cookie = sessions().open(&key, &HeaderMap::new(), NOW - 1);
    let cookie = ("cookie", cookie.to_str().unwrap());
    let (host, ours) = (
        ("host", "proxy.example"),
        ("origin", "https://proxy.example"),
    );
    let bearer = ("authorization", "Bearer secret");
    for (headers, expected) in [
        (&[host, cookie][..], Ok(())),
        (&[host, cookie, ours], Ok(())),
        (
            &[host, cookie, ours, ("sec-fetch-site", "same-origin")],
            Ok(()),
        ),
        (&[host, cookie, ("cf-ray", "1")], Ok(())),
        (
            &[host, cookie, ("origin", "https://evil.example")],
            Err(Refusal::ForeignPage),
        ),
        (
            &[host, cookie, ("origin", "null")],
            Err(Refusal::ForeignPage),
        ),
        (
            &[host, cookie, ours, ("origin", "null")],
            Err(Refusal::ForeignPage),
        ),
        (
            &[host, cookie, ("sec-fetch-site", "same-site")],
            Err(Refusal::ForeignPage),
        ),
        (
            &[host, cookie, ("sec-fetch-site", "cross-site")],
            Err(Refusal::ForeignPage),
        ),
        (&[cookie, ours], Err(Refusal::ForeignPage)),
        (
            &[host, bearer, ("origin", "https://dashboard.example")],
            Ok(()),
        ),
        (
            &[host, cookie, ("x-api-key", "wrong")],
            Err(Refusal::WrongKey),
        ),
        (&[host], Err(Refusal::NoKey)),
    ] {
        assert_eq!(
            verdict_on_viewer(headers, &["other", "secret"]),
            expected,
            "{headers:?}"
        );
    }
    // It opens nothing else, and nothing where another key is set.
    assert_eq!(
        verdict(LOCAL, &[host, cookie], &["secret"]),
        Err(Refusal::NoKey)
    );
    assert_eq!(
        verdict_on_viewer(&[host, cookie], &["other"]),
        Err(Refusal::NoKey)
    );
}
