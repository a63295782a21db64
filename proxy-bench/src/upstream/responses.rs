//! Replies of the Responses API, written as text: nothing in them needs an escape that is not
//! there.

use super::{
    asked::{Asked, Call, Words},
    stream::Script,
};
use bytes::{BufMut, Bytes, BytesMut};
use std::fmt::{Arguments, Write};

/// How events are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events.
    Sse,
    /// One line each: the messages of a WebSocket.
    Lines,
}

/// A streamed reply.
#[derive(Debug)]
pub(super) struct Events {
    serial: u64,
    framing: Framing,
    words: Words,
    calls: Vec<Call>,
    /// How many events were written.
    count: u32,
}

impl Events {
    /// The reply to a request.
    pub fn new(asked: Asked, serial: u64, framing: Framing) -> Self {
        Self {
            serial,
            framing,
            words: asked.words(),
            calls: asked.calls,
            count: 0,
        }
    }

    /// Writes an event: its type, its number, and then `fields`.
    fn event(&mut self, kind: &str, fields: Arguments<'_>, out: &mut BytesMut) {
        event(self.framing, self.count, kind, fields, out);
        self.count += 1;
    }

    fn call(&mut self, index: usize, call: &Call, out: &mut BytesMut) {
        let Call {
            arguments, name, ..
        } = call;
        let serial = self.serial;
        let place = format!(r#""item_id":"fc_{serial}_{index}","output_index":{index}"#);
        let begun = call_item(serial, index, call, "in_progress");
        let done = call_item(serial, index, call, "completed");
        self.event(
            "response.output_item.added",
            format_args!(r#""output_index":{index},"item":{begun}"#),
            out,
        );
        self.event(
            "response.function_call_arguments.delta",
            format_args!(r#"{place},"delta":"{arguments}""#),
            out,
        );
        self.event(
            "response.function_call_arguments.done",
            format_args!(r#"{place},"name":"{name}","arguments":"{arguments}""#),
            out,
        );
        self.event(
            "response.output_item.done",
            format_args!(r#""output_index":{index},"item":{done}"#),
            out,
        );
    }
}

impl Script for Events {
    fn begin(&mut self, out: &mut BytesMut) {
        let response = response(self.serial, "in_progress", "", "null");
        for kind in ["response.created", "response.in_progress"] {
            self.event(kind, format_args!(r#""response":{response}"#), out);
        }
        if self.calls.is_empty() {
            let item = message(self.serial, "in_progress", "");
            self.event(
                "response.output_item.added",
                format_args!(r#""output_index":0,"item":{item}"#),
                out,
            );
            let (place, part) = (place(self.serial), part(""));
            self.event(
                "response.content_part.added",
                format_args!(r#"{place},"part":{part}"#),
                out,
            );
        }
        let calls = std::mem::take(&mut self.calls);
        for (index, call) in calls.iter().enumerate() {
            self.call(index, call, out);
        }
        self.calls = calls;
    }

    fn delta(&mut self, out: &mut BytesMut) {
        let serial = self.serial;
        let text = self.words.next();
        let fields = format_args!(
            r#""item_id":"msg_{serial}","output_index":0,"content_index":0,"delta":"{text}","logprobs":[]"#
        );
        event(
            self.framing,
            self.count,
            "response.output_text.delta",
            fields,
            out,
        );
        self.count += 1;
    }

    fn end(&mut self, out: &mut BytesMut) {
        let items = items(self.serial, &self.words, &self.calls);
        if self.calls.is_empty() {
            let place = place(self.serial);
            let part = part(self.words.text());
            let text = format!(
                r#"{place},"text":"{text}","logprobs":[]"#,
                text = self.words.text()
            );
            self.event("response.output_text.done", format_args!("{text}"), out);
            self.event(
                "response.content_part.done",
                format_args!(r#"{place},"part":{part}"#),
                out,
            );
            self.event(
                "response.output_item.done",
                format_args!(r#""output_index":0,"item":{items}"#),
                out,
            );
        }
        let usage = usage(self.words.count());
        let response = response(self.serial, "completed", &items, &usage);
        self.event(
            "response.completed",
            format_args!(r#""response":{response}"#),
            out,
        );
    }
}

/// A reply in one piece.
pub(super) fn whole(asked: &Asked, serial: u64) -> Bytes {
    let mut words = asked.words();
    for _ in 0..asked.order.deltas {
        words.next();
    }
    let items = items(serial, &words, &asked.calls);
    response(serial, "completed", &items, &usage(words.count())).into()
}

/// The reply to a request that wants none: the beginning and the end.
pub(super) fn primed(serial: u64) -> [Bytes; 2] {
    [
        ("created", "in_progress", "null".to_owned()),
        ("completed", "completed", usage(0)),
    ]
    .map(|(kind, status, usage)| {
        let response = response(serial, status, "", &usage);
        format!(r#"{{"type":"response.{kind}","response":{response}}}"#).into()
    })
}

fn event(framing: Framing, number: u32, kind: &str, fields: Arguments<'_>, out: &mut BytesMut) {
    // Writing to a buffer in memory does not fail.
    if framing == Framing::Sse {
        let _ = write!(out, "event: {kind}\ndata: ");
    }
    let _ = write!(
        out,
        r#"{{"type":"{kind}","sequence_number":{number},{fields}}}"#
    );
    match framing {
        Framing::Sse => out.put_slice(b"\n\n"),
        Framing::Lines => out.put_slice(b"\n"),
    }
}

fn response(serial: u64, status: &str, items: &str, usage: &str) -> String {
    format!(
        r#"{{"id":"resp_{serial}","object":"response","created_at":1700000000,"status":"{status}","error":null,"incomplete_details":null,"instructions":null,"model":"bench","output":[{items}],"parallel_tool_calls":true,"previous_response_id":null,"store":false,"temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,"metadata":{{}},"usage":{usage}}}"#
    )
}

/// All items of a finished reply.
fn items(serial: u64, words: &Words, calls: &[Call]) -> String {
    if calls.is_empty() {
        return message(serial, "completed", &part(words.text()));
    }
    let items: Vec<_> = calls
        .iter()
        .enumerate()
        .map(|(index, call)| call_item(serial, index, call, "completed"))
        .collect();
    items.join(",")
}

fn message(serial: u64, status: &str, content: &str) -> String {
    format!(
        r#"{{"id":"msg_{serial}","type":"message","role":"assistant","status":"{status}","content":[{content}]}}"#
    )
}

fn part(text: &str) -> String {
    format!(r#"{{"type":"output_text","text":"{text}","annotations":[],"logprobs":[]}}"#)
}

fn place(serial: u64) -> String {
    format!(r#""item_id":"msg_{serial}","output_index":0,"content_index":0"#)
}

/// A call, whose arguments come only when it is complete.
fn call_item(serial: u64, index: usize, call: &Call, status: &str) -> String {
    let Call { id, name, .. } = call;
    let arguments = match status {
        "completed" => call.arguments.as_str(),
        _ => "",
    };
    format!(
        r#"{{"id":"fc_{serial}_{index}","type":"function_call","status":"{status}","call_id":"{id}","name":"{name}","arguments":"{arguments}"}}"#
    )
}

fn usage(output: u32) -> String {
    let total = 100 + output;
    format!(
        r#"{{"input_tokens":100,"input_tokens_details":{{"cached_tokens":0,"cache_write_tokens":0}},"output_tokens":{output},"output_tokens_details":{{"reasoning_tokens":0}},"total_tokens":{total}}}"#
    )
}
