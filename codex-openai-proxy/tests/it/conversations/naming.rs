//! How a client names a conversation, and what is no name.

use super::counting;
use crate::harness::{
    chat::Answer,
    codex::{ask, forward},
    run,
    talk::Talk,
};
use reqwest::Method;
use serde_json::json;

#[test]
fn a_client_can_name_its_chat_in_five_places_and_the_first_counts() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let places = [
            ("session-id", "by-session"),
            ("thread-id", "by-thread"),
            ("x-conversation-id", "by-header"),
            ("metadata", "by-metadata"),
            ("conversation_id", "by-body"),
        ];
        // Each adds a name that counts more than those before.
        for named in 1..=places.len() {
            let mut talk = Talk::about("Again.").with("user", "somebody");
            let mut headers = Vec::new();
            for (place, name) in &places[..named] {
                match *place {
                    "metadata" => {
                        talk = talk.with("metadata", json!({ "cursorConversationId": name }));
                    }
                    "conversation_id" => talk = talk.with("conversation_id", *name),
                    header => headers.push((header, *name)),
                }
            }
            for _ in 0..2 {
                let mut request = proxy.request(Method::POST, "/v1/chat/completions");
                for (header, name) in &headers {
                    request = request.header(*header, *name);
                }
                let response = request.json(&talk.whole()).send().await.unwrap();
                talk.hear(Answer::read(response).await);
                assert_eq!(talk.conversation(), places[named - 1].1);
                talk.say("Again.");
            }
            let requests = upstream.requests();
            let [first, second] = &requests[requests.len() - 2..] else {
                panic!("two requests");
            };
            assert_eq!(first.lines(), ["user: Again."]);
            assert_eq!(second.lines().len(), 4, "with its reasoning");
            assert_eq!(first.cache_key(), second.cache_key());
        }
        proxy.stop().await;
    });
}

#[test]
fn what_is_no_name_is_refused_or_ignored() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        for name in [
            json!("a b"),
            json!(""),
            json!("é"),
            json!("x".repeat(300)),
            json!(7),
        ] {
            let body = Talk::about("Hi.").with("conversation_id", name.clone());
            let answer = proxy.chat(&body.whole()).await;
            assert_eq!(answer.error(400).0, "invalid_request_error", "{name}");
            assert_eq!(answer.body["error"]["param"], "conversation_id", "{name}");
        }
        let request = proxy
            .request(Method::POST, "/v1/chat/completions")
            .header("x-conversation-id", "a b")
            .json(&ask("Hi."));
        let answer = Answer::read(request.send().await.unwrap()).await;
        answer.error(400);
        assert_eq!(answer.body["error"]["param"], "x-conversation-id");
        assert_eq!(upstream.requests().len(), 0);

        // Names that were not meant for us.
        let body = Talk::about("Hi.").with("metadata", json!({ "cursorConversationId": "a b" }));
        let request = proxy
            .request(Method::POST, "/v1/chat/completions")
            .header("session-id", "a b")
            .header("thread-id", "")
            .json(&body.whole());
        let answer = Answer::read(request.send().await.unwrap()).await;
        let name = answer.ok()["conversation_id"].as_str().unwrap().to_owned();
        assert!(name.starts_with("conv_"), "{name}");
        proxy.stop().await;
    });
}

#[test]
fn chats_of_one_user_are_not_one_chat() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let mut names = Vec::new();
        for _ in 0..2 {
            let mut talk = Talk::about("Hi.").with("user", "0a1b2c");
            talk.send(&proxy).await;
            names.push(talk.conversation().to_owned());
        }
        assert_ne!(names[0], names[1]);
        let requests = upstream.requests();
        assert_eq!(requests[1].lines(), ["user: Hi."]);
        assert_ne!(requests[0].cache_key(), requests[1].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn a_made_up_name_that_nobody_knows_needs_the_whole_history() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let lost = format!("conv_{}", "0a".repeat(16));
        let mut talk = Talk::about("Go on.").with("conversation_id", lost.as_str());
        for body in [talk.whole(), {
            let mut body = talk.whole();
            body["stream"] = true.into();
            body
        }] {
            let answer = proxy.chat(&body).await;
            let (kind, code) = answer.error(404);
            assert_eq!(kind, "invalid_request_error");
            assert_eq!(code, Some("conversation_not_found"));
            assert_eq!(answer.body["error"]["param"], "conversation_id");
        }
        assert_eq!(upstream.requests().len(), 0);

        talk.messages().clear();
        talk.say("One.");
        talk.messages()
            .push(json!({ "role": "assistant", "content": "Answer." }));
        talk.say("Two.");
        talk.send(&proxy).await;
        assert_eq!(talk.conversation(), lost);
        talk.say("Three.");
        talk.send_news(&proxy).await;
        assert_eq!(
            upstream.requests()[1].lines(),
            [
                "user: One.",
                "assistant: Answer.",
                "user: Two.",
                "reasoning: sealed-1",
                "assistant: Answer 1.",
                "user: Three."
            ]
        );
        proxy.stop().await;
    });
}
