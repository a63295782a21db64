//! Peers that follow a script, and what they write.

use crate::{
    client::{Api, Client, Target},
    pattern::{Mark, Order},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// The stream of all orders here.
pub(super) const STREAM: u64 = 7;

/// What a peer does once it has written its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Keep,
    Close,
    /// Writes nothing more, and tells when the client has closed.
    Stall,
}

/// A peer that gives the same reply to each request.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) connections: Arc<AtomicUsize>,
    /// The bodies of requests.
    pub(super) bodies: mpsc::UnboundedReceiver<String>,
    /// A word for each connection that the client closed.
    pub(super) closed: mpsc::UnboundedReceiver<()>,
}

impl Peer {
    pub(super) async fn start(reply: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (bodies_of, bodies) = mpsc::unbounded_channel();
        let (closed_of, closed) = mpsc::unbounded_channel();
        let (reply, count) = (reply.into(), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (reply, bodies, closed) = (reply.clone(), bodies_of.clone(), closed_of.clone());
                tokio::spawn(async move {
                    while let Some(body) = request(&mut socket).await {
                        let _ = bodies.send(body);
                        socket.write_all(&reply).await.unwrap();
                        if then == Then::Close {
                            return;
                        }
                    }
                    let _ = closed.send(());
                });
            }
        });
        Self {
            address,
            connections,
            bodies,
            closed,
        }
    }

    pub(super) fn target(&self, api: Api) -> Target {
        Target {
            address: self.address,
            prefix: "/v1".to_owned(),
            api,
            model: "bench".to_owned(),
            key: Some("secret".to_owned()),
        }
    }

    pub(super) async fn client(&self, api: Api) -> Client {
        Client::connect(&self.target(api)).await.unwrap()
    }
}

/// Reads a request; gives its body, `None` at the connection's end.
async fn request(socket: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head
                .split_once("content-length: ")
                .map_or("0", |(_, told)| told);
            let length: usize = length.lines().next()?.parse().ok()?;
            if body.len() >= length {
                return Some(body.to_owned());
            }
        }
        if socket.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

/// A reply whose body comes in frames of this many bytes; with its end, or without.
pub(super) fn frames(body: &str, size: usize) -> Vec<u8> {
    let mut reply = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for frame in body.as_bytes().chunks(size) {
        reply.extend_from_slice(format!("{:x}\r\n", frame.len()).as_bytes());
        reply.extend_from_slice(frame);
        reply.extend_from_slice(b"\r\n");
    }
    reply.extend_from_slice(b"0\r\n\r\n");
    reply
}

pub(super) fn whole(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
}

pub(super) fn mark(index: u32) -> String {
    Mark::now(STREAM, index).text()
}

pub(super) fn order(deltas: u32) -> Order {
    Order {
        deltas,
        ..Order::paced(STREAM)
    }
}

pub(super) fn delta(text: &str) -> String {
    format!(
        r#"data: {{"id":"c1","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}],"usage":null}}"#
    ) + "\n\n"
}

pub(super) const ROLE: &str =
    "data: {\"id\":\"c1\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
pub(super) const FINISH: &str =
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
pub(super) const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";
pub(super) const DONE: &str = "data: [DONE]\n\n";
pub(super) const ERROR: &str =
    "data: {\"error\":{\"message\":\"no more\",\"code\":\"overloaded\"}}\n\n";

/// A Chat stream of these deltas, with its end.
pub(super) fn chat_stream(deltas: &[String]) -> String {
    let deltas: String = deltas.iter().map(|text| delta(text)).collect();
    [ROLE, ": waiting\n\n", &deltas, FINISH, USAGE, DONE].concat()
}

pub(super) fn event(kind: &str, members: &str) -> String {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\",{members}}}\n\n")
}

/// A Responses stream of these deltas, with this last event and its response's members.
pub(super) fn responses_stream(deltas: &[String], last: &str, members: &str) -> String {
    let mut stream = event("response.created", r#""response":{"id":"r1","output":[]}"#);
    stream += &event("response.reasoning.delta", r#""delta":{"not":"a string"}"#);
    for text in deltas {
        stream += &event(
            "response.output_text.delta",
            &format!(r#""delta":"{text}""#),
        );
    }
    stream + &event(last, &format!(r#""response":{{"id":"r1",{members}}}"#))
}
