//! Names of models: which provider a name leads to, and that clients get their own name back.

use super::cells;
use crate::{
    harness::run,
    provider::{Provider, Script, Setup, chat},
    upstream::{Reply, Upstream},
};
use hyper::StatusCode;
use reqwest::Method;
use serde_json::json;

/// Names as clients send them, which provider is asked, and for what.
const NAMES: [(&str, &str, &str); 10] = [
    ("llama3.1", "near", "llama3.1"),
    ("near/anything", "near", "anything"),
    ("mine", "near", "llama3:70b"),
    ("fast", "near", "llama3"),
    ("qwen-3", "far", "qwen-3"),
    ("far/qwen/qwen3-coder", "far", "qwen/qwen3-coder"),
    ("far/llama3.1", "far", "llama3.1"),
    ("1.3amall", "near", "llama3.1"),
    ("enim", "near", "llama3:70b"),
    ("gnihtyna/raen", "near", "anything"),
];

fn setup(near: &Provider, far: &Provider) -> Setup {
    Setup::new()
        .lines("[models.aliases]\nfast = \"near/llama3\"\n")
        .provider(
            "near",
            near,
            "models = [\"llama3*\"]\n[upstreams.aliases]\nmine = \"llama3:70b\"\n",
        )
        .provider("far", far, "models = [\"qwen-*\"]\n")
}

#[test]
fn every_name_leads_to_its_provider_and_comes_back_as_it_was_sent() {
    run(async {
        for cell in cells() {
            let near = Provider::start(cell.provider).await;
            let far = Provider::start(cell.provider).await;
            let proxy = setup(&near, &far).start().await;
            for provider in [&near, &far] {
                provider.says(Script {
                    text: &["Hello"],
                    ..Script::default()
                });
            }
            for (sent, name, mapped) in NAMES {
                let asked: &Upstream = match name {
                    "near" => &near,
                    _ => &far,
                };
                let before = asked.requests().len();
                let told = cell.send(&proxy, &cell.ask(sent, "Hi", json!({}))).await;
                told.is_of(sent);
                assert_eq!(told.text, "Hello", "{cell:?} {sent}");
                assert_eq!(asked.requests().len(), before + 1, "{cell:?} {sent}");
                assert_eq!(
                    asked.last_request().body["model"],
                    mapped,
                    "{cell:?} {sent}"
                );
            }
            assert_eq!(near.requests().len() + far.requests().len(), NAMES.len());
            proxy.stop().await;
        }
    });
}

#[test]
fn other_names_are_not_the_providers() {
    run(async {
        let near = Provider::chat().await;
        let far = Provider::responses().await;
        let proxy = setup(&near, &far).start().await;
        for name in ["gpt-5.2", "nowhere/llama3", "codex/llama3"] {
            let answer = proxy.chat(&chat(name, "Hi")).await;
            answer.error(503);
            assert!(answer.message().contains("providers alone"), "{name}");
        }
        assert!(near.requests().is_empty() && far.requests().is_empty());
        proxy.stop().await;
    });
}

#[test]
fn whoever_sends_names_reversed_gets_thoughts_in_the_text() {
    run(async {
        let provider = Provider::responses().await;
        let proxy = Setup::of(&provider)
            .lines("[upstreams.aliases]\nmine = \"llama3\"\n")
            .start()
            .await;
        provider.otherwise(|_| {
            Reply::stream()
                .reasoning(&["Let me think."])
                .message(&["Hello"])
                .completed()
        });
        let said = proxy.stream(&chat("enim", "Hi")).await.said().await;
        said.ended_with("stop");
        let (thought, answer) = said.text.split_once("</think>").expect("a thought");
        assert!(thought.starts_with("<think>") && thought.contains("Let me think."));
        assert_eq!(answer.trim(), "Hello");

        let said = proxy.stream(&chat("mine", "Hi")).await.said().await;
        assert_eq!(said.reasoning, "Let me think.");
        assert_eq!(said.text, "Hello");
        proxy.stop().await;
    });
}

#[test]
fn a_deployment_of_azure_names_the_model_where_the_body_does_not() {
    run(async {
        for wire_api in ["chat", "responses"] {
            let provider = Provider::start(wire_api).await;
            let proxy = Setup::of(&provider).start().await;
            provider.says(Script {
                text: &["Hello"],
                ..Script::default()
            });
            let path = "/openai/deployments/llama3/chat/completions?api-version=2024-10-21";
            let body = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
            let request = proxy.request(Method::POST, path).json(&body);
            let reply: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
            assert_eq!(reply["model"], "llama3");
            assert_eq!(reply["choices"][0]["message"]["content"], "Hello");
            assert_eq!(provider.only_request().body["model"], "llama3");
            proxy.stop().await;
        }
    });
}

#[test]
fn a_name_that_the_provider_lists_is_known_backwards() {
    run(async {
        let provider = Provider::chat().await;
        provider.models(|_| {
            let list = json!({ "object": "list", "data": [{ "id": "llama3" }, { "id": "tac" }] });
            Reply::json(StatusCode::OK, &list)
        });
        provider.says(Script {
            text: &["Hello"],
            ..Script::default()
        });
        let proxy = Setup::of(&provider).start().await;
        proxy.get("/v1/models").await.ok();
        for (sent, mapped) in [("3amall", "llama3"), ("tac", "tac"), ("god", "god")] {
            let reply = proxy.chat(&chat(sent, "Hi")).await.ok();
            assert_eq!(reply["model"], sent);
            assert_eq!(provider.last_request().body["model"], mapped);
        }
        proxy.stop().await;
    });
}

#[test]
fn the_environment_defines_a_provider_for_every_model() {
    run(async {
        for (supports_responses, wire_api) in [("", "chat"), ("1", "responses")] {
            let provider = Provider::start(wire_api).await;
            let proxy = Setup::new()
                .env("UPSTREAM_BASE_URL", &provider.base_url())
                .env("UPSTREAM_API_KEY", "sk-of-the-environment")
                .env("UPSTREAM_SUPPORTS_RESPONSES", supports_responses)
                .env("UPSTREAM_TIMEOUT", "20")
                .env("UPSTREAM_RETRIES", "0")
                .start()
                .await;
            provider.says(Script {
                text: &["Hello"],
                ..Script::default()
            });
            for (sent, mapped) in [
                ("gpt-5.2", "gpt-5.2"),
                ("xedoc-2.5-tpg", "gpt-5.2-codex"),
                ("2.5-tpg-high", "gpt-5.2-high"),
                ("hgih-2.5-tpg", "gpt-5.2-high"),
                ("openai/gpt-4o", "openai/gpt-4o"),
                ("llama3", "llama3"),
                ("3amall/maertspu", "llama3"),
            ] {
                let reply = proxy.chat(&chat(sent, "Hi")).await.ok();
                assert_eq!(reply["choices"][0]["message"]["content"], "Hello");
                assert_eq!(reply["model"], sent);
                let seen = provider.last_request();
                assert_eq!(seen.body["model"], mapped, "{sent}");
                let key = seen.header("authorization");
                assert_eq!(key, Some("Bearer sk-of-the-environment"));
            }
            proxy.stop().await;
        }
    });
}
