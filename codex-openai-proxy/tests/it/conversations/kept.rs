//! What a conversation holds after things that go wrong in it, and who may add to it.

use super::{counting, straight};
use crate::{
    harness::{
        codex::{Setup, forward},
        run,
        talk::{Talk, result, said},
    },
    images::gallery,
    upstream::{Gate, Reply, Upstream},
};
use codex_openai_proxy::engine::codex::CodexEngine;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

async fn put_away(engine: &CodexEngine) {
    let put_away = async {
        while engine.live_threads().await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), put_away)
        .await
        .expect("idle threads are put away");
}

/// A setup whose conversations are put away as soon as nobody asks them anything.
fn restless(upstream: &Upstream) -> Setup {
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

/// A reply that calls a tool that was never offered, before and after one that was.
fn astray() -> Reply {
    Reply::stream()
        .thought("sealed")
        .call("call_x", "nowhere", "{}")
        .call("call_1", "look", "{}")
        .call("call_y", "nowhere", "{}")
        .call("call_2", "look", "{}")
        .completed()
}

#[test]
fn calls_that_no_client_hears_of_cost_nothing() {
    run(async {
        for put_away_at in [None, Some(1), Some(2), Some(3)] {
            let upstream = Upstream::start().await;
            let setup = match put_away_at {
                Some(_) => restless(&upstream),
                None => Setup::new(&upstream),
            };
            let (proxy, engine) = setup.start_with_engine().await;
            let mut talk = Talk::about("Look.")
                .offering(&["look"])
                .with("conversation_id", "chat-1");
            upstream.reply(astray());
            talk.send(&proxy).await;
            if put_away_at == Some(1) {
                put_away(&engine).await;
            }
            talk.result("call_1", "one").result("call_2", "two");
            upstream.reply(Reply::text(&["Seen it."]));
            assert_eq!(said(&talk.send_news(&proxy).await), "Seen it.");
            if put_away_at == Some(2) {
                put_away(&engine).await;
            }
            for question in ["Thanks.", "Bye."] {
                talk.say(question);
                upstream.reply(Reply::text(&["Welcome."]));
                talk.send(&proxy).await;
                if put_away_at == Some(3) {
                    put_away(&engine).await;
                }
            }
            let lines = upstream.last_request().lines();
            for line in [
                "reasoning: sealed",
                "call call_x nowhere {}",
                "output call_1: one",
                "output call_2: two",
                "assistant: Seen it.",
                "user: Thanks.",
                "assistant: Welcome.",
            ] {
                let count = lines.iter().filter(|other| *other == line).count();
                assert_eq!(count, 1, "{put_away_at:?} {line}: {lines:#?}");
            }
            proxy.stop().await;
        }
    });
}

#[test]
fn ids_of_calls_may_come_again_in_each_step() {
    run(async {
        for whole in [true, false] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            let mut talk = Talk::about("Look.").offering(&["look"]);
            for step in 0..3 {
                let arguments = format!("{{\"at\":{step}}}");
                upstream.reply(
                    Reply::stream()
                        .call("call_0", "look", &arguments)
                        .completed(),
                );
                if whole || step == 0 {
                    talk.send(&proxy).await;
                } else {
                    talk.send_news(&proxy).await;
                }
                talk.result("call_0", format!("seen {step}"));
            }
            upstream.reply(Reply::text(&["Enough."]));
            talk.send(&proxy).await;
            let mut expected = vec!["user: Look.".to_owned()];
            for step in 0..3 {
                expected.push(format!("call call_0 look {{\"at\":{step}}}"));
                expected.push(format!("output call_0: seen {step}"));
            }
            assert_eq!(upstream.last_request().lines(), expected);
            proxy.stop().await;
        }
    });
}

#[test]
fn an_id_of_a_call_that_nobody_heard_of_can_come_again() {
    run(async {
        for whole in [true, false] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            let mut talk = Talk::about("Look.").offering(&["look"]);
            upstream.reply(Reply::stream().call("call_0", "nowhere", "{}").completed());
            upstream.reply(Reply::stream().call("call_0", "look", "{}").completed());
            talk.send(&proxy).await;
            // A request that is refused in between disturbs nothing.
            let mut stray = talk.clone();
            stray.result("call_0", "seen").result("call_9", "stray");
            assert_eq!(proxy.chat(&stray.named_news()).await.status, 400);
            talk.result("call_0", "seen");
            upstream.reply(Reply::text(&["Enough."]));
            let reply = if whole {
                talk.send(&proxy).await
            } else {
                talk.send_news(&proxy).await
            };
            assert_eq!(said(&reply), "Enough.");
            let requests = upstream.requests();
            let lines = requests[2].lines();
            assert_eq!(
                lines[3..],
                ["call call_0 look {}", "output call_0: seen"],
                "{lines:#?}"
            );
            assert_eq!(requests[0].cache_key(), requests[2].cache_key());
            proxy.stop().await;
        }
    });
}

#[test]
fn long_ids_of_the_upstreams_own_survive_a_new_thread() {
    run(async {
        for put_away_first in [false, true] {
            let upstream = Upstream::start().await;
            let setup = if put_away_first {
                restless(&upstream)
            } else {
                Setup::new(&upstream)
            };
            let (proxy, engine) = setup.start_with_engine().await;
            let id = format!("call_{}", "x".repeat(80));
            let mut talk = Talk::about("Look.")
                .offering(&["look"])
                .with("conversation_id", "chat-1");
            upstream.reply(Reply::stream().call(&id, "look", "{}").completed());
            talk.send(&proxy).await;
            if put_away_first {
                put_away(&engine).await;
            }
            talk.result(&id, "seen");
            upstream.reply(Reply::text(&["Enough."]));
            assert_eq!(said(&talk.send_news(&proxy).await), "Enough.");
            let lines = upstream.last_request().lines();
            assert!(lines[2].ends_with(": seen"), "{lines:?}");
            talk.say("Thanks.");
            upstream.reply(Reply::text(&["Welcome."]));
            talk.send(&proxy).await;
            let lines = upstream.last_request().lines();
            assert_eq!(lines.len(), 5, "{lines:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn thoughts_behind_words_come_back_unnoticed() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let mut talk = Talk::about("Look.").offering(&["look"]);
        talk.body["model"] = "2.5-tpg".into();
        upstream.reply(
            Reply::stream()
                .message(&["I will look."])
                .reasoning(&["Where?"])
                .call("call_0", "look", "{}")
                .completed(),
        );
        let reply = talk.send(&proxy).await;
        let message = &reply["choices"][0]["message"];
        assert_eq!(message["content"], "I will look.");
        assert_eq!(message["reasoning_content"], "Where?");
        talk.result("call_0", "seen");
        upstream.reply(Reply::text(&["Enough."]));
        talk.send(&proxy).await;
        let requests = upstream.requests();
        assert_eq!(requests[0].turn(), requests[1].turn());
        assert!(
            requests[1]
                .lines()
                .contains(&"reasoning: sealed".to_owned())
        );
        requests[1].knows_nothing_of("Where?</think>");
        proxy.stop().await;
    });
}

#[test]
fn results_are_known_by_their_calls_where_early_messages_have_changed() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let id = "call_abcdefghijklmnopqrstuvwx";
        upstream.reply(Reply::stream().call(id, "look", "{}").completed());
        let mut talk = Talk::about("Files: a. Look.").offering(&["look"]);
        talk.send(&proxy).await;
        let name = talk.conversation().to_owned();
        talk.messages()[0]["content"] = "Files: a, b. Look.".into();
        talk.result(id, "seen");
        talk.send(&proxy).await;
        assert_eq!(talk.conversation(), name);
        let requests = upstream.requests();
        assert_eq!(requests[0].cache_key(), requests[1].cache_key());
        requests[1].knows_nothing_of("Files: a. Look.");
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
fn a_reply_with_one_id_for_two_calls_is_broken() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(
            Reply::stream()
                .call("call_0", "look", "{}")
                .call("call_0", "look", "{\"at\":1}")
                .completed(),
        );
        let mut talk = Talk::about("Look.")
            .offering(&["look"])
            .with("conversation_id", "chat-1");
        let said_so = proxy.stream(&talk.whole()).await.said().await;
        assert_eq!(said_so.failed()["code"], "upstream_error");
        upstream.reply(Reply::text(&["Sorry."]));
        assert_eq!(said(&talk.send(&proxy).await), "Sorry.");
        proxy.stop().await;
    });
}

#[test]
fn results_of_calls_with_long_ids_can_be_sent_again() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let id = "x".repeat(80);
        let mut talk = Talk::about("Look.").with("conversation_id", "chat-1");
        let call = json!({ "id": id, "type": "function",
            "function": { "name": "look", "arguments": "{}" } });
        talk.messages()
            .push(json!({ "role": "assistant", "tool_calls": [call] }));
        talk.messages().push(result(&id, "one"));
        upstream.reply(Reply::text(&["Seen."]));
        talk.send(&proxy).await;
        talk.messages()[2]["content"] = "another".into();
        talk.messages().truncate(3);
        upstream.reply(Reply::error(500, "server_error", "oops", "Oops."));
        assert_eq!(proxy.chat(&talk.whole()).await.status, 502);
        upstream.reply(Reply::text(&["Seen again."]));
        assert_eq!(said(&talk.send(&proxy).await), "Seen again.");
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
