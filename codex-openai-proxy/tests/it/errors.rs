//! Each way in which the upstream fails, as the client gets to see it.

use crate::{
    harness::{
        Proxy,
        chat::Answer,
        codex::{Setup, ask, forward},
        run,
    },
    upstream::{Gate, Reply, Upstream},
};
use reqwest::Method;
use std::time::{SystemTime, UNIX_EPOCH};

/// A failure, and what the client gets.
struct Row {
    reply: Reply,
    status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    /// Bounds of Retry-After in seconds; `None` where there must be none.
    retry_after: Option<(u64, u64)>,
}

fn row(reply: Reply, status: u16, kind: &'static str, code: Option<&'static str>) -> Row {
    Row {
        reply,
        status,
        kind,
        code,
        retry_after: None,
    }
}

fn overloaded(reply: Reply) -> Row {
    Row {
        retry_after: Some((1, 60)),
        ..row(reply, 503, "server_error", Some("server_is_overloaded"))
    }
}

fn in_seconds(seconds: u64) -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + seconds
}

/// The error of a streamed request and of one in one piece, which are the same.
async fn both(proxy: &Proxy, upstream: &Upstream, reply: &Reply) -> [Answer; 2] {
    let mut answers = Vec::new();
    for stream in [true, false] {
        upstream.reply(reply.clone());
        let mut body = ask("Hi");
        body["stream"] = stream.into();
        let request = proxy
            .request(Method::POST, "/v1/chat/completions")
            .json(&body);
        answers.push(Answer::read(request.send().await.unwrap()).await);
    }
    answers.try_into().ok().unwrap()
}

async fn check(rows: Vec<Row>) {
    let upstream = Upstream::start().await;
    let proxy = forward(&upstream).await;
    for (number, row) in rows.into_iter().enumerate() {
        for answer in both(&proxy, &upstream, &row.reply).await {
            let (kind, code) = answer.error(row.status);
            assert_eq!(
                (kind, code),
                (row.kind, row.code),
                "row {number}: {}",
                answer.body
            );
            let seconds = answer
                .header("retry-after")
                .map(|value| value.parse().unwrap());
            match (row.retry_after, seconds) {
                (None, None) => {}
                (Some((least, most)), Some(seconds)) => {
                    assert!((least..=most).contains(&seconds), "row {number}: {seconds}");
                }
                (wanted, got) => panic!("row {number}: Retry-After {got:?}, wanted {wanted:?}"),
            }
            let text = answer.body.to_string();
            for inside in [
                "127.0.0.1",
                "/v1/responses",
                "request id",
                "codex_core",
                "src/",
            ] {
                assert!(
                    !text.contains(inside),
                    "row {number} leaks {inside}: {text}"
                );
            }
        }
    }
    proxy.stop().await;
}

#[test]
fn bad_requests_are_the_clients() {
    run(async {
        let too_long = "Your input exceeds the context window of this model.";
        check(vec![
            row(
                Reply::error(400, "invalid_request_error", "invalid_value", "Bad tool."),
                400,
                "invalid_request_error",
                None,
            ),
            row(
                Reply::stream().failed("context_length_exceeded", too_long),
                400,
                "invalid_request_error",
                Some("context_length_exceeded"),
            ),
            row(
                Reply::error(
                    400,
                    "invalid_request_error",
                    "context_length_exceeded",
                    too_long,
                ),
                400,
                "invalid_request_error",
                Some("context_length_exceeded"),
            ),
            row(
                Reply::stream().failed("invalid_prompt", "This prompt is not allowed."),
                400,
                "invalid_request_error",
                None,
            ),
        ])
        .await;
    });
}

#[test]
fn limits_tell_when_to_come_back() {
    run(async {
        check(vec![
            Row {
                retry_after: Some((590, 600)),
                ..row(
                    Reply::usage_limit_reached(in_seconds(600)),
                    429,
                    "insufficient_quota",
                    Some("usage_limit_reached"),
                )
            },
            // Nobody should be told to wait for a day.
            Row {
                retry_after: Some((1800, 1800)),
                ..row(
                    Reply::usage_limit_reached(in_seconds(86_400)),
                    429,
                    "insufficient_quota",
                    Some("usage_limit_reached"),
                )
            },
            row(
                Reply::stream().failed("insufficient_quota", "You exceeded your quota."),
                429,
                "insufficient_quota",
                Some("usage_limit_reached"),
            ),
            row(
                Reply::stream().failed(
                    "rate_limit_exceeded",
                    "Rate limit reached for gpt-5.2. Please try again in 1.5s.",
                ),
                429,
                "rate_limit_error",
                Some("rate_limit_exceeded"),
            ),
            row(
                Reply::error(429, "rate_limit_error", "slow_down", "Too many requests."),
                429,
                "rate_limit_error",
                Some("rate_limit_exceeded"),
            ),
        ])
        .await;
    });
}

#[test]
fn a_refusal_of_our_credentials_is_not_the_clients_fault() {
    run(async {
        check(vec![
            row(
                Reply::error(401, "invalid_request_error", "invalid_api_key", "Bad key."),
                502,
                "server_error",
                Some("upstream_auth_error"),
            ),
            row(
                Reply::error(403, "invalid_request_error", "forbidden", "Not your model."),
                502,
                "server_error",
                Some("upstream_auth_error"),
            ),
        ])
        .await;
    });
}

#[test]
fn a_refusals_reason_is_passed_on() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let reply = Reply::error(403, "invalid_request_error", "forbidden", "Not your model.");
        for answer in both(&proxy, &upstream, &reply).await {
            let message = answer.message();
            assert!(message.contains("403"), "{message}");
            assert!(message.contains("Not your model."), "{message}");
        }
        proxy.stop().await;
    });
}

#[test]
fn an_upstream_in_trouble_is_told_apart_from_a_broken_one() {
    run(async {
        check(vec![
            overloaded(Reply::stream().failed("server_is_overloaded", "Overloaded.")),
            overloaded(Reply::error(
                503,
                "server_error",
                "server_is_overloaded",
                "Overloaded.",
            )),
            overloaded(Reply::error(
                503,
                "server_error",
                "unavailable",
                "Come back later.",
            )),
            row(
                Reply::error(500, "server_error", "server_error", "Oops."),
                502,
                "server_error",
                Some("upstream_error"),
            ),
            row(
                Reply::stream().failed("server_error", "Something broke."),
                502,
                "server_error",
                Some("upstream_error"),
            ),
            // The stream ends without its end.
            row(Reply::stream(), 502, "server_error", Some("upstream_error")),
        ])
        .await;
    });
}

#[test]
fn a_silent_upstream_times_out() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.provider.push_str("stream_idle_timeout_ms = 200\n");
        let proxy = setup.start().await;
        let silent = Reply::stream().wait(&Gate::default());
        for answer in both(&proxy, &upstream, &silent).await {
            answer.error(504);
        }
        proxy.stop().await;
    });
}

#[test]
fn an_upstream_that_is_not_there_is_a_bad_gateway() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        drop(upstream);
        let answer = proxy.chat(&ask("Hi")).await;
        answer.error(502);
        assert!(!answer.message().contains("127.0.0.1"), "{}", answer.body);
        proxy.stop().await;
    });
}
