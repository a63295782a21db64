//! Scripted replies, event by event as the real API writes them.

mod calls;

pub use calls::fragment;

use bytes::Bytes;
use hyper::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// The usage of every completed reply: input tokens, cached ones included.
pub const INPUT: u64 = 100;
/// Cached input tokens.
pub const CACHED: u64 = 64;
/// Output tokens, reasoning included.
pub const OUTPUT: u64 = 20;
/// Reasoning tokens.
pub const REASONING: u64 = 8;

/// The model that replies name: none that a client ever asked for.
pub const UPSTREAM_NAME: &str = "name-of-the-upstream";

/// Something that a reply waits for.
#[derive(Debug, Clone, Default)]
pub struct Gate(CancellationToken);

impl Gate {
    /// Lets every reply that waits here go on.
    pub fn open(&self) {
        self.0.cancel();
    }

    pub(super) async fn opened(&self) {
        self.0.cancelled().await;
    }
}

/// One step of a reply's body.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Send(Bytes),
    /// The same bytes so many times.
    Repeat(Bytes, usize),
    Wait(Gate),
    Pause(Duration),
    /// Cut the connection, without the end that HTTP asks for.
    BreakOff,
}

/// A reply of the upstream, as the steps of its body.
#[derive(Debug, Clone)]
pub struct Reply {
    /// What its status waits for.
    held: Option<Gate>,
    status: StatusCode,
    headers: HeaderMap,
    steps: Vec<Step>,
    /// Part of every id in the reply.
    serial: u64,
    events: u64,
    items: Vec<Value>,
    /// The text of the message that is being written.
    text: String,
    /// The response as the last event told it.
    end: Value,
}

impl Reply {
    /// An event stream that has only begun.
    pub fn stream() -> Self {
        let reply = Self::new(StatusCode::OK, "text/event-stream");
        let response = reply.response("in_progress", &Value::Null);
        reply
            .event("response.created", json!({ "response": response }))
            .event("response.in_progress", json!({ "response": response }))
    }

    /// A complete answer in those deltas.
    pub fn text(deltas: &[&str]) -> Self {
        Self::stream().message(deltas).completed()
    }

    /// A reply in one piece.
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, "application/json").raw(body.to_string())
    }

    /// An error in the envelope of the real API.
    pub fn error(status: u16, kind: &str, code: &str, message: &str) -> Self {
        let error = json!({ "type": kind, "code": code, "message": message, "param": null });
        Self::json(status.try_into().unwrap(), &json!({ "error": error }))
    }

    /// The ChatGPT backend's answer to an account whose allowance is used up until `resets_at`
    /// (seconds since the Unix epoch).
    pub fn usage_limit_reached(resets_at: u64) -> Self {
        let error = json!({
            "type": "usage_limit_reached",
            "message": "The usage limit has been reached",
            "plan_type": "plus",
            "resets_at": resets_at,
        });
        Self::json(StatusCode::TOO_MANY_REQUESTS, &json!({ "error": error }))
            .header("x-codex-primary-used-percent", "100")
            .header("x-codex-primary-window-minutes", "300")
            .header("x-codex-primary-reset-at", &resets_at.to_string())
    }

    /// A reply of that status and type, without a body as yet.
    pub fn new(status: StatusCode, content_type: &'static str) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            held: None,
            status,
            headers,
            steps: Vec::new(),
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            events: 0,
            items: Vec::new(),
            text: String::new(),
            end: Value::Null,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let name = HeaderName::from_static(name);
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// Adds bytes as they are.
    pub fn raw(mut self, bytes: impl Into<Bytes>) -> Self {
        self.steps.push(Step::Send(bytes.into()));
        self
    }

    /// Adds the same bytes so many times.
    pub fn repeat(mut self, bytes: impl Into<Bytes>, times: usize) -> Self {
        self.steps.push(Step::Repeat(bytes.into(), times));
        self
    }

    /// Holds the status back, too.
    pub fn held(mut self, gate: &Gate) -> Self {
        self.held = Some(gate.clone());
        self
    }

    /// Waits for the test.
    pub fn wait(mut self, gate: &Gate) -> Self {
        self.steps.push(Step::Wait(gate.clone()));
        self
    }

    /// Waits for a while.
    pub fn pause(mut self, time: Duration) -> Self {
        self.steps.push(Step::Pause(time));
        self
    }

    /// Cuts the connection.
    pub fn break_off(mut self) -> Self {
        self.steps.push(Step::BreakOff);
        self
    }

    /// Adds an event with those fields beside its type and number.
    pub fn event(mut self, kind: &str, fields: Value) -> Self {
        let mut event = json!({ "type": kind, "sequence_number": self.events });
        self.events += 1;
        let Value::Object(fields) = fields else {
            panic!("fields: {fields}")
        };
        event.as_object_mut().unwrap().extend(fields);
        self.raw(format!("event: {kind}\ndata: {event}\n\n"))
    }

    /// A reasoning item with a summary in those deltas.
    pub fn reasoning(self, deltas: &[&str]) -> Self {
        self.reasoning_parts(&[deltas])
    }

    /// A reasoning item whose summary has those parts, in deltas each.
    pub fn reasoning_parts(self, parts: &[&[&str]]) -> Self {
        let index = self.items.len();
        let id = self.id("rs");
        let part = |text: &str| json!({ "type": "summary_text", "text": text });
        let mut reply = self.added(&json!({ "id": id, "type": "reasoning", "summary": [] }));
        let mut summary = Vec::new();
        for (at, deltas) in parts.iter().enumerate() {
            let place = || json!({ "item_id": id, "output_index": index, "summary_index": at });
            let text = deltas.concat();
            reply = reply.event(
                "response.reasoning_summary_part.added",
                with(place(), "part", part("")),
            );
            for delta in *deltas {
                reply = reply.event(
                    "response.reasoning_summary_text.delta",
                    with(place(), "delta", json!(delta)),
                );
            }
            reply = reply
                .event(
                    "response.reasoning_summary_text.done",
                    with(place(), "text", json!(text)),
                )
                .event(
                    "response.reasoning_summary_part.done",
                    with(place(), "part", part(&text)),
                );
            summary.push(part(&text));
        }
        reply.done(&json!({
            "id": id,
            "type": "reasoning",
            "summary": summary,
            "encrypted_content": "sealed",
        }))
    }

    /// A reasoning item that shows nothing but its seal: the encrypted content that has to come
    /// back with the next request.
    pub fn thought(self, seal: &str) -> Self {
        let id = self.id("rs");
        self.added(&json!({ "id": id, "type": "reasoning", "summary": [] }))
            .done(&json!({
                "id": id,
                "type": "reasoning",
                "summary": [],
                "encrypted_content": seal,
            }))
    }

    /// A message in those deltas.
    pub fn message(self, deltas: &[&str]) -> Self {
        let begun = self.begin_message();
        let said = deltas.iter().fold(begun, |reply, delta| reply.delta(delta));
        said.end_message()
    }

    /// The beginning of a message.
    pub fn begin_message(self) -> Self {
        let place = self.content_place();
        let item = self.message_item("in_progress", &json!([]));
        self.added(&item).event(
            "response.content_part.added",
            with(place, "part", output_text("")),
        )
    }

    /// More of the message that was begun.
    pub fn delta(mut self, delta: &str) -> Self {
        self.text.push_str(delta);
        let fields = with(self.content_place(), "delta", json!(delta));
        self.event(
            "response.output_text.delta",
            with(fields, "logprobs", json!([])),
        )
    }

    /// The end of the message that was begun.
    pub fn end_message(mut self) -> Self {
        let text = std::mem::take(&mut self.text);
        let place = self.content_place();
        let done = with(place.clone(), "text", json!(text));
        let item = self.message_item("completed", &json!([output_text(&text)]));
        self.event(
            "response.output_text.done",
            with(done, "logprobs", json!([])),
        )
        .event(
            "response.content_part.done",
            with(place, "part", output_text(&text)),
        )
        .done(&item)
    }

    /// The end of a reply that went well.
    pub fn completed(self) -> Self {
        let response = self.response("completed", &usage());
        self.ended("response.completed", response)
    }

    /// The end of a reply that failed.
    pub fn failed(self, code: &str, message: &str) -> Self {
        let mut response = self.response("failed", &Value::Null);
        response["error"] = json!({ "code": code, "message": message });
        self.ended("response.failed", response)
    }

    /// The end of a reply that is as long as it may be.
    pub fn incomplete(self, reason: &str) -> Self {
        let mut response = self.response("incomplete", &usage());
        response["incomplete_details"] = json!({ "reason": reason });
        self.ended("response.incomplete", response)
    }

    /// The same as one object, for a client that wants no stream.
    pub fn in_one_piece(self) -> Self {
        Self::json(StatusCode::OK, &self.end)
    }

    pub(super) fn into_parts(self) -> (Option<Gate>, StatusCode, HeaderMap, Vec<Step>) {
        (self.held, self.status, self.headers, self.steps)
    }

    fn ended(self, kind: &str, response: Value) -> Self {
        let reply = self.event(kind, json!({ "response": response }));
        Self {
            end: response,
            ..reply
        }
    }

    fn added(self, item: &Value) -> Self {
        let index = self.items.len();
        self.added_at(index, item)
    }

    fn done(mut self, item: &Value) -> Self {
        let index = self.items.len();
        self.items.push(item.clone());
        let fields = json!({ "output_index": index, "item": item });
        self.event("response.output_item.done", fields)
    }

    /// The id of the item that is being written.
    fn id(&self, kind: &str) -> String {
        format!("{kind}_{}_{}", self.serial, self.items.len())
    }

    fn message_item(&self, status: &str, content: &Value) -> Value {
        json!({
            "id": self.id("msg"),
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        })
    }

    fn content_place(&self) -> Value {
        json!({
            "item_id": self.id("msg"),
            "output_index": self.items.len(),
            "content_index": 0,
        })
    }

    /// The response object. Its model is none that a client ever asked for.
    fn response(&self, status: &str, usage: &Value) -> Value {
        json!({
            "id": format!("resp_{}", self.serial),
            "object": "response",
            "created_at": 1_700_000_000,
            "status": status,
            "error": null,
            "incomplete_details": null,
            "instructions": null,
            "model": UPSTREAM_NAME,
            "output": self.items,
            "parallel_tool_calls": true,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "metadata": {},
            "usage": usage,
        })
    }
}

fn usage() -> Value {
    json!({
        "input_tokens": INPUT,
        "input_tokens_details": { "cached_tokens": CACHED, "cache_write_tokens": 0 },
        "output_tokens": OUTPUT,
        "output_tokens_details": { "reasoning_tokens": REASONING },
        "total_tokens": INPUT + OUTPUT,
    })
}

fn output_text(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn with(mut object: Value, field: &str, value: Value) -> Value {
    object[field] = value;
    object
}
