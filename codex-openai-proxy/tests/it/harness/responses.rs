//! Streams of the Responses API, read as a client reads them.

use super::{Client, chat::Answer};
use codex_openai_proxy::wire::sse::Decoder;
#[cfg(feature = "codex")]
use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

/// How long a client waits for the next event.
const PATIENCE: Duration = Duration::from_secs(20);

/// The types that end a stream.
const ENDS: [&str; 4] = [
    "response.completed",
    "response.incomplete",
    "response.failed",
    "error",
];

/// A streamed reply.
pub struct ResponseStream {
    response: Response,
    decoder: Decoder,
    events: VecDeque<Value>,
    received: Vec<u8>,
    failed: bool,
    keeps: bool,
}

/// What a whole stream says.
#[derive(Debug, Default)]
pub struct Heard {
    /// Every event, as it came.
    pub events: Vec<Value>,
    /// The deltas of text.
    pub deltas: Vec<String>,
    /// The deltas of reasoning summaries.
    pub reasoning: String,
    /// What the fragments of calls add up to, in order of the items.
    pub fragments: Vec<String>,
    /// The items that were done, in order of their index.
    pub items: Vec<Value>,
    /// Every model's name in it.
    pub models: BTreeSet<String>,
}

impl Client {
    /// Sends `body` as it is and reads the response in one piece.
    pub async fn respond(&self, body: &Value) -> Answer {
        let request = self.request(Method::POST, "/v1/responses");
        self.read(request.json(body)).await
    }

    /// Asks for a response as a stream, which must begin with status 200.
    pub async fn respond_stream(&self, body: &Value) -> ResponseStream {
        let mut body = body.clone();
        body["stream"] = true.into();
        let request = self.request(Method::POST, "/v1/responses");
        let stream = ResponseStream::open(request.json(&body).send().await.unwrap());
        ResponseStream {
            keeps: self.keeps_replies,
            ..stream
        }
    }
}

impl ResponseStream {
    #[track_caller]
    pub fn open(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        Self {
            response,
            decoder: Decoder::new(1 << 24),
            events: VecDeque::new(),
            received: Vec::new(),
            failed: false,
            keeps: true,
        }
    }

    #[cfg(feature = "codex")]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next event; `None` at the end of the reply.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let bytes = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .expect("the stream is silent")
                .expect("the stream ends as HTTP asks for");
            let Some(bytes) = bytes else {
                let kind = if self.failed {
                    "responses-stream-error"
                } else {
                    "responses-stream"
                };
                if self.keeps {
                    super::chat::keep(kind, &std::mem::take(&mut self.received));
                }
                return None;
            };
            self.received.extend_from_slice(&bytes);
            let mut events = Vec::new();
            self.decoder.feed(&bytes, &mut events).unwrap();
            for event in events {
                let data: Value = serde_json::from_str(&event.data).expect("JSON in each event");
                assert_eq!(data["type"].as_str(), event.event.as_deref());
                let kind = data["type"].as_str().unwrap();
                self.failed |= ["response.failed", "error"].contains(&kind);
                self.events.push_back(data);
            }
        }
    }

    /// The next event of that type, over others.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("no {kind}"));
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// The next delta of text.
    pub async fn next_text(&mut self) -> String {
        let event = self.until("response.output_text.delta").await;
        event["delta"].as_str().expect("a delta").to_owned()
    }

    /// Reads to the end, which must be the only one.
    pub async fn heard(mut self) -> Heard {
        let mut heard = Heard::default();
        while let Some(event) = self.next().await {
            heard.hear(event);
        }
        heard.check();
        heard
    }
}

impl Heard {
    fn hear(&mut self, event: Value) {
        let text = |name: &str| event[name].as_str().expect("a text").to_owned();
        match event["type"].as_str().expect("a type") {
            "response.output_text.delta" => self.deltas.push(text("delta")),
            "response.reasoning_summary_text.delta" => self.reasoning.push_str(&text("delta")),
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                let index = index(&event["output_index"]);
                if self.fragments.len() <= index {
                    self.fragments.resize(index + 1, String::new());
                }
                self.fragments[index].push_str(&text("delta"));
            }
            "response.output_item.done" => {
                let index = index(&event["output_index"]);
                if self.items.len() <= index {
                    self.items.resize(index + 1, Value::Null);
                }
                self.items[index] = event["item"].clone();
            }
            _ => {}
        }
        if let Some(model) = event["response"]["model"].as_str() {
            self.models.insert(model.to_owned());
        }
        self.events.push(event);
    }

    /// What holds for every stream.
    #[track_caller]
    fn check(&self) {
        let kinds = self.kinds();
        let numbers = self.events.iter().map(|event| &event["sequence_number"]);
        let numbers: Vec<_> = numbers.map(|number| number.as_u64().unwrap()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        let ends = kinds.iter().filter(|kind| ENDS.contains(kind)).count();
        assert_eq!(ends, 1, "{kinds:?}");
        assert!(ENDS.contains(kinds.last().unwrap()), "{kinds:?}");
    }

    /// The types of all events.
    pub fn kinds(&self) -> Vec<&str> {
        let kinds = self.events.iter().map(|event| event["type"].as_str());
        kinds.map(Option::unwrap).collect()
    }

    /// What the text adds up to.
    pub fn text(&self) -> String {
        self.deltas.concat()
    }

    /// The response, which must have ended so (`completed`, `incomplete`, `failed`).
    #[track_caller]
    pub fn ended_with(&self, status: &str) -> &Value {
        let last = self.events.last().expect("events");
        assert_eq!(last["type"], format!("response.{status}"), "{last}");
        let response = &last["response"];
        assert_eq!(response["status"], status);
        assert_eq!(self.models.len(), 1, "{:?}", self.models);
        if status != "failed" {
            assert_eq!(response["output"], Value::from(self.items.clone()));
        }
        response
    }

    /// The calls among the items: type, id, name, and arguments or input. The fragments must add up
    /// to these.
    #[track_caller]
    pub fn calls(&self) -> Vec<[&str; 4]> {
        let mut calls = Vec::new();
        for (index, item) in self.items.iter().enumerate() {
            let Some(call) = call(item) else { continue };
            assert_eq!(self.fragments[index], call[3], "{item}");
            calls.push(call);
        }
        calls
    }
}

/// The calls of a response: type, id, name, and arguments or input of each.
#[track_caller]
pub fn calls(response: &Value) -> Vec<[&str; 4]> {
    let output = response["output"].as_array().expect("an output");
    output.iter().filter_map(call).collect()
}

/// What the messages of a response say.
#[track_caller]
pub fn said(response: &Value) -> String {
    let output = response["output"].as_array().expect("an output");
    let messages = output.iter().filter(|item| item["type"] == "message");
    let parts = messages.flat_map(|message| message["content"].as_array().expect("parts"));
    parts
        .map(|part| part["text"].as_str().expect("a text"))
        .collect()
}

fn call(item: &Value) -> Option<[&str; 4]> {
    let text = |name: &str| item[name].as_str().expect("a text");
    let arguments = match item["type"].as_str()? {
        "function_call" => "arguments",
        "custom_tool_call" => "input",
        _ => return None,
    };
    Some([text("type"), text("call_id"), text("name"), text(arguments)])
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("an index")).unwrap()
}
