//! Paths, methods and what every reply carries.

use crate::{
    harness::{
        Homes, Proxy,
        chat::{Answer, ChatStream},
        run,
    },
    scripted::Greeter,
};
use codex_openai_proxy::engine::unavailable::UnavailableEngine;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

async fn proxy() -> Proxy {
    let homes = Homes::new();
    let config = homes.config();
    Proxy::start(config, Arc::new(Greeter), homes).await
}

fn hello() -> Value {
    json!({ "model": "gpt-5.2", "messages": [{ "role": "user", "content": "Hi" }] })
}

async fn send(proxy: &Proxy, method: Method, path: &str) -> Answer {
    Answer::read(proxy.request(method, path).send().await.unwrap()).await
}

#[test]
fn both_routes_answer_in_both_ways() {
    run(async {
        let proxy = proxy().await;
        for path in ["/v1/chat/completions", "/chat/completions"] {
            let request = proxy.request(Method::POST, path).json(&hello());
            let body = Answer::read(request.send().await.unwrap()).await.ok();
            assert_eq!(body["choices"][0]["message"]["content"], "Hello");

            let mut streamed = hello();
            streamed["stream"] = true.into();
            let request = proxy.request(Method::POST, path).json(&streamed);
            let stream = ChatStream::open(request.send().await.unwrap());
            assert_eq!(stream.headers()["x-accel-buffering"], "no");
            let cache = stream.headers()["cache-control"]
                .to_str()
                .unwrap()
                .to_owned();
            assert!(
                cache.contains("no-cache") && cache.contains("no-transform"),
                "{cache}"
            );
            let said = stream.said().await;
            said.ended_with("stop");
            assert_eq!(said.text, "Hello");
        }
        proxy.stop().await;
    });
}

#[test]
fn unknown_paths_and_methods_are_refused_in_the_envelope() {
    run(async {
        let proxy = proxy().await;
        for path in ["/", "/v1", "/v1/nothing", "/v1/chat/completions/x"] {
            send(&proxy, Method::GET, path).await.error(404);
        }
        for (method, path, allowed) in [
            (Method::GET, "/v1/chat/completions", "POST"),
            (Method::DELETE, "/chat/completions", "POST"),
            (Method::POST, "/v1/models", "GET"),
            (Method::PUT, "/health", "GET"),
        ] {
            let answer = send(&proxy, method, path).await;
            answer.error(405);
            let allow = answer.header("allow").expect("an Allow header");
            assert!(allow.contains(allowed), "{path}: {allow}");
        }
        proxy.stop().await;
    });
}

#[test]
fn models_are_listed_plain_reversed_and_with_efforts() {
    run(async {
        let proxy = proxy().await;
        for path in ["/v1/models", "/models"] {
            let list = proxy.get(path).await.ok();
            let models = list["data"].as_array().unwrap();
            let ids: Vec<&str> = models.iter().filter_map(|m| m["id"].as_str()).collect();
            for id in [
                "gpt-5.2",
                "2.5-tpg",
                "gpt-5.2-high",
                "hgih-2.5-tpg",
                "gpt-5.2-low",
            ] {
                assert_eq!(
                    ids.iter().filter(|other| **other == id).count(),
                    1,
                    "{id}: {ids:?}"
                );
            }
            assert!(
                models
                    .iter()
                    .all(|m| m["object"] == "model" && m["created"].is_u64())
            );
        }
        let model = proxy.get("/v1/models/2.5-tpg").await.ok();
        assert_eq!(model["id"], "2.5-tpg");
        let missing = proxy.get("/v1/models/nobody").await;
        assert_eq!(missing.error(404).1, Some("model_not_found"));
        proxy.stop().await;
    });
}

#[test]
fn every_reply_has_a_request_id_of_its_own() {
    run(async {
        let proxy = proxy().await;
        let mut ids = Vec::new();
        for (method, path) in [
            (Method::GET, "/health"),
            (Method::GET, "/nowhere"),
            (Method::POST, "/v1/models"),
            (Method::POST, "/v1/chat/completions"),
        ] {
            let answer = send(&proxy, method, path).await;
            ids.push(
                answer
                    .header("x-request-id")
                    .expect("a request id")
                    .to_owned(),
            );
        }
        let stream = proxy.stream(&hello()).await;
        ids.push(
            stream.headers()["x-request-id"]
                .to_str()
                .unwrap()
                .to_owned(),
        );
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        proxy.stop().await;
    });
}

#[test]
fn requests_that_cannot_be_honoured_name_the_field() {
    run(async {
        let proxy = proxy().await;
        let messages = json!([{ "role": "user", "content": "Hi" }]);
        for (body, param) in [
            (json!({ "messages": messages }), "model"),
            (json!({ "model": "", "messages": messages }), "model"),
            (json!({ "model": "m" }), "messages"),
            (json!({ "model": "m", "messages": [] }), "messages"),
            (json!({ "model": "m", "messages": "Hi" }), "messages"),
            (json!({ "model": "m", "messages": messages, "n": 2 }), "n"),
            (
                json!({ "model": "m", "messages": messages, "logprobs": true }),
                "logprobs",
            ),
            (
                json!({ "model": "m", "messages": messages, "modalities": ["audio"] }),
                "modalities[0]",
            ),
            (
                json!({ "model": "m", "messages": messages, "stream": "yes" }),
                "stream",
            ),
            (
                json!({ "model": "m", "messages": [{ "role": "user", "content": [
                    { "type": "image_url", "image_url": {} },
                ] }] }),
                "messages[0].content[0].image_url.url",
            ),
        ] {
            let answer = proxy.chat(&body).await;
            assert_eq!(answer.error(400).0, "invalid_request_error");
            assert_eq!(answer.body["error"]["param"], param, "{}", answer.body);
        }
        let request = proxy.request(Method::POST, "/v1/chat/completions");
        Answer::read(request.body("{ no json").send().await.unwrap())
            .await
            .error(400);
        proxy.stop().await;
    });
}

#[test]
fn a_body_over_the_limit_is_refused() {
    run(async {
        let homes = Homes::new();
        let mut config = homes.config();
        config.limits.max_body_bytes = 1000;
        let proxy = Proxy::start(config, Arc::new(Greeter), homes).await;
        let mut body = hello();
        proxy.chat(&body).await.ok();
        body["messages"][0]["content"] = "x".repeat(2000).into();
        proxy.chat(&body).await.error(413);
        proxy.stop().await;
    });
}

#[test]
fn without_an_engine_the_proxy_says_why() {
    run(async {
        let homes = Homes::new();
        let config = homes.config();
        let engine = Arc::new(UnavailableEngine::new("built without an engine"));
        let proxy = Proxy::start(config, engine, homes).await;
        let answer = proxy.chat(&hello()).await;
        answer.error(503);
        assert!(answer.message().contains("built without an engine"));
        assert_eq!(proxy.get("/health").await.status, StatusCode::OK);
        proxy.stop().await;
    });
}
