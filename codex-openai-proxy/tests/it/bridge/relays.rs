//! Requests whose protocol is the provider's own: handed on as they are, but for names and keys.

use super::PROTOCOLS;
use crate::{
    harness::{
        Client, Proxy,
        chat::{Answer, Frame},
        run,
    },
    provider::{ChatReply, Provider, Setup, chat, responses},
    upstream::{Gate, Reply, UPSTREAM_NAME},
};
use bytes::Bytes;
use codex_openai_proxy::wire::sse::KEEP_ALIVE;
use hyper::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

fn path(protocol: &str) -> &'static str {
    match protocol {
        "chat" => "/v1/chat/completions",
        _ => "/v1/responses",
    }
}

/// Sends bytes as they are, and reads the reply as it is.
async fn post(proxy: &Client, path: &str, body: &str) -> (Answer, Bytes) {
    let request = proxy.request(Method::POST, path);
    let request = request.header("content-type", "application/json");
    Answer::read_only(request.body(body.to_owned()).send().await.unwrap()).await
}

/// A proxy, and a client of it that keeps nothing of what the provider says.
async fn relay(setup: Setup) -> (Proxy, Client) {
    let proxy = setup.start().await;
    let client = Client::new(proxy.address()).without_keeping_replies();
    (proxy, client)
}

/// JSON that nobody would write twice in the same way.
const ODD: &str = r#""vendor" : { "b":1.50, "a":[ ],"n":12345678901234567890123 ,"s":"\u00e9\/" }"#;

#[test]
fn bodies_are_handed_on_byte_for_byte_but_for_the_name() {
    run(async {
        for (protocol, says) in [
            (
                "chat",
                r#""messages": [ {"role":"user","content":"H\u00e9","x":1e2}]"#,
            ),
            (
                "responses",
                r#""input" :[{"role":"user","content":"H\u00e9", "x":1e2} ]"#,
            ),
        ] {
            let provider = Provider::start(protocol).await;
            let (proxy, client) = relay(Setup::of(&provider)).await;
            let body =
                |model: &str| format!("{{ {ODD},\n{says} ,\"model\" : \"{model}\", \"z\":null }}");
            let object = match protocol {
                "chat" => "chat.completion",
                _ => "response",
            };
            let said = |model: &str| {
                format!(
                    "{{\n{ODD} ,\"id\":\"1\",\"model\" : \"{model}\",\"object\":\"{object}\" }}\n"
                )
            };
            let reply = Reply::new(StatusCode::OK, "application/json");
            provider.reply(reply.raw(said(UPSTREAM_NAME)));
            let (answer, heard) = post(&client, path(protocol), &body("near\\/llama\\u0033")).await;
            assert_eq!(answer.status, 200);
            assert_eq!(heard, said("near/llama3"));
            assert_eq!(provider.only_request().raw, body("llama3"));
            proxy.stop().await;
        }
    });
}

#[test]
fn what_is_ours_alone_stays_here() {
    run(async {
        for protocol in PROTOCOLS {
            let provider = Provider::start(protocol).await;
            let (proxy, client) = relay(Setup::of(&provider)).await;
            let reply = || Reply::new(StatusCode::OK, "application/json").raw("{\"model\":\"m\"}");
            provider.otherwise(move |_| reply());
            let mut body = match protocol {
                "chat" => chat("llama3", "Hi"),
                _ => responses("llama3", "Hi"),
            };
            body["conversation_id"] = "mine".into();
            let request = client
                .request(Method::POST, path(protocol))
                .header("authorization", "Bearer sk-of-the-client")
                .header("x-api-key", "sk-of-the-client")
                .header("cookie", "session=of-the-client")
                .json(&body);
            assert_eq!(request.send().await.unwrap().status(), 200);
            let seen = provider.only_request();
            seen.knows_nothing_of("conversation_id");
            seen.knows_nothing_of("of-the-client");
            proxy.stop().await;
        }
    });
}

#[test]
fn events_are_handed_on_byte_for_byte_but_for_the_name() {
    run(async {
        let provider = Provider::chat().await;
        let (proxy, client) = relay(Setup::of(&provider)).await;
        let stream = |model: &str| {
            let delta = r#""choices":[{"index":0,"delta":{"content":"Hi"}}]"#;
            let end = r#""choices":[{"index":0,"delta":{},"finish_reason":"stop"}]"#;
            format!(
                "data: {{ \"id\":\"c\",{ODD}, \"model\" : \"{model}\",{delta}}}\n\n\
                 data: {{\"model\":\"{model}\" , {end},{ODD}}}\n\n\
                 data: [DONE]\n\n"
            )
        };
        let reply = Reply::new(StatusCode::OK, "text/event-stream");
        provider.reply(reply.raw(stream(UPSTREAM_NAME)));
        let body = chat("near/llama3", "Hi");
        let body = json!({ "model": body["model"], "messages": body["messages"], "stream": true });
        let (_, heard) = post(&client, path("chat"), &body.to_string()).await;
        assert_eq!(heard, stream("near/llama3"));
        proxy.stop().await;

        let provider = Provider::responses().await;
        let (proxy, client) = relay(Setup::of(&provider)).await;
        let stream = |model: &str| {
            let event = |number: u32, kind: &str, fields: &str| {
                format!(
                    "event: {kind}\ndata: {{ \"type\":\"{kind}\" ,\"sequence_number\":{number},{ODD}{fields}}}\n\n"
                )
            };
            let response = |status: &str| {
                format!(
                    ", \"response\" : {{\"id\":\"r\",{ODD} , \"model\" : \"{model}\",\"status\":\"{status}\",\"output\":[]}}"
                )
            };
            [
                event(0, "response.created", &response("in_progress")),
                // A type that nobody knows yet, with a model of its own.
                event(1, "response.vendor.news", ", \"model\":\"untouched\""),
                event(4, "response.completed", &response("completed")),
            ]
            .concat()
        };
        let reply = Reply::new(StatusCode::OK, "text/event-stream");
        provider.reply(reply.raw(stream(UPSTREAM_NAME)));
        let body = json!({ "model": "near/llama3", "input": "Hi", "stream": true });
        let (_, heard) = post(&client, path("responses"), &body.to_string()).await;
        assert_eq!(heard, stream("near/llama3"));
        proxy.stop().await;
    });
}

#[test]
fn chunks_that_lack_a_model_get_one() {
    run(async {
        let provider = Provider::chat().await;
        let (proxy, client) = relay(Setup::of(&provider)).await;
        let chunk = |fields: Value| {
            let mut chunk = json!({ "id": "c", "object": "chat.completion.chunk", "created": 1 });
            let Value::Object(fields) = fields else {
                unreachable!()
            };
            chunk.as_object_mut().unwrap().extend(fields);
            format!("data: {chunk}\n\n")
        };
        let delta = json!({ "index": 0, "delta": { "role": "assistant", "content": "Hi" } });
        let end = json!({ "index": 0, "delta": {}, "finish_reason": "stop" });
        let reply = Reply::new(StatusCode::OK, "text/event-stream")
            .raw(chunk(json!({ "choices": [delta] })))
            .raw(chunk(json!({ "model": null, "choices": [end] })))
            .raw("data: [DONE]\n\n");
        provider.reply(reply);
        let mut stream = client.stream(&chat("llama3", "Hi")).await;
        let mut chunks = 0;
        while let Some(frame) = stream.next().await {
            if let Frame::Chunk(chunk) = frame {
                assert_eq!(chunk["model"], "llama3");
                chunks += 1;
            }
        }
        assert_eq!(chunks, 2);
        proxy.stop().await;
    });
}

#[test]
fn no_event_waits_for_the_next() {
    run(async {
        let (first, second) = (Gate::default(), Gate::default());
        let provider = Provider::chat().await;
        let (proxy, client) = relay(Setup::of(&provider)).await;
        provider.reply(
            ChatReply::stream()
                .says(&["one"])
                .wait(&first)
                .says(&[" two"])
                .wait(&second)
                .finish("stop")
                .done(),
        );
        let mut stream = client.stream(&chat("llama3", "Count.")).await;
        assert_eq!(stream.next_text().await, "one");
        first.open();
        assert_eq!(stream.next_text().await, " two");
        second.open();
        stream.said().await.ended_with("stop");
        proxy.stop().await;

        let (first, second) = (Gate::default(), Gate::default());
        let provider = Provider::responses().await;
        let (proxy, client) = relay(Setup::of(&provider)).await;
        provider.reply(
            Reply::stream()
                .begin_message()
                .delta("one")
                .wait(&first)
                .delta(" two")
                .wait(&second)
                .end_message()
                .completed(),
        );
        let body = responses("llama3", "Count.");
        let mut stream = client.respond_stream(&body).await;
        assert_eq!(stream.next_text().await, "one");
        first.open();
        assert_eq!(stream.next_text().await, " two");
        second.open();
        stream.heard().await.ended_with("completed");
        proxy.stop().await;
    });
}

#[test]
fn silence_is_filled_with_comments() {
    run(async {
        let pause = Duration::from_millis(50);
        for wire_api in PROTOCOLS {
            let provider = Provider::start(wire_api).await;
            let setup = Setup::of(&provider).change(move |config| {
                config.limits.keep_alive = pause;
                config.limits.first_event = pause;
            });
            let (proxy, client) = relay(setup).await;
            let gate = Gate::default();
            provider.reply(match wire_api {
                "chat" => ChatReply::stream()
                    .says(&["Hel"])
                    .wait(&gate)
                    .says(&["lo"])
                    .finish("stop")
                    .done()
                    .into(),
                _ => Reply::stream()
                    .begin_message()
                    .delta("Hel")
                    .wait(&gate)
                    .delta("lo")
                    .end_message()
                    .completed(),
            });
            let later = gate.clone();
            tokio::spawn(async move {
                tokio::time::sleep(pause * 6).await;
                later.open();
            });
            let body = match wire_api {
                "chat" => chat("llama3", "Hi"),
                _ => responses("llama3", "Hi"),
            };
            let mut body = body;
            body["stream"] = true.into();
            let (_, heard) = post(&client, path(wire_api), &body.to_string()).await;
            let comments = heard
                .windows(KEEP_ALIVE.len())
                .filter(|window| *window == KEEP_ALIVE);
            assert!(comments.count() >= 2, "{heard:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn a_provider_that_has_not_answered_yet_does_not_hold_the_status_back() {
    run(async {
        let provider = Provider::chat().await;
        let setup = Setup::of(&provider).change(|config| {
            config.limits.keep_alive = Duration::from_millis(50);
            config.limits.first_event = Duration::from_millis(50);
        });
        let (proxy, client) = relay(setup).await;
        let gate = Gate::default();
        provider.reply(Reply::from(ChatReply::text(&["Hello"])).held(&gate));
        let mut stream = client.stream(&chat("llama3", "Hi")).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        gate.open();
        assert_eq!(stream.next_text().await, "Hello");
        let received = String::from_utf8(stream.received().to_vec()).unwrap();
        assert!(received.starts_with(": keep-alive\n\n"), "{received}");
        stream.said().await.ended_with("stop");
        proxy.stop().await;
    });
}

#[test]
fn a_stream_that_breaks_off_says_so() {
    run(async {
        let provider = Provider::chat().await;
        let (proxy, client) = relay(Setup::of(&provider)).await;
        let begun = || ChatReply::stream().says(&["Hel"]);
        for reply in [
            begun().break_off(),
            begun(),
            begun().raw("data: {\"id\":\"c\",\"cho"),
        ] {
            provider.reply(reply);
            let said = client.stream(&chat("llama3", "Hi")).await.said().await;
            assert_eq!(said.text, "Hel");
            let message = said.failed()["message"].as_str().unwrap();
            assert!(!message.is_empty());
        }
        proxy.stop().await;

        let provider = Provider::responses().await;
        let (proxy, client) = relay(Setup::of(&provider)).await;
        let begun = || Reply::stream().begin_message().delta("Hel");
        for reply in [
            begun().break_off(),
            begun(),
            begun().raw("event: response.completed\ndata: {\"type\":"),
        ] {
            provider.reply(reply);
            let body = responses("llama3", "Hi");
            let heard = client.respond_stream(&body).await.heard().await;
            assert_eq!(heard.text(), "Hel");
            let begun = &heard.events[0]["response"];
            let failed = heard.ended_with("failed");
            assert_eq!(failed["id"], begun["id"]);
            assert!(!failed["error"]["message"].as_str().unwrap().is_empty());
        }
        proxy.stop().await;
    });
}

#[test]
fn a_stream_that_ends_well_without_its_last_word_gets_it() {
    run(async {
        let provider = Provider::chat().await;
        let (proxy, client) = relay(Setup::of(&provider)).await;
        provider.reply(ChatReply::stream().says(&["Hello"]).finish("stop"));
        let said = client.stream(&chat("llama3", "Hi")).await.said().await;
        said.ended_with("stop");
        proxy.stop().await;
    });
}

#[test]
fn an_error_in_the_stream_is_handed_on_and_ends_it() {
    run(async {
        let provider = Provider::chat().await;
        let (proxy, client) = relay(Setup::of(&provider)).await;
        let error = json!({ "error": { "message": "no more room", "code": 503, "vendor": 1 } });
        provider.reply(ChatReply::stream().says(&["Hel"]).data(&error).done());
        let said = client.stream(&chat("llama3", "Hi")).await.said().await;
        assert_eq!(*said.failed(), error["error"]);
        proxy.stop().await;

        let provider = Provider::responses().await;
        let (proxy, client) = relay(Setup::of(&provider)).await;
        provider.reply(Reply::stream().failed("server_error", "no more room"));
        let body = responses("llama3", "Hi");
        let heard = client.respond_stream(&body).await.heard().await;
        let response = heard.ended_with("failed");
        assert_eq!(response["error"]["message"], "no more room");
        assert_eq!(response["model"], "llama3");
        proxy.stop().await;
    });
}

#[test]
fn errors_keep_their_status_body_and_limits() {
    run(async {
        for protocol in PROTOCOLS {
            let provider = Provider::start(protocol).await;
            let (proxy, client) = relay(Setup::of(&provider)).await;
            for status in [400, 404, 413, 422, 429, 500, 503] {
                let said = format!("{{\"error\" : {{\"message\":\"no\",{ODD}}} }}");
                provider.reply(
                    Reply::new(status.try_into().unwrap(), "application/json")
                        .header("x-ratelimit-limit-requests", "60")
                        .header("retry-after", "7")
                        .header("set-cookie", "session=of-the-provider")
                        .raw(said.clone()),
                );
                let body = match protocol {
                    "chat" => chat("llama3", "Hi"),
                    _ => responses("llama3", "Hi"),
                };
                let (answer, heard) = post(&client, path(protocol), &body.to_string()).await;
                assert_eq!(answer.status, status);
                assert_eq!(heard, said);
                assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("60"));
                assert_eq!(answer.header("retry-after"), Some("7"));
                assert_eq!(answer.header("set-cookie"), None);
            }
            proxy.stop().await;
        }
    });
}

#[test]
fn limits_are_told_with_replies_that_go_well() {
    run(async {
        let provider = Provider::chat().await;
        let (proxy, client) = relay(Setup::of(&provider)).await;
        let limits = |reply: Reply| {
            reply
                .header("x-ratelimit-remaining-tokens", "149984")
                .header("set-cookie", "session=of-the-provider")
        };
        provider.reply(limits(ChatReply::whole(json!({ "content": "Hi" }), "stop")));
        provider.reply(limits(ChatReply::text(&["Hi"]).into()));
        let answer = client.chat(&chat("llama3", "Hi")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("x-ratelimit-remaining-tokens"),
            Some("149984")
        );
        assert_eq!(answer.header("set-cookie"), None);
        let stream = client.stream(&chat("llama3", "Hi")).await;
        let headers = stream.headers();
        assert_eq!(headers["x-ratelimit-remaining-tokens"], "149984");
        assert!(!headers.contains_key("set-cookie"));
        stream.said().await.ended_with("stop");
        proxy.stop().await;
    });
}

#[test]
fn a_refusal_of_our_key_is_not_the_clients_fault() {
    run(async {
        for protocol in PROTOCOLS {
            let provider = Provider::start(protocol).await;
            let proxy = Setup::of(&provider).start().await;
            for status in [401, 403] {
                provider.reply(Reply::error(
                    status,
                    "invalid_request_error",
                    "no",
                    "bad key",
                ));
                let body = match protocol {
                    "chat" => chat("llama3", "Hi"),
                    _ => responses("llama3", "Hi"),
                };
                let request = proxy.request(Method::POST, path(protocol)).json(&body);
                let answer = Answer::read(request.send().await.unwrap()).await;
                assert_eq!(answer.error(502).1, Some("upstream_auth_error"));
                assert!(answer.message().contains("'near'"), "{}", answer.message());
                assert!(answer.message().contains("bad key"), "{}", answer.message());
            }
            proxy.stop().await;
        }
    });
}

#[test]
fn bodies_that_are_no_json_object_are_refused_here() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        for body in ["", "{", "[]", "null", "{\"model\":1}", "{\"messages\":[]}"] {
            let request = proxy.request(Method::POST, path("chat"));
            let answer = Answer::read(request.body(body).send().await.unwrap()).await;
            assert_eq!(answer.error(400).0, "invalid_request_error", "{body}");
        }
        assert!(provider.requests().is_empty());
        proxy.stop().await;
    });
}
