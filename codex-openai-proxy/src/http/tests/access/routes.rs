//! Every route, asked by everybody.

use super::*;
use crate::http::routes::{Access, TABLE};
use http::Method;

/// Every request that means something, and some that do not. What is nowhere is as closed as the rest:
/// nobody is to find out what there is.
fn requests() -> Vec<(String, Access)> {
    let mut requests = Vec::new();
    for (method, path, _, access) in TABLE {
        let path = path.replace("{*id}", "x").replace("{id}", "x");
        requests.push((format!("{method} {path}"), *access));
        requests.push((format!("{method} {path}/?key=secret"), *access));
        requests.push((format!("PATCH {path}"), *access));
        if method == Method::GET {
            requests.push((format!("HEAD {path}"), *access));
        }
    }
    for line in [
        "GET /",
        "GET /v2",
        "POST /v1/embeddings",
        "GET /logs/api",
        "GET *",
    ] {
        requests.push((line.to_owned(), Access::Guarded));
    }
    requests
}

#[tokio::test]
async fn with_a_key_every_route_but_health_and_the_login_wants_it() {
    let door = Door::open(key).await;
    for (index, (line, access)) in requests().into_iter().enumerate() {
        // Each from another address, so that nobody has shown too many wrong keys.
        let far = format!("2001:db8:0:{index:x}::1");
        let host = "host: proxy.example";
        let is_open = matches!(access, Access::Open | Access::Page);
        for peer in [LOCAL, &far] {
            for right in [
                "authorization: Bearer secret",
                "x-api-key: secret",
                "api-key: secret",
            ] {
                let status = door.status(peer, &line, &[host, right]).await;
                assert!(is_in(status) || line.contains("/login"), "{line}: {status}");
            }
            for wrong in [
                "accept: */*",
                "authorization: Basic c2VjcmV0",
                "cookie: key=secret",
            ] {
                let status = door.status(peer, &line, &[host, wrong]).await;
                let expected = if is_open { "in" } else { "401" };
                let seen = if status == 401 && !line.contains("/login") {
                    "401"
                } else {
                    "in"
                };
                assert_eq!(seen, expected, "{line} with {wrong}: {status}");
            }
        }
        if !is_open {
            let wrong = ["host: localhost", "authorization: Bearer secret2"];
            assert_eq!(door.status(&far, &line, &wrong).await, 401, "{line}");
        }
    }
}

#[tokio::test]
async fn without_a_key_every_route_but_health_is_for_this_machine_alone() {
    let door = Door::open(|_| ()).await;
    for (line, access) in requests() {
        let status = door.status(LOCAL, &line, &["host: localhost:11435"]).await;
        assert!(is_in(status), "{line}: {status}");
        for (peer, headers) in [
            (FOREIGN, &["host: localhost"][..]),
            ("172.17.0.1", &["host: localhost"]),
            (LOCAL, &["host: proxy.example"]),
            (LOCAL, &["host: localhost", "cf-ray: 1"]),
            (LOCAL, &["host: localhost", "x-forwarded-for: 127.0.0.1"]),
            (LOCAL, &["host: localhost", "origin: https://evil.example"]),
            (LOCAL, &["host: localhost", "sec-fetch-site: cross-site"]),
            (
                LOCAL,
                &["host: localhost", "authorization: Bearer any", "via: 1.1 x"],
            ),
        ] {
            let status = door.status(peer, &line, headers).await;
            let is_open = access == Access::Open;
            assert_eq!(
                is_in(status),
                is_open,
                "{line} from {peer} with {headers:?}: {status}"
            );
            assert!(is_open || status == 401, "{line}: {status}");
        }
    }
}

#[tokio::test]
async fn preflights_are_answered_to_everybody_and_do_nothing() {
    let (open, closed) = (Door::open(|_| ()).await, Door::open(key).await);
    for (line, _) in requests() {
        let Some((_, target)) = line.split_once(' ').filter(|(_, target)| *target != "*") else {
            continue;
        };
        let preflight = format!(
            "OPTIONS {target} HTTP/1.1\r\nhost: x.example\r\norigin: https://app.example\r\n\
             access-control-request-method: DELETE\r\n\r\n"
        );
        for door in [&open, &closed] {
            let answer = door.ask(FOREIGN, &preflight).await;
            assert_eq!(answer.status, 200, "{target}");
            let is_log = target.starts_with("/logs");
            let allowed = answer.header("access-control-allow-origin");
            assert_eq!(allowed, (!is_log).then_some("*"), "{target}");
        }
    }
}
