//! Calls that go well.

use super::{
    super::{Call, Expects, Handling, passed_on},
    SOON, call, provider,
    server::{Answer, Server},
    settings, text_of,
};
use crate::{
    config::{KeyHeader, Secret, UpstreamKey, UpstreamSettings, WireApi},
    traffic::RequestLog,
};
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;

fn key(header: KeyHeader) -> UpstreamKey {
    UpstreamKey {
        header,
        value: Secret::new("s3cret"),
    }
}

#[tokio::test]
async fn a_call_goes_to_the_wire_apis_path_with_key_headers_and_query() {
    let server = Server::new(|_| Answer::json("{}")).await;
    let mut settings = UpstreamSettings {
        key: Some(key(KeyHeader::Authorization)),
        ..settings(&server)
    };
    settings.headers = [("x-title".to_owned(), Secret::new("proxy"))].into();
    text_of(call(&provider(settings.clone())).await.unwrap()).await;

    let mut azure = UpstreamSettings {
        base_url: server.url("openai/v1/"),
        wire_api: WireApi::Responses,
        key: Some(key(KeyHeader::ApiKey)),
        ..settings
    };
    azure.query = [("api-version".to_owned(), Secret::new("2025 a"))].into();
    let azure = provider(azure);
    text_of(call(&azure).await.unwrap()).await;

    let seen = server.seen();
    assert_eq!(seen[0].path, "/v1/chat/completions");
    assert_eq!(seen[0].headers["authorization"], "Bearer s3cret");
    assert_eq!(seen[0].headers["x-title"], "proxy");
    assert_eq!(seen[0].headers["content-type"], "application/json");
    assert_eq!(seen[0].body, "{\"model\":\"llama3\"}");
    // What is compressed cannot be relayed.
    assert!(!seen[0].headers.contains_key("accept-encoding"));
    assert_eq!(seen[1].path, "/openai/v1/responses?api-version=2025+a");
    assert_eq!(seen[1].headers["api-key"], "s3cret");
    assert!(!seen[1].headers.contains_key("authorization"));
    assert!(!format!("{azure:?}").contains("s3cret"));
}

#[tokio::test]
async fn calls_share_one_connection_as_long_as_replies_are_read_to_their_end() {
    let server = Server::new(|_| Answer::json("{\"ok\":true}")).await;
    let provider = provider(settings(&server));
    for _ in 0..20 {
        let reply = call(&provider).await.unwrap();
        assert_eq!(text_of(reply).await, "{\"ok\":true}");
    }
    assert_eq!(server.seen().len(), 20);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_key_follows_no_redirect() {
    let away = Arc::new(Server::new(|_| Answer::json("{}")).await);
    let target = away.url("v1/chat/completions").to_string();
    let server =
        Server::new(move |_| Answer::new(307, "").header("location", target.clone())).await;
    let provider = provider(UpstreamSettings {
        key: Some(key(KeyHeader::Authorization)),
        ..settings(&server)
    });
    let error = call(&provider).await.unwrap_err();
    assert!(error.to_string().contains("307"), "{error}");
    assert_eq!(server.seen().len(), 1);
    assert!(away.seen().is_empty());
}

#[tokio::test]
async fn headers_of_the_client_that_concern_the_provider_go_with_its_request() {
    let server = Server::new(|_| Answer::json("{}")).await;
    let mut settings = UpstreamSettings {
        key: Some(key(KeyHeader::Authorization)),
        ..settings(&server)
    };
    settings.headers = [("openai-beta".to_owned(), Secret::new("ours"))].into();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("openai-beta", "theirs"),
        ("idempotency-key", "k1"),
        ("authorization", "Bearer of-the-client"),
        ("cookie", "a=b"),
        ("content-type", "text/plain"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let call = Call {
        model: "llama3",
        body: Bytes::from_static(b"{}"),
        expects: Expects::Stream,
        handling: Handling::Relayed,
        headers: passed_on(&headers),
    };
    let provider = provider(settings);
    let log = RequestLog::silent();
    tokio::time::timeout(SOON, provider.call(call, &log))
        .await
        .unwrap()
        .unwrap();
    let seen = &server.seen()[0].headers;
    for (name, value) in [
        ("openai-beta", "ours"),
        ("idempotency-key", "k1"),
        ("authorization", "Bearer s3cret"),
        ("content-type", "application/json"),
        ("accept", "text/event-stream"),
    ] {
        let values: Vec<_> = seen.get_all(name).iter().collect();
        assert_eq!(values, [value], "{name}");
    }
    assert!(!seen.contains_key("cookie"));
}

#[tokio::test]
async fn a_reply_that_does_not_say_what_it_is_is_looked_at() {
    let stream = "\n: hello\n\ndata: {}\n\n";
    for (body, is_json) in [(" \r\n{\"ok\":true}", true), (stream, false), ("da", false)] {
        for kind in ["", "text/plain; charset=utf-8"] {
            let server = Server::new(move |_| Answer::new(200, body).header("content-type", kind));
            let server = server.await;
            let reply = call(&provider(settings(&server))).await.unwrap();
            assert_eq!(reply.is_json(), is_json, "{body}");
            assert_eq!(text_of(reply).await, body);
        }
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_is_told_by_its_kind() {
    for (kind, encoding, body) in [
        ("text/html", "", "<html>Log in</html>"),
        ("text/html", "", ""),
        ("application/json", "gzip", "\u{1f}"),
        ("text/event-stream", "br", "\u{1f}"),
    ] {
        let server = Server::new(move |_| {
            Answer::new(200, body)
                .header("content-type", kind)
                .header("content-encoding", encoding)
        });
        let server = server.await;
        let error = call(&provider(settings(&server))).await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains(kind), "{message}");
        assert!(message.contains(encoding), "{message}");
        assert_eq!(server.seen().len(), 1);
    }
}
