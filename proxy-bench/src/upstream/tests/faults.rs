//! Replies that go wrong as they are ordered to.

use super::{chat, events, order, post, responses, stats, upstream, whole};
use crate::pattern::Fault;
use http_body_util::BodyExt;
use hyper::{Response, StatusCode, body::Incoming};
use serde_json::json;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Asks for four deltas and that fault.
async fn ask(address: SocketAddr, fault: Fault) -> Response<Incoming> {
    let mut order = order(4);
    order.fault = Some(fault);
    post(address, "/v1/chat/completions", &chat(&order)).await
}

/// What came of a body, and whether it ended as HTTP has it.
async fn read(mut response: Response<Incoming>) -> (String, bool) {
    let mut text = String::new();
    while let Some(frame) = response.body_mut().frame().await {
        let Ok(frame) = frame else {
            return (text, false);
        };
        text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
    }
    (text, true)
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_again() {
    let response = ask(upstream().await, Fault::RateLimit).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "1");
    let error = &whole(response).await["error"];
    assert_eq!(error["code"], "rate_limit_exceeded");
}

#[tokio::test]
async fn a_failure_of_the_server_is_one_for_responses_too() {
    let mut order = order(4);
    order.fault = Some(Fault::Server);
    let response = post(upstream().await, "/v1/responses", &responses(&order)).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(whole(response).await["error"]["type"], "server_error");
}

#[tokio::test]
async fn a_reset_cuts_the_body_after_half_of_the_deltas() {
    let (text, is_whole) = read(ask(upstream().await, Fault::Reset).await).await;
    assert!(!is_whole, "{text}");
    assert!(text.contains("7.1."), "{text}");
    assert!(!text.contains("7.2."), "{text}");
}

#[tokio::test]
async fn a_reset_is_one_for_tcp_whether_the_reply_is_streamed_or_not() {
    let address = upstream().await;
    let mut order = order(4);
    order.fault = Some(Fault::Reset);
    for is_streamed in [true, false] {
        let mut body = chat(&order);
        body["stream"] = json!(is_streamed);
        let body = body.to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(
            error.kind(),
            io::ErrorKind::ConnectionReset,
            "{is_streamed}"
        );
    }
}

#[tokio::test]
async fn half_a_frame_ends_as_if_all_were_well() {
    let (text, is_whole) = read(ask(upstream().await, Fault::Half).await).await;
    assert!(is_whole, "{text}");
    assert!(text.contains("7.1."), "{text}");
    let last = text.lines().last().unwrap().strip_prefix("data: ").unwrap();
    let error = serde_json::from_str::<serde_json::Value>(last).unwrap_err();
    assert!(error.is_eof(), "{last}");
}

#[tokio::test]
async fn a_stalled_reply_is_over_when_its_client_goes() {
    let address = upstream().await;
    let mut response = ask(address, Fault::Stall).await;
    let mut text = String::new();
    let stalled = loop {
        match timeout(Duration::from_millis(100), response.body_mut().frame()).await {
            Ok(frame) => {
                let frame = frame.unwrap().unwrap();
                text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
            }
            Err(elapsed) => break elapsed,
        }
    };
    assert!(
        text.contains("7.1.") && !text.contains("7.2."),
        "{stalled}: {text}"
    );
    assert_eq!(stats(address).await["open"], 1);
    drop(response);
    let gone = async {
        while stats(address).await["open"] != 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), gone).await.unwrap();
    assert_eq!(stats(address).await["replies_left"], 1);
}

#[tokio::test]
async fn replies_in_one_piece_break_too() {
    let address = upstream().await;
    let mut order = order(4);
    order.fault = Some(Fault::Half);
    let mut body = chat(&order);
    body["stream"] = json!(false);
    let (text, is_whole) = read(post(address, "/v1/chat/completions", &body).await).await;
    assert!(is_whole && !text.ends_with('}'), "{text}");
    // A good one on the same server.
    let (chunks, is_done) =
        events(post(address, "/chat/completions", &chat(&super::order(1))).await).await;
    assert!(is_done && chunks.len() == 4);
}
