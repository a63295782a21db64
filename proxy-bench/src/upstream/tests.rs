//! The upstream over real connections, asked by the plainest client there is.

mod faults;
mod websocket;

use super::serve;
use crate::{
    listen::Listening,
    pattern::{Mark, Order},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

/// A running upstream.
pub(crate) async fn upstream() -> SocketAddr {
    let listening = Listening::bind("127.0.0.1:0".parse().unwrap()).await;
    let listening = listening.unwrap();
    let address = listening.address();
    tokio::spawn(serve(listening));
    address
}

/// A connection.
pub(crate) async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

/// Posts a body.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &Value) -> Response<Incoming> {
    let request = Request::post(path)
        .header("host", "bench")
        .body(body.to_string().into())
        .unwrap();
    let mut connection = connect(address).await;
    connection.send_request(request).await.unwrap()
}

async fn get(address: SocketAddr, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).header("host", "bench");
    let request = request.body(Full::default()).unwrap();
    let response = connect(address).await.send_request(request).await.unwrap();
    (response.status(), whole(response).await)
}

async fn whole(response: Response<Incoming>) -> Value {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

/// The `data:` lines of a complete stream, those that hold JSON, and whether `[DONE]` came last.
async fn events(response: Response<Incoming>) -> (Vec<Value>, bool) {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.ends_with("\n\n"), "{text}");
    let mut data: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    let is_done = data.pop_if(|last| *last == "[DONE]").is_some();
    let events = data
        .into_iter()
        .map(|data| serde_json::from_str(data).expect(data));
    (events.collect(), is_done)
}

fn chat(order: &Order) -> Value {
    json!({
        "model": "m",
        "messages": [{ "role": "user", "content": order.prompt() }],
        "stream": true,
        "stream_options": { "include_usage": true },
    })
}

fn responses(order: &Order) -> Value {
    json!({ "model": "m", "input": order.prompt(), "stream": true })
}

fn order(deltas: u32) -> Order {
    Order {
        deltas,
        gap: Duration::from_millis(2),
        ..Order::paced(7)
    }
}

/// Checks that deltas are the marks of stream 7, each sent after the one before.
fn check(deltas: &[&str], count: usize) {
    let marks: Vec<_> = deltas
        .iter()
        .map(|delta| Mark::parse(delta.strip_suffix(';').unwrap()).unwrap())
        .collect();
    assert_eq!(marks.len(), count);
    for (index, mark) in marks.iter().enumerate() {
        assert_eq!((mark.stream, mark.index as usize), (7, index));
    }
    assert!(marks.is_sorted_by(|a, b| a.sent < b.sent), "{marks:?}");
}

async fn stats(address: SocketAddr) -> Value {
    get(address, "/stats").await.1
}

#[tokio::test]
async fn a_chat_stream_is_role_marks_reason_usage_and_done() {
    let address = upstream().await;
    let began = Instant::now();
    let response = post(address, "/v1/chat/completions", &chat(&order(20))).await;
    let (chunks, is_done) = events(response).await;
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(38), "not paced: {took:?}");
    assert!(is_done);
    assert_eq!(chunks.len(), 23);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let deltas: Vec<_> = chunks[1..21]
        .iter()
        .map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().unwrap())
        .collect();
    check(&deltas, 20);
    assert_eq!(chunks[21]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[22]["choices"], json!([]));
    assert_eq!(chunks[22]["usage"]["completion_tokens"], 20);

    let mut body = chat(&order(1));
    body.as_object_mut().unwrap().remove("stream_options");
    let (chunks, _) = events(post(address, "/chat/completions", &body).await).await;
    assert_eq!(chunks.len(), 3, "nobody asked for usage");

    let expected = json!({ "requests": 2, "replies_done": 2, "replies_left": 0, "open": 0 });
    assert_eq!(stats(address).await, expected);
}

#[tokio::test]
async fn a_chat_reply_in_one_piece_takes_as_long() {
    let address = upstream().await;
    let mut body = chat(&order(20));
    body["stream"] = json!(false);
    let began = Instant::now();
    let reply = whole(post(address, "/v1/chat/completions", &body).await).await;
    assert!(began.elapsed() >= Duration::from_millis(38));
    let choice = &reply["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap();
    check(&text.split_inclusive(';').collect::<Vec<_>>(), 20);
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(reply["usage"]["total_tokens"], 120);
}

#[tokio::test]
async fn a_chat_reply_calls_functions_until_it_has_results() {
    let address = upstream().await;
    let mut order = order(3);
    order.calls = 2;
    let mut body = chat(&order);
    let (chunks, _) = events(post(address, "/v1/chat/completions", &body).await).await;
    let begun = &chunks[3]["choices"][0]["delta"]["tool_calls"][0];
    assert_eq!(begun["index"], 1);
    assert_eq!(begun["function"]["name"], crate::client::TOOL);
    let arguments = &chunks[4]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"];
    let arguments: Value = serde_json::from_str(arguments.as_str().unwrap()).unwrap();
    assert_eq!(arguments, json!({ "stream": 7, "call": 1 }));
    assert_eq!(chunks[5]["choices"][0]["finish_reason"], "tool_calls");

    body["stream"] = json!(false);
    let reply = whole(post(address, "/v1/chat/completions", &body).await).await;
    let calls = &reply["choices"][0]["message"]["tool_calls"];
    assert_eq!(calls.as_array().unwrap().len(), 2);
    assert_ne!(calls[0]["id"], calls[1]["id"]);

    let result = json!({ "role": "tool", "tool_call_id": calls[0]["id"], "content": "done" });
    body["messages"].as_array_mut().unwrap().push(result);
    let reply = whole(post(address, "/v1/chat/completions", &body).await).await;
    let text = reply["choices"][0]["message"]["content"].as_str().unwrap();
    check(&text.split_inclusive(';').collect::<Vec<_>>(), 3);
}

#[tokio::test]
async fn a_stream_of_responses_ends_with_its_whole_text() {
    let address = upstream().await;
    let response = post(address, "/v1/responses", &responses(&order(5))).await;
    let (events, _) = events(response).await;
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    let mut expected = vec![
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ];
    expected.extend(["response.output_text.delta"; 5]);
    expected.extend([
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]);
    assert_eq!(kinds, expected);
    let deltas: Vec<_> = events[4..9]
        .iter()
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    check(&deltas, 5);
    assert_eq!(events[9]["text"], deltas.concat());
    let end = &events[12]["response"];
    assert_eq!(end["output"][0], events[11]["item"]);
    assert_eq!(end["output"][0]["content"][0]["text"], deltas.concat());
    assert_eq!(end["usage"]["output_tokens"], 5);
}

#[tokio::test]
async fn responses_call_functions_until_there_are_results() {
    let address = upstream().await;
    let mut order = order(3);
    order.calls = 1;
    let mut body = responses(&order);
    let (found, _) = events(post(address, "/v1/responses", &body).await).await;
    let done = |event: &&Value| event["type"] == "response.output_item.done";
    let item = &found.iter().find(done).unwrap()["item"];
    assert_eq!(item["arguments"], r#"{"stream":7,"call":0}"#);
    assert_eq!(found.last().unwrap()["response"]["output"], json!([item]));

    let output =
        json!({ "type": "function_call_output", "call_id": item["call_id"], "output": "" });
    body["input"] = json!([{ "role": "user", "content": order.prompt() }, item, output]);
    body["stream"] = json!(false);
    let reply = whole(post(address, "/v1/responses", &body).await).await;
    assert_eq!(reply["status"], "completed");
    let text = reply["output"][0]["content"][0]["text"].as_str().unwrap();
    check(&text.split_inclusive(';').collect::<Vec<_>>(), 3);
}

#[tokio::test]
async fn what_orders_nothing_gets_one_fixed_delta() {
    let address = upstream().await;
    let body = json!({ "messages": [], "stream": true });
    let (chunks, _) = events(post(address, "/v1/chat/completions", &body).await).await;
    assert_eq!(chunks[1]["choices"][0]["delta"]["content"], "Ready.");
    assert_eq!(chunks.len(), 3);
}

#[tokio::test]
async fn models_are_listed_and_nothing_else_is_there() {
    let address = upstream().await;
    let (status, models) = get(address, "/v1/models").await;
    assert_eq!(
        (status, &models["data"][0]["id"]),
        (StatusCode::OK, &json!("bench"))
    );
    let (status, error) = get(address, "/v1/files").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(error["error"]["code"], "not_found");
}
