//! The three experiments that the bridge was designed by; docs/experiments.md tells of them.

use super::{PROTOCOLS, cells};
use crate::{
    harness::{Client, Proxy, chat::Answer, run},
    provider::{Call, ChatReply, Provider, Script, Setup, chat, responses},
    upstream::Reply,
};
use bytes::Bytes;
use hyper::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CALLS: [Call<'static>; 5] = [
    (
        "call_1",
        "get_weather",
        r#"{"city":"北京","unit":"celsius"}"#,
    ),
    (
        "call_2",
        "get_time",
        r#"{"zone":"Europe/Oslo","at":[1,2,3]}"#,
    ),
    (
        "call_3",
        "get_weather",
        r#"{"city":"Rome","unit":"fahrenheit"}"#,
    ),
    (
        "call_4",
        "search",
        r#"{"q":"a \"quoted\" \\ thing","limit":10}"#,
    ),
    (
        "call_5",
        "get_time",
        r#"{"zone":"UTC","nested":{"a":{"b":null}}}"#,
    ),
];

/// A tool of each name that is called.
fn tools(protocol: &str) -> Value {
    let tools = ["get_weather", "get_time", "search"].map(|name| {
        let parameters = json!({ "type": "object", "properties": {} });
        match protocol {
            "chat" => json!({
                "type": "function",
                "function": { "name": name, "parameters": parameters },
            }),
            _ => json!({
                "type": "function",
                "name": name,
                "parameters": parameters,
                "strict": false,
            }),
        }
    });
    json!(tools)
}

fn borrowed(calls: &[(String, String, String)]) -> Vec<Call<'_>> {
    let calls = calls.iter();
    calls
        .map(|(id, name, arguments)| (id.as_str(), name.as_str(), arguments.as_str()))
        .collect()
}

fn ask(protocol: &str) -> Value {
    match protocol {
        "chat" => chat("llama3", "Hi"),
        _ => responses("llama3", "Hi"),
    }
}

async fn send(proxy: &Client, protocol: &str) -> (Answer, Bytes) {
    let path = match protocol {
        "chat" => "/v1/chat/completions",
        _ => "/v1/responses",
    };
    let request = proxy.request(Method::POST, path).json(&ask(protocol));
    Answer::read_only(request.send().await.unwrap()).await
}

#[test]
fn e1_a_chat_stream_becomes_deltas_a_message_and_an_end() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        let long = "好".repeat(10_000);
        let streams: [&[&str]; 3] = [&[], &["你好", "，世", "界。"], &[&long]];
        for deltas in streams {
            provider.reply(ChatReply::text(deltas));
            let heard = proxy
                .respond_stream(&responses("llama3", "Hi"))
                .await
                .heard()
                .await;
            assert_eq!(heard.deltas, deltas);
            let response = heard.ended_with("completed");
            let output = response["output"].as_array().unwrap();
            assert_eq!(output.len(), 1);
            assert_eq!(output[0]["type"], "message");
            assert_eq!(output[0]["status"], "completed");
            assert_eq!(output[0]["content"][0]["type"], "output_text");
            assert_eq!(output[0]["content"][0]["text"], deltas.concat());
            let mut kinds = heard.kinds();
            kinds.retain(|kind| *kind != "response.output_text.delta");
            assert_eq!(
                kinds,
                [
                    "response.created",
                    "response.in_progress",
                    "response.output_item.added",
                    "response.content_part.added",
                    "response.output_text.done",
                    "response.content_part.done",
                    "response.output_item.done",
                    "response.completed",
                ]
            );
        }
        proxy.stop().await;
    });
}

#[test]
fn e1_a_chat_stream_may_be_cut_anywhere_on_its_way() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        let event = |delta: &str| {
            let choice = json!({ "index": 0, "delta": { "content": delta } });
            let chunk = json!({ "id": "c", "object": "chat.completion.chunk", "model": "m",
                "created": 1, "choices": [choice] });
            format!("data: {chunk}\r\n\r\n")
        };
        let end = json!({ "id": "c", "object": "chat.completion.chunk", "model": "m",
            "created": 1, "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
        let stream = format!(
            ": a comment\r\n\r\n{}{}data: {end}\r\n\r\ndata: [DONE]\r\n\r\n",
            event("你好"),
            event("，世界")
        );
        for size in [1, 2, 5] {
            let reply = Reply::new(StatusCode::OK, "text/event-stream");
            let cut = stream.as_bytes().chunks(size);
            provider.reply(cut.fold(reply, |reply, piece| {
                let piece = Bytes::copy_from_slice(piece);
                reply.raw(piece).pause(Duration::from_micros(100))
            }));
            let body = responses("llama3", "Hi");
            let heard = proxy.respond_stream(&body).await.heard().await;
            heard.ended_with("completed");
            assert_eq!(heard.deltas, ["你好", "，世界"], "pieces of {size}");
        }
        proxy.stop().await;
    });
}

#[test]
fn e2_interleaved_calls_come_out_whole_and_unmixed() {
    run(async {
        for count in [2, 5] {
            for fragments in [3, 4, 5] {
                let calls = &CALLS[..count];
                let provider = Provider::chat().await;
                let proxy = Setup::of(&provider).start().await;
                provider.reply(ChatReply::calls(calls, fragments));
                let mut body = ask("responses");
                body["tools"] = tools("responses");
                let heard = proxy.respond_stream(&body).await.heard().await;
                let expected: Vec<_> = calls
                    .iter()
                    .map(|(id, name, arguments)| ["function_call", *id, *name, *arguments])
                    .collect();
                assert_eq!(
                    heard.calls(),
                    expected,
                    "{count} calls, {fragments} fragments"
                );
                heard.ended_with("completed");

                let provider = Provider::responses().await;
                let proxy = Setup::of(&provider).start().await;
                provider.reply(Reply::stream().calls(calls, fragments).completed());
                let mut body = ask("chat");
                body["tools"] = tools("chat");
                let said = proxy.stream(&body).await.said().await;
                said.ended_with("tool_calls");
                assert_eq!(borrowed(&said.calls), calls);
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn e2_interleaved_calls_are_relayed_as_they_come() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        provider.reply(ChatReply::calls(&CALLS, 4));
        let mut body = ask("chat");
        body["tools"] = tools("chat");
        let client = Client::new(proxy.address()).without_keeping_replies();
        let said = client.stream(&body).await.said().await;
        said.ended_with("tool_calls");
        assert_eq!(borrowed(&said.calls), CALLS);
        proxy.stop().await;
    });
}

/// What a busy provider says.
const LIMITED: &str = r#"{ "error": {"message":"slow down","type":"tokens","code":"rate_limit_exceeded","vendor":1.50} }"#;

/// What one that fails says.
const FAILED: &str =
    r#"{"error":{"message":"it broke","type":"server_error","param":null,"code":null}}"#;

/// 429, then 500, each with what it says of `Retry-After`, then a success.
fn troubled(provider: &Provider, retry_after: [&str; 2]) {
    let json = |status| Reply::new(status, "application/json");
    provider.reply(
        json(StatusCode::TOO_MANY_REQUESTS)
            .header("retry-after", retry_after[0])
            .header("x-ratelimit-remaining-requests", "0")
            .header("x-ratelimit-reset-tokens", "6m0s")
            .raw(LIMITED),
    );
    provider.reply(
        json(StatusCode::INTERNAL_SERVER_ERROR)
            .header("retry-after", retry_after[1])
            .raw(FAILED),
    );
    provider.says(Script {
        text: &["At last."],
        ..Script::default()
    });
}

#[test]
fn e3_failures_pass_through_unchanged_where_nothing_is_repeated() {
    run(async {
        for client in PROTOCOLS {
            for wire_api in PROTOCOLS {
                let provider = Provider::start(wire_api).await;
                let proxy = Setup::of(&provider).start().await;
                troubled(&provider, ["3", "5"]);
                let (answer, body) = send(&proxy, client).await;
                assert_eq!(answer.status, 429);
                assert_eq!(body, LIMITED);
                assert_eq!(answer.header("retry-after"), Some("3"));
                assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("0"));
                assert_eq!(answer.header("x-ratelimit-reset-tokens"), Some("6m0s"));
                let kind = answer.header("content-type").unwrap();
                assert!(kind.starts_with("application/json"), "{kind}");

                let (answer, body) = send(&proxy, client).await;
                assert_eq!(answer.status, 500);
                assert_eq!(body, FAILED);
                assert_eq!(answer.header("retry-after"), Some("5"));

                let (answer, _) = send(&proxy, client).await;
                assert_eq!(answer.status, 200);
                assert_eq!(provider.requests().len(), 3);
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn e3_failures_pass_through_unchanged_where_a_stream_was_wanted() {
    run(async {
        for client in PROTOCOLS {
            for wire_api in PROTOCOLS {
                let provider = Provider::start(wire_api).await;
                let proxy = Setup::of(&provider).start().await;
                troubled(&provider, ["3", "5"]);
                let mut body = ask(client);
                body["stream"] = true.into();
                let path = match client {
                    "chat" => "/v1/chat/completions",
                    _ => "/v1/responses",
                };
                for (status, retry_after, said) in [(429, "3", LIMITED), (500, "5", FAILED)] {
                    let request = proxy.request(Method::POST, path).json(&body);
                    let response = request.send().await.unwrap();
                    let (answer, body) = Answer::read_only(response).await;
                    assert_eq!(answer.status, status);
                    assert_eq!(answer.header("retry-after"), Some(retry_after));
                    assert_eq!(body, said);
                }
                proxy.stop().await;
            }
        }
    });
}

/// A proxy that asks twice more.
async fn patient(provider: &Provider) -> Proxy {
    let setup = Setup::new();
    let setup = setup.provider("near", provider, "models = [\"*\"]\nretries = 2\n");
    setup.start().await
}

#[test]
fn e3_failures_are_absorbed_where_calls_are_repeated() {
    run(async {
        for cell in cells() {
            let provider = Provider::start(cell.provider).await;
            let proxy = patient(&provider).await;
            troubled(&provider, ["0", "0"]);
            let told = cell.send(&proxy, &ask(cell.client)).await;
            assert_eq!(told.text, "At last.", "{cell:?}");
            let asked = provider.requests();
            assert_eq!(asked.len(), 3, "{cell:?}");
            assert!(asked.iter().all(|seen| seen.raw == asked[0].raw));
            proxy.stop().await;
        }
    });
}

#[test]
fn e3_a_provider_is_left_alone_for_as_long_as_it_says() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = patient(&provider).await;
        troubled(&provider, ["1", "2"]);
        let begun = Instant::now();
        let response = proxy.respond(&ask("responses")).await.ok();
        let took = begun.elapsed();
        assert_eq!(response["status"], "completed");
        assert!(took >= Duration::from_secs(3), "{took:?}");
        assert!(took < Duration::from_secs(6), "{took:?}");
        proxy.stop().await;
    });
}

#[test]
fn e3_the_last_failure_is_told_when_repeating_does_not_help() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = patient(&provider).await;
        let limited = || {
            Reply::new(StatusCode::TOO_MANY_REQUESTS, "application/json")
                .header("retry-after", "0")
                .raw(LIMITED)
        };
        provider.otherwise(move |_| limited());
        let (answer, body) = send(&proxy, "chat").await;
        assert_eq!(answer.status, 429);
        assert_eq!(body, LIMITED);
        assert_eq!(provider.requests().len(), 3);

        // A wait that is longer than anybody's patience is the client's to decide.
        provider.reply(
            Reply::new(StatusCode::TOO_MANY_REQUESTS, "application/json")
                .header("retry-after", "3600")
                .raw(LIMITED),
        );
        let (answer, _) = send(&proxy, "chat").await;
        assert_eq!(answer.header("retry-after"), Some("3600"));
        assert_eq!(provider.requests().len(), 4);
        proxy.stop().await;
    });
}
