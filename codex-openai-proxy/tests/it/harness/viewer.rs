//! Somebody who watches `/logs` live.

use super::{Client, logs};
use codex_openai_proxy::wire::sse::Decoder;
use futures_util::StreamExt;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue},
    },
};

/// How long a viewer waits for a frame.
const PATIENCE: Duration = Duration::from_secs(15);

/// The longest frame that a viewer takes, in bytes.
const LONGEST: usize = 64 * 1024 * 1024;

/// The two ways to watch.
pub const WAYS: [Way; 2] = [Way::Socket, Way::Stream];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `GET /logs/api/ws`
    Socket,
    /// `POST /logs/api/stream`
    Stream,
}

/// A viewer, and what it has seen.
pub struct Viewer {
    source: Source,
    /// Every hello, in the order of their frames.
    pub hellos: Vec<Value>,
    /// Every record, in the order in which they came.
    pub records: Vec<Value>,
    /// Every request in its newest state, by its id.
    pub requests: BTreeMap<String, Value>,
    /// The newest numbers.
    pub stats: Value,
    /// How often the log was cleared.
    pub cleared: usize,
    /// How many frames came.
    pub frames: usize,
    /// How long they were together.
    pub bytes: usize,
    /// The code with which the WebSocket was closed.
    pub closed: Option<u16>,
}

enum Source {
    Socket(Box<WebSocketStream<TcpStream>>),
    Stream {
        response: Response,
        decoder: Box<Decoder>,
        frames: VecDeque<String>,
    },
}

impl Viewer {
    /// Begins to watch, and reads the first frame.
    pub async fn open(way: Way, client: &Client) -> Self {
        Self::open_with(way, client, "", &[]).await.unwrap()
    }

    /// The same behind a record that it has seen.
    pub async fn open_after(way: Way, client: &Client, seq: u64) -> Self {
        let query = format!("?after={seq}");
        Self::open_with(way, client, &query, &[]).await.unwrap()
    }

    /// The same with those headers besides. Gives the status where it is not let in.
    pub async fn open_with(
        way: Way,
        client: &Client,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, StatusCode> {
        let source = match way {
            Way::Socket => {
                let stream = TcpStream::connect(client.address).await.unwrap();
                let socket = handshake(stream, client, query, headers).await?;
                Source::Socket(Box::new(socket))
            }
            Way::Stream => {
                let request = client.request(Method::POST, &format!("/logs/api/stream{query}"));
                let request = headers.iter().fold(request, |request, (name, value)| {
                    request.header(*name, *value)
                });
                let response = request.send().await.unwrap();
                if response.status() != StatusCode::OK {
                    return Err(response.status());
                }
                let kind = response.headers()["content-type"].to_str().unwrap();
                assert!(kind.starts_with("text/event-stream"), "{kind}");
                Source::Stream {
                    response,
                    decoder: Box::new(Decoder::new(LONGEST)),
                    frames: VecDeque::new(),
                }
            }
        };
        let mut viewer = Self {
            source,
            hellos: Vec::new(),
            records: Vec::new(),
            requests: BTreeMap::new(),
            stats: Value::Null,
            cleared: 0,
            frames: 0,
            bytes: 0,
            closed: None,
        };
        assert!(viewer.read().await, "a first frame");
        assert_eq!(viewer.hellos.len(), 1, "a hello in the first frame");
        assert!(viewer.stats.is_object(), "and stats");
        Ok(viewer)
    }

    /// Reads a frame; false at the end.
    pub async fn read(&mut self) -> bool {
        let frame = tokio::time::timeout(PATIENCE, self.source.next(&mut self.closed))
            .await
            .expect("a frame");
        let Some(frame) = frame else { return false };
        self.bytes += frame.len();
        self.see(serde_json::from_str(&frame).expect("JSON in each frame"));
        true
    }

    /// Reads until it has seen enough.
    pub async fn until(&mut self, what: &str, enough: impl Fn(&Self) -> bool) {
        let seen = async {
            while !enough(self) {
                assert!(self.read().await, "the end, and not {what}");
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        seen.unwrap_or_else(|_| panic!("{what} was not seen"));
    }

    /// Reads until it has seen a record of that type and request.
    pub async fn until_record(&mut self, request: &str, kind: &str) {
        let what = format!("{kind} of {request}");
        let enough = |viewer: &Self| {
            let mut records = viewer.records.iter();
            records.any(|record| record["request"] == request && record["type"] == kind)
        };
        self.until(&what, enough).await;
    }

    /// Reads to the end.
    pub async fn ended(&mut self) {
        while self.read().await {}
    }

    /// The sequence number that the last hello told.
    pub fn hello_seq(&self) -> u64 {
        let hello = self.hellos.last().expect("a hello");
        hello["seq"].as_u64().expect("a number")
    }

    /// Whether the last hello told that something is missing.
    pub fn has_gap(&self) -> bool {
        let hello = self.hellos.last().expect("a hello");
        hello["gap"].as_bool().expect("gap")
    }

    fn see(&mut self, mut frame: Value) {
        self.frames += 1;
        let fields = frame.as_object().expect("a frame");
        let known = ["hello", "records", "requests", "cleared", "stats"];
        let unknown = fields.keys().find(|name| !known.contains(&name.as_str()));
        assert_eq!(unknown, None, "{frame}");
        if frame["cleared"] == true {
            self.cleared += 1;
            self.records.clear();
            self.requests.clear();
        }
        if frame["hello"].is_object() {
            self.hellos.push(frame["hello"].take());
        }
        if let Value::Array(records) = frame["records"].take() {
            self.records.extend(records);
        }
        if let Value::Array(requests) = frame["requests"].take() {
            for request in requests {
                self.requests
                    .insert(logs::text(&request["id"]).to_owned(), request);
            }
        }
        if frame["stats"].is_object() {
            self.stats = frame["stats"].take();
        }
    }
}

impl Source {
    async fn next(&mut self, closed: &mut Option<u16>) -> Option<String> {
        match self {
            Self::Socket(socket) => loop {
                match socket.next().await? {
                    Ok(Message::Text(text)) => return Some(text.to_string()),
                    Ok(Message::Close(frame)) => *closed = frame.map(|frame| frame.code.into()),
                    Ok(Message::Ping(_) | Message::Pong(_)) => {}
                    other => panic!("no frame, but {other:?}"),
                }
            },
            Self::Stream {
                response,
                decoder,
                frames,
            } => loop {
                if let Some(frame) = frames.pop_front() {
                    return Some(frame);
                }
                let bytes = response
                    .chunk()
                    .await
                    .expect("the end that HTTP asks for")?;
                let mut events = Vec::new();
                decoder.feed(&bytes, &mut events).unwrap();
                frames.extend(events.into_iter().map(|event| event.data));
            },
        }
    }
}

/// A viewer that never reads, with as little room for what it is sent as can be had.
pub async fn reads_nothing(client: &Client) -> WebSocketStream<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(client.address).await.unwrap();
    handshake(stream, client, "", &[]).await.unwrap()
}

async fn handshake(
    stream: TcpStream,
    client: &Client,
    query: &str,
    headers: &[(&str, &str)],
) -> Result<WebSocketStream<TcpStream>, StatusCode> {
    let url = format!("ws://{}/logs/api/ws{query}", client.address);
    let mut request = url.into_client_request().unwrap();
    let key = client.key.as_ref().map(|key| format!("Bearer {key}"));
    let key = key.iter().map(|key| ("authorization", key.as_str()));
    for (name, value) in headers.iter().copied().chain(key) {
        let name: HeaderName = name.parse().unwrap();
        let value: HeaderValue = value.parse().unwrap();
        request.headers_mut().insert(name, value);
    }
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status()),
        Err(error) => panic!("{error}"),
    }
}
