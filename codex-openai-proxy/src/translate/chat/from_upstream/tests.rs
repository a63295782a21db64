//! Streams of providers, as a client hears them.

mod calls;
mod endings;
mod failures;

use super::*;
use crate::{
    turn::{ToolCall, ToolKind},
    wire::sse::Decoder,
};
use serde_json::{Value, json};

/// What the tests listen for: what was said, and how it ended.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    text: String,
    reasoning: String,
    calls: Vec<ToolCall>,
    end: Option<(FinishReason, Option<Usage>)>,
}

impl Heard {
    fn of(events: &[TurnEvent]) -> Self {
        let mut heard = Self::default();
        for event in events {
            match event {
                TurnEvent::Text(text) => heard.text.push_str(text),
                TurnEvent::Reasoning(text) => heard.reasoning.push_str(text),
                TurnEvent::ToolCall(call) => heard.calls.push(call.clone()),
                TurnEvent::Finished { reason, usage } => {
                    assert_eq!(heard.end, None, "two ends");
                    heard.end = Some((*reason, *usage));
                }
                _ => {}
            }
        }
        heard
    }

    fn reason(&self) -> FinishReason {
        self.end.expect("an end").0
    }
}

fn tool(name: &str, kind: ToolKind) -> Tool {
    Tool {
        name: name.to_owned(),
        description: None,
        grammar: None,
        parameters: json!({"type": "object", "properties": {}}),
        strict: false,
        kind,
    }
}

fn reader() -> CompletionReader {
    let tools = [
        tool("read", ToolKind::Function),
        tool("read_all", ToolKind::Function),
        tool("weather", ToolKind::Function),
        tool("patch", ToolKind::Custom),
    ];
    CompletionReader::new(&tools, "resp_0123")
}

/// Reads payloads, and the end of the stream.
fn events(payloads: &[Value]) -> Vec<TurnEvent> {
    let mut reader = reader();
    let mut events = Vec::new();
    for payload in payloads {
        let data = match payload {
            Value::String(word) => word.clone(),
            json => json.to_string(),
        };
        reader.on_data(&data, &mut events).unwrap();
    }
    reader.finish(&mut events).unwrap();
    events
}

fn delta(delta: &Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn text(text: &str) -> Value {
    delta(&json!({ "content": text }))
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

/// A fragment of a call.
fn fragment(index: u64, id: &str, name: &str, arguments: &str) -> Value {
    let mut call = json!({"index": index, "function": {"arguments": arguments}});
    if !id.is_empty() {
        call["id"] = id.into();
        call["type"] = "function".into();
        call["function"]["name"] = name.into();
    }
    delta(&json!({ "tool_calls": [call] }))
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        kind: ToolKind::Function,
        arguments: arguments.to_owned(),
    }
}

/// The fragments of each call that was begun, put together.
fn streamed(events: &[TurnEvent]) -> Vec<(String, String, String)> {
    let mut calls = Vec::new();
    for event in events {
        match event {
            TurnEvent::ToolCallBegun {
                index, id, name, ..
            } => {
                assert_eq!(*index, calls.len());
                calls.push((id.clone(), name.clone(), String::new()));
            }
            TurnEvent::ToolCallDelta { index, arguments } => {
                assert!(!arguments.is_empty());
                calls[*index].2.push_str(arguments);
            }
            _ => {}
        }
    }
    calls
}

/// Events of `stream`, split at `at` on its way.
fn decoded(stream: &[u8], at: usize) -> Vec<TurnEvent> {
    let mut decoder = Decoder::new(1 << 20);
    let mut data = Vec::new();
    decoder.feed(&stream[..at], &mut data).unwrap();
    decoder.feed(&stream[at..], &mut data).unwrap();
    let (mut reader, mut events) = (reader(), Vec::new());
    for event in data {
        reader.on_data(&event.data, &mut events).unwrap();
    }
    reader.finish(&mut events).unwrap();
    events
}

#[test]
fn chinese_text_survives_a_split_at_any_byte() {
    let mut stream = Vec::new();
    for piece in ["你好，", "世界", "！🎉"] {
        stream.extend_from_slice(format!("data: {}\n\n", text(piece)).as_bytes());
    }
    stream.extend_from_slice(format!("data: {}\n\n", finish("stop")).as_bytes());
    stream.extend_from_slice(b"data: [DONE]\n\n");
    let expected = [
        TurnEvent::Text("你好，".to_owned()),
        TurnEvent::Text("世界".to_owned()),
        TurnEvent::Text("！🎉".to_owned()),
        TurnEvent::Finished {
            reason: FinishReason::Stop,
            usage: None,
        },
    ];
    for at in 0..=stream.len() {
        assert_eq!(decoded(&stream, at), expected, "split at {at}");
    }
}

#[test]
fn an_empty_stream_and_a_long_chunk_end_well() {
    assert_eq!(
        events(&["[DONE]".into()]),
        [TurnEvent::Finished {
            reason: FinishReason::Stop,
            usage: None
        }]
    );
    let long = "字".repeat(10_000);
    let heard = Heard::of(&events(&[text(&long), finish("stop")]));
    assert_eq!(heard.text, long);
    assert_eq!(heard.reason(), FinishReason::Stop);
}

#[test]
fn reasoning_is_whole_when_the_answer_begins() {
    let expected = |thought: &str| {
        [
            TurnEvent::Reasoning(thought.to_owned()),
            TurnEvent::ReasoningEnd { sealed: None },
            TurnEvent::Text("yes".to_owned()),
            TurnEvent::Finished {
                reason: FinishReason::Stop,
                usage: None,
            },
        ]
    };
    for thinking in [
        json!({"reasoning_content": "why", "content": null}),
        json!({"reasoning": "why", "content": ""}),
        // Under both names, it is the same.
        json!({"reasoning": "why", "reasoning_content": "why"}),
        json!({"reasoning": "why", "reasoning_content": ""}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "why"}]}]}),
        json!({"content": "<think>why</think>\n\n"}),
    ] {
        let events = events(&[delta(&thinking), text("yes"), finish("stop")]);
        assert_eq!(events, expected("why"), "{thinking}");
    }
}

#[test]
fn reasoning_is_whole_before_a_call_and_before_the_end() {
    let thinking = delta(&json!({"reasoning_content": "why"}));
    let with_call = events(&[
        thinking.clone(),
        fragment(0, "a", "weather", "{}"),
        finish("tool_calls"),
    ]);
    assert_eq!(with_call[1], TurnEvent::ReasoningEnd { sealed: None });
    assert!(matches!(with_call[2], TurnEvent::ToolCallBegun { .. }));
    let alone = events(&[thinking, finish("length")]);
    assert_eq!(alone[1], TurnEvent::ReasoningEnd { sealed: None });
    assert_eq!(Heard::of(&alone).reason(), FinishReason::Length);
}

#[test]
fn a_refusal_is_text() {
    let heard = Heard::of(&events(&[
        delta(&json!({"content": null, "refusal": "I can't"})),
        delta(&json!({"refusal": " do that."})),
        finish("content_filter"),
    ]));
    assert_eq!(heard.text, "I can't do that.");
    assert_eq!(heard.reason(), FinishReason::ContentFilter);
}

#[test]
fn white_space_before_a_call_or_the_end_is_no_message() {
    for (payloads, expected) in [
        (
            vec![
                delta(&json!({"reasoning_content": "why"})),
                text("\n\n"),
                fragment(0, "a", "weather", "{}"),
            ],
            FinishReason::ToolCalls,
        ),
        (vec![text("\n"), text(" ")], FinishReason::Stop),
    ] {
        let heard = Heard::of(&events(&[payloads, vec![finish("stop")]].concat()));
        assert_eq!((&*heard.text, heard.reason()), ("", expected));
    }
}

#[test]
fn a_call_ends_reasoning_that_was_not_closed() {
    let heard = Heard::of(&events(&[
        text("<think>why"),
        fragment(0, "a", "weather", "{}"),
        text("Now the answer"),
        finish("tool_calls"),
    ]));
    assert_eq!((&*heard.reasoning, &*heard.text), ("why", "Now the answer"));
}

#[test]
fn fragments_that_say_nothing_are_passed_over() {
    let nothing = [
        json!({"reasoning": "a", "tool_calls": [{}]}),
        json!({"reasoning": "b", "function_call": {"name": "", "arguments": ""}}),
        json!({"reasoning": "c", "tool_calls": [{"index": 0, "extra_content": {"x": 1}}]}),
        json!({"reasoning": "d", "tool_calls": []}),
    ];
    let mut payloads: Vec<Value> = nothing.iter().map(delta).collect();
    payloads.extend([text("t"), finish("stop")]);
    let events = events(&payloads);
    let parts = |event: &&TurnEvent| matches!(event, TurnEvent::ReasoningEnd { .. });
    assert_eq!(events.iter().filter(parts).count(), 1, "{events:?}");
    let heard = Heard::of(&events);
    assert_eq!((&*heard.reasoning, &*heard.text), ("abcd", "t"));
    assert_eq!(heard.reason(), FinishReason::Stop);
}

#[test]
fn what_is_missing_from_the_tokens_written_is_in_the_total() {
    let usage = |usage: Value| {
        let payload = json!({"choices": [], "usage": usage});
        Heard::of(&events(&[finish("stop"), payload]))
            .end
            .unwrap()
            .1
    };
    let xai = usage(json!({
        "prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
        "completion_tokens_details": {"reasoning_tokens": 94}
    }));
    let xai = xai.unwrap();
    assert_eq!((xai.input, xai.output, xai.reasoning), (32, 103, 94));
    assert_eq!(usage(json!({})), None);
    assert_eq!(usage(json!({"prompt_tokens": 3})).unwrap().total(), 3);
}

#[test]
fn a_reply_that_is_watched_fills_no_memory() {
    let mut reader = CompletionReader::watching("seed");
    let mut events = Vec::new();
    let piece = "x".repeat(64 * 1024);
    let first = fragment(0, "a", "write", "{\"text\":\"").to_string();
    reader.on_data(&first, &mut events).unwrap();
    for _ in 0..100 {
        let data = fragment(0, "", "", &piece).to_string();
        reader.on_data(&data, &mut events).unwrap();
        events.clear();
    }
    let small = fragment(1, "b", "read", "{}").to_string();
    reader.on_data(&small, &mut events).unwrap();
    let data = finish("tool_calls").to_string();
    reader.on_data(&data, &mut events).unwrap();
    reader.finish(&mut events).unwrap();
    let heard = Heard::of(&events);
    assert_eq!(heard.reason(), FinishReason::ToolCalls);
    let kept: usize = heard.calls.iter().map(|call| call.arguments.len()).sum();
    assert!((512 * 1024..=1024 * 1024).contains(&kept), "{kept}");
    assert_eq!(heard.calls[1], call("b", "read", "{}"));
    let detail = format!("write: {} bytes", 100 * piece.len() + 9);
    let what = "arguments_not_kept";
    assert_eq!(reader.notes(), [Note { what, detail }]);
}

#[test]
fn other_choices_do_not_count() {
    let other = json!({"choices": [
        {"index": 1, "delta": {"content": "no"}, "finish_reason": "length"},
        {"index": 0, "delta": {"content": "yes"}}
    ]});
    let heard = Heard::of(&events(&[other, finish("stop")]));
    assert_eq!(heard.text, "yes");
    assert_eq!(heard.reason(), FinishReason::Stop);
}

#[test]
fn a_reply_that_is_no_stream_says_the_same() {
    let body = json!({
        "id": "x", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "<think>why</think>Looking.", "refusal": null,
            "tool_calls": [
                {"id": "a", "type": "function",
                 "function": {"name": "weather", "arguments": "{\"a\":1}"}},
                {"id": "b", "type": "function", "function": {"name": "read", "arguments": {}}}
            ]
        }}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2}
    });
    let (mut reader, mut events) = (reader(), Vec::new());
    let body = body.to_string();
    reader.on_whole(body.as_bytes(), &mut events).unwrap();
    reader.finish(&mut events).unwrap();
    let heard = Heard::of(&events);
    assert_eq!(heard.reasoning, "why");
    assert_eq!(heard.text, "Looking.");
    assert_eq!(
        heard.calls,
        [call("a", "weather", "{\"a\":1}"), call("b", "read", "{}")]
    );
    let (reason, usage) = heard.end.unwrap();
    assert_eq!(reason, FinishReason::ToolCalls);
    assert_eq!(usage.unwrap().total(), 5);
}

#[test]
fn a_body_that_is_no_completion_fails() {
    for (body, message) in [
        ("<html>", "no completion"),
        ("{\"choices\":[]}", "no choices"),
        (
            "{\"error\":{\"message\":\"model not found\"}}",
            "model not found",
        ),
    ] {
        let mut events = Vec::new();
        let error = reader().on_whole(body.as_bytes(), &mut events).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(events, []);
    }
}

#[test]
fn members_of_wrong_types_are_noted() {
    let (mut reader, mut events) = (reader(), Vec::new());
    for _ in 0..3 {
        let payload = delta(&json!({"content": "x", "refusal": 7}));
        reader.on_data(&payload.to_string(), &mut events).unwrap();
    }
    assert_eq!(Heard::of(&events).text, "xxx");
    assert_eq!(
        reader.notes(),
        [Note {
            what: "wrong_type",
            detail: "refusal".to_owned()
        }]
    );
}
