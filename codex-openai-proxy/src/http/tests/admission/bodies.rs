//! Bodies that come slowly, that are too long, or that are too deep.

use super::*;
use crate::config::{KeptBodies, UpstreamSettings, WireApi};
use crate::engine::upstream::tests::server::{Answer, Server as Provider};
use bytes::Bytes;

/// Sends the head of a request whose body is told to be so long.
async fn begin(service: &Service, length: &str) -> TcpStream {
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\n{length}\r\n\r\n",
        service.addr
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_body_that_stops_coming_is_a_408_and_the_end_of_the_connection() {
    let service = Service::start_with(|config| config.limits.head = MOMENT).await;
    let mut stream = begin(&service, "content-length: 100").await;
    stream.write_all(b"{\"model\"").await.unwrap();
    let (reply, after) = read_to_end(&mut stream).await;
    assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
    assert!(reply.contains("connection: close\r\n"), "{reply}");
    assert!(reply.contains("body_timeout"), "{reply}");
    assert!(after + EARLY >= MOMENT, "{after:?}");
}

#[tokio::test]
async fn a_body_that_drips_has_an_end_too() {
    let service = Service::start_with(|config| {
        config.limits.head = 2 * MOMENT;
        config.limits.body = 6 * MOMENT;
    })
    .await;
    let stream = begin(&service, "transfer-encoding: chunked").await;
    let (mut read, mut write) = stream.into_split();
    let begun = Instant::now();
    let dripping = tokio::spawn(async move {
        while write.write_all(b"1\r\nx\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut reply = [0; 12];
    timeout(SOON, read.read_exact(&mut reply))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&reply, b"HTTP/1.1 408");
    assert!(begun.elapsed() + EARLY >= 6 * MOMENT);
    timeout(SOON, dripping).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_slow_body_of_http2_holds_up_no_other() {
    let mut service = Service::start_with(|config| config.limits.head = MOMENT).await;
    let client = client(reqwest::ClientBuilder::http2_prior_knowledge);
    let body = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
    let slow = client
        .post(service.url("/v1/chat/completions"))
        .body(reqwest::Body::wrap_stream(body))
        .send();
    let slow = tokio::spawn(async { slow.await.unwrap() });
    let chat = client.post(service.url("/v1/chat/completions"));
    let quick = chat.json(&request("gpt-5.2", false)).send();
    let quick = tokio::spawn(async { quick.await.unwrap() });
    let turn = service.turn().await;
    assert_eq!(timeout(SOON, slow).await.unwrap().unwrap().status(), 408);
    turn.finish().await;
    assert_eq!(quick.await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_too_long_is_refused_whether_it_says_so_or_not() {
    let service = Service::start_with(|config| config.limits.max_body_bytes = 1000).await;
    // Told, and not sent.
    let mut stream = begin(&service, "content-length: 1000000000").await;
    let (reply, _) = read_to_end(&mut stream).await;
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
    // Sent, and not told: the reply arrives though more is sent than anybody reads.
    for _ in 0..20 {
        let pieces = (0..200).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 100])));
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
        let request = service.client.post(service.url("/v1/responses"));
        let response = request.body(body).send().await.unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(code_of(response).await, "request_too_large");
    }
    // Just as long as it may be.
    let request = service.client.post(service.url("/v1/responses"));
    let response = request.body(vec![b' '; 1000]).send().await.unwrap();
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn many_small_pieces_are_one_body() {
    let mut service = Service::start().await;
    let body = request("gpt-5.2", false).to_string().into_bytes();
    let pieces = body
        .chunks(3)
        .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)));
    let pieces: Vec<_> = pieces.collect();
    let request = service
        .client
        .post(service.url("/chat/completions"))
        .body(reqwest::Body::wrap_stream(futures_util::stream::iter(
            pieces,
        )))
        .send();
    let response = tokio::spawn(async { request.await.unwrap() });
    service.turn().await.finish().await;
    assert_eq!(response.await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn long_bodies_are_answered_like_others() {
    let mut service = Service::start().await;
    let mut body = request("gpt-5.2", false);
    body["messages"][0]["content"] = "x".repeat(2 << 20).into();
    let (response, turn) = service.ask(&body).await;
    turn.finish().await;
    assert_eq!(response.await.unwrap().status(), 200);
    let many = vec![json!({}); 1 << 20];
    let wrong = service.chat(&json!({"model": "gpt-5.2", "messages": many}));
    assert_eq!(wrong.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_thrown_away() {
    let service = Service::start().await;
    for path in ["/v1/models", "/health/live", "/metrics", "/openapi.json"] {
        let stream = TcpStream::connect(service.addr).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let host = service.addr;
        let sent = tokio::spawn(async move {
            let head = format!(
                "GET {path} HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n"
            );
            write.write_all(head.as_bytes()).await.unwrap();
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
            for _ in 0..80 {
                write.write_all(chunk.as_bytes()).await.unwrap();
            }
            let next = format!(
                "0\r\n\r\nGET /health/live HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
            );
            write.write_all(next.as_bytes()).await.unwrap();
            write
        });
        let mut replies = String::new();
        let all = timeout(SOON, read.read_to_string(&mut replies)).await;
        all.unwrap().unwrap();
        assert_eq!(replies.matches("HTTP/1.1 200 ").count(), 2, "{path}");
        sent.await.unwrap();
    }
}

/// Requests for `model` that are nested in a hundred thousand levels.
fn deep(model: &str) -> Vec<String> {
    let levels = 100_000;
    let lists = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let unclosed = "[".repeat(levels);
    let said = r#""input":"x","messages":[{"role":"user","content":"x"}]"#;
    vec![
        format!(r#"{{"model":"{model}","messages":{lists}}}"#),
        format!(r#"{{"model":"{model}","input":{lists}}}"#),
        format!(r#"{{"model":"{model}",{said},"metadata":{objects}}}"#),
        format!(r#"{{"model":"{model}",{said},"metadata":{unclosed}"#),
        format!(r#"{{"model":{lists}}}"#),
        objects,
        lists,
    ]
}

async fn are_refused(service: &Service, path: &str, model: &str) {
    for body in deep(model) {
        let start = body[..60].to_owned();
        let request = service.client.post(service.url(path));
        let response = request.body(body).send().await.unwrap();
        assert_eq!(response.status(), 400, "{path} {model} {start}");
    }
}

#[tokio::test]
async fn bodies_of_a_hundred_thousand_levels_are_refused() {
    let service = Service::start().await;
    for path in ["/v1/chat/completions", "/v1/responses"] {
        are_refused(&service, path, "gpt-5.2").await;
    }
}

#[tokio::test]
async fn bodies_of_a_hundred_thousand_levels_reach_no_provider() {
    let provider = Provider::new(|_| Answer::json(r#"{"choices":[]}"#)).await;
    let settings = [("chat", WireApi::Chat), ("responses", WireApi::Responses)];
    let settings = settings.map(|(name, wire_api)| {
        let mut settings = UpstreamSettings::new(name, provider.url("v1"));
        settings.wire_api = wire_api;
        settings
    });
    let service = Service::start_with(|config| {
        config.upstreams = settings.into();
        config.logs.bodies = KeptBodies::Off;
    })
    .await;
    // Passed on, and translated.
    for path in ["/v1/chat/completions", "/v1/responses"] {
        for model in ["chat/x", "responses/x", "gpt-5.2"] {
            are_refused(&service, path, model).await;
        }
    }
    assert!(provider.seen().is_empty());
}
