//! Replies of the proxy, read as a client reads them.
#![cfg_attr(
    not(feature = "codex"),
    allow(dead_code, reason = "the real engine's tests look closer")
)]

use bytes::Bytes;
use codex_openai_proxy::wire::sse::Decoder;
use reqwest::{Response, StatusCode, header::HeaderMap};
use serde_json::Value;
use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    io::Write,
    path::PathBuf,
    time::Duration,
};

/// How long a client waits for the next frame.
const PATIENCE: Duration = Duration::from_secs(20);

/// Names a folder that gets a copy of every reply, for `check_stream.py` to look at. Each file's
/// extension is the kind that the script wants to be told.
const KEEP: &str = "KEEP_REPLIES_IN";

/// A reply in one piece.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body; null where it is not JSON.
    pub body: Value,
}

/// A streamed reply.
pub struct ChatStream {
    response: Response,
    decoder: Decoder,
    frames: VecDeque<Frame>,
    received: Vec<u8>,
    failed: bool,
    keeps: bool,
}

/// One frame of a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    Chunk(Value),
    Error(Value),
    Done,
}

/// What a whole stream says.
#[derive(Debug, Default)]
pub struct Said {
    pub text: String,
    pub reasoning: String,
    /// Id, name and arguments of each tool call.
    pub calls: Vec<(String, String, String)>,
    pub finish_reasons: Vec<String>,
    pub models: BTreeSet<String>,
    pub ids: BTreeSet<String>,
    /// What the chunks say of the conversation: all of them, or none.
    pub conversations: BTreeSet<String>,
    pub usage: Vec<Value>,
    pub errors: Vec<Value>,
    pub done: usize,
    /// Content deltas, as they came.
    pub deltas: Vec<String>,
}

impl Answer {
    /// Reads a reply, and keeps a copy where one is wanted.
    pub async fn read(response: Response) -> Self {
        let (answer, bytes) = Self::read_only(response).await;
        let kind = match &answer.body["object"] {
            object if object == "chat.completion" => Some("chat"),
            object if object == "response" && answer.body["output"].is_array() => Some("responses"),
            object if object == "list" && answer.body["data"][0]["object"] == "model" => {
                Some("models")
            }
            _ => answer.body.get("error").map(|_| "error"),
        };
        if let Some(kind) = kind {
            keep(kind, &bytes);
        }
        answer
    }

    /// Reads a reply; gives its body as it came, too.
    pub async fn read_only(response: Response) -> (Self, Bytes) {
        let status = response.status();
        let headers = response.headers().clone();
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        let answer = Self {
            status,
            headers,
            body,
        };
        (answer, bytes)
    }

    /// The reply, which must have gone well.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    /// Type and code of the error, which must have this status.
    #[track_caller]
    pub fn error(&self, status: u16) -> (&str, Option<&str>) {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        let error = &self.body["error"];
        let message = error["message"].as_str().expect("a message");
        assert!(!message.is_empty());
        (
            error["type"].as_str().expect("a type"),
            error["code"].as_str(),
        )
    }

    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().expect("a message")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl ChatStream {
    #[track_caller]
    pub fn open(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        Self {
            response,
            decoder: Decoder::new(1 << 20),
            frames: VecDeque::new(),
            received: Vec::new(),
            failed: false,
            keeps: true,
        }
    }

    /// The same, with a copy of it kept or not.
    pub(super) fn kept(self, keeps: bool) -> Self {
        Self { keeps, ..self }
    }

    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next frame; `None` at the end of the reply.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            let bytes = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .expect("the stream is silent")
                .expect("the stream ends as HTTP asks for");
            let Some(bytes) = bytes else {
                let kind = if self.failed {
                    "chat-stream-error"
                } else {
                    "chat-stream"
                };
                if self.keeps {
                    keep(kind, &std::mem::take(&mut self.received));
                }
                return None;
            };
            self.received.extend_from_slice(&bytes);
            let mut events = Vec::new();
            self.decoder.feed(&bytes, &mut events).unwrap();
            for event in events {
                let frame = Frame::parse(&event.data);
                self.failed |= matches!(frame, Frame::Error(_));
                self.frames.push_back(frame);
            }
        }
    }

    /// The next delta of text, over frames that hold none.
    pub async fn next_text(&mut self) -> String {
        loop {
            match self.next().await {
                Some(Frame::Chunk(chunk)) => {
                    let text = chunk["choices"][0]["delta"]["content"].as_str();
                    if let Some(text) = text.filter(|text| !text.is_empty()) {
                        return text.to_owned();
                    }
                }
                other => panic!("no more text, but {other:?}"),
            }
        }
    }

    /// The finish reason of the next chunk, which must come.
    pub async fn next_finish_reason(&mut self) -> Option<String> {
        match self.next().await {
            Some(Frame::Chunk(chunk)) => {
                let reason = chunk["choices"][0]["finish_reason"].as_str();
                reason.map(str::to_owned)
            }
            other => panic!("no chunk, but {other:?}"),
        }
    }

    /// Every byte so far, comments included.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Reads to the end.
    pub async fn said(mut self) -> Said {
        let mut said = Said::default();
        while let Some(frame) = self.next().await {
            said.hear(frame);
        }
        said
    }
}

impl Frame {
    fn parse(data: &str) -> Self {
        if data == "[DONE]" {
            return Self::Done;
        }
        let value: Value = serde_json::from_str(data).expect("JSON in each frame");
        if value.get("error").is_some() {
            Self::Error(value)
        } else {
            Self::Chunk(value)
        }
    }
}

impl Said {
    fn hear(&mut self, frame: Frame) {
        let chunk = match frame {
            Frame::Chunk(chunk) => chunk,
            Frame::Error(error) => return self.errors.push(error["error"].clone()),
            Frame::Done => {
                self.done += 1;
                return;
            }
        };
        assert_eq!(chunk["object"], "chat.completion.chunk");
        self.models
            .insert(chunk["model"].as_str().expect("a model").to_owned());
        self.ids
            .insert(chunk["id"].as_str().expect("an id").to_owned());
        match chunk["conversation_id"].as_str() {
            Some(conversation) => {
                self.conversations.insert(conversation.to_owned());
            }
            None => assert!(self.conversations.is_empty(), "{chunk}"),
        }
        if chunk["usage"].is_object() {
            self.usage.push(chunk["usage"].clone());
        }
        let Some(choice) = chunk["choices"].get(0) else {
            return;
        };
        let delta = &choice["delta"];
        if let Some(text) = delta["content"].as_str().filter(|text| !text.is_empty()) {
            self.text.push_str(text);
            self.deltas.push(text.to_owned());
        }
        self.reasoning
            .push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.hear_call(call);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish_reasons.push(reason.to_owned());
        }
    }

    fn hear_call(&mut self, fragment: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let function = &fragment["function"];
        let index = usize::try_from(fragment["index"].as_u64().expect("an index")).unwrap();
        if index == self.calls.len() {
            let call = (
                text(&fragment["id"]),
                text(&function["name"]),
                String::new(),
            );
            self.calls.push(call);
        }
        let (_, _, arguments) = &mut self.calls[index];
        arguments.push_str(&text(&function["arguments"]));
    }

    /// Asserts that the stream ended once and in success.
    #[track_caller]
    pub fn ended_with(&self, finish_reason: &str) {
        assert_eq!(self.errors, Vec::<Value>::new());
        assert_eq!(self.finish_reasons, [finish_reason]);
        assert_eq!(self.done, 1);
        assert_eq!(self.ids.len(), 1, "{:?}", self.ids);
    }

    /// Asserts that the stream ended once and in failure, and gives the error.
    #[track_caller]
    pub fn failed(&self) -> &Value {
        assert_eq!(self.finish_reasons, Vec::<String>::new());
        assert_eq!(self.done, 0);
        assert_eq!(self.errors.len(), 1, "{:?}", self.errors);
        &self.errors[0]
    }
}

pub(super) fn keep(kind: &str, reply: &[u8]) {
    let Some(folder) = std::env::var_os(KEEP).map(PathBuf::from) else {
        return;
    };
    fs::create_dir_all(&folder).unwrap();
    let (mut file, _) = tempfile::Builder::new()
        .prefix("reply-")
        .suffix(&format!(".{kind}"))
        .tempfile_in(folder)
        .unwrap()
        .keep()
        .unwrap();
    file.write_all(reply).unwrap();
}
