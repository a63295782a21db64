//! What a conversation holds after things that go wrong in it, and who may add to it.

use super::{counting, straight};
use crate::{
    harness::{
        codex::{Setup, forward, shrunk_to},
        run,
        talk::{Talk, said},
    },
    images::gallery,
    upstream::{Gate, Reply, Upstream},
};
use codex_openai_proxy::engine::codex::CodexEngine;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

/// Waits until the conversations are put away.
pub(super) async fn put_away(engine: &CodexEngine) {
    shrunk_to(engine, 0, Duration::from_secs(10)).await;
}

/// A setup whose conversations are put away as soon as nobody asks them anything.
pub(super) fn restless(upstream: &Upstream) -> Setup {
    let mut setup = Setup::new(upstream);
    setup.config.conversations.idle = Duration::from_millis(100);
    setup.config.conversations.parked = Duration::from_millis(100);
    setup
}

#[test]
fn an_edit_that_fails_changes_nothing() {
    run(async {
        for restless_too in [false, true] {
            let upstream = counting().await;
            let setup = if restless_too {
                restless(&upstream)
            } else {
                Setup::new(&upstream)
            };
            let (proxy, engine) = setup.start_with_engine().await;
            let mut talk = Talk::about("One.").with("conversation_id", "chat-1");
            talk.send(&proxy).await;
            talk.say("Two.");
            talk.send(&proxy).await;

            let mut edit = talk.clone();
            edit.messages()[2]["content"] = "Edited.".into();
            edit.messages().truncate(3);
            upstream.reply(Reply::error(500, "server_error", "oops", "Oops."));
            assert_eq!(proxy.chat(&edit.whole()).await.status, 502);
            if restless_too {
                put_away(&engine).await;
            }

            talk.say("Three.");
            talk.send_news(&proxy).await;
            let request = upstream.last_request();
            assert_eq!(request.lines(), straight(&["One.", "Two.", "Three."]));
            request.knows_nothing_of("Edited.");
            proxy.stop().await;
        }
    });
}

#[test]
fn nobody_writes_into_a_named_conversation_by_chance() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let mut named = Talk::about("Hi.").with("conversation_id", "holidays");
        named.send(&proxy).await;
        let mut other = Talk::about("Hi.");
        other
            .messages()
            .push(json!({ "role": "assistant", "content": "Answer 1." }));
        other.say("My secret is 42.");
        other.send(&proxy).await;
        assert_ne!(other.conversation(), "holidays");
        named.say("And now?");
        named.send_news(&proxy).await;
        let request = upstream.last_request();
        assert_eq!(request.lines(), straight(&["Hi.", "And now?"]));
        request.knows_nothing_of("secret");
        proxy.stop().await;
    });
}

#[test]
fn a_history_that_lacks_the_message_being_answered_is_another_chat() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let mut talk = Talk::about("One.").with("conversation_id", "chat-1");
        talk.send(&proxy).await;
        let gate = Gate::default();
        upstream.reply(
            Reply::stream()
                .wait(&gate)
                .message(&["Two, then."])
                .completed(),
        );
        let mut first = talk.clone();
        first.say("Two.");
        let mut second = talk.clone();
        second.say("Another.");
        let running = first.send_news(&proxy);
        let meanwhile = async {
            upstream.received(2).await;
            second.send(&proxy).await;
            assert_ne!(second.conversation(), "chat-1");
            gate.open();
        };
        let (reply, ()) = futures_util::future::join(running, meanwhile).await;
        assert_eq!(said(&reply), "Two, then.");
        first.say("Three.");
        first.send_news(&proxy).await;
        let lines = upstream.last_request().spoken_lines();
        assert!(
            lines.contains(&"assistant: Two, then.".to_owned()),
            "{lines:?}"
        );
        proxy.stop().await;
    });
}

#[test]
fn whoever_waits_for_a_picture_of_another_request_does_not_wait_for_ever() {
    run(async {
        let upstream = counting().await;
        let mut setup = Setup::new(&upstream);
        setup.config.codex.allow_private_image_hosts = true;
        setup.config.conversations.wait = Duration::from_millis(300);
        let proxy = setup.start().await;
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let picture = format!("http://{}/x.png", silent.local_addr().unwrap());
        let mut talk = Talk::new().with("conversation_id", "chat-1");
        talk.messages().push(json!({ "role": "user", "content": [
            { "type": "image_url", "image_url": { "url": picture } },
        ] }));
        let request = proxy.request(Method::POST, "/v1/chat/completions");
        let fetching = tokio::spawn(request.json(&talk.whole()).send());
        let (_held, _) = silent.accept().await.unwrap();
        let other = Talk::about("Hi.").with("conversation_id", "chat-1");
        let answer = proxy.chat(&other.whole()).await;
        assert_eq!(answer.error(409).1, Some("conversation_busy"));
        proxy.delete("/v1/conversations/chat-1").await.ok();
        assert_eq!(fetching.await.unwrap().unwrap().status(), 503);
        proxy.stop().await;
    });
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody_else() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.conversations.wait = Duration::from_secs(1);
        let proxy = setup.start().await;
        let large = "so it goes ".repeat(10_000);
        let endless = (0..400).fold(Reply::stream().begin_message(), |reply, _| {
            reply.delta(&large)
        });
        let never = Gate::default();
        upstream.reply(endless.wait(&never));
        let talk = Talk::about("Tell me.").with("conversation_id", "chat-1");
        let mut body = talk.whole();
        body["stream"] = true.into();
        let request = proxy.request(Method::POST, "/v1/chat/completions");
        let unread = request.json(&body).send().await.unwrap();
        // Time to fill every buffer on the way.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let second = proxy.chat(&talk.whole()).await;
        assert_eq!(second.error(409).1, Some("conversation_busy"));
        proxy.delete("/v1/conversations/chat-1").await.ok();
        drop(unread);
        proxy.stop().await;
    });
}

#[test]
fn a_chat_that_is_stopped_and_edited_stays_the_same_chat() {
    run(async {
        for _ in 0..3 {
            let upstream = counting().await;
            let proxy = forward(&upstream).await;
            let mut talk =
                Talk::about("One.").with("metadata", json!({ "cursorConversationId": "chat-1" }));
            talk.send(&proxy).await;
            let never = Gate::default();
            upstream.reply(Reply::stream().begin_message().delta("Well").wait(&never));
            talk.say("Stopped.");
            let mut stream = proxy.stream(&talk.whole()).await;
            assert_eq!(stream.next_text().await, "Well");
            drop(stream);
            let last = talk.messages().len() - 1;
            talk.messages()[last]["content"] = "Edited.".into();
            // Time for the proxy to hear that the connection is gone.
            tokio::time::sleep(Duration::from_millis(300)).await;
            talk.send(&proxy).await;
            assert_eq!(talk.conversation(), "chat-1");
            upstream.last_request().knows_nothing_of("Stopped.");
            proxy.stop().await;
        }
    });
}

#[test]
fn pictures_by_address_are_known_again() {
    run(async {
        let upstream = counting().await;
        let mut setup = restless(&upstream);
        setup.config.codex.allow_private_image_hosts = true;
        let (proxy, engine) = setup.start_with_engine().await;
        let mut talk = Talk::new().with("conversation_id", "chat-1");
        talk.messages().push(json!({ "role": "user", "content": [
            { "type": "text", "text": "One." },
            { "type": "image_url", "image_url": { "url": gallery().await } },
        ] }));
        talk.send(&proxy).await;
        put_away(&engine).await;
        talk.say("Two.");
        talk.send(&proxy).await;
        let lines = upstream.last_request().lines();
        assert_eq!(
            lines[1..],
            ["reasoning: sealed-1", "assistant: Answer 1.", "user: Two."]
        );
        proxy.stop().await;
    });
}
