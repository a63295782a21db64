//! Clients that leave, as the log tells of them.

use crate::{
    harness::{
        Client,
        codex::{ask, forward},
        logs::{Detail, text, told},
        run,
    },
    upstream::{Gate, Reply, Upstream},
};
use reqwest::Method;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// The newest of `count` requests, whose client must have left.
async fn left(client: &Client, count: usize) -> Detail {
    let rows = client.settled(count).await;
    let detail = client.detail(text(&rows[count - 1]["id"])).await;
    detail.ended_with("client_disconnected");
    assert_eq!(detail.request["state"], "left");
    assert_eq!(detail.request.get("error"), None);
    detail
}

#[test]
fn while_it_sends_its_body() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-length: 1000\r\n\r\n{{\"mod",
            proxy.address()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        drop(stream);
        let detail = left(&proxy, 1).await;
        assert_eq!(detail.records.len(), 2, "{:#?}", detail.records);
        assert_eq!(upstream.connections(), 0);
        proxy.stop().await;
    });
}

#[test]
fn before_the_first_token() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        for (number, stream) in [true, false].into_iter().enumerate() {
            let never = Gate::default();
            upstream.reply(Reply::stream().wait(&never));
            let mut body = ask("Tell me.");
            body["stream"] = stream.into();
            let request = proxy.request(Method::POST, "/v1/chat/completions");
            let waiting = tokio::spawn(request.json(&body).send());
            upstream.received(number + 1).await;
            let running = proxy.summaries("status=running").await;
            assert_eq!(running.len(), 1, "{running:#?}");
            assert_eq!(running[0]["mapped_model"], "gpt-5.2");
            waiting.abort();
            let detail = left(&proxy, number + 1).await;
            let end = detail.record("client_disconnected");
            assert_eq!(told(end, &["duration_ms"]), json!({}));
        }
        proxy.stop().await;
    });
}

#[test]
fn in_the_stream() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let never = Gate::default();
        let begun = Reply::stream().begin_message().delta("Once");
        upstream.reply(begun.wait(&never));
        let mut stream = proxy.stream(&ask("Tell me.")).await;
        assert_eq!(stream.next_text().await, "Once");
        drop(stream);
        let detail = left(&proxy, 1).await;
        let end = detail.record("client_disconnected");
        assert_eq!(told(end, &["first_token_ms", "duration_ms"]), json!({}));
        assert!(detail.request["first_token_ms"].is_number());
        let reply = detail.json("reply");
        assert_eq!(reply["choices"][0]["message"]["content"], "Once");
        assert!(reply["choices"][0]["finish_reason"].is_null());
        assert_eq!(proxy.summaries("status=left").await.len(), 1);
        proxy.stop().await;
    });
}
