//! A client that does not read slows its provider; it does not fill our memory.

use crate::{
    harness::{
        Client,
        process::{Program, command, log},
        run_within,
    },
    provider::{ChatReply, Provider, Setup, chat, responses},
    upstream::{Outcome, Reply},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::time::Duration;

/// How much a provider has to say, in bytes.
const STREAM: usize = 256 * 1024 * 1024;

/// What the program may hold of it beside what it held before, in KiB.
const HELD: u64 = 64 * 1024;

/// Text in each event.
const TEXT: usize = 64 * 1024;

const PATIENCE: Duration = Duration::from_mins(5);

/// What one event says.
fn text() -> String {
    "0123456789abcdef".repeat(TEXT / 16)
}

/// A reply of many events, and how many of them hold text.
fn flood(wire_api: &str) -> (Reply, usize) {
    if wire_api == "chat" {
        let chunk = json!({
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [{ "index": 0, "delta": { "content": text() }, "finish_reason": null }],
        });
        let event = format!("data: {chunk}\n\n");
        let times = STREAM / event.len() + 1;
        let begun = Reply::from(ChatReply::stream()).repeat(event, times);
        let end = json!({
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }],
        });
        let end = format!("data: {end}\n\ndata: [DONE]\n\n");
        return (begun.raw(end), times);
    }
    let delta = json!({
        "type": "response.output_text.delta",
        "sequence_number": 9,
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": text(),
        "logprobs": [],
    });
    let event = format!("event: response.output_text.delta\ndata: {delta}\n\n");
    let times = STREAM / event.len() + 1;
    let begun = Reply::stream().begin_message().repeat(event, times);
    (begun.completed(), times)
}

/// What a client does with a stream that it has not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    ReadsOn,
    Leaves,
}

/// A stream that goes on before a client that does not read it.
async fn stalled(client: &str, wire_api: &'static str, then: Then) {
    let provider = Provider::start(wire_api).await;
    let setup = Setup::of(&provider);
    setup.write();
    let mut program = Program::start(command(&["serve"], &setup.homes));
    let proxy = program.client(&setup.homes).await.without_keeping_replies();
    // What the first request brings with it is not held against the others.
    provider.reply(match wire_api {
        "chat" => ChatReply::text(&["Hello"]).into(),
        _ => Reply::text(&["Hello"]),
    });
    drain(ask(&proxy, client).await).await;
    let before = program.memory();

    let (reply, times) = flood(wire_api);
    provider.reply(reply);
    let response = ask(&proxy, client).await;
    let sent = still(&provider).await;
    assert!(sent < STREAM / 2, "the provider could send {sent} bytes");
    let stalled = program.memory();

    let mut texts = times;
    if then == Then::ReadsOn {
        texts = drain(response).await;
    } else {
        drop(response);
        assert_eq!(provider.outcome(1).await, Outcome::Dropped);
    }
    let after = program.memory();
    assert!(
        stalled.max(after) < before + HELD,
        "{client} from {wire_api}: {before} KiB before, {stalled} KiB while nobody read, {after} KiB \
         at the end\n{}",
        log(&setup.homes)
    );
    assert_eq!(texts, times, "everything came in the end");
}

async fn ask(proxy: &Client, protocol: &str) -> Response {
    let (path, mut body) = match protocol {
        "chat" => ("/v1/chat/completions", chat("llama3", "Go on.")),
        _ => ("/v1/responses", responses("llama3", "Go on.")),
    };
    body["stream"] = true.into();
    let request = proxy.request(Method::POST, path).json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    response
}

/// What the provider has sent of its second reply when it cannot send any more.
async fn still(provider: &Provider) -> usize {
    let mut sent = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = provider.sent(1);
        if now == sent && now > 0 {
            return now;
        }
        sent = now;
    }
}

/// Reads a stream to its end, and counts the whole texts in its deltas.
async fn drain(mut response: Response) -> usize {
    let mut decoder = codex_openai_proxy::wire::sse::Decoder::new(STREAM * 2);
    let mut events = Vec::new();
    let mut texts = 0;
    let mut last = String::new();
    while let Some(bytes) = response.chunk().await.unwrap() {
        decoder.feed(&bytes, &mut events).unwrap();
        for event in events.drain(..) {
            // The ends of Responses streams say everything once more.
            if event.data.len() > TEXT && event.data.len() < 2 * TEXT {
                let data: Value = serde_json::from_str(&event.data).unwrap();
                let delta = data["delta"].as_str();
                let delta = delta.or_else(|| data["choices"][0]["delta"]["content"].as_str());
                texts += delta.map_or(0, str::len) / TEXT;
            }
            last = event.data;
        }
    }
    let completed = last.contains("\"type\":\"response.completed\"");
    assert!(last == "[DONE]" || completed, "{last:.200}");
    texts
}

#[test]
fn a_relayed_chat_stream_waits_for_its_client() {
    run_within(PATIENCE, stalled("chat", "chat", Then::ReadsOn));
}

#[test]
fn a_relayed_response_waits_for_its_client() {
    run_within(PATIENCE, stalled("responses", "responses", Then::ReadsOn));
}

#[test]
fn a_response_that_becomes_a_chat_stream_waits_for_its_client() {
    run_within(PATIENCE, stalled("chat", "responses", Then::ReadsOn));
}

#[test]
fn a_chat_stream_that_becomes_a_response_waits_for_its_client() {
    // Its end says everything once more, as this protocol wants it: so much for reading on.
    run_within(PATIENCE, stalled("responses", "chat", Then::Leaves));
}
