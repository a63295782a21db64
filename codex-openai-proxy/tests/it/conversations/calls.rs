//! Calls and results of all sorts, and what a conversation remembers of them.

use super::{
    counting,
    kept::{put_away, restless},
};
use crate::{
    harness::{
        codex::{Setup, forward},
        run,
        talk::{Talk, result, said},
    },
    upstream::{Reply, Upstream},
};
use serde_json::json;

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
