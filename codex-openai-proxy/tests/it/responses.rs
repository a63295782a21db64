//! `/v1/responses`, answered by Codex threads.

mod asking;
mod cancelling;
mod conversations;
mod ends;
mod following;
mod grammar;
mod log;
mod stored;
mod tools;

use crate::upstream::{Gate, Reply};
use serde_json::{Value, json};
use std::time::Duration;

/// How soon the upstream and the client have to hear of an end.
const SOON: Duration = Duration::from_secs(1);

/// A request with that input.
fn ask(input: impl Into<Value>) -> Value {
    json!({ "model": "gpt-5.2", "input": input.into() })
}

/// A request that goes on from a response.
#[track_caller]
fn follow(response: &Value, input: impl Into<Value>) -> Value {
    with(ask(input), json!({ "previous_response_id": id(response) }))
}

/// The same request with those fields.
fn with(mut body: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        panic!("fields: {fields}")
    };
    body.as_object_mut().expect("a body").extend(fields);
    body
}

/// A function tool, in the flat form.
fn function(name: &str) -> Value {
    json!({
        "type": "function",
        "name": name,
        "parameters": { "type": "object", "properties": { "at": { "type": "integer" } } },
        "strict": false,
    })
}

/// What came of a call to a function.
fn output(call_id: &str, text: &str) -> Value {
    json!({ "type": "function_call_output", "call_id": call_id, "output": text })
}

/// The name of a response.
#[track_caller]
fn id(response: &Value) -> &str {
    let id = response["id"].as_str().expect("an id");
    assert!(id.starts_with("resp_"), "{id}");
    id
}

/// Where to ask for a response.
#[track_caller]
fn path(response: &Value) -> String {
    format!("/v1/responses/{}", id(response))
}

/// A reply that says `Once`, and goes on for longer than any test.
fn endless() -> Reply {
    endless_after(Reply::stream().begin_message().delta("Once"))
}

/// A reply whose message was begun, and goes on for longer than any test.
fn endless_after(reply: Reply) -> Reply {
    (0..2_000).fold(reply, |reply, _| {
        reply.pause(Duration::from_millis(20)).delta(" and so on")
    })
}

/// A reply that says `Once`, and no more until the gate is open.
fn held_back(gate: &Gate) -> Reply {
    Reply::stream()
        .begin_message()
        .delta("Once")
        .wait(gate)
        .delta(" upon")
        .end_message()
        .completed()
}
