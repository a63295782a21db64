//! Responses that belong to a conversation which the client named.

use super::{ask, follow, path, with};
use crate::{
    harness::{codex::forward, responses::said, run},
    upstream::{Reply, Upstream},
};
use serde_json::{Value, json};

async fn echoing() -> Upstream {
    let upstream = Upstream::start().await;
    upstream.otherwise(|seen| {
        let answer = format!("To {}", seen.last_text());
        Reply::text(&[&answer])
    });
    upstream
}

fn in_chat(input: &str, conversation: impl Into<Value>) -> Value {
    with(ask(input), json!({ "conversation": conversation.into() }))
}

#[test]
fn a_conversation_goes_on_by_its_name_alone() {
    run(async {
        let upstream = echoing().await;
        let proxy = forward(&upstream).await;
        let answer = proxy.respond(&in_chat("One.", "chat-1")).await;
        assert_eq!(answer.header("x-conversation-id"), Some("chat-1"));
        assert_eq!(answer.ok()["conversation"], json!({ "id": "chat-1" }));
        let body = in_chat("Two.", json!({ "id": "chat-1" }));
        let stream = proxy.respond_stream(&body).await;
        assert_eq!(stream.headers()["x-conversation-id"], "chat-1");
        let heard = stream.heard().await;
        heard.ended_with("completed");
        for event in &heard.events {
            if let Some(response) = event.get("response") {
                assert_eq!(response["conversation"], json!({ "id": "chat-1" }));
            }
        }
        // The extension of Chat Completions is known here too, and to the same threads.
        let body = with(ask("Three."), json!({ "conversation_id": "chat-1" }));
        proxy.respond(&body).await.ok();
        let request = upstream.last_request();
        assert_eq!(
            request.lines(),
            [
                "user: One.",
                "assistant: To One.",
                "user: Two.",
                "assistant: To Two.",
                "user: Three.",
            ]
        );
        for earlier in upstream.requests() {
            assert_eq!(earlier.cache_key(), request.cache_key());
        }
        proxy.stop().await;
    });
}

#[test]
fn both_apis_share_a_conversation() {
    run(async {
        let upstream = echoing().await;
        let proxy = forward(&upstream).await;
        proxy.respond(&in_chat("One.", "chat-1")).await.ok();
        let body = json!({
            "model": "gpt-5.2",
            "conversation_id": "chat-1",
            "messages": [{ "role": "user", "content": "Two." }],
        });
        let completion = proxy.chat(&body).await.ok();
        assert_eq!(completion["conversation_id"], "chat-1");
        assert_eq!(
            upstream.last_request().lines(),
            ["user: One.", "assistant: To One.", "user: Two."]
        );
        proxy.stop().await;
    });
}

#[test]
fn a_conversation_and_a_response_to_follow_exclude_each_other() {
    run(async {
        let upstream = echoing().await;
        let proxy = forward(&upstream).await;
        let first = proxy.respond(&ask("One.")).await.ok();
        let body = with(follow(&first, "Two."), json!({ "conversation": "chat-1" }));
        proxy.respond(&body).await.error(400);
        assert_eq!(upstream.requests().len(), 1);
        proxy.stop().await;
    });
}

#[test]
fn a_response_of_a_conversation_can_be_followed_with_all_that_was_said_before() {
    run(async {
        let upstream = echoing().await;
        let proxy = forward(&upstream).await;
        proxy.respond(&in_chat("One.", "chat-1")).await.ok();
        let second = proxy.respond(&in_chat("Two.", "chat-1")).await.ok();
        let third = proxy.respond(&follow(&second, "Three.")).await.ok();
        assert_eq!(said(&third), "To Three.");
        assert_eq!(
            upstream.last_request().lines(),
            [
                "user: One.",
                "assistant: To One.",
                "user: Two.",
                "assistant: To Two.",
                "user: Three.",
            ]
        );
        proxy.stop().await;
    });
}

#[test]
fn responses_without_a_name_tell_the_one_that_they_got() {
    run(async {
        let upstream = echoing().await;
        let proxy = forward(&upstream).await;
        let answer = proxy.respond(&ask("One.")).await;
        let name = answer
            .header("x-conversation-id")
            .expect("a name")
            .to_owned();
        let first = answer.ok();
        assert_eq!(first.get("conversation"), None, "the client named none");
        let stream = proxy.respond_stream(&follow(&first, "Two.")).await;
        assert_eq!(stream.headers()["x-conversation-id"], name.as_str());
        stream.heard().await.ended_with("completed");
        // By which it goes on as well.
        proxy.respond(&in_chat("Three.", name)).await.ok();
        assert_eq!(
            upstream.last_request().lines(),
            [
                "user: One.",
                "assistant: To One.",
                "user: Two.",
                "assistant: To Two.",
                "user: Three.",
            ]
        );
        proxy.stop().await;
    });
}

#[test]
fn a_conversation_that_is_deleted_takes_its_responses_with_it() {
    run(async {
        let upstream = echoing().await;
        let proxy = forward(&upstream).await;
        let other = proxy.respond(&in_chat("Other.", "chat-2")).await.ok();
        let named = proxy.respond(&in_chat("Secret.", "chat-1")).await.ok();
        let answer = proxy.respond(&ask("Secret.")).await;
        let name = answer
            .header("x-conversation-id")
            .expect("a name")
            .to_owned();
        let unnamed = answer.ok();
        for (conversation, response) in [("chat-1", &named), (name.as_str(), &unnamed)] {
            proxy.get(&path(response)).await.ok();
            let conversation = format!("/v1/conversations/{conversation}");
            assert_eq!(proxy.delete(&conversation).await.ok()["deleted"], true);
            proxy.get(&path(response)).await.error(404);
            let answer = proxy.respond(&follow(response, "Go on.")).await;
            assert_eq!(answer.error(400).1, Some("previous_response_not_found"));
        }
        proxy.get(&path(&other)).await.ok();
        proxy.stop().await;
    });
}
