//! Everything that can stand in a history, known again: while the conversation is at hand, and when
//! it comes back from disk.

use crate::{
    harness::{codex::Setup, run, talk::Talk},
    upstream::{Reply, Seen, Upstream},
};
use serde_json::{Value, json};
use std::{collections::HashSet, time::Duration};

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

/// The client's messages of one request, and the reply that comes to them.
type Exchange = (Vec<Value>, Reply);

fn user(content: impl Into<Value>) -> Value {
    json!({ "role": "user", "content": content.into() })
}

fn thought(number: usize) -> Reply {
    Reply::stream().thought(&format!("sealed-{number}"))
}

/// Texts, calls and results in all their forms.
fn words() -> Vec<Exchange> {
    vec![
        (
            vec![
                json!({ "role": "system", "content": "Be brief." }),
                user(json!([text("Some"), text(""), text("parts.")])),
            ],
            thought(1).message(&["Four ", "dots."]),
        ),
        (
            vec![
                json!({ "role": "system", "content": "From now on in French." }),
                user("  And\n\nnow?\t"),
                user("Quick."),
            ],
            thought(2).message(&["Un."]).message(&["Deux.", "\n"]),
        ),
        (
            vec![
                json!({ "role": "developer", "content": [text("Use"), text(" tools.")] }),
                user("Look."),
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
                json!({ "role": "tool", "tool_call_id": "call_3", "content": [] }),
                json!({ "role": "tool", "tool_call_id": "call_2", "content": [
                    text("two"), text("parts"),
                ] }),
                user("And hurry."),
            ],
            thought(4).message(&["C'est tout."]),
        ),
        (vec![user("Merci.")], thought(5).message(&["De rien."])),
    ]
}

/// Pictures of every detail, in questions and in results.
fn pictures() -> Vec<Exchange> {
    let details = [None, Some("auto"), Some("low"), Some("high")];
    let mut exchanges: Vec<Exchange> = details
        .into_iter()
        .enumerate()
        .map(|(number, detail)| {
            let content = json!([text("Look."), image(detail)]);
            (vec![user(content)], thought(number).message(&["A dot."]))
        })
        .collect();
    exchanges.push((vec![user("More.")], thought(4).call("call_1", "look", "{}")));
    let result = details.map(image);
    exchanges.push((
        vec![json!({ "role": "tool", "tool_call_id": "call_1", "content": result })],
        thought(5).message(&["Dots."]),
    ));
    exchanges.push((vec![user("Thanks.")], thought(6).message(&["Bye."])));
    exchanges
}

/// Sends the exchanges, each with the whole history; gives what the upstream was sent. The
/// conversation is put away after each, or never.
async fn told(exchanges: Vec<Exchange>, put_away: bool) -> Vec<Vec<String>> {
    let upstream = Upstream::start().await;
    let mut setup = Setup::new(&upstream);
    if put_away {
        setup.config.conversations.idle = Duration::from_millis(100);
        setup.config.conversations.parked = Duration::from_millis(100);
    }
    let (proxy, engine) = setup.start_with_engine().await;
    let mut talk = Talk::new()
        .offering(&["look", "mcp.look/too"])
        .with("conversation_id", "chat-1");
    let tools = talk.body["tools"].as_array_mut().unwrap();
    tools.push(json!({ "type": "custom", "custom": { "name": "Say" } }));
    for (messages, reply) in exchanges {
        talk.messages().extend(messages);
        upstream.reply(reply.completed());
        talk.send(&proxy).await;
        while put_away && engine.live_threads().await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    proxy.stop().await;
    let requests = upstream.requests();
    let keys: HashSet<&str> = requests.iter().map(Seen::cache_key).collect();
    assert_eq!(keys.len(), 1);
    requests.iter().map(Seen::lines).collect()
}

async fn check(exchanges: fn() -> Vec<Exchange>) {
    let live = told(exchanges(), false).await;
    let count = live.len();
    // Each request repeats what the one before it held, and the thoughts that came to that.
    for pair in live.windows(2) {
        assert_eq!(pair[1][..pair[0].len()], pair[0]);
    }
    let seals = live[count - 1].iter();
    let seals = seals.filter(|line| line.starts_with("reasoning: "));
    assert_eq!(seals.count(), count - 1);
    let from_disk = told(exchanges(), true).await;
    for (number, (live, from_disk)) in live.iter().zip(&from_disk).enumerate() {
        for (live, from_disk) in live.iter().zip(from_disk) {
            assert_eq!(from_disk, live, "request {number}");
        }
        assert_eq!(from_disk.len(), live.len(), "request {number}");
    }
}

#[test]
fn words_are_known_again() {
    run(check(words));
}

#[test]
fn pictures_are_known_again() {
    run(check(pictures));
}
