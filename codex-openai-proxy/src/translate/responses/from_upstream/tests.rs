//! Replies of providers, well and badly formed.

use super::*;
use crate::turn::{ToolCall, ToolKind};
use serde_json::{Value, json};

mod rough;
mod watched;

/// What the reader makes of a stream of these events.
fn read(events: &[Value]) -> Vec<TurnEvent> {
    let (told, _) = try_read(events);
    told.unwrap()
}

/// The same where it may fail, and what it notes.
fn try_read(events: &[Value]) -> (Result<Vec<TurnEvent>, TurnError>, Vec<&'static str>) {
    let custom = Tool {
        name: "patch".to_owned(),
        description: None,
        grammar: None,
        parameters: Value::Null,
        strict: false,
        kind: ToolKind::Custom,
    };
    let mut reader = ResponseReader::new(&[custom], "seed");
    let mut told = Vec::new();
    let mut read = Ok(());
    for event in events {
        read = read.and_then(|()| reader.on_data(&event.to_string(), &mut told));
    }
    let read = read.and_then(|()| reader.finish(&mut told));
    let notes = reader.notes().into_iter().map(|note| note.what).collect();
    (read.map(|()| told), notes)
}

fn text(text: &str) -> TurnEvent {
    TurnEvent::Text(text.to_owned())
}

fn reasoning(text: &str) -> TurnEvent {
    TurnEvent::Reasoning(text.to_owned())
}

fn reasoning_end(sealed: Option<&str>) -> TurnEvent {
    TurnEvent::ReasoningEnd {
        sealed: sealed.map(str::to_owned),
    }
}

fn begun(index: usize, id: &str, name: &str, kind: ToolKind) -> TurnEvent {
    TurnEvent::ToolCallBegun {
        index,
        id: id.to_owned(),
        name: name.to_owned(),
        kind,
    }
}

fn delta(index: usize, arguments: &str) -> TurnEvent {
    TurnEvent::ToolCallDelta {
        index,
        arguments: arguments.to_owned(),
    }
}

fn call(id: &str, name: &str, kind: ToolKind, arguments: &str) -> TurnEvent {
    TurnEvent::ToolCall(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        kind,
        arguments: arguments.to_owned(),
    })
}

fn finished(reason: FinishReason) -> TurnEvent {
    TurnEvent::Finished {
        reason,
        usage: None,
    }
}

/// The last event, of a response without an output of its own.
fn completed() -> Value {
    json!({"type": "response.completed", "response": {"status": "completed"}})
}

#[test]
fn a_reply_as_openai_sends_it_is_told_once() {
    let message = json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "你好 there", "annotations": []}]});
    let thought = json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "sealed",
        "summary": [{"type": "summary_text", "text": "Hm."}, {"type": "summary_text", "text": "Ah."}]});
    let told = read(&[
        json!({"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "status": "in_progress", "output": []}}),
        json!({"type": "response.in_progress", "response": {"id": "resp_1", "status": "in_progress", "output": []}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "summary": []}}),
        json!({"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0, "part": {"type": "summary_text", "text": ""}}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "H"}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "m."}),
        json!({"type": "response.reasoning_summary_text.done", "output_index": 0, "summary_index": 0, "text": "Hm."}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "Ah."}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": thought}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "content": []}}),
        json!({"type": "response.content_part.added", "output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": ""}}),
        json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "你好"}),
        json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": " there"}),
        json!({"type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "你好 there"}),
        json!({"type": "response.content_part.done", "output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": "你好 there"}}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": message}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": [thought, message], "usage": {
            "input_tokens": 9, "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 14,
        }}}),
    ]);
    let usage = Usage {
        input: 9,
        cached: 4,
        output: 5,
        reasoning: 2,
    };
    assert_eq!(
        told,
        [
            reasoning("H"),
            reasoning("m."),
            TurnEvent::ReasoningBreak,
            reasoning("Ah."),
            reasoning_end(Some("sealed")),
            text("你好"),
            text(" there"),
            TurnEvent::MessageEnd,
            TurnEvent::Finished {
                reason: FinishReason::Stop,
                usage: Some(usage)
            },
        ]
    );
}

#[test]
fn calls_whose_arguments_alternate_stay_apart() {
    let arguments = |at: usize, delta: &str| json!({"type": "response.function_call_arguments.delta", "output_index": at, "delta": delta});
    let told = read(&[
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "function_call", "call_id": "a", "name": "f", "arguments": ""}}),
        arguments(0, "{\"x\""),
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "custom_tool_call", "call_id": "b", "name": "patch", "input": ""}}),
        json!({"type": "response.custom_tool_call_input.delta", "output_index": 1, "delta": "*** "}),
        arguments(0, ":1"),
        json!({"type": "response.custom_tool_call_input.delta", "output_index": 1, "delta": "Begin"}),
        json!({"type": "response.custom_tool_call_input.done", "output_index": 1, "input": "*** Begin"}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "custom_tool_call", "call_id": "b", "name": "patch", "input": "*** Begin"}}),
        arguments(0, "}"),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{\"x\":1}"}}),
        completed(),
    ]);
    assert_eq!(
        told,
        [
            begun(0, "a", "f", ToolKind::Function),
            delta(0, "{\"x\""),
            begun(1, "b", "patch", ToolKind::Custom),
            delta(1, "*** "),
            delta(0, ":1"),
            delta(1, "Begin"),
            call("b", "patch", ToolKind::Custom, "*** Begin"),
            delta(0, "}"),
            call("a", "f", ToolKind::Function, "{\"x\":1}"),
            finished(FinishReason::ToolCalls),
        ]
    );
}

#[test]
fn what_comes_only_as_a_whole_is_told_then() {
    let items = [
        json!({"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Raw."}]}),
        json!({"type": "message", "content": [{"type": "output_text", "text": "A"}, {"type": "refusal", "refusal": "B"}]}),
        json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}),
    ];
    let told = [
        reasoning("Raw."),
        reasoning_end(None),
        text("A"),
        text("B"),
        TurnEvent::MessageEnd,
        begun(0, "a", "f", ToolKind::Function),
        delta(0, "{}"),
        call("a", "f", ToolKind::Function, "{}"),
        finished(FinishReason::ToolCalls),
    ];
    let whole =
        json!({"object": "response", "status": "completed", "error": null, "output": items});

    let mut done: Vec<Value> = (0..)
        .zip(&items)
        .map(|(at, item)| json!({"type": "response.output_item.done", "output_index": at, "item": item}))
        .collect();
    done.push(json!({"type": "response.completed", "response": whole}));
    assert_eq!(read(&done), told);

    let last = json!({"type": "response.completed", "response": whole});
    assert_eq!(read(&[last]), told);

    let mut reader = ResponseReader::new(&[], "seed");
    let mut events = Vec::new();
    let body = whole.to_string();
    reader.on_whole(body.as_bytes(), &mut events).unwrap();
    assert_eq!(events, told);
}

#[test]
fn texts_that_end_without_having_been_told_are_told_once() {
    let told = read(&[
        json!({"type": "response.reasoning_summary_text.done", "output_index": 0, "summary_index": 0, "text": "Hm."}),
        json!({"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "the same, raw"}),
        json!({"type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "A"}),
        json!({"type": "response.refusal.delta", "output_index": 1, "content_index": 1, "delta": "B"}),
        json!({"type": "response.refusal.done", "output_index": 1, "content_index": 1, "refusal": "B"}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "message", "content": [
            {"type": "output_text", "text": "A"}, {"type": "refusal", "refusal": "B"},
        ]}}),
        completed(),
    ]);
    assert_eq!(
        told,
        [
            reasoning("Hm."),
            reasoning_end(None),
            text("A"),
            text("B"),
            TurnEvent::MessageEnd,
            finished(FinishReason::Stop),
        ]
    );
}

#[test]
fn servers_that_leave_positions_and_ids_out_are_understood() {
    let told = read(&[
        json!({"type": "response.output_item.added", "item": {"type": "message"}}),
        json!({"type": "response.output_text.delta", "delta": "A"}),
        json!({"type": "response.output_item.done", "item": {"type": "message", "content": "A"}}),
        json!({"type": "response.output_item.added", "item": {"type": "function_call", "name": "f"}}),
        json!({"type": "response.function_call_arguments.delta", "delta": "{\"x\":"}),
        json!({"type": "response.function_call_arguments.delta", "delta": "1}"}),
        json!({"type": "response.output_item.done", "item": {"type": "function_call", "name": "f", "arguments": {"x": 1}}}),
        completed(),
    ]);
    assert_eq!(
        told,
        [
            text("A"),
            TurnEvent::MessageEnd,
            begun(0, "call_seed_0", "f", ToolKind::Function),
            delta(0, "{\"x\":1}"),
            call("call_seed_0", "f", ToolKind::Function, "{\"x\":1}"),
            finished(FinishReason::ToolCalls),
        ]
    );
}

#[test]
fn a_custom_tool_that_is_called_as_a_function_gets_its_text() {
    let (told, notes) = try_read(&[
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "function_call", "call_id": "a", "name": "patch"}}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{\"input\":\"a\\nb\"}"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "function_call", "call_id": "a", "name": "patch", "arguments": "{\"input\":\"a\\nb\"}"}}),
        completed(),
    ]);
    let expected = [
        call("a", "patch", ToolKind::Custom, "a\nb"),
        finished(FinishReason::ToolCalls),
    ];
    assert_eq!(told.unwrap(), expected);
    assert_eq!(notes, <[&str; 0]>::default());
}

#[test]
fn calls_that_are_not_as_they_should_be_are_told_and_noted() {
    let done = |at: usize, id: &str, arguments: &str| {
        json!({"type": "response.output_item.done", "output_index": at,
        "item": {"type": "function_call", "call_id": id, "name": "f", "arguments": arguments}})
    };
    let (told, notes) = try_read(&[
        done(0, "a", ""),
        done(1, "a", "{\"x\":"),
        json!({"type": "response.output_item.added", "output_index": 2, "item": {"type": "function_call", "call_id": "c", "name": "f"}}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}"}),
        done(2, "c", "{\"y\":1}"),
        json!({"type": "response.output_item.done", "output_index": 3, "item": {"type": "web_search_call", "id": "ws_1"}}),
        json!({"type": "response.output_text.delta", "output_index": 4, "delta": 7}),
        completed(),
    ]);
    assert_eq!(
        told.unwrap(),
        [
            begun(0, "a", "f", ToolKind::Function),
            delta(0, "{}"),
            call("a", "f", ToolKind::Function, "{}"),
            begun(1, "call_seed_1", "f", ToolKind::Function),
            delta(1, "{\"x\":"),
            begun(2, "c", "f", ToolKind::Function),
            delta(2, "{}"),
            call("c", "f", ToolKind::Function, "{}"),
            // Only the end of the reply tells whether it was cut off.
            call("call_seed_1", "f", ToolKind::Function, "{\"x\":"),
            finished(FinishReason::ToolCalls),
        ]
    );
    let expected = [
        "duplicate_call_id",
        "arguments_differ",
        "item_without_effect",
        "wrong_type",
        "arguments_not_json",
    ];
    assert_eq!(notes, expected);
}

#[test]
fn a_reply_that_was_cut_off_says_why() {
    let incomplete = |reason: &str| {
        json!({"type": "response.incomplete", "response": {
            "status": "incomplete", "incomplete_details": {"reason": reason},
        }})
    };
    for (reason, expected) in [
        ("max_output_tokens", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("whatever", FinishReason::Length),
    ] {
        assert_eq!(
            read(&[incomplete(reason)]),
            [finished(expected)],
            "{reason}"
        );
    }
}

#[test]
fn failures_keep_their_message_and_what_they_are() {
    let failed = json!({"type": "response.failed", "response": {"status": "failed", "error": {
        "code": "rate_limit_exceeded", "message": "Slow down.",
    }}});
    let error = json!({"type": "error", "code": "rate_limit_exceeded", "message": "Slow down.", "param": null});
    let enveloped =
        json!({"type": "error", "error": {"type": "rate_limit_exceeded", "message": "Slow down."}});
    let bare = json!({"error": {"code": "rate_limit_exceeded", "message": "Slow down."}});
    let disguised = json!({"type": "response.completed", "response": {"status": "failed", "error": {
        "code": "rate_limit_exceeded", "message": "Slow down.",
    }}});
    for event in [failed, error, enveloped, bare, disguised] {
        let (told, _) = try_read(std::slice::from_ref(&event));
        let expected = TurnError::RateLimited {
            message: "Slow down.".to_owned(),
            retry_after: None,
            quota: false,
        };
        assert_eq!(told, Err(expected), "{event}");
    }
    let (told, _) = try_read(&[json!({"type": "response.failed", "response": {}})]);
    assert!(matches!(told, Err(TurnError::Upstream { .. })), "{told:?}");
}

#[test]
fn a_stream_without_its_last_event_has_broken_off() {
    let delta = json!({"type": "response.output_text.delta", "output_index": 0, "delta": "A"});
    for events in [vec![], vec![delta]] {
        let (told, _) = try_read(&events);
        assert!(matches!(told, Err(TurnError::Upstream { .. })), "{told:?}");
    }
    let mut reader = ResponseReader::new(&[], "seed");
    let mut told = Vec::new();
    assert!(reader.on_data("{", &mut told).is_err());
    // The error has been told: what comes then has nothing to add.
    let late = completed().to_string();
    assert_eq!(reader.on_data(&late, &mut told), Ok(()));
    assert_eq!(reader.finish(&mut told), Ok(()));
    assert_eq!(told, []);
}

#[test]
fn what_follows_the_end_is_nothing() {
    let late = json!({"type": "response.output_text.delta", "output_index": 0, "delta": "A"});
    let mut reader = ResponseReader::new(&[], "seed");
    let mut told = Vec::new();
    for data in [&completed().to_string(), "[DONE]", "", &late.to_string()] {
        assert_eq!(reader.on_data(data, &mut told), Ok(()));
    }
    assert_eq!(reader.finish(&mut told), Ok(()));
    assert_eq!(told, [finished(FinishReason::Stop)]);
}

#[test]
fn a_body_that_is_no_response_is_an_error() {
    for (body, words) in [
        ("[]", "cannot be read"),
        ("{}", "no response"),
        (r#"{"error":{"message":"So it is."}}"#, "So it is."),
        (
            r#"{"status":"failed","output":[],"error":{"message":"So it is."}}"#,
            "So it is.",
        ),
    ] {
        let mut reader = ResponseReader::new(&[], "seed");
        let error = reader
            .on_whole(body.as_bytes(), &mut Vec::new())
            .unwrap_err();
        assert!(error.to_string().contains(words), "{body}: {error}");
    }
}

#[test]
fn items_that_a_server_does_not_count_stay_apart() {
    let added = |item: Value| json!({"type": "response.output_item.added", "output_index": 0, "item": item});
    let message = json!({"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "A"}]});
    let call_a = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"});
    let call_b = json!({"type": "function_call", "call_id": "b", "name": "g", "arguments": "{}"});
    let piece =
        json!({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"});
    let told = read(&[
        added(json!({"type": "message", "id": "msg_1"})),
        json!({"type": "response.output_text.delta", "output_index": 0, "delta": "A"}),
        added(call_a.clone()),
        piece.clone(),
        added(call_b.clone()),
        piece,
        json!({"type": "response.output_item.done", "output_index": 0, "item": call_b}),
        json!({"type": "response.completed", "response": {"output": [{"type": "reasoning"}, message, call_a, call_b]}}),
    ]);
    assert_eq!(
        told,
        [
            text("A"),
            TurnEvent::MessageEnd,
            begun(0, "a", "f", ToolKind::Function),
            delta(0, "{}"),
            call("a", "f", ToolKind::Function, "{}"),
            begun(1, "b", "g", ToolKind::Function),
            delta(1, "{}"),
            call("b", "g", ToolKind::Function, "{}"),
            finished(FinishReason::ToolCalls),
        ]
    );
}
