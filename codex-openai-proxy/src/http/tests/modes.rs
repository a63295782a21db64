//! What clients may say to this proxy alone, and whom it may ask.

use super::*;
use crate::{
    config::UpstreamSettings,
    engine::upstream::tests::server::{Answer, Server as Provider},
};

fn with(x_codex: Value) -> Value {
    let mut body = request("gpt-5.2", false);
    body["x_codex"] = x_codex;
    body
}

async fn near(provider: &Provider) -> Service {
    let settings = UpstreamSettings::new("near", provider.url("v1"));
    Service::start_with(|config| config.upstreams = vec![settings]).await
}

#[tokio::test]
async fn an_effort_of_our_own_field_goes_before_the_others() {
    let mut service = Service::start().await;
    let mut body = with(json!({"reasoning_effort": "high", "sandbox": "read-only"}));
    body["reasoning_effort"] = json!("low");
    let (response, turn) = service.ask(&body).await;
    assert_eq!(turn.request.reasoning.effort, Some(Effort::High));
    turn.text("Hello").await;
    turn.finish().await;
    assert_eq!(response.await.unwrap().status(), 200);
}

#[tokio::test]
async fn more_than_reading_is_forbidden_in_both_apis() {
    let service = Service::start().await;
    for (x_codex, param) in [
        (json!({"sandbox": "workspace-write"}), "x_codex.sandbox"),
        (json!({"sandbox": "danger-full-access"}), "x_codex.sandbox"),
        (json!({"network_access": true}), "x_codex.network_access"),
    ] {
        let mut responses = with(x_codex.clone());
        responses["input"] = json!("Hi");
        responses.as_object_mut().unwrap().remove("messages");
        for asked in [service.chat(&with(x_codex)), service.respond(&responses)] {
            let refused = asked.send().await.unwrap();
            assert_eq!(refused.status(), 403);
            let error: Value = refused.json().await.unwrap();
            assert_eq!(error["error"]["param"], param);
            assert_eq!(error["error"]["code"], "not_allowed");
            let message = error["error"]["message"].as_str().unwrap();
            assert!(message.contains("only forwards"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_provider_never_sees_our_field_and_gets_the_effort_that_it_names() {
    let provider = Provider::new(|_| {
        Answer::json(
            r#"{"id":"1","object":"chat.completion","choices":[{"index":0,"finish_reason":"stop",
            "message":{"role":"assistant","content":"Hello"}}]}"#,
        )
    })
    .await;
    let service = near(&provider).await;
    let mut body = request("near/llama3", false);
    body["x_codex"] = json!({"sandbox": "read-only"});
    assert_eq!(service.chat(&body).send().await.unwrap().status(), 200);
    body["x_codex"] = json!({"reasoning_effort": "high"});
    assert_eq!(service.chat(&body).send().await.unwrap().status(), 200);
    body["x_codex"] = json!({"network_access": true});
    assert_eq!(service.chat(&body).send().await.unwrap().status(), 403);
    let seen: Vec<Value> = provider
        .seen()
        .iter()
        .map(|seen| serde_json::from_slice(&seen.body).unwrap())
        .collect();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|body| body.get("x_codex").is_none()));
    assert_eq!(seen[1]["reasoning_effort"], "high");
}

#[tokio::test]
async fn where_only_this_machine_may_be_asked_others_are_refused() {
    let provider = Provider::new(|_| Answer::json(r#"{"choices":[]}"#)).await;
    let elsewhere = UpstreamSettings::new("far", "https://models.invalid/v1".parse().unwrap());
    let here = UpstreamSettings::new("near", provider.url("v1"));
    let service = Service::start_with(|config| {
        config.upstreams = vec![elsewhere, here];
        config.local_only = true;
    })
    .await;
    let refused = service.chat(&request("far/x", false)).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    let error: Value = refused.json().await.unwrap();
    assert_eq!(error["error"]["code"], "local_only");
    assert_eq!(error["error"]["param"], "model");
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("CODEX_LOCAL_ONLY")
    );
    let asked = service
        .chat(&request("near/x", false))
        .send()
        .await
        .unwrap();
    assert_ne!(asked.status(), 400);
    assert_eq!(provider.seen().len(), 1);
}
