//! Streams of providers, as a client hears them.

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
fn two_interleaved_calls_keep_apart() {
    let events = events(&[
        fragment(0, "call_a", "weather", ""),
        fragment(1, "call_b", "read", ""),
        fragment(1, "", "", "{\"path\":"),
        fragment(0, "", "", "{\"city\":\""),
        fragment(0, "", "", "上海"),
        fragment(1, "", "", "\"x\"}"),
        fragment(0, "", "", "\"}"),
        finish("tool_calls"),
        "[DONE]".into(),
    ]);
    let expected = [
        call("call_a", "weather", "{\"city\":\"上海\"}"),
        call("call_b", "read", "{\"path\":\"x\"}"),
    ];
    let heard = Heard::of(&events);
    assert_eq!(heard.calls, expected);
    assert_eq!(heard.reason(), FinishReason::ToolCalls);
    let fragments = streamed(&events);
    assert_eq!(fragments.len(), 2);
    for call in expected {
        assert!(fragments.contains(&(call.id, call.name, call.arguments)));
    }
}

#[test]
fn five_interleaved_calls_of_five_fragments_keep_apart() {
    let whole = |at: usize| format!("{{\"n\":{at},\"text\":\"{}\"}}", "abc".repeat(at + 1));
    let piece = |at: usize, nth: usize| {
        let whole = whole(at);
        let cut = |nth: usize| whole.len() * nth / 5;
        whole[cut(nth)..cut(nth + 1)].to_owned()
    };
    let mut payloads = Vec::new();
    for nth in 0..5 {
        for turn in 0..5 {
            // Another order in each round.
            let at = (turn * 2 + nth) % 5;
            let (id, name) = match nth {
                0 => (format!("call_{at}"), "weather"),
                _ => (String::new(), ""),
            };
            payloads.push(fragment(at as u64, &id, name, &piece(at, nth)));
        }
    }
    payloads.push(finish("tool_calls"));
    let events = events(&payloads);
    let heard = Heard::of(&events);
    assert_eq!(heard.calls.len(), 5);
    let fragments = streamed(&events);
    for at in 0..5 {
        let call = call(&format!("call_{at}"), "weather", &whole(at));
        assert!(heard.calls.contains(&call), "{call:?}");
        assert!(fragments.contains(&(call.id, call.name, call.arguments)));
    }
}

#[test]
fn a_call_is_told_as_it_grows() {
    let (mut reader, mut events) = (reader(), Vec::new());
    let mut after = |payload: &Value| {
        reader.on_data(&payload.to_string(), &mut events).unwrap();
        events.len()
    };
    assert_eq!(after(&fragment(0, "a", "weather", "")), 1);
    assert_eq!(after(&fragment(0, "", "", "{\"a\":")), 2);
    // `read` may be the beginning of `read_all`.
    assert_eq!(after(&fragment(1, "b", "read", "")), 2);
    assert_eq!(after(&fragment(1, "", "", "{")), 4);
    assert_eq!(after(&fragment(0, "", "", "1}")), 5);
}

#[test]
fn names_may_come_in_pieces_or_again_and_again() {
    let pieces = [
        json!({"index": 0, "id": "a", "function": {"name": "read"}}),
        json!({"index": 0, "function": {"name": "_all", "arguments": ""}}),
        json!({"index": 0, "id": "a", "function": {"name": "read_all", "arguments": "{\"a\""}}),
        json!({"index": 0, "id": "a", "function": {"name": "read_all", "arguments": ":1}"}}),
    ];
    let mut payloads: Vec<Value> = pieces
        .iter()
        .map(|piece| delta(&json!({ "tool_calls": [piece] })))
        .collect();
    payloads.push(finish("tool_calls"));
    let heard = Heard::of(&events(&payloads));
    assert_eq!(heard.calls, [call("a", "read_all", "{\"a\":1}")]);
}

#[test]
fn calls_without_index_or_id_are_told_apart() {
    let whole =
        |name: &str, arguments: Value| json!({"function": {"name": name, "arguments": arguments}});
    let expected = [
        call("call_resp0123_0", "weather", "{\"a\":1}"),
        call("call_resp0123_1", "weather", "{\"a\":2}"),
        call("call_resp0123_2", "read", "{}"),
    ];
    let calls = [
        whole("weather", json!({"a": 1})),
        whole("weather", json!("{\"a\":2}")),
        whole("read", Value::Null),
    ];
    let at_once = [delta(&json!({"tool_calls": calls})), finish("stop")];
    assert_eq!(Heard::of(&events(&at_once)).calls, expected);

    let mut one_by_one: Vec<Value> = calls
        .iter()
        .map(|call| delta(&json!({ "tool_calls": [call] })))
        .collect();
    one_by_one.push(finish("stop"));
    let heard = Heard::of(&events(&one_by_one));
    assert_eq!(heard.calls, expected);
    assert_eq!(heard.reason(), FinishReason::ToolCalls);
}

#[test]
fn calls_that_all_have_index_0_are_told_apart_by_their_ids() {
    let heard = Heard::of(&events(&[
        fragment(0, "a", "weather", "{\"a\":"),
        fragment(0, "b", "read", "{\"b\":"),
        fragment(0, "", "", "2}"),
        delta(&json!({"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": "1}"}}]})),
        finish("tool_calls"),
    ]));
    assert_eq!(
        heard.calls,
        [
            call("a", "weather", "{\"a\":1}"),
            call("b", "read", "{\"b\":2}")
        ]
    );
}

#[test]
fn an_id_that_two_calls_have_is_made_unique_and_noted() {
    let (mut reader, mut events) = (reader(), Vec::new());
    for payload in [
        fragment(0, "same", "weather", "{\"a\":1}"),
        fragment(1, "same", "read", "{\"b\":2}"),
        finish("tool_calls"),
    ] {
        reader.on_data(&payload.to_string(), &mut events).unwrap();
    }
    reader.finish(&mut events).unwrap();
    let calls = Heard::of(&events).calls;
    assert_eq!(
        calls,
        [
            call("same", "weather", "{\"a\":1}"),
            call("call_resp0123_1", "read", "{\"b\":2}")
        ]
    );
    let notes = reader.notes();
    assert_eq!(notes.len(), 1);
    assert_eq!(
        (notes[0].what, &*notes[0].detail),
        ("duplicate_call_id", "same")
    );
    assert!(reader.notes().is_empty(), "notes are told once");
}

#[test]
fn arguments_are_json_or_reported_as_they_came() {
    let (mut reader, mut events) = (reader(), Vec::new());
    for payload in [
        fragment(0, "a", "weather", "{\"broken"),
        fragment(1, "b", "read", ""),
        finish("tool_calls"),
    ] {
        reader.on_data(&payload.to_string(), &mut events).unwrap();
    }
    reader.finish(&mut events).unwrap();
    assert_eq!(
        Heard::of(&events).calls,
        [call("a", "weather", "{\"broken"), call("b", "read", "{}")]
    );
    assert_eq!(
        reader.notes(),
        [Note {
            what: "arguments_not_json",
            detail: "weather".to_owned()
        }]
    );
    // The client of a stream sees the same arguments as everybody.
    let streamed = streamed(&events);
    assert_eq!(streamed[0].2, "{\"broken");
}

#[test]
fn a_call_without_arguments_streams_an_empty_object() {
    let events = events(&[fragment(0, "a", "weather", ""), finish("tool_calls")]);
    assert_eq!(streamed(&events)[0].2, "{}");
    assert_eq!(Heard::of(&events).calls, [call("a", "weather", "{}")]);
}

#[test]
fn custom_tools_come_whole_with_their_text_unwrapped() {
    let custom = |id: &str, arguments: &str| ToolCall {
        kind: ToolKind::Custom,
        ..call(id, "patch", arguments)
    };
    let events = events(&[
        fragment(0, "a", "patch", "{\"input\":\"*** Begin"),
        fragment(1, "b", "patch", "no JSON at all"),
        fragment(0, "", "", " Patch\\n\"}"),
        delta(&json!({"tool_calls": [{
            "index": 2, "id": "c", "type": "custom", "custom": {"name": "patch", "input": "{\"input\":"}
        }]})),
        delta(&json!({"tool_calls": [{"index": 2, "custom": {"input": "1}"}}]})),
        finish("tool_calls"),
    ]);
    assert_eq!(streamed(&events), []);
    assert_eq!(
        Heard::of(&events).calls,
        [
            custom("a", "*** Begin Patch\n"),
            custom("b", "no JSON at all"),
            custom("c", "{\"input\":1}"),
        ]
    );
}

#[test]
fn a_legacy_function_call_is_a_call() {
    let heard = Heard::of(&events(&[
        delta(&json!({"function_call": {"name": "weather", "arguments": ""}})),
        delta(&json!({"function_call": {"arguments": "{\"a\":"}})),
        delta(&json!({"function_call": {"arguments": "1}"}})),
        finish("function_call"),
    ]));
    let expected = call("call_resp0123_0", "weather", "{\"a\":1}");
    assert_eq!(heard.calls, [expected]);
    assert_eq!(heard.reason(), FinishReason::ToolCalls);
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
fn usage_is_told_wherever_it_came() {
    let usage = json!({
        "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2}
    });
    let expected = Some((
        FinishReason::Stop,
        Some(Usage {
            input: 10,
            cached: 4,
            output: 5,
            reasoning: 2,
        }),
    ));
    let mut with_finish = finish("stop");
    with_finish["usage"] = usage.clone();
    let mut in_choice = finish("stop");
    in_choice["choices"][0]["usage"] = usage.clone();
    let mut before = text("x");
    before["usage"] = usage.clone();
    let last = json!({"choices": [], "usage": usage});
    for stream in [
        vec![finish("stop"), last.clone(), "[DONE]".into()],
        vec![finish("stop"), last],
        vec![with_finish, "[DONE]".into()],
        vec![in_choice],
        vec![before, finish("stop"), "[DONE]".into()],
    ] {
        assert_eq!(Heard::of(&events(&stream)).end, expected, "{stream:?}");
    }
    let deepseek = json!({"choices": [], "usage": {
        "prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 8
    }});
    let (_, usage) = Heard::of(&events(&[finish("stop"), deepseek])).end.unwrap();
    assert_eq!(usage.unwrap().cached, 8);
}

#[test]
fn finish_reasons_agree_with_what_was_said() {
    for (word, expected) in [
        ("stop", FinishReason::Stop),
        ("tool_calls", FinishReason::Stop),
        ("eos", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
    ] {
        let heard = Heard::of(&events(&[text("x"), finish(word)]));
        assert_eq!(heard.reason(), expected, "{word}");
    }
    // An empty reason is none: the reply goes on.
    let heard = Heard::of(&events(&[finish(""), text("x"), finish("length")]));
    assert_eq!((&*heard.text, heard.reason()), ("x", FinishReason::Length));
    // The provider says no reason, and ends well.
    let called = [fragment(0, "a", "weather", "{}"), "[DONE]".into()];
    let heard = Heard::of(&events(&called));
    assert_eq!(heard.reason(), FinishReason::ToolCalls);
    assert_eq!(heard.calls.len(), 1);
}

#[test]
fn finish_reasons_have_many_words() {
    let read = |word: &str| {
        let (mut reader, mut events) = (reader(), Vec::new());
        reader.on_data(&finish(word).to_string(), &mut events)?;
        reader.finish(&mut events)?;
        Ok((Heard::of(&events).reason(), reader.notes()))
    };
    for (word, expected) in [
        ("max_tokens", FinishReason::Length),
        ("MAX_TOKENS", FinishReason::Length),
        ("model_length", FinishReason::Length),
        ("SAFETY", FinishReason::ContentFilter),
        (
            "content_filter: PROHIBITED_CONTENT",
            FinishReason::ContentFilter,
        ),
        ("sensitive", FinishReason::ContentFilter),
        ("STOP", FinishReason::Stop),
        ("end_turn", FinishReason::Stop),
    ] {
        assert_eq!(read(word), Ok((expected, Vec::new())), "{word}");
    }
    for word in [
        "abort",
        "network_error",
        "MALFORMED_FUNCTION_CALL",
        "function_call_filter: MALFORMED_FUNCTION_CALL",
    ] {
        let error = read(word).unwrap_err();
        assert!(matches!(error, TurnError::Upstream { .. }), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
    }
    let note = Note {
        what: "unknown_finish_reason",
        detail: "because".to_owned(),
    };
    assert_eq!(read("because"), Ok((FinishReason::Stop, vec![note])));
}

#[test]
fn a_reason_with_each_chunk_ends_nothing() {
    let piece = |text: &str, output: u64| {
        let mut chunk = finish("stop");
        chunk["choices"][0]["delta"]["content"] = text.into();
        chunk["usage"] = json!({"prompt_tokens": 1, "completion_tokens": output});
        chunk
    };
    let mut late = fragment(0, "a", "weather", "{}");
    late["choices"][0]["finish_reason"] = "length".into();
    let heard = Heard::of(&events(&[
        piece("Hel", 1),
        piece("lo", 2),
        late,
        DONE.into(),
    ]));
    assert_eq!(heard.text, "Hello");
    assert_eq!(heard.calls, [call("a", "weather", "{}")]);
    let (reason, usage) = heard.end.unwrap();
    assert_eq!(reason, FinishReason::Length);
    assert_eq!(usage.unwrap().output, 2);
}

#[test]
fn calls_that_were_cut_off_stay_unfinished() {
    for reason in ["length", "content_filter"] {
        let (mut reader, mut events) = (reader(), Vec::new());
        for payload in [
            fragment(0, "a", "weather", "{\"a\":1}"),
            fragment(1, "b", "read", "{\"x"),
            fragment(2, "c", "patch", "{\"input\": \"*** Beg"),
            fragment(3, "d", "read_all", ""),
            delta(&json!({"tool_calls": [{
                "index": 4, "id": "e", "custom": {"name": "patch", "input": "*** Beg"}
            }]})),
            finish(reason),
        ] {
            reader.on_data(&payload.to_string(), &mut events).unwrap();
        }
        reader.finish(&mut events).unwrap();
        let heard = Heard::of(&events);
        assert_eq!(heard.calls, [call("a", "weather", "{\"a\":1}")]);
        assert_eq!(heard.reason().as_str(), reason);
        // What was told of them stands.
        assert_eq!(streamed(&events)[1].2, "{\"x");
        let notes = reader.notes();
        assert!(
            notes.iter().all(|note| note.what == "call_cut_off"),
            "{notes:?}"
        );
        assert_eq!(notes.len(), 3, "{notes:?}");
    }
}

#[test]
fn errors_that_say_nothing_are_none() {
    for nothing in [
        json!({}),
        json!(""),
        json!(false),
        json!(0),
        json!({"message": ""}),
    ] {
        let mut payload = text("x");
        payload["error"] = nothing.clone();
        payload["choices"][0]["error"] = nothing;
        let heard = Heard::of(&events(&[payload, finish("stop")]));
        assert_eq!(heard.text, "x");
    }
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
    let head = fragment(0, "a", "write", "{\"text\":\"").to_string();
    reader.on_data(&head, &mut events).unwrap();
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
fn a_stream_that_breaks_off_fails() {
    let (mut reader, mut events) = (reader(), Vec::new());
    for payload in [text("half"), fragment(0, "a", "weather", "{\"a\":")] {
        reader.on_data(&payload.to_string(), &mut events).unwrap();
    }
    let error = reader.finish(&mut events).unwrap_err();
    assert!(matches!(error, TurnError::Upstream { .. }), "{error:?}");
    let heard = Heard::of(&events);
    assert_eq!(heard.end, None);
    assert_eq!(heard.calls, [], "half a call is none");
}

#[test]
fn errors_in_the_stream_keep_their_message_and_nothing_follows_them() {
    let mut choice = finish("error");
    choice["choices"][0]["error"] = json!({"code": 502, "message": "gone"});
    for (payload, message) in [
        (
            json!({"error": {"message": "slow down", "type": "rate_limit_error", "code": 429}}),
            "slow down",
        ),
        (json!({"error": "plain"}), "plain"),
        (
            json!({"object": "error", "message": "vllm", "code": 400}),
            "vllm",
        ),
        (choice, "gone"),
    ] {
        let (mut reader, mut events) = (reader(), Vec::new());
        let data = text("half").to_string();
        reader.on_data(&data, &mut events).unwrap();
        let data = payload.to_string();
        let error = reader.on_data(&data, &mut events).unwrap_err();
        assert_eq!(error.to_string(), message);
        for late in [finish("stop").to_string(), DONE.to_owned()] {
            reader.on_data(&late, &mut events).unwrap();
        }
        reader.finish(&mut events).unwrap();
        assert_eq!(events, [TurnEvent::Text("half".to_owned())]);
    }
    let (mut reader, mut events) = (reader(), Vec::new());
    let data = finish("insufficient_system_resource").to_string();
    let error = reader.on_data(&data, &mut events).unwrap_err();
    assert!(matches!(error, TurnError::Overloaded { .. }), "{error:?}");
}

#[test]
fn data_that_is_no_chunk_fails_the_reply() {
    let (mut reader, mut events) = (reader(), Vec::new());
    reader.on_data("  ", &mut events).unwrap();
    let error = reader.on_data("<html>", &mut events).unwrap_err();
    assert!(matches!(error, TurnError::Upstream { .. }), "{error:?}");
    reader.on_data(DONE, &mut events).unwrap();
    assert_eq!(events, []);
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
