//! Streams that end early: broken, failed, or as long as they may be.

use crate::{
    harness::{
        codex::{Setup, ask},
        run,
    },
    upstream::{Reply, Upstream},
};
use serde_json::json;

/// A reply that says `text` and then breaks off.
fn broken_after(text: &str) -> Reply {
    Reply::stream().begin_message().delta(text).break_off()
}

#[test]
fn text_that_went_out_is_never_sent_again() {
    run(async {
        // However willing core is to repeat the call.
        for retries in [0, 3] {
            let upstream = Upstream::start().await;
            let proxy = Setup::new(&upstream).retries(retries).start().await;
            upstream.reply(broken_after("Hel"));
            upstream.otherwise(|_| Reply::text(&["Hel", "lo"]));
            let said = proxy.stream(&ask("Hi")).await.said().await;
            assert!(said.failed()["message"].is_string());
            assert_eq!(said.text, "Hel", "with {retries} retries");
            proxy.stop().await;
        }
    });
}

#[test]
fn half_an_answer_is_no_answer_in_one_piece() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = Setup::new(&upstream).retries(3).start().await;
        upstream.reply(broken_after("Hel"));
        upstream.otherwise(|_| Reply::text(&["Hel", "lo"]));
        proxy.chat(&ask("Hi")).await.error(502);
        proxy.stop().await;
    });
}

#[test]
fn a_stream_that_fails_in_the_middle_ends_with_one_error() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = Setup::new(&upstream).start().await;
        let begun = || Reply::stream().begin_message().delta("Hel");
        for reply in [
            begun().failed("server_is_overloaded", "Overloaded."),
            begun().failed("server_error", "Something broke."),
            begun().failed("context_length_exceeded", "Too long."),
            // The connection closes in good order, but the reply has no end.
            begun(),
        ] {
            upstream.reply(reply);
            let said = proxy.stream(&ask("Hi")).await.said().await;
            let error = said.failed();
            assert!(
                error["message"].is_string() && error["type"].is_string(),
                "{error}"
            );
            assert_eq!(said.text, "Hel");
        }
        proxy.stop().await;
    });
}

#[test]
fn a_break_before_any_text_is_repaired_unseen() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = Setup::new(&upstream).retries(2).start().await;
        upstream.reply(Reply::stream().break_off());
        upstream.reply(Reply::text(&["Hel", "lo"]));
        let said = proxy.stream(&ask("Hi")).await.said().await;
        said.ended_with("stop");
        assert_eq!(said.text, "Hello");

        upstream.reply(Reply::stream().reasoning(&["Hmm."]).break_off());
        upstream.reply(
            Reply::stream()
                .reasoning(&["Hmm."])
                .message(&["Yes"])
                .completed(),
        );
        let said = proxy.stream(&ask("Hi")).await.said().await;
        said.ended_with("stop");
        assert_eq!(said.text, "Yes");
        assert_eq!(said.reasoning, "Hmm.", "reasoning is not repeated either");
        assert_eq!(upstream.requests().len(), 4);
        proxy.stop().await;
    });
}

#[test]
fn a_break_after_a_tool_call_is_an_error_and_no_wait() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = Setup::new(&upstream).retries(2).start().await;
        upstream.reply(Reply::stream().call("call_1", "look", "{}").break_off());
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        let mut body = ask("Look.");
        body["tools"] = json!([{ "type": "function", "function": {
            "name": "look", "parameters": { "type": "object", "properties": {} },
        } }]);
        let said = proxy.stream(&body).await.said().await;
        said.failed();
        assert_eq!(said.text, "");
        proxy.stop().await;
    });
}

#[test]
fn a_reply_that_reached_a_limit_says_so() {
    run(async {
        for retries in [0, 3] {
            let upstream = Upstream::start().await;
            let proxy = Setup::new(&upstream).retries(retries).start().await;
            for (reason, finish) in [
                ("max_output_tokens", "length"),
                ("content_filter", "content_filter"),
            ] {
                let reply = Reply::stream()
                    .begin_message()
                    .delta("Hel")
                    .incomplete(reason);
                upstream.reply(reply.clone());
                upstream.otherwise(|_| Reply::text(&["Hel", "lo"]));
                let said = proxy.stream(&ask("Hi")).await.said().await;
                said.ended_with(finish);
                assert_eq!(said.text, "Hel", "with {retries} retries");

                upstream.reply(reply);
                let body = proxy.chat(&ask("Hi")).await.ok();
                assert_eq!(body["choices"][0]["finish_reason"], finish);
                assert_eq!(body["choices"][0]["message"]["content"], "Hel");
            }
            proxy.stop().await;
        }
    });
}
