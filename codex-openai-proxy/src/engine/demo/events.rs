//! The event stream of one reply, as the Responses API sends it.
//!
//! See <https://platform.openai.com/docs/api-reference/responses-streaming>.

use super::answer::{Output, Reply, Usage};
use serde_json::{Value, json};
use uuid::Uuid;

/// The ids of one response and of the items in it.
#[derive(Debug)]
pub(super) struct Ids {
    response: String,
    reasoning: String,
    message: String,
    function_call: String,
    call: String,
}

impl Ids {
    /// Ids that no other response has: a conversation may hold calls of many.
    pub fn random() -> Self {
        let id = Uuid::new_v4().simple();
        Self {
            response: format!("resp_{id}"),
            reasoning: format!("rs_{id}"),
            message: format!("msg_{id}"),
            function_call: format!("fc_{id}"),
            call: format!("call_{id}"),
        }
    }
}

/// Every event of a reply to `request`, from `response.created` to `response.completed`.
///
/// `created_at` is in seconds since the Unix epoch.
pub(super) fn of_reply(request: &Value, reply: &Reply, ids: &Ids, created_at: u64) -> Vec<Value> {
    let mut writer = Writer::default();
    let mut response = response(request, ids, created_at);
    writer.push("response.created", json!({ "response": response }));
    writer.push("response.in_progress", json!({ "response": response }));
    if let Some(summary) = &reply.summary {
        writer.reasoning(&ids.reasoning, summary);
    }
    match &reply.output {
        Output::Text(text) => writer.message(&ids.message, text),
        Output::Call { name, arguments } => writer.call(ids, name, arguments),
    }
    response["status"] = json!("completed");
    response["output"] = Value::Array(writer.items);
    response["usage"] = usage(reply.usage);
    writer.items = Vec::new();
    writer.push("response.completed", json!({ "response": response }));
    writer.events
}

/// The response object at its start.
fn response(request: &Value, ids: &Ids, created_at: u64) -> Value {
    let echoed = |field: &str, default: Value| request.get(field).cloned().unwrap_or(default);
    json!({
        "id": ids.response,
        "object": "response",
        "created_at": created_at,
        "status": "in_progress",
        "error": null,
        "incomplete_details": null,
        "instructions": echoed("instructions", Value::Null),
        "model": echoed("model", json!(super::MODEL)),
        "output": [],
        "parallel_tool_calls": echoed("parallel_tool_calls", json!(true)),
        "store": false,
        "temperature": 1.0,
        "tool_choice": echoed("tool_choice", json!("auto")),
        "tools": echoed("tools", json!([])),
        "top_p": 1.0,
        "metadata": {},
        "usage": null,
    })
}

fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": { "cached_tokens": usage.cached, "cache_write_tokens": 0 },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.input + usage.output,
    })
}

/// Numbers events and collects finished items.
#[derive(Debug, Default)]
struct Writer {
    events: Vec<Value>,
    items: Vec<Value>,
}

impl Writer {
    /// Adds an event: `type` first, then `sequence_number`, then `fields`.
    fn push(&mut self, kind: &str, fields: Value) {
        let mut event = json!({ "type": kind, "sequence_number": self.events.len() });
        if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
            event.extend(fields);
        }
        self.events.push(event);
    }

    /// Adds an event about the item that is being written.
    fn push_part(&mut self, kind: &str, item_id: &str, fields: Value) {
        let mut all = json!({ "item_id": item_id, "output_index": self.items.len() });
        if let (Value::Object(all), Value::Object(fields)) = (&mut all, fields) {
            all.extend(fields);
        }
        self.push(kind, all);
    }

    fn open(&mut self, item: &Value) {
        let index = self.items.len();
        let fields = json!({ "output_index": index, "item": item });
        self.push("response.output_item.added", fields);
    }

    fn close(&mut self, item: Value) {
        let index = self.items.len();
        let fields = json!({ "output_index": index, "item": item });
        self.push("response.output_item.done", fields);
        self.items.push(item);
    }

    fn reasoning(&mut self, id: &str, summary: &str) {
        let part = |text: &str| json!({ "type": "summary_text", "text": text });
        self.open(&json!({ "id": id, "type": "reasoning", "summary": [] }));
        self.push_part(
            "response.reasoning_summary_part.added",
            id,
            json!({ "summary_index": 0, "part": part("") }),
        );
        for word in words(summary) {
            self.push_part(
                "response.reasoning_summary_text.delta",
                id,
                json!({ "summary_index": 0, "delta": word }),
            );
        }
        self.push_part(
            "response.reasoning_summary_text.done",
            id,
            json!({ "summary_index": 0, "text": summary }),
        );
        self.push_part(
            "response.reasoning_summary_part.done",
            id,
            json!({ "summary_index": 0, "part": part(summary) }),
        );
        // What a real backend puts here is opaque to everyone but itself; so is this.
        self.close(json!({
            "id": id,
            "type": "reasoning",
            "summary": [part(summary)],
            "encrypted_content": format!("demo-{id}"),
        }));
    }

    fn message(&mut self, id: &str, text: &str) {
        let part = |text: &str| json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] });
        let item = |status: &str, content: Value| {
            json!({
                "id": id,
                "type": "message",
                "role": "assistant",
                "status": status,
                "content": content,
            })
        };
        self.open(&item("in_progress", json!([])));
        self.push_part(
            "response.content_part.added",
            id,
            json!({ "content_index": 0, "part": part("") }),
        );
        for word in words(text) {
            self.push_part(
                "response.output_text.delta",
                id,
                json!({ "content_index": 0, "delta": word, "logprobs": [] }),
            );
        }
        self.push_part(
            "response.output_text.done",
            id,
            json!({ "content_index": 0, "text": text, "logprobs": [] }),
        );
        self.push_part(
            "response.content_part.done",
            id,
            json!({ "content_index": 0, "part": part(text) }),
        );
        self.close(item("completed", json!([part(text)])));
    }

    fn call(&mut self, ids: &Ids, name: &str, arguments: &str) {
        let item = |status: &str, arguments: &str| {
            json!({
                "id": ids.function_call,
                "type": "function_call",
                "status": status,
                "call_id": ids.call,
                "name": name,
                "arguments": arguments,
            })
        };
        self.open(&item("in_progress", ""));
        for word in words(arguments) {
            self.push_part(
                "response.function_call_arguments.delta",
                &ids.function_call,
                json!({ "delta": word }),
            );
        }
        self.push_part(
            "response.function_call_arguments.done",
            &ids.function_call,
            json!({ "name": name, "arguments": arguments }),
        );
        self.close(item("completed", arguments));
    }
}

/// The words of a text, each with the white space that follows it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(char::is_whitespace)
}

#[cfg(test)]
mod tests;
