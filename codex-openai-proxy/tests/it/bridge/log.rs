//! What the log tells of requests that go to providers.

use super::cells;
use crate::{
    harness::{
        logs::{in_order, text, told},
        run,
    },
    provider::{ChatReply, Provider, Script, Setup, chat, responses},
    upstream::{CACHED, Gate, INPUT, OUTPUT, REASONING, Reply},
};
use serde_json::{Value, json};

#[test]
fn every_cell_tells_where_its_request_went_and_how_it_ended() {
    run(async {
        for cell in cells() {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            provider.says(Script {
                reasoning: &["Let me think."],
                text: &["I will look."],
                calls: &[("call_a", "get_weather", r#"{"city":"Oslo"}"#)],
                ..Script::default()
            });
            let body = cell.ask("near/llama3", "What is the weather?", json!({}));
            cell.send(&proxy, &body).await;
            let detail = proxy.only_request().await;
            let end = detail.ended_with("cursor_response");
            assert_eq!(end["status"], 200, "{cell:?}");
            assert_eq!(end["finish_reason"], "tool_calls", "{cell:?}");
            let usage = json!({
                "input": INPUT,
                "cached": CACHED,
                "output": OUTPUT,
                "reasoning": REASONING,
            });
            assert_eq!(end["usage"], usage, "{cell:?}");
            assert_eq!(
                told(detail.record("upstream_forward"), &[]),
                json!({
                    "mapped_model": "llama3",
                    "provider": "near",
                    "wire_api": cell.provider,
                    "relayed": cell.is_relayed(),
                    "attempt": 1,
                }),
                "{cell:?}"
            );
            in_order(
                &detail.records,
                &[
                    "incoming_request",
                    "upstream_forward",
                    "first_token",
                    "tool_call_forwarded",
                    "cursor_response",
                ],
            );
            let incoming = detail.record("incoming_request");
            assert_eq!(incoming["model"], "near/llama3");
            assert_eq!(incoming["stream"], cell.streamed);
            let route = match cell.client {
                "chat" => "chat_completions",
                _ => "responses",
            };
            assert_eq!(incoming["route"], route);
            assert_eq!(incoming["preview"], "What is the weather?", "{cell:?}");
            assert_eq!(incoming["messages"], 1, "{cell:?}");
            assert_eq!(incoming["tools"], 0, "{cell:?}");
            assert_eq!(
                told(detail.record("tool_call_forwarded"), &[]),
                json!({
                    "name": "get_weather",
                    "call_id": "call_a",
                    "kind": "function",
                    "bytes": r#"{"city":"Oslo"}"#.len(),
                }),
                "{cell:?}"
            );
            let sent = detail.json("request");
            assert_eq!(sent["model"], "near/llama3");
            let reply = detail.text("reply");
            assert!(reply.contains("I will look."), "{cell:?} {reply}");
            assert!(reply.contains("Oslo"), "{cell:?} {reply}");
            // It is what the client got.
            assert_eq!(detail.json("reply")["model"], "near/llama3", "{cell:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn what_a_relay_leaves_out_is_told() {
    run(async {
        for protocol in ["chat", "responses"] {
            let provider = Provider::start(protocol).await;
            let proxy = Setup::of(&provider).start().await;
            provider.otherwise(|_| Reply::text(&["Hello"]));
            let (path, mut body) = match protocol {
                "chat" => ("/v1/chat/completions", chat("llama3", "Hi")),
                _ => ("/v1/responses", responses("llama3", "Hi")),
            };
            body["conversation_id"] = "mine".into();
            body["tools"] = json!([{ "type": "x_new" }, { "type": "function" }]);
            let request = proxy
                .request(reqwest::Method::POST, path)
                .header("x-conversation-id", "mine")
                .header("thread-id", "of-the-cli");
            request.json(&body).send().await.unwrap();
            let detail = proxy.only_request().await;
            let incoming = detail.record("incoming_request");
            let dropped = json!(["conversation_id", "x-conversation-id"]);
            assert_eq!(incoming["dropped"], dropped, "{protocol}");
            assert_eq!(incoming["tools"], 2, "{protocol}");
            proxy.stop().await;
        }
    });
}

#[test]
fn repetitions_are_told_one_by_one() {
    run(async {
        let provider = Provider::chat().await;
        let keys = "models = [\"*\"]\nretries = 2\n";
        let proxy = Setup::new().provider("near", &provider, keys).start().await;
        for status in [429, 500] {
            let reply = Reply::error(status, "server_error", "busy", "too busy for this");
            provider.reply(reply.header("retry-after", "0"));
        }
        provider.reply(ChatReply::text(&["Hello"]));
        proxy.respond(&responses("llama3", "Hi")).await.ok();
        let detail = proxy.only_request().await;
        detail.ended_with("cursor_response");
        let of = |kind: &str| -> Vec<&Value> {
            let records = detail.records.iter();
            records.filter(|record| record["type"] == kind).collect()
        };
        let attempts = of("upstream_forward");
        let attempts: Vec<_> = attempts.iter().map(|record| &record["attempt"]).collect();
        assert_eq!(attempts, [1, 2, 3]);
        let warnings = of("warning");
        assert_eq!(warnings.len(), 2, "{warnings:#?}");
        for (warning, status) in warnings.iter().zip(["429", "500"]) {
            assert_eq!(warning["what"], "upstream_retried");
            let detail = text(&warning["detail"]);
            assert!(
                detail.contains("'near'") && detail.contains(status),
                "{detail}"
            );
            assert!(detail.contains("too busy for this"), "{detail}");
        }
        proxy.stop().await;
    });
}

#[test]
fn failures_are_told_as_the_client_sees_them() {
    run(async {
        for cell in cells() {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            provider.reply(Reply::error(
                429,
                "tokens",
                "rate_limit_exceeded",
                "slow down",
            ));
            let body = cell.ask("llama3", "Hi", json!({ "stream": cell.streamed }));
            match cell.client {
                "chat" => proxy.chat(&body).await,
                _ => proxy.respond(&body).await,
            }
            .error(429);
            let detail = proxy.only_request().await;
            let end = detail.ended_with("request_failed");
            assert_eq!(end["status"], 429, "{cell:?}");
            assert_eq!(end["error_type"], "tokens");
            assert_eq!(end["code"], "rate_limit_exceeded");
            assert_eq!(end["message"], "slow down");
            assert_eq!(end["in_stream"], false);
            proxy.stop().await;
        }
    });
}

#[test]
fn a_stream_that_breaks_off_has_failed_in_the_stream() {
    run(async {
        for cell in cells().filter(|cell| cell.streamed) {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            provider.reply(match cell.provider {
                "chat" => ChatReply::stream().says(&["Hel"]).break_off().into(),
                _ => Reply::stream().begin_message().delta("Hel").break_off(),
            });
            let body = cell.ask("llama3", "Hi", json!({}));
            cell.failure(&proxy, &body).await;
            let detail = proxy.only_request().await;
            let end = detail.ended_with("request_failed");
            assert_eq!(end["in_stream"], true, "{cell:?}");
            assert!(detail.text("reply").contains("Hel"), "{cell:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn a_client_that_leaves_is_told() {
    run(async {
        for cell in cells() {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            let gate = Gate::default();
            provider.reply(Reply::text(&["late"]).held(&gate));
            let body = cell.ask("llama3", "Hi", json!({ "stream": cell.streamed }));
            let path = match cell.client {
                "chat" => "/v1/chat/completions",
                _ => "/v1/responses",
            };
            let request = proxy.request(reqwest::Method::POST, path).json(&body);
            let asking = tokio::spawn(request.send());
            provider.received(1).await;
            asking.abort();
            proxy.only_request().await.ended_with("client_disconnected");
            proxy.stop().await;
        }
    });
}

#[test]
fn what_a_provider_cannot_be_told_is_noted() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        provider.otherwise(|_| ChatReply::text(&["Hello"]).into());
        let mut body = responses("llama3", "Hi");
        body["tools"] = json!([{ "type": "web_search" }]);
        body["truncation"] = "auto".into();
        body["temperature"] = 0.5.into();
        proxy.respond(&body).await.ok();
        let detail = proxy.only_request().await;
        let dropped = &detail.record("incoming_request")["dropped"];
        let dropped: Vec<&str> = dropped.as_array().unwrap().iter().map(text).collect();
        assert!(dropped.contains(&"tools[0] (web_search)"), "{dropped:?}");
        assert!(dropped.contains(&"truncation"), "{dropped:?}");
        assert!(!dropped.contains(&"temperature"), "{dropped:?}");
        proxy.stop().await;
    });
}

#[test]
fn arguments_that_are_no_json_come_as_they_are_and_are_noted() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        provider.otherwise(|_| {
            ChatReply::calls(&[("call_a", "get_weather", "{\"city\": Oslo")], 3).into()
        });
        let heard = proxy
            .respond_stream(&responses("llama3", "Hi"))
            .await
            .heard()
            .await;
        let call = ["function_call", "call_a", "get_weather", "{\"city\": Oslo"];
        assert_eq!(heard.calls(), [call]);
        let detail = proxy.only_request().await;
        let warning = detail.record("warning");
        assert_eq!(warning["what"], "arguments_not_json");
        assert_eq!(warning["detail"], "get_weather");
        proxy.stop().await;
    });
}

#[test]
fn a_provider_that_is_left_alone_is_told_once() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        provider.otherwise(|_| Reply::error(502, "server_error", "broken", "it broke"));
        for _ in 0..8 {
            proxy.chat(&chat("llama3", "Hi")).await;
        }
        let warnings = proxy.records_with("type=warning", "warning").await;
        let down = warnings.iter().filter(|one| one["what"] == "provider_down");
        let down: Vec<_> = down.map(|one| text(&one["detail"])).collect();
        assert_eq!(down.len(), 1, "{warnings:#?}");
        assert!(down[0].contains("'near'"), "{}", down[0]);
        proxy.stop().await;
    });
}
