//! Responses that do not end well.

use super::{SOON, ask, endless, path, with};
use crate::{
    harness::{codex::forward, responses::said, run},
    upstream::{Outcome, Reply, Upstream},
};
use serde_json::json;
use std::time::Instant;

#[test]
fn a_limit_makes_a_response_incomplete() {
    run(async {
        for reason in ["max_output_tokens", "content_filter"] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            let reply = Reply::stream().begin_message().delta("Once");
            let reply = reply.incomplete(reason);
            upstream.otherwise(move |_| reply.clone());
            let whole = proxy.respond(&ask("Tell me.")).await.ok();
            let heard = proxy.respond_stream(&ask("Tell me.")).await.heard().await;
            for response in [&whole, heard.ended_with("incomplete")] {
                assert_eq!(response["status"], "incomplete");
                assert_eq!(response["incomplete_details"], json!({ "reason": reason }));
                assert_eq!(response["output"][0]["status"], "incomplete");
                assert_eq!(said(response), "Once");
                assert_eq!(proxy.get(&path(response)).await.ok(), *response);
            }
            proxy.stop().await;
        }
    });
}

#[test]
fn what_fails_before_the_first_event_has_its_status() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        for (reply, status, code) in [
            (
                Reply::error(400, "invalid_request_error", "invalid_value", "Bad tool."),
                400,
                None,
            ),
            (
                Reply::stream().failed("context_length_exceeded", "Your input is too long."),
                400,
                Some("context_length_exceeded"),
            ),
            (
                Reply::stream().failed("server_is_overloaded", "Busy."),
                503,
                Some("server_is_overloaded"),
            ),
        ] {
            for stream in [false, true] {
                upstream.reply(reply.clone());
                let body = with(ask("Hi."), json!({ "stream": stream }));
                let answer = proxy.respond(&body).await;
                assert_eq!(answer.error(status).1, code, "{}", answer.body);
            }
        }
        proxy.stop().await;
    });
}

#[test]
fn what_fails_in_the_middle_is_failed_and_never_completed() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let begun = || Reply::stream().begin_message().delta("Once");
        for reply in [
            begun().break_off(),
            begun().failed("server_error", "It broke."),
        ] {
            upstream.reply(reply.clone());
            let heard = proxy.respond_stream(&ask("Tell me.")).await.heard().await;
            let response = heard.ended_with("failed");
            assert_eq!(heard.text(), "Once");
            assert_eq!(response["error"]["code"], "server_error", "{response}");
            assert!(response["error"]["message"].is_string(), "{response}");
            assert_eq!(response["usage"], json!(null));
            assert_eq!(proxy.get(&path(response)).await.ok(), *response);

            upstream.reply(reply);
            let answer = proxy.respond(&ask("Tell me.")).await;
            answer.error(502);
        }
        proxy.stop().await;
    });
}

#[test]
fn a_client_that_leaves_leaves_nothing_behind() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(endless());
        let mut stream = proxy.respond_stream(&ask("Tell me.")).await;
        let created = stream.until("response.created").await["response"].clone();
        assert_eq!(stream.next_text().await, "Once");
        let left = Instant::now();
        drop(stream);
        assert_eq!(upstream.outcome(0).await, Outcome::Dropped);
        assert!(left.elapsed() < SOON, "{:?}", left.elapsed());
        proxy.get(&path(&created)).await.error(404);
        assert_eq!(upstream.requests().len(), 1);
        proxy.stop().await;
    });
}

#[test]
fn a_client_that_does_not_wait_for_the_whole_leaves_nothing_running() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(endless());
        let request = proxy.request(reqwest::Method::POST, "/v1/responses");
        let waiting = tokio::spawn(request.json(&ask("Tell me.")).send());
        upstream.received(1).await;
        let left = Instant::now();
        waiting.abort();
        assert_eq!(upstream.outcome(0).await, Outcome::Dropped);
        assert!(left.elapsed() < SOON, "{:?}", left.elapsed());
        proxy.stop().await;
    });
}
