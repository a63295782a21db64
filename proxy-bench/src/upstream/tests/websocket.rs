//! Replies over a WebSocket.

use super::{check, order, stats, upstream};
use crate::pattern::{Fault, Order};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message},
};

type Socket = WebSocketStream<TcpStream>;

async fn open(address: SocketAddr) -> Socket {
    let stream = TcpStream::connect(address).await.unwrap();
    let url = format!("ws://{address}/v1/responses");
    client_async(url, stream).await.unwrap().0
}

async fn ask(socket: &mut Socket, body: &Value) {
    let message = Message::Text(body.to_string().into());
    socket.send(message).await.unwrap();
}

fn create(order: &Order) -> Value {
    json!({ "type": "response.create", "model": "m", "input": [order.prompt()], "stream": true })
}

/// The events up to the end of a reply, or of the connection.
async fn events(socket: &mut Socket) -> (Vec<Value>, Option<Error>) {
    let mut events = Vec::new();
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let event: Value = serde_json::from_str(&text).unwrap_or_default();
                let is_last = event["type"] == "response.completed" || event["type"] == "error";
                events.push(event);
                if is_last {
                    return (events, None);
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return (events, Some(error)),
            None => return (events, None),
        }
    }
}

#[tokio::test]
async fn replies_come_one_after_another_on_a_connection() {
    let address = upstream().await;
    let mut socket = open(address).await;
    for count in [3, 5] {
        ask(&mut socket, &create(&order(count))).await;
        let (events, _) = events(&mut socket).await;
        let deltas: Vec<_> = events
            .iter()
            .filter(|event| event["type"] == "response.output_text.delta")
            .map(|event| event["delta"].as_str().unwrap())
            .collect();
        check(&deltas, count as usize);
        let end = &events.last().unwrap()["response"];
        assert_eq!(end["output"][0]["content"][0]["text"], deltas.concat());
    }
    assert_eq!(stats(address).await["replies_done"], 2);
}

#[tokio::test]
async fn priming_gets_a_beginning_and_an_end() {
    let mut socket = open(upstream().await).await;
    let mut body = create(&order(3));
    body["generate"] = json!(false);
    ask(&mut socket, &body).await;
    let (events, _) = events(&mut socket).await;
    let kinds: Vec<_> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["response.created", "response.completed"]);
}

#[tokio::test]
async fn a_result_alone_continues_the_order_of_the_connection() {
    let mut socket = open(upstream().await).await;
    let mut order = order(3);
    order.calls = 1;
    ask(&mut socket, &create(&order)).await;
    let (calling, _) = events(&mut socket).await;
    let response = &calling.last().unwrap()["response"];
    let output = json!({
        "type": "function_call_output",
        "call_id": response["output"][0]["call_id"],
        "output": "done",
    });
    let mut body = create(&order);
    body["input"] = json!([output]);
    body["previous_response_id"] = response["id"].clone();
    ask(&mut socket, &body).await;
    let (events, _) = events(&mut socket).await;
    let end = &events.last().unwrap()["response"];
    let text = end["output"][0]["content"][0]["text"].as_str().unwrap();
    check(&text.split_inclusive(';').collect::<Vec<_>>(), 3);
}

#[tokio::test]
async fn faults_end_as_they_do_over_http() {
    let address = upstream().await;
    let mut order = order(4);
    let mut came = Vec::new();
    for fault in [Fault::RateLimit, Fault::Server, Fault::Half, Fault::Reset] {
        order.fault = Some(fault);
        let mut socket = open(address).await;
        ask(&mut socket, &create(&order)).await;
        came.push(events(&mut socket).await);
    }
    let refused = &came[0].0[0];
    assert_eq!(
        (&refused["type"], &refused["status"]),
        (&json!("error"), &json!(429))
    );
    assert_eq!(refused["headers"]["retry-after"], "1");
    assert_eq!(refused["error"]["code"], "rate_limit_exceeded");
    assert_eq!(came[1].0[0]["status"], 500);
    // Four events, two deltas, and half of one.
    assert_eq!(came[2].0.len(), 7);
    assert_eq!(came[2].0[6], Value::Null);
    assert!(came[2].1.is_none(), "an orderly end");
    assert_eq!(came[3].0.len(), 6);
    assert!(came[3].1.is_some(), "a broken connection");
}
