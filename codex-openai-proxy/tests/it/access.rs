//! Who is let in, over real connections, and what browsers are told.

use crate::{
    harness::{Homes, Proxy, chat::Answer, run},
    scripted::Greeter,
};
use codex_openai_proxy::config::ApiKey;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

async fn proxy(key: Option<&str>) -> Proxy {
    proxy_in(Homes::new(), key).await
}

async fn proxy_in(homes: Homes, key: Option<&str>) -> Proxy {
    let mut config = homes.config();
    config.api_keys = key
        .into_iter()
        .filter_map(|key| ApiKey::new("test", key))
        .collect();
    Proxy::start(config, Arc::new(Greeter), homes).await
}

fn hello() -> Value {
    json!({ "model": "gpt-5.2", "messages": [{ "role": "user", "content": "Hi" }] })
}

async fn with_header(proxy: &Proxy, name: &str, value: &str) -> Answer {
    let request = proxy
        .request(Method::POST, "/v1/chat/completions")
        .header(name, value)
        .json(&hello());
    Answer::read(request.send().await.unwrap()).await
}

#[test]
fn without_a_key_only_direct_requests_of_this_machine_are_served() {
    run(async {
        let proxy = proxy(None).await;
        proxy.chat(&hello()).await.ok();
        for (name, value) in [
            ("authorization", "Bearer whatever"),
            ("origin", "http://localhost:3000"),
            ("host", "localhost:1234"),
        ] {
            with_header(&proxy, name, value).await.ok();
        }
        for (name, value) in [
            ("cf-connecting-ip", "203.0.113.7"),
            ("x-forwarded-for", "203.0.113.7"),
            ("forwarded", "for=203.0.113.7"),
            ("host", "example.com"),
            ("origin", "https://example.com"),
        ] {
            let answer = with_header(&proxy, name, value).await;
            answer.error(401);
            let message = answer.message();
            assert!(message.contains("PROXY_API_KEY"), "{name}: {message}");
        }
        proxy.stop().await;
    });
}

#[test]
fn with_a_key_every_route_but_health_wants_it() {
    run(async {
        let proxy = proxy(Some("sk-mine")).await;
        for (name, value) in [
            ("authorization", "Bearer sk-mine"),
            ("x-api-key", "sk-mine"),
            ("api-key", "sk-mine"),
        ] {
            with_header(&proxy, name, value).await.ok();
        }
        for (name, value) in [
            ("authorization", "Bearer sk-other"),
            ("authorization", "sk-mine"),
            ("x-api-key", "sk-min"),
            ("accept", "*/*"),
        ] {
            with_header(&proxy, name, value).await.error(401);
        }
        proxy.get("/v1/models").await.error(401);
        assert_eq!(proxy.get("/health").await.status, 200);
        // A tunnel's requests come with the key and a forwarding header.
        let request = proxy
            .request(Method::GET, "/v1/models")
            .header("host", "proxy.example.com")
            .header("x-forwarded-for", "203.0.113.7")
            .bearer_auth("sk-mine");
        Answer::read(request.send().await.unwrap()).await.ok();
        proxy.stop().await;
    });
}

#[test]
fn a_key_is_asked_for_before_the_body_is_read() {
    run(async {
        let proxy = proxy(Some("sk-mine")).await;
        let request = proxy.request(Method::POST, "/v1/chat/completions");
        let answer = Answer::read(request.body("{ no json").send().await.unwrap()).await;
        answer.error(401);
        proxy.stop().await;
    });
}

#[test]
fn browsers_of_any_origin_may_call_with_any_header() {
    run(async {
        let proxy = proxy(Some("sk-mine")).await;
        let preflight = proxy
            .request(Method::OPTIONS, "/v1/chat/completions")
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,x-custom");
        let answer = Answer::read(preflight.send().await.unwrap()).await;
        assert!(answer.status.is_success(), "{}", answer.status);
        let allowed = |name: &str| answer.header(name).unwrap_or_default().to_lowercase();
        assert!(
            ["*", "https://app.example.com"]
                .contains(&allowed("access-control-allow-origin").as_str())
        );
        let methods = allowed("access-control-allow-methods");
        assert!(methods == "*" || methods.contains("post"), "{methods}");
        let headers = allowed("access-control-allow-headers");
        // A star does not stand for `authorization`.
        assert!(headers.contains("authorization"), "{headers}");
        assert!(headers.contains("x-custom"), "{headers}");

        let request = proxy
            .request(Method::POST, "/v1/chat/completions")
            .header("origin", "https://app.example.com")
            .bearer_auth("sk-mine")
            .json(&hello());
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert!(answer.header("access-control-allow-origin").is_some());
        answer.ok();

        // A refusal too must be readable in a browser.
        let refused = with_header(&proxy, "origin", "https://app.example.com").await;
        assert!(refused.header("access-control-allow-origin").is_some());
        refused.error(401);
        proxy.stop().await;
    });
}

/// The answer to a request for the log with this cookie.
async fn log_with(proxy: &Proxy, method: Method, path: &str, cookie: &str) -> Answer {
    let request = proxy.request(method, path).header("cookie", cookie);
    Answer::read(request.send().await.unwrap()).await
}

#[test]
fn a_login_lasts_longer_than_the_process_and_ends_with_its_key_or_its_installation() {
    run(async {
        let first = proxy(Some("sk-mine")).await;
        let login = first.request(Method::POST, "/logs/login");
        let login = login
            .json(&json!({ "key": "sk-mine" }))
            .send()
            .await
            .unwrap();
        let cookie = login.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap();
        let records = "/logs/api/records";

        let same = proxy_in(first.stop_for_now().await, Some("sk-mine")).await;
        log_with(&same, Method::GET, records, cookie).await.ok();
        let other_key = proxy_in(same.stop_for_now().await, Some("sk-other")).await;
        log_with(&other_key, Method::GET, records, cookie)
            .await
            .error(401);
        // Whoever knows the digest of a key can give it to a proxy of their own.
        let elsewhere = proxy(Some("sk-mine")).await;
        log_with(&elsewhere, Method::GET, records, cookie)
            .await
            .error(401);
        elsewhere.stop().await;

        let again = proxy_in(other_key.stop_for_now().await, Some("sk-mine")).await;
        log_with(&again, Method::GET, records, cookie).await.ok();
        let answer = log_with(&again, Method::POST, "/logs/logout", cookie).await;
        assert_eq!(answer.status, 204);
        let gone = answer.header("set-cookie").expect("a cookie that is over");
        assert!(gone.contains("Max-Age=0"), "{gone}");
        // Nor is it good for whoever has kept it.
        log_with(&again, Method::GET, records, cookie)
            .await
            .error(401);
        again.stop().await;
    });
}
