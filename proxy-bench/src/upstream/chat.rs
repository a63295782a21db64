//! Replies of Chat Completions, written as text: nothing in them needs an escape that is not there.

use super::{
    asked::{Asked, Call, Words},
    stream::Script,
};
use bytes::{Bytes, BytesMut};
use std::fmt::{Arguments, Write};

/// A streamed reply.
#[derive(Debug)]
pub(super) struct Chunks {
    serial: u64,
    words: Words,
    calls: Vec<Call>,
    has_usage: bool,
}

impl Chunks {
    /// The reply to a request.
    pub fn new(asked: Asked, serial: u64) -> Self {
        Self {
            serial,
            words: asked.words(),
            calls: asked.calls,
            has_usage: asked.has_usage,
        }
    }
}

impl Script for Chunks {
    fn begin(&mut self, out: &mut BytesMut) {
        let content = if self.calls.is_empty() {
            r#""""#
        } else {
            "null"
        };
        let role = format_args!(r#"{{"role":"assistant","content":{content},"refusal":null}}"#);
        choice(self.serial, role, "null", out);
        for (index, call) in self.calls.iter().enumerate() {
            let Call {
                id,
                name,
                arguments,
            } = call;
            let begun = format_args!(
                r#"{{"tool_calls":[{{"index":{index},"id":"{id}","type":"function","function":{{"name":"{name}","arguments":""}}}}]}}"#
            );
            choice(self.serial, begun, "null", out);
            let argued = format_args!(
                r#"{{"tool_calls":[{{"index":{index},"function":{{"arguments":"{arguments}"}}}}]}}"#
            );
            choice(self.serial, argued, "null", out);
        }
    }

    fn delta(&mut self, out: &mut BytesMut) {
        let text = self.words.next();
        choice(
            self.serial,
            format_args!(r#"{{"content":"{text}"}}"#),
            "null",
            out,
        );
    }

    fn end(&mut self, out: &mut BytesMut) {
        let reason = format!("\"{}\"", finish_reason(&self.calls));
        choice(self.serial, format_args!("{{}}"), &reason, out);
        if self.has_usage {
            let usage = usage(self.words.count());
            chunk(self.serial, format_args!(r#"[],"usage":{usage}"#), out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

/// A reply in one piece.
pub(super) fn whole(asked: &Asked, serial: u64) -> Bytes {
    let mut words = asked.words();
    for _ in 0..asked.order.deltas {
        words.next();
    }
    let calls: Vec<_> = asked
        .calls
        .iter()
        .map(|Call { id, name, arguments }| {
            format!(
                r#"{{"id":"{id}","type":"function","function":{{"name":"{name}","arguments":"{arguments}"}}}}"#
            )
        })
        .collect();
    let message = if calls.is_empty() {
        format!(r#""content":"{text}""#, text = words.text())
    } else {
        format!(r#""content":null,"tool_calls":[{}]"#, calls.join(","))
    };
    let reason = finish_reason(&asked.calls);
    let usage = usage(words.count());
    format!(
        r#"{{"id":"chatcmpl-{serial}","object":"chat.completion","created":1700000000,"model":"bench","choices":[{{"index":0,"message":{{"role":"assistant",{message},"refusal":null}},"logprobs":null,"finish_reason":"{reason}"}}],"usage":{usage}}}"#
    )
    .into()
}

/// Writes a chunk of one choice: `delta` and `reason` are JSON.
fn choice(serial: u64, delta: Arguments<'_>, reason: &str, out: &mut BytesMut) {
    chunk(
        serial,
        format_args!(r#"[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{reason}}}]"#),
        out,
    );
}

/// Writes a chunk from its choices on.
fn chunk(serial: u64, choices: Arguments<'_>, out: &mut BytesMut) {
    // Writing to a buffer in memory does not fail.
    let _ = write!(
        out,
        r#"data: {{"id":"chatcmpl-{serial}","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":{choices}}}"#
    );
    out.extend_from_slice(b"\n\n");
}

fn finish_reason(calls: &[Call]) -> &'static str {
    if calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    }
}

fn usage(output: u32) -> String {
    let total = 100 + output;
    format!(
        r#"{{"prompt_tokens":100,"completion_tokens":{output},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}}"#
    )
}
