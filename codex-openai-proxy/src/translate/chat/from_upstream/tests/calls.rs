//! Calls, however their fragments come.

use super::*;

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
