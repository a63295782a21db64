//! A reply that came in one piece, after the client was promised a stream.

use crate::wire::{responses::added_event::AddedEvent, sse};
use serde_json::{Map, Value, json};

/// Appends a `chat.completion` as a stream of one chunk.
pub(super) fn write_chat(mut completion: Map<String, Value>, out: &mut Vec<u8>) {
    if let Some(object) = completion.get_mut("object") {
        *object = "chat.completion.chunk".into();
    }
    let choices = completion.get_mut("choices").and_then(Value::as_array_mut);
    for choice in choices.into_iter().flatten() {
        let Some(choice) = choice.as_object_mut() else {
            continue;
        };
        let Some(mut message) = choice.remove("message") else {
            continue;
        };
        let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
        for (index, call) in calls.into_iter().flatten().enumerate() {
            if let Some(call) = call.as_object_mut() {
                call.insert("index".to_owned(), index.into());
            }
        }
        choice.insert("delta".to_owned(), message);
    }
    sse::write_data(out, &completion);
    out.extend_from_slice(sse::DONE);
}

/// Appends a response as the events that make it. Clients differ in what they go by: each item comes
/// with its beginning and its end, and texts and arguments as one fragment besides.
pub(super) fn write_response(response: &Map<String, Value>, out: &mut Vec<u8>) {
    let mut events = Events { next: 0, out };
    let begun = begun(response);
    events.write("response.created", &json!({ "response": begun }));
    events.write("response.in_progress", &json!({ "response": begun }));
    let output = response.get("output").and_then(Value::as_array);
    for (index, item) in output.into_iter().flatten().enumerate() {
        events.write_item(index, item);
    }
    let kind = match response.get("status").and_then(Value::as_str) {
        Some("incomplete") => "response.incomplete",
        _ => "response.completed",
    };
    events.write(kind, &json!({ "response": response }));
}

/// The response before anything was said.
fn begun(response: &Map<String, Value>) -> Map<String, Value> {
    let mut begun = response.clone();
    let changes = [
        ("status", json!("in_progress")),
        ("output", json!([])),
        ("usage", Value::Null),
        ("incomplete_details", Value::Null),
        ("completed_at", Value::Null),
    ];
    for (name, value) in changes {
        if let Some(member) = begun.get_mut(name) {
            *member = value;
        }
    }
    begun
}

/// What is written so far.
struct Events<'o> {
    next: u64,
    out: &'o mut Vec<u8>,
}

impl Events<'_> {
    fn write(&mut self, kind: &str, members: &Value) {
        let event = AddedEvent {
            kind,
            sequence_number: self.next,
            members,
        };
        event.write(self.out);
        self.next += 1;
    }

    fn write_item(&mut self, index: usize, item: &Value) {
        let text = |name| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let place = json!({ "item_id": text("id"), "output_index": index });
        // What will be told, and is not yet there when the item begins.
        let told = match text("type") {
            "message" => Some(("content", json!([]))),
            "function_call" => Some(("arguments", json!(""))),
            "custom_tool_call" => Some(("input", json!(""))),
            _ => None,
        };
        let mut added = item.clone();
        if let Some((name, nothing)) = told {
            added[name] = nothing;
            added["status"] = "in_progress".into();
        }
        let members = json!({ "output_index": index, "item": added });
        self.write("response.output_item.added", &members);
        match text("type") {
            "message" => {
                let parts = item.get("content").and_then(Value::as_array);
                for (at, part) in parts.into_iter().flatten().enumerate() {
                    let place = with(&place, json!({ "content_index": at }));
                    self.write_part(&place, part);
                }
            }
            "function_call" => {
                let arguments = text("arguments");
                let delta = with(&place, json!({ "delta": arguments }));
                self.write("response.function_call_arguments.delta", &delta);
                let done = json!({ "name": text("name"), "arguments": arguments });
                let done = with(&place, done);
                self.write("response.function_call_arguments.done", &done);
            }
            "custom_tool_call" => {
                let input = text("input");
                let delta = with(&place, json!({ "delta": input }));
                self.write("response.custom_tool_call_input.delta", &delta);
                let done = with(&place, json!({ "input": input }));
                self.write("response.custom_tool_call_input.done", &done);
            }
            _ => {}
        }
        let members = json!({ "output_index": index, "item": item });
        self.write("response.output_item.done", &members);
    }

    fn write_part(&mut self, place: &Value, part: &Value) {
        let text = part.get("text").and_then(Value::as_str);
        let text = text.filter(|_| part["type"] == "output_text");
        let mut added = part.clone();
        if text.is_some() {
            added["text"] = "".into();
            added["annotations"] = json!([]);
        }
        let members = with(place, json!({ "part": added }));
        self.write("response.content_part.added", &members);
        if let Some(text) = text {
            let delta = with(place, json!({ "delta": text, "logprobs": [] }));
            self.write("response.output_text.delta", &delta);
            let done = with(place, json!({ "text": text, "logprobs": [] }));
            self.write("response.output_text.done", &done);
        }
        let members = with(place, json!({ "part": part }));
        self.write("response.content_part.done", &members);
    }
}

/// Both objects in one.
fn with(place: &Value, more: Value) -> Value {
    let mut both = place.clone();
    if let (Value::Object(both), Value::Object(more)) = (&mut both, more) {
        both.extend(more);
    }
    both
}
