//! Calls to tools, in fragments.

use super::{Reply, with};
use serde_json::{Value, json};

impl Reply {
    /// A call to a function, its arguments in two deltas.
    pub fn call(self, call_id: &str, name: &str, arguments: &str) -> Self {
        self.calls(&[(call_id, name, arguments)], 2)
    }

    /// Calls to functions: id, name and arguments of each. The arguments come in so many deltas, which
    /// take turns.
    pub fn calls(self, calls: &[(&str, &str, &str)], deltas: usize) -> Self {
        let first = self.items.len();
        let serial = self.serial;
        let id = |at: usize| format!("fc_{serial}_{}", first + at);
        let place = |at: usize| json!({ "item_id": id(at), "output_index": first + at });
        let item = |at: usize, status: &str, arguments: &str| {
            let (call_id, name, _) = calls[at];
            json!({
                "id": id(at),
                "type": "function_call",
                "status": status,
                "call_id": call_id,
                "name": name,
                "arguments": arguments,
            })
        };
        let mut reply = self;
        for at in 0..calls.len() {
            reply = reply.added_at(first + at, &item(at, "in_progress", ""));
        }
        for turn in 0..deltas {
            for (at, (_, _, arguments)) in calls.iter().enumerate() {
                let fields = with(place(at), "delta", json!(fragment(arguments, turn, deltas)));
                reply = reply.event("response.function_call_arguments.delta", fields);
            }
        }
        for (at, (_, name, arguments)) in calls.iter().enumerate() {
            let done = with(place(at), "name", json!(name));
            reply = reply
                .event(
                    "response.function_call_arguments.done",
                    with(done, "arguments", json!(arguments)),
                )
                .done(&item(at, "completed", arguments));
        }
        reply
    }

    /// A call to a custom tool, its text in two deltas.
    pub fn custom_call(self, call_id: &str, name: &str, input: &str) -> Self {
        let index = self.items.len();
        let id = self.id("ctc");
        let place = || json!({ "item_id": id, "output_index": index });
        let item = |status: &str, input: &str| {
            json!({
                "id": id,
                "type": "custom_tool_call",
                "status": status,
                "call_id": call_id,
                "name": name,
                "input": input,
            })
        };
        let mut reply = self.added_at(index, &item("in_progress", ""));
        for turn in 0..2 {
            let fields = with(place(), "delta", json!(fragment(input, turn, 2)));
            reply = reply.event("response.custom_tool_call_input.delta", fields);
        }
        reply
            .event(
                "response.custom_tool_call_input.done",
                with(place(), "input", json!(input)),
            )
            .done(&item("completed", input))
    }

    pub(super) fn added_at(self, index: usize, item: &Value) -> Self {
        let fields = json!({ "output_index": index, "item": item });
        self.event("response.output_item.added", fields)
    }
}

/// Fragment `turn` of `of` that are about as long as each other.
pub fn fragment(text: &str, turn: usize, of: usize) -> &str {
    let boundary = |turn: usize| text.floor_char_boundary(text.len() * turn / of);
    &text[boundary(turn)..boundary(turn + 1)]
}
