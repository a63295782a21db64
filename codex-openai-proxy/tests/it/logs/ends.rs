//! Whatever becomes of a request, the log has one beginning of it and one end.

use crate::{
    harness::{
        Client, Homes, Proxy,
        chat::Answer,
        codex::{Setup, ask, forward},
        logs::{Detail, kinds, text, told},
        run,
    },
    scripted::Greeter,
    upstream::{Reply, Upstream},
};
use codex_openai_proxy::{
    config::ApiKey,
    engine::{Engine, Readiness, TurnStream},
    traffic::RequestLog,
    turn::{Catalog, ConversationId, TurnError, TurnRequest},
};
use futures_util::future::BoxFuture;
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;

const KEY: &str = "sk-mine";

/// What goes wrong.
struct Row {
    method: Method,
    path: &'static str,
    key: &'static str,
    body: String,
    status: u16,
    code: Option<&'static str>,
    param: Option<&'static str>,
}

fn row(body: &str, status: u16) -> Row {
    Row {
        method: Method::POST,
        path: "/v1/chat/completions",
        key: KEY,
        body: body.to_owned(),
        status,
        code: None,
        param: None,
    }
}

/// The newest request, which must have failed like this.
async fn failed(client: &Client, count: usize, status: u16) -> Detail {
    let rows = client.settled(count).await;
    let detail = client.detail(text(&rows[count - 1]["id"])).await;
    let end = detail.ended_with("request_failed");
    assert_eq!(end["status"], status, "{end}");
    assert_eq!(detail.request["state"], "failed");
    assert_eq!(detail.request["status"], status);
    assert_eq!(detail.request["error"]["message"], end["message"]);
    assert_eq!(detail.request["error"]["type"], end["error_type"]);
    assert_eq!(detail.request.get("finish_reason"), None);
    detail
}

#[test]
fn what_is_refused_here_ends_with_the_error_that_the_client_got() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.api_keys = ApiKey::new("test", KEY).into_iter().collect();
        setup.config.limits.max_body_bytes = 2000;
        let proxy = setup.start().await;
        let log = Client::new(proxy.address()).with_key(KEY);
        let too_long = format!("{{\"model\":\"{}\"}}", "x".repeat(3000));
        let rows = [
            row("{ no json", 400),
            Row {
                code: Some("invalid_value"),
                param: Some("n"),
                ..row(
                    &json!({ "model": "gpt-5.2", "n": 2, "messages": [] }).to_string(),
                    400,
                )
            },
            Row {
                key: "sk-other",
                code: Some("invalid_api_key"),
                ..row(&ask("Hi").to_string(), 401)
            },
            Row {
                path: "/v1/nothing",
                code: Some("unknown_url"),
                ..row("{}", 404)
            },
            Row {
                method: Method::PUT,
                code: Some("method_not_supported"),
                ..row("{}", 405)
            },
            Row {
                code: Some("request_too_large"),
                ..row(&too_long, 413)
            },
        ];
        for (number, row) in rows.into_iter().enumerate() {
            let request = proxy.request(row.method.clone(), row.path);
            let request = request.bearer_auth(row.key).body(row.body);
            let answer = Answer::read(request.send().await.unwrap()).await;
            let (kind, code) = answer.error(row.status);
            assert_eq!(code, row.code, "{}", answer.body);

            let detail = failed(&log, number + 1, row.status).await;
            let end = detail.record("request_failed");
            let mut expected = json!({
                "status": row.status,
                "error_type": kind,
                "message": answer.message(),
                "in_stream": false,
            });
            for (name, value) in [("code", row.code), ("param", row.param)] {
                if let Some(value) = value {
                    expected[name] = value.into();
                }
            }
            let end = told(end, &["duration_ms"]);
            assert_eq!(end, expected);
            let incoming = detail.record("incoming_request");
            assert_eq!(incoming["method"], row.method.as_str());
            assert_eq!(incoming["path"], row.path);
            assert_eq!(kinds(&detail.records).len(), 2, "{:#?}", detail.records);
        }
        assert_eq!(upstream.connections(), 0);
        proxy.stop().await;
    });
}

#[test]
fn who_looks_at_the_log_or_at_the_health_is_not_in_it() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        proxy.get("/health").await;
        proxy.get("/logs").await;
        proxy.get("/logs/nothing").await;
        proxy.get("/logs/api/records").await.ok();
        proxy.get("/logs/api/records?limit=x").await.error(400);
        proxy.get("/logs/api/requests/nobody").await.error(404);
        proxy.get("/v1/models").await.ok();
        let row = &proxy.settled(1).await[0];
        assert_eq!(row["path"], "/v1/models");
        assert_eq!(proxy.records("").await.len(), 2);
        proxy.stop().await;
    });
}

#[test]
fn who_tries_keys_at_the_log_is_in_it() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.api_keys = ApiKey::new("test", KEY).into_iter().collect();
        let proxy = setup.start().await;
        let log = Client::new(proxy.address()).with_key(KEY);
        let guess = json!({ "key": "guess-0815" });
        let request = proxy.request(Method::POST, "/logs/login").json(&guess);
        Answer::read(request.send().await.unwrap()).await.error(401);
        let detail = failed(&log, 1, 401).await;
        assert_eq!(detail.request["path"], "/logs/login");
        assert!(detail.bodies.is_empty(), "{:#?}", detail.bodies);
        let stranger = Client::new(proxy.address()).with_key("guess-0816");
        stranger.get("/logs/api/records").await.error(401);
        let detail = failed(&log, 2, 401).await;
        assert_eq!(detail.request["path"], "/logs/api/records");
        proxy.stop().await;
    });
}

#[test]
fn what_fails_upstream_before_the_status_ends_with_what_the_client_got() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let mut count = 0;
        for (reply, status, code) in [
            (
                Reply::error(500, "server_error", "server_error", "Oops."),
                502,
                Some("upstream_error"),
            ),
            (
                Reply::error(429, "rate_limit_error", "slow_down", "Too many requests."),
                429,
                Some("rate_limit_exceeded"),
            ),
            (
                Reply::error(400, "invalid_request_error", "invalid_value", "Bad tool."),
                400,
                None,
            ),
        ] {
            for stream in [true, false] {
                upstream.reply(reply.clone());
                let mut body = ask("Hi");
                body["stream"] = stream.into();
                proxy.chat(&body).await.error(status);
                count += 1;
                let detail = failed(&proxy, count, status).await;
                let end = detail.record("request_failed");
                assert_eq!(end["code"].as_str(), code);
                assert_eq!(end["in_stream"], false);
                assert_eq!(end.get("first_token_ms"), None);
                // In codex-core's own words.
                let error = detail.record("stream_codex_error");
                assert_eq!(error["retrying"], false);
                assert!(!text(&error["message"]).is_empty());
            }
        }
        proxy.stop().await;
    });
}

#[test]
fn what_fails_in_the_stream_ends_with_what_its_client_was_told_there() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let begun = || Reply::stream().begin_message().delta("Half");
        let replies = [
            begun().break_off(),
            begun().failed("server_error", "Something broke."),
        ];
        for (number, reply) in replies.into_iter().enumerate() {
            upstream.reply(reply);
            let said = proxy.stream(&ask("Hi")).await.said().await;
            let error = said.failed();
            let detail = failed(&proxy, number + 1, 502).await;
            let end = detail.record("request_failed");
            assert_eq!(end["in_stream"], true);
            assert_eq!(end["message"], error["message"]);
            assert_eq!(end["error_type"], error["type"]);
            assert_eq!(end["code"], error["code"]);
            assert!(end["first_token_ms"].as_f64().is_some(), "{end}");
            assert_eq!(detail.record("stream_codex_error")["retrying"], false);
            // As far as it came.
            let reply = detail.json("reply");
            assert_eq!(reply["choices"][0]["message"]["content"], "Half");
            assert!(reply["choices"][0]["finish_reason"].is_null());
        }
        proxy.stop().await;
    });
}

#[test]
fn a_repeated_model_call_is_told_and_ends_well() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = Setup::new(&upstream).retries(2).start().await;
        upstream.reply(Reply::stream().break_off());
        upstream.reply(Reply::text(&["Hello"]));
        proxy.chat(&ask("Hi")).await.ok();
        let detail = proxy.only_request().await;
        detail.ended_with("cursor_response");
        assert_eq!(detail.record("stream_codex_error")["retrying"], true);
        assert_eq!(detail.request["retries"], 1);
        assert_eq!(detail.request["state"], "done");
        proxy.stop().await;
    });
}

#[test]
fn a_missing_login_ends_with_what_to_do() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = Setup::new(&upstream).built_in_provider().start().await;
        for (number, stream) in [true, false].into_iter().enumerate() {
            let mut body = ask("Hi");
            body["stream"] = stream.into();
            proxy.chat(&body).await.error(401);
            let detail = failed(&proxy, number + 1, 401).await;
            let end = detail.record("request_failed");
            assert_eq!(end["code"], "not_logged_in");
            assert!(text(&end["message"]).contains("codex-openai-proxy login"));
            assert_eq!(detail.request["model"], "gpt-5.2");
        }
        proxy.stop().await;
    });
}

/// Panics at each request.
struct Panicker;

impl Engine for Panicker {
    fn catalog(&self) -> Arc<Catalog> {
        Greeter.catalog()
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn start(
        &self,
        _request: TurnRequest,
        _log: RequestLog,
    ) -> BoxFuture<'_, Result<TurnStream, TurnError>> {
        panic!("as scripted");
    }

    fn delete_conversation<'a>(
        &'a self,
        id: &'a ConversationId,
    ) -> BoxFuture<'a, Result<bool, TurnError>> {
        Greeter.delete_conversation(id)
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Greeter.shutdown()
    }
}

#[test]
fn a_panic_ends_as_the_fault_of_ours_that_it_is() {
    run(async {
        let homes = Homes::new();
        let proxy = Proxy::start(homes.config(), Arc::new(Panicker), homes).await;
        proxy.chat(&ask("Hi")).await.error(500);
        let detail = failed(&proxy, 1, 500).await;
        let end = detail.record("request_failed");
        assert_eq!(end["code"], "internal_error");
        assert_eq!(detail.request["preview"], "Hi");
        proxy.stop().await;
    });
}
