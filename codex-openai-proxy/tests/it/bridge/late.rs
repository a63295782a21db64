//! What comes after the status has gone out, or never comes to an end.

use super::{PROTOCOLS, cells};
use crate::{
    harness::{Client, Proxy, chat::Answer, run},
    provider::{ChatReply, Provider, Setup, chat, responses},
    upstream::{Gate, Outcome, Reply},
};
use hyper::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A proxy that holds the status of a stream back for hardly any time.
async fn hasty(provider: &Provider) -> Proxy {
    let setup = Setup::of(provider).change(|config| {
        config.limits.keep_alive = Duration::from_millis(50);
        config.limits.first_event = Duration::from_millis(50);
    });
    setup.start().await
}

#[test]
fn a_refusal_that_comes_after_the_status_is_told_in_the_stream() {
    run(async {
        for cell in cells().filter(|cell| cell.streamed) {
            let provider = Provider::start(cell.provider).await;
            let proxy = hasty(&provider).await;
            let gate = Gate::default();
            let refusal = Reply::error(429, "tokens", "rate_limit_exceeded", "slow down");
            provider.reply(refusal.held(&gate));
            let opening = async {
                provider.received(1).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
                gate.open();
            };
            let body = cell.ask("llama3", "Hi", json!({}));
            let (told, ()) = tokio::join!(cell.failure(&proxy, &body), opening);
            assert_eq!(told.text, "");
            assert!(told.error.contains("slow down"), "{cell:?} {}", told.error);
            proxy.stop().await;
        }
    });
}

#[test]
fn an_event_without_end_is_an_error_and_no_burden() {
    run(async {
        for cell in cells().filter(|cell| cell.streamed) {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            let begun = match cell.provider {
                "chat" => Reply::from(ChatReply::stream().says(&["Hel"])),
                _ => Reply::stream().begin_message().delta("Hel"),
            };
            let piece = "x".repeat(1 << 20);
            provider.reply(begun.raw("data: \"").repeat(piece, 512));
            let body = cell.ask("llama3", "Hi", json!({}));
            let told = cell.failure(&proxy, &body).await;
            assert_eq!(told.text, "Hel", "{cell:?}");
            assert_eq!(provider.outcome(0).await, Outcome::Dropped, "{cell:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn a_whole_reply_in_place_of_a_stream_is_relayed_as_it_is() {
    run(async {
        for protocol in PROTOCOLS {
            let provider = Provider::start(protocol).await;
            let proxy = Setup::of(&provider).start().await;
            let (path, mut body, object) = match protocol {
                "chat" => (
                    "/v1/chat/completions",
                    chat("llama3", "Hi"),
                    "chat.completion",
                ),
                _ => ("/v1/responses", responses("llama3", "Hi"), "response"),
            };
            body["stream"] = true.into();
            let said = |model: &str| {
                format!("{{\"object\": \"{object}\", \"model\":\"{model}\", \"vendor\":1.50 }}")
            };
            let reply = Reply::new(StatusCode::OK, "application/json");
            provider.reply(reply.raw(said("m")));
            let client = Client::new(proxy.address());
            let request = client.request(Method::POST, path).json(&body);
            let (answer, heard) = Answer::read_only(request.send().await.unwrap()).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(heard, said("llama3"));
            proxy.stop().await;
        }
    });
}

#[test]
fn a_whole_reply_that_comes_after_the_status_becomes_a_stream() {
    run(async {
        for cell in cells().filter(|cell| cell.streamed) {
            let provider = Provider::start(cell.provider).await;
            let proxy = hasty(&provider).await;
            let gate = Gate::default();
            let reply = Reply::new(StatusCode::OK, "application/json").raw(
                match cell.provider {
                    "chat" => json!({
                        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
                        "choices": [{
                            "index": 0,
                            "message": { "role": "assistant", "content": "Hello" },
                            "logprobs": null,
                            "finish_reason": "stop",
                        }],
                        "usage": {
                        "prompt_tokens": 5, "prompt_tokens_details": { "cached_tokens": 0 },
                        "completion_tokens": 2,
                        "completion_tokens_details": { "reasoning_tokens": 0 },
                        "total_tokens": 7,
                    },
                    }),
                    _ => whole_response(),
                }
                .to_string(),
            );
            provider.reply(reply.held(&gate));
            let opening = async {
                provider.received(1).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
                gate.open();
            };
            let body = cell.ask("llama3", "Hi", json!({}));
            let (told, ()) = tokio::join!(cell.send(&proxy, &body), opening);
            assert_eq!(told.text, "Hello", "{cell:?}");
            assert_eq!(told.finish_reason, "stop", "{cell:?}");
            proxy.only_request().await.ended_with("cursor_response");
            proxy.stop().await;
        }
    });
}

/// A response that says "Hello", with all that OpenAI's schema wants.
fn whole_response() -> Value {
    json!({
        "id": "resp_theirs", "object": "response", "created_at": 1, "status": "completed",
        "error": null, "incomplete_details": null, "instructions": null, "metadata": {},
        "model": "m", "parallel_tool_calls": true, "temperature": 1.0, "top_p": 1.0,
        "tool_choice": "auto", "tools": [],
        "output": [{
            "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{
                "type": "output_text", "text": "Hello", "annotations": [], "logprobs": [],
            }],
        }],
        "usage": {
            "input_tokens": 5, "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
            "output_tokens": 2, "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": 7,
        },
    })
}

#[test]
fn streams_that_still_run_when_the_proxy_stops_are_told_so() {
    run(async {
        for cell in cells().filter(|cell| cell.streamed) {
            let provider = Provider::start(cell.provider).await;
            let setup = Setup::of(&provider);
            let setup = setup.change(|config| config.limits.drain = Duration::from_millis(200));
            let proxy = setup.start().await;
            let gate = Gate::default();
            provider.reply(match cell.provider {
                "chat" => Reply::from(ChatReply::stream().says(&["Hel"])).wait(&gate),
                _ => Reply::stream().begin_message().delta("Hel").wait(&gate),
            });
            let body = cell.ask("llama3", "Hi", json!({}));
            let client = Client::new(proxy.address());
            let reading = tokio::spawn(async move { cell.failure(&client, &body).await });
            provider.received(1).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let begun = Instant::now();
            proxy.stop().await;
            assert!(begun.elapsed() < Duration::from_secs(5), "{cell:?}");
            assert_eq!(provider.outcome(0).await, Outcome::Dropped, "{cell:?}");
            let told = reading.await.expect("an error in the stream");
            assert_eq!(told.text, "Hel", "{cell:?}");
        }
    });
}

#[test]
fn a_crowd_of_streams_runs_side_by_side() {
    run(async {
        const CROWD: usize = 100;
        for wire_api in PROTOCOLS {
            let provider = Provider::start(wire_api).await;
            let proxy = Setup::of(&provider).start().await;
            let gate = Gate::default();
            let held = gate.clone();
            provider.otherwise(move |_| match wire_api {
                "chat" => ChatReply::stream()
                    .says(&["Hel"])
                    .wait(&held)
                    .says(&["lo"])
                    .finish("stop")
                    .done()
                    .into(),
                _ => Reply::stream()
                    .begin_message()
                    .delta("Hel")
                    .wait(&held)
                    .delta("lo")
                    .end_message()
                    .completed(),
            });
            let client = Client::new(proxy.address()).without_keeping_replies();
            let mut streams = Vec::new();
            for at in 0..CROWD {
                let model = format!("llama{at}");
                let mut stream = client.respond_stream(&responses(&model, "Hi")).await;
                // Nobody waits for another's end.
                assert_eq!(stream.next_text().await, "Hel");
                streams.push(stream);
            }
            assert_eq!(provider.requests().len(), CROWD);
            gate.open();
            for (at, stream) in streams.into_iter().enumerate() {
                let heard = stream.heard().await;
                let response = heard.ended_with("completed");
                assert_eq!(response["model"], format!("llama{at}"));
                assert_eq!(heard.text(), "lo");
            }
            proxy.stop().await;
        }
    });
}
