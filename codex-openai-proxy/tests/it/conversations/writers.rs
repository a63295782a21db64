//! Two requests at once on one conversation.

use super::{counting, straight};
use crate::{
    harness::{
        chat::Answer,
        codex::{Setup, forward},
        run,
        talk::{Talk, said},
    },
    upstream::{Gate, Reply, Upstream},
};
use std::time::Duration;

/// Long enough for a request that does not wait to reach the upstream.
const A_WHILE: Duration = Duration::from_millis(500);

/// Says `Answer 2.`, the second half of it behind the gate.
fn held(gate: &Gate) -> Reply {
    Reply::stream()
        .thought("sealed-2")
        .begin_message()
        .delta("Answer ")
        .wait(gate)
        .delta("2.")
        .end_message()
        .completed()
}

/// A chat with one answer, of a client that sends `conversation_id` or nothing of the kind.
async fn begun(client: &crate::harness::Client, name: Option<&str>) -> Talk {
    let mut talk = Talk::about("One.");
    if let Some(name) = name {
        talk = talk.with("conversation_id", name);
    }
    talk.send(client).await;
    talk
}

#[test]
fn the_next_message_waits_for_the_answer_before() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let mut talk = begun(&proxy, Some("chat-1")).await;
        let gate = Gate::default();
        upstream.reply(held(&gate));
        talk.say("Two.");
        let mut stream = proxy.stream(&talk.named_news()).await;
        assert_eq!(stream.next_text().await, "Answer ");
        let next = Talk::about("Three.").with("conversation_id", "chat-1");
        let waiting = async {
            let answer = proxy.chat(&next.whole()).await;
            assert_eq!(answer.ok()["conversation_id"], "chat-1");
        };
        let letting_go = async {
            tokio::time::sleep(A_WHILE).await;
            assert_eq!(upstream.requests().len(), 2);
            gate.open();
            stream.said().await.ended_with("stop");
        };
        futures_util::future::join(waiting, letting_go).await;
        let requests = upstream.requests();
        assert_eq!(requests[2].lines(), straight(&["One.", "Two.", "Three."]));
        assert_eq!(requests[2].cache_key(), requests[0].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn waiting_has_an_end() {
    run(async {
        let upstream = counting().await;
        let mut setup = Setup::new(&upstream);
        setup.config.conversations.wait = Duration::from_millis(200);
        let proxy = setup.start().await;
        begun(&proxy, Some("chat-1")).await;
        let gate = Gate::default();
        upstream.reply(held(&gate));
        let two = Talk::about("Two.").with("conversation_id", "chat-1");
        let mut stream = proxy.stream(&two.whole()).await;
        assert_eq!(stream.next_text().await, "Answer ");
        let three = Talk::about("Three.").with("conversation_id", "chat-1");
        let answer = proxy.chat(&three.whole()).await;
        let (kind, code) = answer.error(409);
        assert_eq!(kind, "invalid_request_error");
        assert_eq!(code, Some("conversation_busy"));
        gate.open();
        stream.said().await.ended_with("stop");
        // The message that was refused was not said.
        let four = Talk::about("Four.").with("conversation_id", "chat-1");
        proxy.chat(&four.whole()).await.ok();
        let request = upstream.last_request();
        assert_eq!(request.lines(), straight(&["One.", "Two.", "Four."]));
        proxy.stop().await;
    });
}

#[test]
fn the_same_request_twice_is_answered_twice_one_after_the_other() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let mut talk = begun(&proxy, Some("chat-1")).await;
        let gate = Gate::default();
        upstream.reply(held(&gate));
        talk.say("Two.");
        let mut stream = proxy.stream(&talk.whole()).await;
        assert_eq!(stream.next_text().await, "Answer ");
        let again = async { proxy.chat(&talk.whole()).await };
        let letting_go = async {
            tokio::time::sleep(A_WHILE).await;
            assert_eq!(upstream.requests().len(), 2);
            gate.open();
            stream.said().await.ended_with("stop");
        };
        let (answer, ()) = futures_util::future::join(again, letting_go).await;
        let reply = answer.ok();
        assert_eq!(said(&reply), "Answer 2.", "the counter's second");
        assert_eq!(reply["conversation_id"], "chat-1");
        let requests = upstream.requests();
        assert_eq!(requests[2].lines(), requests[1].lines());
        proxy.stop().await;
    });
}

#[test]
fn two_clients_without_a_name_do_not_wait_for_each_other() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        // Nothing says that these are one chat, though they have said the same so far.
        let mut talk = begun(&proxy, None).await;
        let original = talk.conversation().to_owned();
        let gate = Gate::default();
        upstream.reply(held(&gate));
        talk.say("Two.");
        let mut stream = proxy.stream(&talk.whole()).await;
        assert_eq!(stream.next_text().await, "Answer ");
        let reply = proxy.chat(&talk.whole()).await.ok();
        assert_ne!(reply["conversation_id"], original);
        gate.open();
        stream.said().await.ended_with("stop");
        let requests = upstream.requests();
        assert_eq!(requests[2].spoken_lines(), requests[1].spoken_lines());
        assert_eq!(requests[1].cache_key(), requests[0].cache_key());
        assert_ne!(requests[2].cache_key(), requests[0].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn another_ending_gets_a_chat_of_its_own_at_once() {
    run(async {
        for name in [None, Some("chat-1")] {
            let upstream = counting().await;
            let proxy = forward(&upstream).await;
            let talk = begun(&proxy, name).await;
            let original = talk.conversation().to_owned();
            let gate = Gate::default();
            upstream.reply(held(&gate));
            let mut left = talk.clone();
            left.say("Two.");
            let mut stream = proxy.stream(&left.whole()).await;
            assert_eq!(stream.next_text().await, "Answer ");

            let mut right = talk.clone();
            right.say("Another two.");
            assert_eq!(said(&right.send(&proxy).await), "Answer 2.");
            assert_ne!(right.conversation(), original, "{name:?}");
            gate.open();
            stream.said().await.ended_with("stop");

            let requests = upstream.requests();
            let (running, fork) = (&requests[1], &requests[2]);
            assert_eq!(running.lines(), straight(&["One.", "Two."]));
            assert_eq!(
                fork.spoken_lines(),
                ["user: One.", "assistant: Answer 1.", "user: Another two."]
            );
            assert_ne!(fork.cache_key(), running.cache_key());

            // Each goes on by its own name.
            left.messages()
                .push(serde_json::json!({ "role": "assistant", "content": "Answer 2." }));
            left.say("Three.");
            left.send(&proxy).await;
            assert_eq!(left.conversation(), original);
            let request = upstream.last_request();
            assert_eq!(request.lines(), straight(&["One.", "Two.", "Three."]));
            assert_eq!(request.cache_key(), running.cache_key());
            let name = right.conversation().to_owned();
            right = right.with("conversation_id", name);
            right.say("Another three.");
            right.send_news(&proxy).await;
            let request = upstream.last_request();
            assert_eq!(request.cache_key(), fork.cache_key());
            request.knows_nothing_of("\"Two.\"");
            assert_eq!(request.spoken_lines().len(), 5);
            proxy.stop().await;
        }
    });
}

#[test]
fn many_writers_are_never_interleaved() {
    run(async {
        let upstream = Upstream::start().await;
        // Says again what it was asked, and takes its time.
        upstream.otherwise(|seen| {
            let echo = format!("You said {}", seen.last_text());
            Reply::stream()
                .begin_message()
                .pause(Duration::from_millis(20))
                .delta(&echo)
                .end_message()
                .completed()
        });
        let proxy = forward(&upstream).await;
        let answers = (0..8).map(async |number| {
            let talk = Talk::about(&format!("message {number}")).with("conversation_id", "chat-1");
            let answer: Answer = proxy.chat(&talk.whole()).await;
            let reply = answer.ok();
            assert_eq!(said(&reply), format!("You said message {number}"));
        });
        futures_util::future::join_all(answers).await;
        let requests = upstream.requests();
        assert_eq!(requests.len(), 8);
        for (before, request) in requests.iter().enumerate() {
            let lines = request.lines();
            assert_eq!(lines.len(), 2 * before + 1);
            for pair in lines.chunks_exact(2) {
                let asked = pair[0].strip_prefix("user: ").expect("a question");
                assert_eq!(pair[1], format!("assistant: You said {asked}"));
            }
            assert_eq!(request.cache_key(), requests[0].cache_key());
        }
        proxy.stop().await;
    });
}
