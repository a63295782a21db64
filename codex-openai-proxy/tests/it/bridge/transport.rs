//! Providers that break HTTP itself: each is a clear error in time, and nothing of the call stays.

mod wire;

use super::{Cell, PROTOCOLS, cells, failing::path};
use crate::harness::{Client, Proxy, run};
use codex_openai_proxy::config::Config;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};
use wire::{Then, Wire};

/// How long a provider may be silent here, before and in a reply.
const SILENCE: Duration = Duration::from_millis(300);

/// How long a failure may take. Far more than the above, for the machine may be busy.
const IN_TIME: Duration = Duration::from_secs(15);

const HEAD_OF_EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
const HEAD_OF_JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

/// What a client is told that asks in vain.
#[derive(Debug)]
struct Failure {
    /// 200 where the reply had begun.
    status: u16,
    /// The error's message.
    message: String,
    /// All of the reply.
    all: String,
}

/// Asks, which must fail in time and leave nothing behind.
async fn failure(cell: Cell, wire: &Wire, proxy: &Proxy) -> Failure {
    let begun = Instant::now();
    let body = cell.ask("llama3", "Hi", json!({ "stream": cell.streamed }));
    let request = proxy.request(Method::POST, path(cell.client)).json(&body);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    assert!(response.headers().get("location").is_none(), "{cell:?}");
    let all = response.text().await.unwrap();
    assert!(begun.elapsed() < IN_TIME, "{cell:?}: {all}");
    let message = if status == 200 {
        assert!(cell.streamed, "{cell:?}: {all}");
        for end in ["[DONE]", "\"finish_reason\":\"stop\"", "response.completed"] {
            assert!(!all.contains(end), "{cell:?}: {all}");
        }
        let mut frames = all.lines().filter_map(|line| line.strip_prefix("data: "));
        let last: Value = serde_json::from_str(frames.next_back().expect(&all)).expect(&all);
        let error = match cell.client {
            "chat" => &last["error"],
            _ => &last["response"]["error"],
        };
        error["message"].as_str().expect(&all).to_owned()
    } else {
        let said: Value = serde_json::from_str(&all).expect(&all);
        said["error"]["message"].as_str().expect(&all).to_owned()
    };
    wire.left_alone().await;
    nothing_runs(proxy).await;
    Failure {
        status,
        message,
        all,
    }
}

/// Waits until no request for a reply is in flight.
async fn nothing_runs(client: &Client) {
    let idle = async {
        loop {
            let figures = client.request(Method::GET, "/metrics").send().await;
            let figures = figures.unwrap().text().await.unwrap();
            let routes = ["chat_completions", "responses"];
            let is_busy = |route: &str| {
                let name = format!("codex_proxy_requests_in_flight{{route=\"{route}\"}} ");
                let mut lines = figures.lines();
                let count = lines.find_map(|line| line.strip_prefix(&name));
                count.is_some_and(|count| count != "0" && count != "0.0")
            };
            assert!(figures.contains("codex_proxy_requests_in_flight"));
            if !routes.into_iter().any(is_busy) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let idle = tokio::time::timeout(IN_TIME, idle).await;
    idle.expect("a request stays in flight");
}

/// The beginning of a stream that says `Hel`.
fn events(wire_api: &str) -> &'static str {
    match wire_api {
        "chat" => {
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
             \"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hel\"},\
             \"finish_reason\":null}]}\n\n"
        }
        _ => {
            "data: {\"type\":\"response.output_item.added\",\"sequence_number\":0,\"output_index\":0,\
             \"item\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\
             \"status\":\"in_progress\",\"content\":[]}}\n\n\
             data: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"item_id\":\"m\",\
             \"output_index\":0,\"content_index\":0,\"delta\":\"Hel\"}\n\n"
        }
    }
}

/// A whole reply that says `word`.
fn document(wire_api: &str, word: &str) -> String {
    match wire_api {
        "chat" => json!({
            "id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{
                "index": 0, "message": { "role": "assistant", "content": word },
                "logprobs": null, "finish_reason": "stop",
            }],
            "usage": {
                "prompt_tokens": 5, "prompt_tokens_details": { "cached_tokens": 0 },
                "completion_tokens": 2, "completion_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": 7,
            },
        }),
        _ => json!({
            "id": "resp_1", "object": "response", "created_at": 1, "model": "m",
            "status": "completed", "output": [{
                "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                "content": [{ "type": "output_text", "text": word, "annotations": [] }],
            }],
            "usage": {
                "input_tokens": 5, "input_tokens_details": { "cached_tokens": 0 },
                "output_tokens": 2, "output_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": 7,
            },
        }),
    }
    .to_string()
}

/// A reply of that length, of which there is less.
fn begun(cell: Cell, length: usize) -> String {
    if cell.streamed {
        let said = events(cell.provider);
        format!("{HEAD_OF_EVENTS}content-length: {length}\r\n\r\n{said}")
    } else {
        format!("{HEAD_OF_JSON}content-length: {length}\r\n\r\n{{\"id\":\"c\",")
    }
}

#[test]
fn a_length_that_is_too_long_is_an_error() {
    run(async {
        for cell in cells() {
            for (then, status) in [(Then::HangUp, 502), (Then::Stay, 504)] {
                let wire = Wire::writes(vec![begun(cell, 100_000)], then).await;
                let proxy = wire.proxy(cell.provider, |_| ()).await;
                let failure = failure(cell, &wire, &proxy).await;
                let expected = if cell.streamed { 200 } else { status };
                assert_eq!(failure.status, expected, "{cell:?} {then:?}: {failure:?}");
                assert!(failure.message.contains("'near'"), "{failure:?}");
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn a_length_that_is_too_short_is_an_error() {
    run(async {
        for cell in cells() {
            let said = if cell.streamed {
                format!(
                    "{HEAD_OF_EVENTS}content-length: 20\r\n\r\n{}",
                    events(cell.provider)
                )
            } else {
                let whole = document(cell.provider, "Hello");
                format!("{HEAD_OF_JSON}content-length: 20\r\n\r\n{whole}")
            };
            let wire = Wire::writes(vec![said], Then::Stay).await;
            let proxy = wire.proxy(cell.provider, |_| ()).await;
            let failure = failure(cell, &wire, &proxy).await;
            assert!([200, 502].contains(&failure.status), "{cell:?} {failure:?}");
            assert!(!failure.all.contains("Hel"), "{cell:?} {failure:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn what_follows_a_reply_is_not_taken_for_the_next_one() {
    run(async {
        for wire_api in PROTOCOLS {
            let reply = |word: &str| {
                let said = document(wire_api, word);
                format!("{HEAD_OF_JSON}content-length: {}\r\n\r\n{said}", said.len())
            };
            for pieces in [
                vec![reply("Hello") + &reply("Poison")],
                vec![reply("Hello"), reply("Poison")],
            ] {
                let wire = Wire::writes(pieces, Then::Stay).await;
                let proxy = wire.proxy(wire_api, |_| ()).await;
                for cell in cells().filter(|cell| cell.provider == wire_api && !cell.streamed) {
                    for _ in 0..3 {
                        let body = cell.ask("llama3", "Hi", json!({}));
                        let told = cell.send(&proxy, &body).await;
                        assert_eq!(told.text, "Hello", "{cell:?}");
                    }
                }
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn a_head_without_end_is_an_error() {
    run(async {
        for cell in cells() {
            for more in ["x-more: and more\r\n", "and more and more and more "] {
                let begin = format!("{HEAD_OF_JSON}x-first: ");
                let wire = Wire::writes(vec![begin], Then::Repeat(more)).await;
                // Not for want of time.
                let long = |config: &mut Config| config.upstreams[0].timeout = 2 * IN_TIME;
                let proxy = wire.proxy(cell.provider, long).await;
                let failure = failure(cell, &wire, &proxy).await;
                assert_eq!(failure.status, 502, "{cell:?} {more:?}: {failure:?}");
                assert!(failure.message.contains("'near'"), "{failure:?}");
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn interim_replies_without_end_are_an_error() {
    run(async {
        static LONG: LazyLock<String> = LazyLock::new(|| {
            let links = "</a>; rel=preload, ".repeat(200);
            format!("HTTP/1.1 103 Early Hints\r\nlink: {links}</b>\r\n\r\n")
        });
        for (at, cell) in cells().filter(|cell| cell.streamed).enumerate() {
            // Short ones keep the machine busy for seconds, so they come once.
            let short = (at == 0).then_some("HTTP/1.1 100 Continue\r\n\r\n");
            for more in [LONG.as_str()].into_iter().chain(short) {
                let wire = Wire::writes(Vec::new(), Then::Repeat(more)).await;
                let proxy = wire.proxy(cell.provider, |_| ()).await;
                let failure = failure(cell, &wire, &proxy).await;
                assert!(
                    [502, 504].contains(&failure.status),
                    "{cell:?} {more:?}: {failure:?}"
                );
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn a_redirect_is_not_followed() {
    run(async {
        let elsewhere = Wire::writes(vec![HEAD_OF_JSON.to_owned()], Then::HangUp).await;
        for cell in cells() {
            for status in [
                "301 Moved Permanently",
                "302 Found",
                "307 Temporary Redirect",
            ] {
                let to = &elsewhere.base_url;
                let reply =
                    format!("HTTP/1.1 {status}\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
                let wire = Wire::writes(vec![reply], Then::HangUp).await;
                let proxy = wire.proxy(cell.provider, |_| ()).await;
                let failure = failure(cell, &wire, &proxy).await;
                assert_eq!(failure.status, 502, "{cell:?} {status}: {failure:?}");
                proxy.stop().await;
            }
        }
        assert_eq!(elsewhere.connections(), 0);
    });
}

#[test]
fn an_encoding_that_nobody_asked_for_is_an_error() {
    run(async {
        for cell in cells() {
            for head in [HEAD_OF_EVENTS, HEAD_OF_JSON] {
                let said = events(cell.provider);
                let reply = format!("{head}content-encoding: gzip\r\n\r\n{said}");
                let wire = Wire::writes(vec![reply], Then::HangUp).await;
                let proxy = wire.proxy(cell.provider, |_| ()).await;
                let failure = failure(cell, &wire, &proxy).await;
                assert_eq!(failure.status, 502, "{cell:?}: {failure:?}");
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn what_is_no_http_is_an_error() {
    run(async {
        // A head is read in the same way for a reply in one piece.
        for cell in cells().filter(|cell| cell.streamed) {
            for said in [
                "SSH-2.0-OpenSSH_9.6\r\n",
                "{\"error\":\"this port speaks TLS\"}",
                "HTTP/1.1 twenty\r\n\r\n",
                "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}",
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\n{}",
                "HTTP/1.1 200 OK\r\nconte",
            ] {
                let wire = Wire::writes(vec![said.to_owned()], Then::HangUp).await;
                let proxy = wire.proxy(cell.provider, |_| ()).await;
                let failure = failure(cell, &wire, &proxy).await;
                assert_eq!(failure.status, 502, "{cell:?} {said:?}: {failure:?}");
                assert!(failure.message.contains("'near'"), "{failure:?}");
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn a_broken_chunk_ends_a_stream_in_an_error() {
    run(async {
        for cell in cells().filter(|cell| cell.streamed) {
            let said = events(cell.provider);
            let good = format!("{:x}\r\n{said}\r\n", said.len());
            for broken in [
                "zz\r\n",
                "fffffffffffffffff\r\n",
                "40\r\ndata: {\"id\":",
                "5",
            ] {
                let head = format!("{HEAD_OF_EVENTS}transfer-encoding: chunked\r\n\r\n");
                let pieces = vec![head + &good + broken];
                let wire = Wire::writes(pieces, Then::HangUp).await;
                let proxy = wire.proxy(cell.provider, |_| ()).await;
                let failure = failure(cell, &wire, &proxy).await;
                assert_eq!(failure.status, 200, "{cell:?} {broken:?}: {failure:?}");
                assert!(failure.all.contains("Hel"), "{cell:?} {failure:?}");
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn a_head_that_drips_has_an_end() {
    run(async {
        for cell in cells() {
            let begin = vec![HEAD_OF_JSON.to_owned()];
            let wire = Wire::writes(begin, Then::Drip("x-more: 1\r\n")).await;
            let proxy = wire.proxy(cell.provider, |_| ()).await;
            let failure = failure(cell, &wire, &proxy).await;
            assert_eq!(failure.status, 504, "{cell:?}: {failure:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn a_body_that_drips_lasts_as_long_as_a_request_may() {
    run(async {
        for cell in cells() {
            let wire = Wire::writes(vec![begun(cell, 1 << 30)], Then::Drip(" ")).await;
            let short = |config: &mut Config| config.limits.request = Some(4 * SILENCE);
            let proxy = wire.proxy(cell.provider, short).await;
            let failure = failure(cell, &wire, &proxy).await;
            let expected = if cell.streamed { 200 } else { 504 };
            assert_eq!(failure.status, expected, "{cell:?}: {failure:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn a_document_without_end_is_an_error_and_no_burden() {
    run(async {
        static LONG: LazyLock<String> = LazyLock::new(|| " ".repeat(256 * 1024));
        for cell in cells().filter(|cell| !cell.streamed) {
            let begin = format!("{HEAD_OF_JSON}\r\n{{\"id\":\"");
            let wire = Wire::writes(vec![begin], Then::Repeat(LONG.as_str())).await;
            let proxy = wire.proxy(cell.provider, |_| ()).await;
            let failure = failure(cell, &wire, &proxy).await;
            assert_eq!(failure.status, 502, "{cell:?}: {failure:?}");
            assert!(failure.message.contains("longer than"), "{failure:?}");
            proxy.stop().await;
        }
    });
}
