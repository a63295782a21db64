//! Who may look at the log.

use crate::{
    harness::{
        Client, Proxy,
        chat::Answer,
        codex::{Setup, ask},
        run,
        viewer::{Viewer, WAYS},
    },
    upstream::{Reply, Upstream},
};
use codex_openai_proxy::config::ApiKey;
use reqwest::Method;
use serde_json::json;

const KEY: &str = "sk-mine";

/// What holds data of the log, and what a viewer reads.
const API: [&str; 4] = [
    "/logs/api/records",
    "/logs/api/requests",
    "/logs/api/requests/any",
    "/logs/api/export?format=jsonl",
];

/// The page.
const PAGE: [&str; 3] = ["/logs", "/logs/assets/logs.css", "/logs/assets/logs.js"];

async fn proxy(upstream: &Upstream, key: Option<&str>) -> Proxy {
    upstream.otherwise(|_| Reply::text(&["Hello"]));
    let mut setup = Setup::new(upstream);
    setup.config.api_keys = key
        .into_iter()
        .filter_map(|key| ApiKey::new("test", key))
        .collect();
    setup.start().await
}

async fn with(proxy: &Proxy, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = proxy.request(method, path);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    Answer::read(request.send().await.unwrap()).await
}

/// Logs in. Gives the cookie as a browser sends it back.
async fn log_in(proxy: &Proxy, key: &str) -> Option<String> {
    let request = proxy.request(Method::POST, "/logs/login");
    let answer = request.json(&json!({ "key": key })).send().await.unwrap();
    if answer.status() != 204 {
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers().get("set-cookie"), None);
        return None;
    }
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    let mut parts = cookie.split("; ");
    let pair = parts.next().expect("a name and a value").to_owned();
    let attributes: Vec<_> = parts.collect();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/logs"] {
        assert!(attributes.contains(&attribute), "{cookie}");
    }
    assert!(!cookie.contains(key), "{cookie}");
    Some(pair)
}

#[test]
fn with_a_key_the_page_is_open_and_what_it_shows_is_not() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = proxy(&upstream, Some(KEY)).await;
        for headers in [&[][..], &[("x-forwarded-for", "203.0.113.7")]] {
            for path in PAGE {
                let answer = with(&proxy, Method::GET, path, headers).await;
                assert_eq!(answer.status, 200, "{path}");
            }
            for path in API {
                with(&proxy, Method::GET, path, headers).await.error(401);
            }
            let deleted = with(&proxy, Method::DELETE, "/logs/api/records", headers).await;
            deleted.error(401);
            for way in WAYS {
                let refused = Viewer::open_with(way, &proxy, "", headers).await;
                assert_eq!(refused.err().expect("a refusal"), 401, "{way:?}");
            }
        }
        let log = Client::new(proxy.address()).with_key(KEY);
        assert_eq!(log.summaries("").await.len(), 0);
        for way in WAYS {
            Viewer::open(way, &log).await;
        }
        proxy.stop().await;
    });
}

#[test]
fn a_login_opens_the_log_and_nothing_else() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = proxy(&upstream, Some(KEY)).await;
        assert_eq!(log_in(&proxy, "sk-other").await, None);
        let cookie = log_in(&proxy, KEY).await.expect("a cookie");
        let headers = [("cookie", cookie.as_str())];
        with(&proxy, Method::GET, API[0], &headers).await.ok();
        with(&proxy, Method::GET, API[1], &headers).await.ok();
        for way in WAYS {
            let viewer = Viewer::open_with(way, &proxy, "", &headers).await;
            assert!(viewer.is_ok(), "{way:?}");
        }
        // Among other cookies, as browsers send them.
        let crowded = format!("theme=dark; {cookie}; other=1");
        let among = [("cookie", crowded.as_str())];
        with(&proxy, Method::GET, API[0], &among).await.ok();

        for path in ["/v1/models", "/models/gpt-5.2"] {
            with(&proxy, Method::GET, path, &headers).await.error(401);
        }
        let chat = proxy.request(Method::POST, "/v1/chat/completions");
        let chat = chat.header("cookie", &cookie).json(&ask("Hi"));
        Answer::read(chat.send().await.unwrap()).await.error(401);
        let path = "/v1/conversations/chat-1";
        with(&proxy, Method::DELETE, path, &headers)
            .await
            .error(401);
        assert_eq!(upstream.connections(), 0);

        // One character of it is another cookie.
        let last = cookie.chars().last().unwrap();
        let other = if last == 'a' { 'b' } else { 'a' };
        let forged = format!("{}{other}", &cookie[..cookie.len() - last.len_utf8()]);
        let forged = [("cookie", forged.as_str())];
        with(&proxy, Method::GET, API[0], &forged).await.error(401);
        proxy.stop().await;
    });
}

#[test]
fn pages_of_other_origins_see_nothing() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = proxy(&upstream, Some(KEY)).await;
        let cookie = log_in(&proxy, KEY).await.expect("a cookie");
        let own = format!("http://{}", proxy.address());
        let refused = |status: u16| status == 401 || status == 403;
        for (name, value, allowed) in [
            ("origin", own.as_str(), true),
            ("sec-fetch-site", "same-origin", true),
            ("origin", "https://example.com", false),
            ("origin", "http://127.0.0.1:1", false),
            ("origin", "null", false),
            ("sec-fetch-site", "cross-site", false),
        ] {
            let headers = [("cookie", cookie.as_str()), (name, value)];
            let answer = with(&proxy, Method::GET, API[0], &headers).await;
            let status = answer.status.as_u16();
            assert!(
                if allowed {
                    status == 200
                } else {
                    refused(status)
                },
                "{name}: {value}: {status}"
            );
            assert_eq!(answer.header("access-control-allow-origin"), None);
            for way in WAYS {
                let viewer = Viewer::open_with(way, &proxy, "", &headers).await;
                match viewer {
                    Ok(_) => assert!(allowed, "{way:?} {name}: {value}"),
                    Err(status) => assert!(
                        !allowed && refused(status.as_u16()),
                        "{way:?} {name}: {value}: {status}"
                    ),
                }
            }
        }
        proxy.stop().await;
    });
}

#[test]
fn without_a_key_only_this_machine_sees_the_log() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = proxy(&upstream, None).await;
        for path in PAGE {
            assert_eq!(proxy.get(path).await.status, 200, "{path}");
        }
        proxy.get(API[0]).await.ok();
        for header in [
            ("x-forwarded-for", "203.0.113.7"),
            ("cf-connecting-ip", "203.0.113.7"),
            ("host", "example.com"),
            ("origin", "https://example.com"),
            ("sec-fetch-site", "cross-site"),
        ] {
            for path in PAGE.into_iter().chain(API) {
                let answer = with(&proxy, Method::GET, path, &[header]).await;
                assert_eq!(answer.status, 401, "{path} {header:?}");
            }
            let deleted = with(&proxy, Method::DELETE, "/logs/api/records", &[header]).await;
            deleted.error(401);
            for way in WAYS {
                let viewer = Viewer::open_with(way, &proxy, "", &[header]).await;
                assert_eq!(viewer.err().expect("a refusal"), 401, "{way:?} {header:?}");
            }
        }
        proxy.stop().await;
    });
}
