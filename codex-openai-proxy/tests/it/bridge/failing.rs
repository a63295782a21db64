//! Providers that fail, and clients that leave.

use super::cells;
use crate::{
    harness::{chat::Answer, run},
    provider::{ChatReply, Provider, Script, Setup, chat, responses},
    upstream::{Gate, Outcome, Reply},
};
use hyper::StatusCode;
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};

/// How soon a call must be over whose client has left.
const AT_ONCE: Duration = Duration::from_secs(1);

pub(super) fn path(protocol: &str) -> &'static str {
    match protocol {
        "chat" => "/v1/chat/completions",
        _ => "/v1/responses",
    }
}

pub(super) fn hello() -> Script {
    Script {
        text: &["Hello"],
        ..Script::default()
    }
}

/// An address where nobody listens. The socket keeps others from it as long as it lives.
pub(super) fn nobody() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (format!("http://{address}/v1"), socket)
}

#[test]
fn a_dead_host_is_told_by_name() {
    run(async {
        for cell in cells() {
            let (url, _socket) = nobody();
            let host = url.strip_prefix("http://").unwrap().strip_suffix("/v1");
            let keys = "models = [\"*\"]\nretries = 1\n";
            let setup = Setup::new().at("dead", cell.provider, &url, keys);
            let proxy = setup.start().await;
            let body = cell.ask("llama3", "Hi", json!({ "stream": cell.streamed }));
            let request = proxy.request(Method::POST, path(cell.client)).json(&body);
            let answer = Answer::read(request.send().await.unwrap()).await;
            assert_eq!(answer.error(502).1, Some("upstream_error"), "{cell:?}");
            let message = answer.message();
            assert!(message.contains("'dead'"), "{message}");
            assert!(message.contains(host.unwrap()), "{message}");
            proxy.stop().await;
        }
    });
}

/// A server that hangs up on its first clients before it answers, as many as `cut`.
async fn moody(cut: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let whole = "{\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[]}";
        let length = whole.len();
        let reply = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{whole}"
        );
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            // All of the request comes at once: it is a short one.
            let mut request = [0; 4096];
            assert_ne!(stream.read(&mut request).await.unwrap(), 0);
            if number >= cut {
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        }
    });
    format!("http://{address}/v1")
}

#[test]
fn a_connection_that_is_cut_before_the_reply_is_tried_again() {
    run(async {
        for (cut, status) in [(1, 200), (2, 502)] {
            let keys = "models = [\"*\"]\nretries = 1\n";
            let setup = Setup::new().at("near", "chat", &moody(cut).await, keys);
            let proxy = setup.start().await;
            let request = proxy.request(Method::POST, path("chat"));
            let response = request.json(&chat("llama3", "Hi")).send().await.unwrap();
            let (answer, _) = Answer::read_only(response).await;
            assert_eq!(answer.status, status, "{}", answer.body);
            proxy.stop().await;
        }
    });
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_no_failure() {
    run(async {
        let keys = "models = [\"*\"]\nretries = 0\n";
        // Each connection serves one request, and does not say so.
        let setup = Setup::new().at("near", "chat", &moody(0).await, keys);
        let proxy = setup.start().await;
        for _ in 0..5 {
            let request = proxy.request(Method::POST, path("chat"));
            let response = request.json(&chat("llama3", "Hi")).send().await.unwrap();
            let (answer, _) = Answer::read_only(response).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        proxy.stop().await;
    });
}

#[test]
fn a_provider_that_does_not_answer_is_a_timeout() {
    run(async {
        for cell in cells() {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider)
                .change(|config| config.upstreams[0].timeout = Duration::from_millis(200))
                .start()
                .await;
            let gate = Gate::default();
            provider.reply(Reply::text(&["late"]).held(&gate));
            let body = cell.ask("llama3", "Hi", json!({ "stream": cell.streamed }));
            let request = proxy.request(Method::POST, path(cell.client)).json(&body);
            let answer = Answer::read(request.send().await.unwrap()).await;
            assert_eq!(answer.error(504).1, Some("upstream_timeout"), "{cell:?}");
            assert_eq!(provider.outcome(0).await, Outcome::Dropped, "{cell:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn a_provider_that_falls_silent_ends_the_stream_in_an_error() {
    run(async {
        for cell in cells().filter(|cell| cell.streamed) {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider)
                .change(|config| config.upstreams[0].idle_timeout = Duration::from_millis(200))
                .start()
                .await;
            let gate = Gate::default();
            provider.reply(begun(cell.provider, &gate));
            let told = cell
                .failure(&proxy, &cell.ask("llama3", "Hi", json!({})))
                .await;
            assert_eq!(told.text, "Hel", "{cell:?}");
            assert_eq!(provider.outcome(0).await, Outcome::Dropped, "{cell:?}");
            proxy.stop().await;
        }
    });
}

/// A stream that says `Hel` and then waits.
fn begun(wire_api: &str, gate: &Gate) -> Reply {
    match wire_api {
        "chat" => ChatReply::stream()
            .says(&["Hel"])
            .wait(gate)
            .says(&["lo"])
            .finish("stop")
            .done()
            .into(),
        _ => Reply::stream()
            .begin_message()
            .delta("Hel")
            .wait(gate)
            .delta("lo")
            .end_message()
            .completed(),
    }
}

#[test]
fn nothing_is_repeated_once_a_reply_has_begun() {
    run(async {
        for cell in cells().filter(|cell| cell.streamed) {
            let provider = Provider::start(cell.provider).await;
            let keys = "models = [\"*\"]\nretries = 5\n";
            let setup = Setup::new().provider("near", &provider, keys);
            let proxy = setup.start().await;
            provider.reply(match cell.provider {
                "chat" => ChatReply::stream().says(&["Hel"]).break_off().into(),
                _ => Reply::stream().begin_message().delta("Hel").break_off(),
            });
            let told = cell
                .failure(&proxy, &cell.ask("llama3", "Hi", json!({})))
                .await;
            assert_eq!(told.text, "Hel", "{cell:?}");
            assert_eq!(provider.requests().len(), 1, "{cell:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn a_call_whose_client_has_left_is_over_within_a_second() {
    run(async {
        for cell in cells() {
            for answered in [true, false] {
                let provider = Provider::start(cell.provider).await;
                let proxy = Setup::of(&provider).start().await;
                let gate = Gate::default();
                let reply = match (answered, cell.is_relayed() && !cell.streamed) {
                    (true, false) => begun(cell.provider, &gate),
                    (true, true) => Reply::new(StatusCode::OK, "application/json")
                        .raw("{\"id\":")
                        .wait(&gate)
                        .raw("1}"),
                    (false, _) => Reply::text(&["late"]).held(&gate),
                };
                provider.reply(reply);
                let body = cell.ask("llama3", "Hi", json!({ "stream": cell.streamed }));
                let request = proxy.request(Method::POST, path(cell.client)).json(&body);
                let asking = tokio::spawn(async move {
                    let mut response = request.send().await.unwrap();
                    while response.chunk().await.unwrap().is_some() {}
                });
                provider.received(1).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
                assert!(!asking.is_finished(), "{cell:?} {answered}");
                let left = Instant::now();
                asking.abort();
                let outcome = tokio::time::timeout(AT_ONCE, provider.outcome(0)).await;
                let outcome = outcome.unwrap_or_else(|_| {
                    panic!(
                        "still running after {:?}: {cell:?} {answered}",
                        left.elapsed()
                    )
                });
                assert_eq!(outcome, Outcome::Dropped, "{cell:?} {answered}");
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn a_client_that_leaves_while_a_provider_is_left_alone_ends_the_repeating() {
    run(async {
        let provider = Provider::chat().await;
        let setup = Setup::new();
        let proxy = setup
            .provider("near", &provider, "models = [\"*\"]\nretries = 5\n")
            .start()
            .await;
        provider.otherwise(|_| {
            Reply::error(429, "tokens", "rate_limit_exceeded", "slow").header("retry-after", "1")
        });
        let request = proxy.request(Method::POST, path("chat"));
        let asking = tokio::spawn(request.json(&chat("llama3", "Hi")).send());
        provider.received(1).await;
        asking.abort();
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(provider.requests().len(), 1);
        proxy.stop().await;
    });
}

#[test]
fn garbage_in_a_stream_is_an_error_and_not_an_end() {
    run(async {
        for cell in cells().filter(|cell| cell.streamed && !cell.is_relayed()) {
            let garbage = "data: {\"choices\": [not json\n\n";
            for garbage in [garbage, "<html>Bad gateway</html>\n\n", "data: 7\n\n"] {
                let provider = Provider::start(cell.provider).await;
                let proxy = Setup::of(&provider).start().await;
                provider.reply(match cell.provider {
                    "chat" => ChatReply::stream().says(&["Hel"]).raw(garbage).into(),
                    _ => Reply::stream().begin_message().delta("Hel").raw(garbage),
                });
                let told = cell
                    .failure(&proxy, &cell.ask("llama3", "Hi", json!({})))
                    .await;
                assert_eq!(told.text, "Hel", "{cell:?} {garbage}");
                assert!(!told.error.is_empty());
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn a_whole_reply_in_place_of_a_stream_is_understood() {
    run(async {
        for cell in cells().filter(|cell| !cell.is_relayed()) {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            provider.reply(match cell.provider {
                "chat" => ChatReply::whole(json!({ "content": "Hello" }), "stop"),
                _ => Reply::text(&["Hello"]).in_one_piece(),
            });
            let told = cell
                .send(&proxy, &cell.ask("llama3", "Hi", json!({})))
                .await;
            assert_eq!(told.text, "Hello", "{cell:?}");
            assert_eq!(told.finish_reason, "stop", "{cell:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn a_reply_that_is_something_else_is_an_error() {
    run(async {
        for cell in cells().filter(|cell| !cell.is_relayed()) {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            for (kind, said) in [
                ("text/html", "<html>Log in</html>"),
                ("application/json", "{\"status\":\"ok\"}"),
                ("text/event-stream", ""),
                ("text/event-stream", "data: [DO"),
            ] {
                let reply = Reply::new(StatusCode::OK, kind);
                provider.reply(if said.is_empty() {
                    reply
                } else {
                    reply.raw(said)
                });
                let body = cell.ask("llama3", "Hi", json!({ "stream": cell.streamed }));
                let request = proxy.request(Method::POST, path(cell.client)).json(&body);
                let answer = Answer::read(request.send().await.unwrap()).await;
                assert_eq!(answer.status, 502, "{cell:?} {said:?} {}", answer.body);
            }
            proxy.stop().await;
        }
    });
}

#[test]
fn an_error_in_the_stream_fails_the_reply() {
    run(async {
        for cell in cells().filter(|cell| !cell.is_relayed()) {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            let error = json!({ "error": { "message": "no more room", "code": "server_error" } });
            let said = |first: bool| -> Reply {
                let deltas: &[&str] = if first { &[] } else { &["Hel"] };
                match cell.provider {
                    "chat" => ChatReply::stream().says(deltas).data(&error).into(),
                    _ if first => Reply::stream().failed("server_error", "no more room"),
                    _ => Reply::stream()
                        .begin_message()
                        .delta("Hel")
                        .failed("server_error", "no more room"),
                }
            };
            // Before anything was said, the status tells.
            provider.reply(said(true));
            let body = cell.ask("llama3", "Hi", json!({ "stream": cell.streamed }));
            let request = proxy.request(Method::POST, path(cell.client)).json(&body);
            let answer = Answer::read(request.send().await.unwrap()).await;
            assert!(answer.status.is_server_error(), "{cell:?}");
            assert!(answer.message().contains("no more room"), "{cell:?}");
            if cell.streamed {
                provider.reply(said(false));
                let told = cell.failure(&proxy, &body).await;
                assert_eq!(told.text, "Hel", "{cell:?}");
                assert!(
                    told.error.contains("no more room"),
                    "{cell:?} {}",
                    told.error
                );
            }
            proxy.stop().await;
        }
    });
}

#[test]
fn a_client_that_was_cut_off_can_ask_again() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        provider.reply(ChatReply::stream().says(&["Hel"]).break_off());
        let body = responses("llama3", "Hi");
        proxy
            .respond_stream(&body)
            .await
            .heard()
            .await
            .ended_with("failed");
        provider.says(hello());
        let heard = proxy.respond_stream(&body).await.heard().await;
        assert_eq!(heard.text(), "Hello");
        proxy.stop().await;
    });
}
