//! Replies that end in other ways than with an answer, and how the chat goes on after them.

use super::{counting, straight};
use crate::{
    harness::{
        codex::forward,
        run,
        talk::{Talk, calls, said},
    },
    upstream::{Reply, Upstream},
};
use serde_json::json;

#[test]
fn a_reply_that_failed_was_not_said() {
    run(async {
        for whole in [false, true] {
            let upstream = counting().await;
            let proxy = forward(&upstream).await;
            let mut talk = Talk::about("One.").with("conversation_id", "chat-1");
            talk.send(&proxy).await;
            talk.say("Two.");
            let body = if whole { talk.whole() } else { talk.news() };
            let broken = || {
                Reply::stream()
                    .thought("sealed-x")
                    .begin_message()
                    .delta("Half")
            };
            for reply in [
                Reply::error(500, "server_error", "oops", "Oops."),
                Reply::error(429, "rate_limit_error", "slow_down", "Slow down."),
                broken().break_off(),
                broken().failed("server_error", "Oops."),
                Reply::stream().call("call_1", "look", "{}").break_off(),
            ] {
                upstream.reply(reply);
                let answer = proxy.chat(&body).await;
                assert!(!answer.status.is_success(), "{}", answer.body);
            }
            let answer = proxy.chat(&body).await;
            assert_eq!(said(&talk.hear(answer)), "Answer 2.");
            talk.say("Three.");
            talk.send(&proxy).await;
            let requests = upstream.requests();
            assert_eq!(requests.len(), 8);
            for request in &requests[1..7] {
                assert_eq!(request.lines(), straight(&["One.", "Two."]));
            }
            assert_eq!(requests[7].lines(), straight(&["One.", "Two.", "Three."]));
            let key = requests[0].cache_key();
            assert!(requests.iter().all(|request| request.cache_key() == key));
            proxy.stop().await;
        }
    });
}

#[test]
fn results_can_be_sent_again_after_a_failure() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let call = Reply::stream()
            .thought("sealed-1")
            .call("call_1", "look", "{}");
        upstream.reply(call.completed());
        let mut talk = Talk::about("Look.").offering(&["look"]);
        talk.send(&proxy).await;
        let name = talk.conversation().to_owned();
        talk.result("call_1", "a bird");
        for _ in 0..2 {
            upstream.reply(Reply::error(500, "server_error", "oops", "Oops."));
            proxy.chat(&talk.news()).await.error(502);
        }
        upstream.reply(Reply::text(&["I see."]));
        let answer = proxy.chat(&talk.news()).await;
        assert_eq!(said(&talk.hear(answer)), "I see.");
        assert_eq!(talk.conversation(), name);
        let requests = upstream.requests();
        for request in &requests[1..] {
            assert_eq!(
                request.lines(),
                [
                    "user: Look.",
                    "reasoning: sealed-1",
                    "call call_1 look {}",
                    "output call_1: a bird"
                ]
            );
            assert_eq!(request.cache_key(), requests[0].cache_key());
        }
        proxy.stop().await;
    });
}

#[test]
fn a_reply_that_was_cut_at_its_limit_was_said_as_far_as_it_came() {
    run(async {
        for whole in [true, false] {
            let upstream = counting().await;
            let proxy = forward(&upstream).await;
            let mut talk = Talk::about("One.").with("conversation_id", "chat-1");
            talk.send(&proxy).await;
            talk.say("Two.");
            let half = Reply::stream().message(&["Half an ", "answer"]);
            upstream.reply(half.incomplete("max_output_tokens"));
            let reply = talk.send_news(&proxy).await;
            assert_eq!(said(&reply), "Half an answer");
            assert_eq!(reply["choices"][0]["finish_reason"], "length");
            talk.say("Go on.");
            if whole {
                talk.send(&proxy).await;
            } else {
                talk.send_news(&proxy).await;
            }
            let mut lines = straight(&["One.", "Two."]);
            lines.extend(["assistant: Half an answer", "user: Go on."].map(str::to_owned));
            let request = upstream.last_request();
            assert_eq!(request.lines(), lines, "whole: {whole}");
            assert_eq!(request.cache_key(), upstream.requests()[0].cache_key());
            proxy.stop().await;
        }
    });
}

#[test]
fn a_history_that_ends_with_the_answer_asks_for_more_of_it() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let mut talk = Talk::about("One.").with("conversation_id", "chat-1");
        talk.send(&proxy).await;
        talk.send(&proxy).await;
        let mut lines = straight(&["One.", "Two."]);
        lines.pop();
        assert_eq!(upstream.last_request().lines(), lines);
        proxy.stop().await;
    });
}

#[test]
fn a_call_that_no_client_can_run_stays_between_the_model_and_the_proxy() {
    run(async {
        for whole in [true, false] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            upstream.reply(
                Reply::stream()
                    .thought("sealed-1")
                    .call("call_1", "made_up", "{}")
                    .completed(),
            );
            upstream.reply(
                Reply::stream()
                    .thought("sealed-2")
                    .call("call_2", "look", "{}")
                    .completed(),
            );
            upstream.otherwise(|_| Reply::text(&["I see."]));
            let mut talk = Talk::about("Look.").offering(&["look"]);
            let reply = talk.send(&proxy).await;
            assert_eq!(calls(&reply), [("call_2", "look", "{}")]);
            let name = talk.conversation().to_owned();
            talk.result("call_2", "a bird");
            let answer = proxy
                .chat(&if whole { talk.whole() } else { talk.news() })
                .await;
            talk.hear(answer);
            talk.say("Thanks.");
            talk.send(&proxy).await;
            assert_eq!(talk.conversation(), name);
            let requests = upstream.requests();
            assert_eq!(requests.len(), 4);
            let mut lines = requests[1].lines();
            assert_eq!(
                lines[..3],
                [
                    "user: Look.",
                    "reasoning: sealed-1",
                    "call call_1 made_up {}"
                ]
            );
            assert_eq!(lines.len(), 4);
            assert!(lines[3].starts_with("output call_1: "), "{lines:?}");
            lines.extend(
                [
                    "reasoning: sealed-2",
                    "call call_2 look {}",
                    "output call_2: a bird",
                    "assistant: I see.",
                    "user: Thanks.",
                ]
                .map(str::to_owned),
            );
            assert_eq!(requests[3].lines(), lines);
            proxy.stop().await;
        }
    });
}

#[test]
fn a_client_that_leaves_the_queue_is_not_answered() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let gate = crate::upstream::Gate::default();
        upstream.reply(
            Reply::stream()
                .thought("sealed-1")
                .begin_message()
                .delta("Answer ")
                .wait(&gate)
                .delta("1.")
                .end_message()
                .completed(),
        );
        let one = Talk::about("One.").with("conversation_id", "chat-1");
        let mut stream = proxy.stream(&one.whole()).await;
        assert_eq!(stream.next_text().await, "Answer ");
        let two = Talk::about("Two.").with("conversation_id", "chat-1");
        let request = proxy.request(reqwest::Method::POST, "/v1/chat/completions");
        let waiting = tokio::spawn(request.json(&two.whole()).send());
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        waiting.abort();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        gate.open();
        stream.said().await.ended_with("stop");
        let three = Talk::about("Three.").with("conversation_id", "chat-1");
        proxy.chat(&three.whole()).await.ok();
        let requests = upstream.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[1].lines(), straight(&["One.", "Three."]));
        proxy.stop().await;
    });
}

#[test]
fn an_empty_answer_is_an_answer() {
    run(async {
        for whole in [true, false] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            upstream.reply(Reply::stream().thought("sealed-1").completed());
            upstream.otherwise(|_| Reply::text(&["Yes."]));
            let mut talk = Talk::about("One.").with("conversation_id", "chat-1");
            let reply = talk.send(&proxy).await;
            assert_eq!(reply["choices"][0]["finish_reason"], "stop");
            talk.messages()[1] = json!({ "role": "assistant", "content": "" });
            talk.say("Two.");
            if whole {
                talk.send(&proxy).await;
            } else {
                talk.send_news(&proxy).await;
            }
            assert_eq!(
                upstream.last_request().spoken_lines(),
                ["user: One.", "user: Two."],
                "whole: {whole}"
            );
            proxy.stop().await;
        }
    });
}
