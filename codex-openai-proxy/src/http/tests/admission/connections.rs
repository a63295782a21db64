//! Connections: how many, and for how long.

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// An empty SETTINGS frame.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// The type of a GOAWAY frame.
const GOAWAY: u8 = 7;

/// A service that closes connections without a head after this, and those without a request after five
/// times as long.
const HEAD: Duration = Duration::from_millis(100);

async fn impatient() -> Service {
    Service::start_with(|config| {
        config.limits.head = HEAD;
        config.limits.idle = 5 * HEAD;
    })
    .await
}

/// What comes when this is sent, until the connection is closed, and how long that took.
async fn send(service: &Service, bytes: &[u8]) -> (Vec<u8>, Duration) {
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let begun = Instant::now();
    let mut read = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut read)).await.unwrap();
    (read, begun.elapsed())
}

/// `GET /health` as HTTP/2 has it.
fn health() -> Vec<u8> {
    let mut head = vec![0x82, 0x86];
    // A path and an authority, by the names of the static table.
    for (name, value) in [(0x04, "/health"), (0x01, "localhost")] {
        head.push(name);
        head.push(u8::try_from(value.len()).unwrap());
        head.extend_from_slice(value.as_bytes());
    }
    let length = u8::try_from(head.len()).unwrap();
    // The head is whole, and there is no body.
    let mut frame = vec![0, 0, length, 1, 5, 0, 0, 0, 1];
    frame.extend_from_slice(&head);
    frame
}

/// The types of the frames that came.
fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        types.push(*kind);
        bytes = &rest[length..];
    }
    types
}

#[tokio::test]
async fn a_connection_that_asks_for_nothing_is_closed() {
    let service = impatient().await;
    let settings = [PREFACE, SETTINGS].concat();
    for begun in [
        &b""[..],
        b"GET /health HT",
        b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: y",
        &PREFACE[..1],
        &PREFACE[..20],
        PREFACE,
        &settings,
        &[&settings[..], &health()[..12]].concat(),
    ] {
        let (_, after) = send(&service, begun).await;
        assert!(after + EARLY >= HEAD, "{after:?} {begun:?}");
        assert!(after < 5 * HEAD, "{after:?} {begun:?}");
    }
}

#[tokio::test]
async fn a_head_that_drips_buys_no_time() {
    let service = impatient().await;
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\n").await.unwrap();
    let begun = Instant::now();
    while stream.write_all(b"x: y\r\n").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(begun.elapsed() < 4 * HEAD);
    }
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_a_while() {
    let service = impatient().await;
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let (reply, after) = send(&service, request).await;
    assert!(reply.starts_with(b"HTTP/1.1 200 "));
    assert!(after + EARLY >= 5 * HEAD, "{after:?}");

    let (reply, after) = send(&service, &[PREFACE, SETTINGS, &health()].concat()).await;
    assert!(after + EARLY >= 5 * HEAD, "{after:?}");
    assert!(frames(&reply).contains(&GOAWAY), "{reply:?}");

    // The next head has as little time as the first.
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    stream.write_all(request).await.unwrap();
    tokio::time::sleep(2 * HEAD).await;
    stream.write_all(request).await.unwrap();
    tokio::time::sleep(HEAD).await;
    stream.write_all(b"GET").await.unwrap();
    let (replies, after) = read_to_end(&mut stream).await;
    assert_eq!(replies.matches("HTTP/1.1 200 ").count(), 2);
    assert!(after < 3 * HEAD, "{after:?}");
}

#[tokio::test]
async fn a_connection_is_not_idle_while_it_is_answered() {
    let mut service = impatient().await;
    for http2 in [false, true] {
        let client = client(|builder| {
            if http2 {
                builder.http2_prior_knowledge()
            } else {
                builder
            }
        });
        for stream in [true, false] {
            let chat = client.post(service.url("/v1/chat/completions"));
            let response = chat.json(&request("gpt-5.2", stream)).send();
            let response = tokio::spawn(async { response.await.unwrap() });
            let turn = service.turn().await;
            turn.text("Hel").await;
            tokio::time::sleep(7 * HEAD).await;
            turn.text("lo").await;
            turn.finish().await;
            let text = response.await.unwrap().text().await.unwrap();
            assert!(text.contains("lo"), "{text}");
        }
    }
}

/// SETTINGS by which nothing of a reply's body may be sent.
const NO_WINDOW: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];

#[tokio::test]
async fn who_has_a_reply_held_back_for_ever_loses_the_connection() {
    for with_key in [false, true] {
        let service = Service::start_with(|config| {
            config.limits.head = HEAD;
            config.limits.idle = 5 * HEAD;
            if with_key {
                key(config);
            }
        })
        .await;
        let asked = [PREFACE, NO_WINDOW, &health()].concat();
        let (reply, after) = send(&service, &asked).await;
        assert!(after + EARLY >= 5 * HEAD, "{after:?}");
        // It was answered as far as it let itself be answered, and not asked to leave.
        let kinds = frames(&reply);
        assert!(kinds.contains(&1) && !kinds.contains(&GOAWAY), "{kinds:?}");
    }
}

#[tokio::test]
async fn who_does_not_read_a_stream_loses_the_connection_and_the_turn() {
    let mut service = impatient().await;
    let body = request("gpt-5.2", true).to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n",
        service.addr,
        body.len()
    );
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let turn = service.turn().await;
    let much = "much ".repeat(20_000);
    let said = async {
        let event = || Ok(TurnEvent::Text(much.clone()));
        while turn.reply.send(event()).await.is_ok() {}
    };
    timeout(SOON, said).await.unwrap();
    // What had been sent is there, and then the connection is over.
    let mut rest = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut rest)).await.unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("[DONE]"));
}

#[tokio::test]
async fn beyond_the_most_connections_there_is_a_short_refusal() {
    let service = Service::start_with(|config| config.limits.max_connections = 3).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(service.addr).await.unwrap());
    }
    for request in [&b""[..], b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
        let (reply, after) = send(&service, request).await;
        let reply = String::from_utf8(reply).unwrap();
        assert!(
            reply.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{reply}"
        );
        assert!(reply.contains("\r\nretry-after: 5\r\n"), "{reply}");
        assert!(reply.contains("too_many_connections"), "{reply}");
        assert!(after < Duration::from_secs(3), "{after:?}");
    }
    let response = service.get("/health").send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(code_of(response).await, "too_many_connections");
    held.pop();
    tokio::time::sleep(MOMENT).await;
    assert_eq!(service.get("/health").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn those_who_do_not_listen_to_a_refusal_hold_up_nobody() {
    let service = Service::start_with(|config| config.limits.max_connections = 1).await;
    let held = TcpStream::connect(service.addr).await.unwrap();
    let mut crowd = Vec::new();
    for _ in 0..200 {
        crowd.push(TcpStream::connect(service.addr).await.unwrap());
    }
    drop(held);
    tokio::time::sleep(MOMENT).await;
    let response = timeout(SOON, service.get("/health").send()).await.unwrap();
    assert_eq!(response.unwrap().status(), 200);
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let service = Service::start().await;
    let long = "x".repeat(200_000);
    let head = format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx: {long}\r\n\r\n");
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    // It may be closed before all of this is written.
    let _ = stream.write_all(head.as_bytes()).await;
    let (reply, _) = read_to_end(&mut stream).await;
    assert!(
        reply.is_empty() || reply.starts_with("HTTP/1.1 431 "),
        "{reply}"
    );
    let client = client(reqwest::ClientBuilder::http2_prior_knowledge);
    let request = client.get(service.url("/health")).header("x", &long);
    let refused = request.send().await;
    assert!(refused.is_err() || refused.unwrap().status() == 431);
    assert_eq!(service.get("/health").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_viewer_of_the_log_counts_as_a_connection_until_it_leaves() {
    let service = Service::start_with(|config| config.limits.max_connections = 1).await;
    let mut viewer = TcpStream::connect(service.addr).await.unwrap();
    let head = format!(
        "GET /logs/api/ws HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        service.addr
    );
    viewer.write_all(head.as_bytes()).await.unwrap();
    let mut reply = [0; 12];
    viewer.read_exact(&mut reply).await.unwrap();
    assert_eq!(&reply, b"HTTP/1.1 101");
    let response = service.get("/health").send().await.unwrap();
    assert_eq!(response.status(), 503);
    drop(viewer);
    let served = async {
        while service.get("/health").send().await.unwrap().status() != 200 {
            tokio::time::sleep(MOMENT).await;
        }
    };
    assert!(timeout(SOON, served).await.is_ok());
}
