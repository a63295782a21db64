//! Turns that wait for results which come late, from elsewhere, or not at all.

use super::{look, looked, looking};
use crate::{
    harness::{
        Client, Proxy,
        chat::{Answer, Frame},
        codex::{Setup, forward, shrunk_to},
        run,
        talk::{Talk, said},
    },
    upstream::{Gate, Reply, Upstream},
};
use codex_openai_proxy::engine::codex::CodexEngine;
use reqwest::Method;
use std::time::Duration;

/// A proxy whose turns wait for a second only.
async fn impatient(upstream: &Upstream) -> (Proxy, std::sync::Arc<CodexEngine>) {
    let mut setup = Setup::new(upstream);
    setup.config.conversations.parked = Duration::from_secs(1);
    setup.start_with_engine().await
}

/// Waits until no thread is left.
async fn nothing_lives(engine: &CodexEngine) {
    shrunk_to(engine, 0, Duration::from_secs(10)).await;
}

#[test]
fn a_turn_that_waited_in_vain_is_made_again_from_the_history() {
    run(async {
        let upstream = Upstream::start().await;
        let (proxy, engine) = impatient(&upstream).await;
        upstream.reply(looking(2));
        let mut talk = look();
        talk.send(&proxy).await;
        nothing_lives(&engine).await;
        for at in 0..2 {
            talk.result(&format!("call_{at}"), format!("result {at}"));
        }
        // Only the client remembers the chat.
        proxy.chat(&talk.news()).await.error(400);
        upstream.reply(Reply::text(&["Seen."]));
        assert_eq!(said(&talk.send(&proxy).await), "Seen.");
        let mut spoken = looked(2);
        spoken.remove(1);
        assert_eq!(upstream.last_request().spoken_lines(), spoken);
        assert_eq!(upstream.requests().len(), 2);
        proxy.stop().await;
    });
}

#[test]
fn a_turn_with_a_name_is_made_again_from_disk() {
    run(async {
        for whole in [true, false] {
            let upstream = Upstream::start().await;
            let (proxy, engine) = impatient(&upstream).await;
            upstream.reply(looking(2));
            let mut talk = look().with("conversation_id", "chat-1");
            talk.send(&proxy).await;
            nothing_lives(&engine).await;
            for at in 0..2 {
                talk.result(&format!("call_{at}"), format!("result {at}"));
            }
            upstream.reply(Reply::text(&["Seen."]));
            let reply = if whole {
                talk.send(&proxy).await
            } else {
                talk.send_news(&proxy).await
            };
            assert_eq!(said(&reply), "Seen.");
            let requests = upstream.requests();
            assert_eq!(requests.len(), 2);
            assert_eq!(requests[1].lines(), looked(2));
            assert_eq!(requests[0].cache_key(), requests[1].cache_key());
            proxy.stop().await;
        }
    });
}

#[test]
fn a_turn_that_nobody_comes_back_to_makes_room_for_another() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(looking(1));
        upstream.otherwise(|_| Reply::text(&["Hello."]));
        let cursor = serde_json::json!({ "cursorConversationId": "chat-1" });
        let mut talk = look().with("metadata", cursor);
        talk.send(&proxy).await;
        let mut late = talk.clone();
        // The user edits the message that led to the call.
        talk.messages().clear();
        talk.say("Just say hello.");
        let reply = talk.send(&proxy).await;
        assert_eq!(said(&reply), "Hello.");
        assert_eq!(talk.conversation(), "chat-1");
        let request = upstream.last_request();
        assert_eq!(request.lines(), ["user: Just say hello."]);
        request.knows_nothing_of("Look.");
        request.knows_nothing_of("call_0");
        // The result is late: nothing waits for it, and it disturbs nothing.
        late.result("call_0", "result 0");
        proxy.chat(&late.news()).await.error(400);
        talk.say("Bye.");
        talk.send(&proxy).await;
        assert_eq!(
            upstream.last_request().lines(),
            ["user: Just say hello.", "assistant: Hello.", "user: Bye."]
        );
        proxy.stop().await;
    });
}

#[test]
fn another_chat_does_not_disturb_the_turn_that_waits() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(looking(1));
        upstream.otherwise(|_| Reply::text(&["Hello."]));
        let mut talk = look();
        talk.send(&proxy).await;
        // Without a name an edited beginning is another chat.
        let mut other = Talk::about("Just say hello.");
        other.send(&proxy).await;
        assert_ne!(other.conversation(), talk.conversation());
        talk.result("call_0", "result 0");
        talk.send(&proxy).await;
        let requests = upstream.requests();
        assert_eq!(requests[2].lines(), looked(1));
        assert_eq!(requests[0].turn(), requests[2].turn());
        proxy.stop().await;
    });
}

#[test]
fn calls_of_the_same_id_are_told_apart_by_their_chats() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        // Some model servers number the calls of each chat from the start.
        let mut talks = ["left", "right"]
            .map(Talk::about)
            .map(|talk| talk.offering(&["look"]));
        for talk in &mut talks {
            upstream.reply(looking(1));
            talk.send(&proxy).await;
        }
        for (talk, side) in talks.iter_mut().zip(["left", "right"]) {
            let name = talk.conversation().to_owned();
            talk.result("call_0", format!("seen {side}"));
            for question in ["Again.", "And again."] {
                upstream.reply(Reply::text(&["Yes."]));
                talk.send(&proxy).await;
                assert_eq!(talk.conversation(), name, "{side}");
                let lines = upstream.last_request().lines();
                assert_eq!(
                    lines[..4],
                    [
                        format!("user: {side}"),
                        "reasoning: sealed-1".to_owned(),
                        "call call_0 look {\"at\":0}".to_owned(),
                        format!("output call_0: seen {side}"),
                    ]
                );
                talk.say(question);
            }
        }
        let requests = upstream.requests();
        assert_eq!(requests[0].cache_key(), requests[3].cache_key());
        assert_eq!(requests[1].cache_key(), requests[5].cache_key());
        assert_ne!(requests[0].cache_key(), requests[1].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn a_client_may_leave_while_its_turn_waits() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(looking(2));
        upstream.reply(Reply::text(&["Seen."]));
        let mut talk = look();
        // A client of its own, gone with its connection at the last chunk.
        let first = Client::new(proxy.address());
        let mut stream = first.stream(&talk.whole()).await;
        while stream.next_finish_reason().await.is_none() {}
        drop(stream);
        drop(first);
        tokio::time::sleep(Duration::from_millis(300)).await;

        talk.messages().clear();
        for at in 0..2 {
            talk.result(&format!("call_{at}"), format!("result {at}"));
        }
        assert_eq!(said(&talk.send(&proxy).await), "Seen.");
        let requests = upstream.requests();
        assert_eq!(requests[1].lines(), looked(2));
        assert_eq!(requests[0].turn(), requests[1].turn());
        proxy.stop().await;
    });
}

#[test]
fn a_client_that_leaves_between_calls_can_ask_again() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let never = Gate::default();
        let half = Reply::stream().call("call_0", "look", "{}").wait(&never);
        upstream.reply(half.call("call_1", "look", "{}").completed());
        let mut talk = look().with("conversation_id", "chat-1");
        let mut stream = proxy.stream(&talk.whole()).await;
        loop {
            match stream.next().await {
                Some(Frame::Chunk(chunk)) => {
                    if chunk["choices"][0]["delta"]["tool_calls"].is_array() {
                        break;
                    }
                }
                other => panic!("no call, but {other:?}"),
            }
        }
        drop(stream);
        upstream.reply(Reply::text(&["Hello again."]));
        assert_eq!(said(&talk.send(&proxy).await), "Hello again.");
        assert_eq!(
            upstream.last_request().lines(),
            ["user: Look."],
            "what the client never heard of was not said"
        );
        proxy.stop().await;
    });
}

#[test]
fn results_can_be_sent_again_after_their_client_has_left() {
    run(async {
        for whole in [true, false] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            upstream.reply(looking(2));
            let mut talk = look().with("conversation_id", "chat-1");
            talk.send(&proxy).await;
            for at in 0..2 {
                talk.result(&format!("call_{at}"), format!("result {at}"));
            }
            let body = if whole {
                talk.whole()
            } else {
                talk.named_news()
            };

            let never = Gate::default();
            upstream.reply(Reply::stream().wait(&never).message(&["Lost."]).completed());
            let request = proxy
                .request(Method::POST, "/v1/chat/completions")
                .json(&body);
            let waiting = tokio::spawn(async { Answer::read(request.send().await.unwrap()).await });
            upstream.received(2).await;
            waiting.abort();

            upstream.reply(Reply::text(&["Seen."]));
            let answer = proxy.chat(&body).await;
            assert_eq!(said(&talk.hear(answer)), "Seen.");
            let requests = upstream.requests();
            assert_eq!(requests[1].lines(), looked(2));
            assert_eq!(requests[2].lines(), looked(2));
            assert_eq!(requests[0].cache_key(), requests[2].cache_key());
            proxy.stop().await;
        }
    });
}
