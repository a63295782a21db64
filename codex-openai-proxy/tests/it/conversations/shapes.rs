//! Everything that can stand in a history, known again: while the conversation is at hand, and when
//! it comes back from disk.

use crate::{
    harness::{codex::Setup, run, talk::Talk},
    upstream::{Reply, Upstream},
};
use serde_json::{Value, json};
use std::time::Duration;

const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

fn image(detail: Option<&str>) -> Value {
    let mut image = json!({ "url": PIXEL });
    if let Some(detail) = detail {
        image["detail"] = detail.into();
    }
    json!({ "type": "image_url", "image_url": image })
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// The user's messages of one request each, and replies that come to them.
fn exchanges() -> Vec<(Vec<Value>, Reply)> {
    let user = |content: Value| json!({ "role": "user", "content": content });
    let thought = |number: usize| Reply::stream().thought(&format!("sealed-{number}"));
    vec![
        (
            vec![user(json!([
                text("Some pictures:"),
                image(None),
                image(Some("auto")),
                image(Some("low")),
                text(""),
                image(Some("high")),
                text("That is all."),
            ]))],
            thought(1).message(&["Four ", "dots."]),
        ),
        (
            vec![
                json!({ "role": "system", "content": "From now on in French." }),
                user(json!("  And\n\nnow?\t")),
                user(json!("Quick.")),
            ],
            thought(2).message(&["Un."]).message(&["Deux.", "\n"]),
        ),
        (
            vec![
                json!({ "role": "developer", "content": [text("Use"), text(" tools.")] }),
                user(json!([image(None)])),
            ],
            thought(3)
                .message(&["I will look."])
                .call("call_1", "look", r#"{ "b": [1, 2.50], "a": "é\u00e9" }"#)
                .call("call_2", "mcp_look_too", "{}")
                .call("call_3", "Say", r#"{"input":"*** raw {\"x\": 1}\n"}"#)
                .call("call_4", "look", "not json"),
        ),
        (
            vec![
                json!({ "role": "tool", "tool_call_id": "call_4", "content": "" }),
                json!({ "role": "tool", "tool_call_id": "call_1", "content": "one\n" }),
                json!({ "role": "tool", "tool_call_id": "call_3", "content": [
                    text("a picture"), image(Some("high")), image(None),
                ] }),
                json!({ "role": "tool", "tool_call_id": "call_2", "content": [
                    text("two"), text("parts"),
                ] }),
                user(json!("And hurry.")),
            ],
            thought(4).message(&["C'est tout."]),
        ),
        (
            vec![user(json!("Merci."))],
            thought(5).message(&["De rien."]),
        ),
    ]
}

/// Sends the exchanges with the whole history each; gives what the upstream was sent.
async fn told(idle: Option<Duration>) -> Vec<Vec<String>> {
    let upstream = Upstream::start().await;
    let mut setup = Setup::new(&upstream);
    if let Some(idle) = idle {
        setup.config.conversations.idle = idle;
        setup.config.conversations.parked = idle;
    }
    let (proxy, engine) = setup.start_with_engine().await;
    let mut talk = Talk::new()
        .offering(&["look", "mcp.look/too"])
        .with("conversation_id", "chat-1");
    talk.body["tools"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "type": "custom", "custom": { "name": "Say" } }));
    for (messages, reply) in exchanges() {
        talk.messages().extend(messages);
        upstream.reply(reply.completed());
        talk.send(&proxy).await;
        while idle.is_some() && engine.live_threads().await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    proxy.stop().await;
    let requests = upstream.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.cache_key() == requests[0].cache_key())
    );
    requests.iter().map(crate::upstream::Seen::lines).collect()
}

#[test]
fn every_shape_is_known_again() {
    run(async {
        let live = told(None).await;
        // Each request repeats what the one before it held.
        for pair in live.windows(2) {
            assert_eq!(pair[1][..pair[0].len()], pair[0]);
        }
        let seals = live.last().unwrap().iter();
        let seals: Vec<_> = seals.filter(|line| line.starts_with("reasoning")).collect();
        assert_eq!(
            seals,
            [
                "reasoning: sealed-1",
                "reasoning: sealed-2",
                "reasoning: sealed-3",
                "reasoning: sealed-4"
            ]
        );
        let from_disk = told(Some(Duration::from_millis(100))).await;
        assert_eq!(from_disk, live);
    });
}
