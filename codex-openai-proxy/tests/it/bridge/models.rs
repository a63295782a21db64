//! `GET /v1/models` before providers.

use crate::{
    harness::{Client, run},
    provider::{Provider, Setup},
    upstream::{Gate, Reply},
};
use hyper::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A list as providers give it.
fn list(ids: &[&str]) -> Reply {
    let models = ids.iter();
    let models: Vec<Value> = models
        .map(|id| json!({ "id": id, "object": "model", "created": 1, "owned_by": "vendor" }))
        .collect();
    Reply::json(StatusCode::OK, &json!({ "object": "list", "data": models }))
}

/// Ids and owners of the proxy's list. No id may be there twice.
async fn listed(proxy: &Client) -> BTreeMap<String, String> {
    let list = proxy.get("/v1/models").await.ok();
    assert_eq!(list["object"], "list");
    let models = list["data"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let listed: BTreeMap<_, _> = models
        .iter()
        .map(|model| {
            assert_eq!(model["object"], "model");
            assert!(model["created"].is_u64());
            (text(&model["id"]), text(&model["owned_by"]))
        })
        .collect();
    assert_eq!(listed.len(), models.len(), "{models:?}");
    listed
}

#[test]
fn the_lists_of_all_providers_are_one() {
    run(async {
        let near = Provider::chat().await;
        let far = Provider::responses().await;
        near.models(|_| list(&["llama3", "phi-4"]));
        far.models(|_| list(&["qwen-3", "llama3"]));
        let proxy = Setup::new()
            .provider(
                "near",
                &near,
                "models = [\"llama3\", \"phi-*\"]\n[upstreams.aliases]\nmine = \"llama3\"\n",
            )
            .provider("far", &far, "models = [\"not-listed\"]\n")
            .start()
            .await;
        let listed = listed(&proxy).await;
        for (id, owner) in [
            ("near/llama3", "near"),
            ("near/phi-4", "near"),
            ("llama3", "near"),
            ("phi-4", "near"),
            ("mine", "near"),
            ("far/qwen-3", "far"),
            ("far/llama3", "far"),
            ("not-listed", "far"),
        ] {
            assert_eq!(
                listed.get(id).map(String::as_str),
                Some(owner),
                "{id}: {listed:?}"
            );
        }
        assert!(
            !listed.contains_key("qwen-3"),
            "it leads nowhere: {listed:?}"
        );
        for (path, id) in [
            ("mine", "mine"),
            ("near%2Fphi-4", "near/phi-4"),
            ("near/phi-4", "near/phi-4"),
        ] {
            let model = proxy.get(&format!("/v1/models/{path}")).await.ok();
            assert_eq!(model["id"], id);
            assert_eq!(model["owned_by"], "near");
        }
        proxy.get("/v1/models/nobody").await.error(404);
        proxy.stop().await;
    });
}

#[test]
fn a_list_is_asked_for_once_by_however_many() {
    run(async {
        let provider = Provider::chat().await;
        let gate = Gate::default();
        let held = gate.clone();
        provider.models(move |_| list(&["llama3"]).held(&held));
        let proxy = Setup::of(&provider).start().await;
        let client = Client::new(proxy.address());
        let asking = async {
            let (a, b, c) = tokio::join!(listed(&client), listed(&client), listed(&client));
            assert_eq!(a, b);
            assert_eq!(b, c);
            a
        };
        let opening = async {
            provider.received(1).await;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            gate.open();
        };
        let (first, ()) = tokio::join!(asking, opening);
        assert!(first.contains_key("llama3") && first.contains_key("near/llama3"));
        // Another list would have another model.
        provider.models(|_| list(&["phi-4"]));
        assert_eq!(listed(&proxy).await, first);
        assert_eq!(provider.requests().len(), 1);
        proxy.stop().await;
    });
}

#[test]
fn a_provider_without_a_list_holds_nobody_up() {
    run(async {
        let silent = Provider::chat().await;
        let well = Provider::chat().await;
        silent.models(|_| Reply::error(404, "invalid_request_error", "not_found", "no such path"));
        well.models(|_| list(&["llama3"]));
        let proxy = Setup::new()
            .provider("azure", &silent, "models = [\"gpt-mine\"]\n")
            .provider("well", &well, "")
            .at(
                "dead",
                "chat",
                "http://127.0.0.1:9/v1",
                "models = [\"ghost\"]\n",
            )
            .start()
            .await;
        for _ in 0..2 {
            let listed = listed(&proxy).await;
            for id in [
                "gpt-mine",
                "azure/gpt-mine",
                "well/llama3",
                "ghost",
                "dead/ghost",
            ] {
                assert!(listed.contains_key(id), "{id}: {listed:?}");
            }
        }
        // Not asked again at once.
        assert_eq!(silent.requests().len(), 1);
        proxy.stop().await;
    });
}
