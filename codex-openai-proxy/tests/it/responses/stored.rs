//! Responses that can be asked for again.

use super::{ask, follow, function, id, path, with};
use crate::{
    harness::{codex::forward, run},
    upstream::{Gate, Reply, Upstream},
};
use reqwest::Method;
use serde_json::{Value, json};

#[test]
fn a_response_can_be_asked_for_again_until_it_is_deleted() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| {
            Reply::stream()
                .reasoning(&["Hm."])
                .message(&["Yes."])
                .completed()
        });
        let proxy = forward(&upstream).await;
        let whole = proxy.respond(&ask("Hi.")).await.ok();
        assert_eq!(whole["store"], true);
        let heard = proxy.respond_stream(&ask("Hi.")).await.heard().await;
        let streamed = heard.ended_with("completed");
        for (response, base) in [(&whole, "/v1"), (streamed, "")] {
            let path = format!("{base}/responses/{}", id(response));
            assert_eq!(proxy.get(&path).await.ok(), *response);
            let deleted = proxy.delete(&path).await.ok();
            let expected = json!({ "id": response["id"], "object": "response", "deleted": true });
            assert_eq!(deleted, expected);
            for gone in [proxy.get(&path).await, proxy.delete(&path).await] {
                let message = format!("Response with id '{}' not found.", id(response));
                gone.error(404);
                assert_eq!(gone.message(), message);
            }
        }
        proxy.stop().await;
    });
}

#[test]
fn the_input_of_a_response_can_be_listed() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Yes."]));
        let proxy = forward(&upstream).await;
        let texts = |page: &Value| -> Vec<String> {
            let items = page["data"].as_array().unwrap().iter();
            let text = |item: &Value| item["content"][0]["text"].as_str().unwrap().to_owned();
            items.map(text).collect()
        };
        let first = proxy.respond(&ask("Zero.")).await.ok();
        let page = proxy
            .get(&format!("{}/input_items", path(&first)))
            .await
            .ok();
        assert_eq!(page["object"], "list");
        assert_eq!(page["data"][0]["type"], "message");
        assert_eq!(page["data"][0]["role"], "user");
        assert_eq!(texts(&page), ["Zero."], "a string is a message");

        let items: Vec<Value> = ["One.", "Two.", "Three."]
            .map(|text| json!({ "role": "user", "content": [{ "type": "input_text", "text": text }] }))
            .to_vec();
        let second = proxy.respond(&follow(&first, items)).await.ok();
        let list = format!("{}/input_items", path(&second));
        let page = proxy.get(&list).await.ok();
        assert_eq!(texts(&page), ["Three.", "Two.", "One."], "its own alone");
        assert_eq!(page["has_more"], false);
        let page = proxy.get(&format!("{list}?order=asc&limit=2")).await.ok();
        assert_eq!(texts(&page), ["One.", "Two."]);
        assert_eq!(page["has_more"], true);
        assert_eq!(page["last_id"], page["data"][1]["id"]);
        let after = page["last_id"].as_str().unwrap();
        let next = format!("{list}?order=asc&limit=2&after={after}");
        let page = proxy.get(&next).await.ok();
        assert_eq!(texts(&page), ["Three."]);
        assert_eq!(page["has_more"], false);
        proxy.stop().await;
    });
}

#[test]
fn a_running_response_is_shown_as_it_began() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let gate = Gate::default();
        upstream.reply(super::held_back(&gate));
        let mut stream = proxy.respond_stream(&ask("Tell me.")).await;
        let created = stream.until("response.created").await["response"].clone();
        assert_eq!(stream.next_text().await, "Once");
        let running = proxy.get(&path(&created)).await.ok();
        assert_eq!(running["id"], created["id"]);
        assert_eq!(running["status"], "in_progress");
        proxy.delete(&path(&created)).await.error(400);
        gate.open();
        let ended = stream.until("response.completed").await["response"].clone();
        assert_eq!(proxy.get(&path(&created)).await.ok(), ended);
        proxy.stop().await;
    });
}

#[test]
fn what_is_not_to_be_stored_is_not() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Yes."]));
        let proxy = forward(&upstream).await;
        let body = with(ask("Hi."), json!({ "store": false }));
        let whole = proxy.respond(&body).await.ok();
        let heard = proxy.respond_stream(&body).await.heard().await;
        for response in [&whole, heard.ended_with("completed")] {
            assert_eq!(response["store"], false);
            proxy.get(&path(response)).await.error(404);
            proxy.delete(&path(response)).await.error(404);
            let items = format!("{}/input_items", path(response));
            proxy.get(&items).await.error(404);
            let cancel = format!("{}/cancel", path(response));
            let request = proxy.request(Method::POST, &cancel).send().await.unwrap();
            assert_eq!(request.status(), 404);
        }
        proxy.stop().await;
    });
}

#[test]
fn calls_that_were_stored_are_as_their_client_knows_them() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| {
            Reply::stream()
                .call("call_1", "files__read", "{}")
                .completed()
        });
        let proxy = forward(&upstream).await;
        let tools = json!({ "tools": [
            { "type": "namespace", "name": "files", "description": "Files.",
              "tools": [function("read")] },
        ] });
        let response = proxy.respond(&with(ask("Read."), tools)).await.ok();
        let stored = proxy.get(&path(&response)).await.ok();
        assert_eq!(stored["output"][0]["name"], "read");
        assert_eq!(stored["output"][0]["namespace"], "files");
        assert_eq!(stored, response);
        proxy.stop().await;
    });
}

#[cfg(unix)]
mod disk {
    use super::*;
    use crate::harness::{
        codex::Setup,
        disk::{files_with, log_no_bodies},
        running::{End, Running},
    };
    use std::path::PathBuf;

    #[test]
    fn only_what_is_stored_is_on_disk() {
        run(async {
            let upstream = Upstream::start().await;
            upstream.otherwise(|seen| {
                let answer = format!("Answer to {}", seen.last_text());
                Reply::text(&[&answer])
            });
            let (_, homes) = Setup::new(&upstream).write();
            log_no_bodies(&homes);
            let running = Running::start(&homes).await;
            let kept = running.client.respond(&ask("A question to keep.")).await;
            kept.ok();
            let body = with(ask("A question to forget."), json!({ "store": false }));
            let forgotten = running.client.respond(&body).await.ok();
            let heard = running.client.respond_stream(&body).await.heard().await;
            let streamed = heard.ended_with("completed").clone();
            let state = homes.state();
            for text in ["A question to keep.", "Answer to A question to keep."] {
                assert!(!files_with(&state, text).is_empty(), "{text}");
            }
            running.end(End::Asked, &homes).await;
            for text in ["A question to forget.", id(&forgotten), id(&streamed)] {
                assert_eq!(files_with(&state, text), Vec::<PathBuf>::new(), "{text}");
            }
        });
    }
}
