//! Scripted replies of Chat Completions, chunk by chunk as servers write them.

use crate::upstream::{CACHED, Gate, INPUT, OUTPUT, REASONING, Reply, UPSTREAM_NAME, fragment};
use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// A streamed reply.
#[derive(Debug, Clone)]
pub struct ChatReply {
    reply: Reply,
    id: String,
}

/// A call to a tool: its id, name and arguments.
pub type Call<'a> = (&'a str, &'a str, &'a str);

impl ChatReply {
    /// A stream that has only begun.
    pub fn stream() -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        Self {
            reply: Reply::new(StatusCode::OK, "text/event-stream"),
            id: format!("chatcmpl-{}", SERIAL.fetch_add(1, Ordering::Relaxed)),
        }
        .delta(json!({ "role": "assistant", "content": "" }))
    }

    /// A whole stream that says `deltas`.
    pub fn text(deltas: &[&str]) -> Self {
        Self::stream().says(deltas).finish("stop").usage().done()
    }

    /// A whole stream that calls tools, the arguments of each in so many fragments, which take turns.
    pub fn calls(calls: &[Call<'_>], fragments: usize) -> Self {
        let mut reply = Self::stream();
        for (index, (id, name, _)) in calls.iter().enumerate() {
            reply = reply.call(index, id, name);
        }
        for turn in 0..fragments {
            for (index, (_, _, arguments)) in calls.iter().enumerate() {
                reply = reply.arguments(index, fragment(arguments, turn, fragments));
            }
        }
        reply.finish("tool_calls").usage().done()
    }

    /// A reply in one piece, which answers with `message`.
    pub fn whole(message: Value, finish_reason: &str) -> Reply {
        let mut body = json!({
            "id": "chatcmpl-whole",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": UPSTREAM_NAME,
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": null, "refusal": null },
                "logprobs": null,
                "finish_reason": finish_reason,
            }],
            "usage": usage(),
        });
        let place = body["choices"][0]["message"].as_object_mut().unwrap();
        let Value::Object(message) = message else {
            panic!("a message: {message}")
        };
        place.extend(message);
        Reply::json(StatusCode::OK, &body)
    }

    /// More of the text.
    pub fn says(self, deltas: &[&str]) -> Self {
        let says = |reply: Self, delta: &&str| reply.delta(json!({ "content": delta }));
        deltas.iter().fold(self, says)
    }

    /// More of the reasoning, in the field that this kind of server has for it.
    pub fn thinks(self, field: &str, deltas: &[&str]) -> Self {
        let thinks = |reply: Self, delta: &&str| reply.delta(json!({ field: delta }));
        deltas.iter().fold(self, thinks)
    }

    /// The beginning of a tool call.
    pub fn call(self, index: usize, id: &str, name: &str) -> Self {
        self.delta(json!({ "tool_calls": [{
            "index": index,
            "id": id,
            "type": "function",
            "function": { "name": name, "arguments": "" },
        }] }))
    }

    /// More of a tool call's arguments.
    pub fn arguments(self, index: usize, fragment: &str) -> Self {
        self.delta(json!({ "tool_calls": [{
            "index": index,
            "function": { "arguments": fragment },
        }] }))
    }

    /// A chunk with this delta.
    pub fn delta(self, delta: Value) -> Self {
        self.choice(delta, None)
    }

    /// The chunk that ends the answer.
    pub fn finish(self, reason: &str) -> Self {
        self.choice(json!({}), Some(reason))
    }

    /// The chunk with what it took.
    pub fn usage(self) -> Self {
        self.chunk(json!({ "choices": [], "usage": usage() }))
    }

    /// The frame that says that all is there.
    pub fn done(self) -> Self {
        self.raw("data: [DONE]\n\n")
    }

    /// A chunk with these fields beside its head.
    pub fn chunk(self, fields: Value) -> Self {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": UPSTREAM_NAME,
        });
        let Value::Object(fields) = fields else {
            panic!("fields: {fields}")
        };
        chunk.as_object_mut().unwrap().extend(fields);
        self.data(&chunk)
    }

    /// A frame with this and nothing more.
    pub fn data(self, data: &Value) -> Self {
        self.raw(format!("data: {data}\n\n"))
    }

    /// Bytes as they are.
    pub fn raw(self, bytes: impl Into<Bytes>) -> Self {
        self.on(|reply| reply.raw(bytes))
    }

    /// Waits for the test.
    pub fn wait(self, gate: &Gate) -> Self {
        self.on(|reply| reply.wait(gate))
    }

    /// Cuts the connection.
    pub fn break_off(self) -> Self {
        self.on(Reply::break_off)
    }

    fn choice(self, delta: Value, finish_reason: Option<&str>) -> Self {
        let mut choice = json!({
            "index": 0,
            "delta": {},
            "logprobs": null,
            "finish_reason": finish_reason,
        });
        choice["delta"] = delta;
        self.chunk(json!({ "choices": [choice] }))
    }

    fn on(self, change: impl FnOnce(Reply) -> Reply) -> Self {
        Self {
            reply: change(self.reply),
            ..self
        }
    }
}

impl From<ChatReply> for Reply {
    fn from(chat: ChatReply) -> Self {
        chat.reply
    }
}

fn usage() -> Value {
    json!({
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": { "cached_tokens": CACHED },
        "completion_tokens_details": { "reasoning_tokens": REASONING },
    })
}
