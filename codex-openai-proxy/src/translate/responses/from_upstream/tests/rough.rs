//! Replies that were cut off, that come out of order, or of which something comes only as a whole.

use super::*;

/// What is told of calls in a reply with these events, which ends for want of tokens or does not.
fn calls_told(events: &[Value], is_cut: bool) -> (Vec<ToolCall>, Vec<&'static str>) {
    let mut events = events.to_vec();
    events.push(if is_cut {
        json!({"type": "response.incomplete", "response": {
            "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"},
        }})
    } else {
        completed()
    });
    let (told, notes) = try_read(&events);
    let calls = told.unwrap().into_iter().filter_map(|event| match event {
        TurnEvent::ToolCall(call) => Some(call),
        _ => None,
    });
    (calls.collect(), notes)
}

#[test]
fn a_call_that_was_cut_off_is_not_told_as_whole() {
    let added = |kind: &str, name: &str| {
        json!({"type": "response.output_item.added", "output_index": 0,
        "item": {"type": kind, "call_id": "a", "name": name}})
    };
    let done = |kind: &str, name: &str, member: &str, text: &str, status: Option<&str>| {
        json!({"type": "response.output_item.done", "output_index": 0,
        "item": {"type": kind, "call_id": "a", "name": name, member: text, "status": status}})
    };
    let arguments = |text: &str| json!({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": text});
    let input = |text: &str| json!({"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": text});
    let (function, custom) = ("function_call", "custom_tool_call");
    let cut = [
        vec![added(function, "f"), arguments("{\"x")],
        vec![added(function, "f")],
        vec![done(function, "f", "arguments", "{\"x", None)],
        vec![done(
            function,
            "f",
            "arguments",
            "{\"x\":1}",
            Some("incomplete"),
        )],
        vec![added(function, "patch"), arguments("{\"input\":\"*** Beg")],
        vec![added(custom, "c"), input("*** Beg")],
        vec![done(custom, "c", "input", "*** Beg", Some("incomplete"))],
    ];
    for events in cut {
        let (calls, notes) = calls_told(&events, true);
        assert_eq!(calls, [], "{events:?}");
        assert_eq!(notes, ["call_cut_off"], "{events:?}");
        // What ended well is reported as it came.
        let (calls, _) = calls_told(&events, false);
        assert_eq!(calls.len(), 1, "{events:?}");
    }
    let whole = [
        vec![added(function, "f"), arguments("{\"x\":1}")],
        vec![done(function, "f", "arguments", "", None)],
        vec![done(custom, "c", "input", "*** Begin", Some("completed"))],
    ];
    for events in whole {
        let (calls, notes) = calls_told(&events, true);
        assert_eq!(calls.len(), 1, "{events:?}");
        assert_eq!(notes, <[&str; 0]>::default(), "{events:?}");
    }
}

#[test]
fn a_message_that_was_cut_off_does_not_end() {
    let message = json!({"type": "message", "status": "incomplete", "content": [{"type": "output_text", "text": "Half"}]});
    let told = read(&[
        json!({"type": "response.output_text.delta", "output_index": 0, "delta": "Half"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": message}),
        json!({"type": "response.incomplete", "response": {"status": "incomplete", "output": [message]}}),
    ]);
    assert_eq!(told, [text("Half"), finished(FinishReason::Length)]);
}

#[test]
fn items_without_positions_that_come_only_as_a_whole_are_all_told() {
    let done = |item: &Value| json!({"type": "response.output_item.done", "item": item});
    let zero = |item: &Value| json!({"type": "response.output_item.done", "output_index": 0, "item": item});
    let message = json!({"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "A"}]});
    let call_a = json!({"type": "function_call", "id": "fc_1", "call_id": "a", "name": "f", "arguments": "{}"});
    let call_b = json!({"type": "function_call", "id": "fc_2", "call_id": "b", "name": "g", "arguments": "{}"});
    let expected = [
        text("A"),
        TurnEvent::MessageEnd,
        begun(0, "a", "f", ToolKind::Function),
        delta(0, "{}"),
        call("a", "f", ToolKind::Function, "{}"),
        begun(1, "b", "g", ToolKind::Function),
        delta(1, "{}"),
        call("b", "g", ToolKind::Function, "{}"),
        finished(FinishReason::ToolCalls),
    ];
    let items = [&message, &call_a, &call_b];
    // What the last event repeats, in whatever order, is not told again.
    for output in [json!([]), json!(items), json!([call_b, message, call_a])] {
        let last = json!({"type": "response.completed", "response": {"output": output}});
        for place in [&done as &dyn Fn(&Value) -> Value, &zero] {
            let mut events: Vec<Value> = items.into_iter().map(place).collect();
            // A second time is no other item.
            events.push(place(&call_b));
            events.push(last.clone());
            assert_eq!(read(&events), expected, "{events:?}");
        }
    }
}

#[test]
fn events_without_positions_find_their_item_by_its_id() {
    let added = |item: Value| json!({"type": "response.output_item.added", "item": item});
    let piece = |id: &str, delta: &str| json!({"type": "response.function_call_arguments.delta", "item_id": id, "delta": delta});
    let done = |call_id: &str, arguments: &str| {
        json!({"type": "response.output_item.done",
        "item": {"type": "function_call", "call_id": call_id, "name": "f", "arguments": arguments}})
    };
    let told = read(&[
        added(json!({"type": "function_call", "id": "fc_1", "call_id": "a", "name": "f"})),
        added(json!({"type": "function_call", "id": "fc_2", "call_id": "b", "name": "f"})),
        piece("fc_1", "{\"x\":"),
        piece("fc_2", "{\"y\":"),
        piece("fc_1", "1}"),
        piece("fc_2", "2}"),
        done("a", "{\"x\":1}"),
        done("b", "{\"y\":2}"),
        // And without any id, by its kind.
        json!({"type": "response.output_text.delta", "delta": "B"}),
        json!({"type": "response.output_item.done", "item": {"type": "message", "content": "B"}}),
        completed(),
    ]);
    assert_eq!(
        told[6..],
        [
            call("a", "f", ToolKind::Function, "{\"x\":1}"),
            call("b", "f", ToolKind::Function, "{\"y\":2}"),
            text("B"),
            TurnEvent::MessageEnd,
            finished(FinishReason::ToolCalls),
        ]
    );
}

#[test]
fn sealed_reasoning_that_comes_late_is_told_between_items() {
    let told = read(&[
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1"}}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "Hm."}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "id": "msg_1"}}),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "A"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "encrypted_content": "sealed"}}),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "B"}),
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"type": "message", "id": "msg_1", "content": "AB"}}),
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
            reasoning_end(Some("sealed")),
            finished(FinishReason::Stop),
        ]
    );
}

#[test]
fn parts_of_a_message_that_come_only_as_a_whole_are_told() {
    let message = |content: Value| {
        json!({"type": "response.output_item.done", "output_index": 0,
        "item": {"type": "message", "content": content}})
    };
    let piece = |text: &str| json!({"type": "response.output_text.delta", "output_index": 0, "delta": text});
    let said = [
        text("one"),
        text("no"),
        TurnEvent::MessageEnd,
        finished(FinishReason::Stop),
    ];
    let parts =
        json!([{"type": "output_text", "text": "one"}, {"type": "refusal", "refusal": "no"}]);
    assert_eq!(
        read(&[piece("one"), message(parts.clone()), completed()]),
        said
    );
    // Streamed as if it were one part: nothing is told twice.
    assert_eq!(
        read(&[piece("one"), piece("no"), message(parts), completed()]),
        said
    );
}

#[test]
fn what_repeats_an_item_that_has_ended_breaks_nothing_off() {
    let thought = json!({"type": "reasoning", "summary": [{"text": "a"}]});
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": thought});
    let think = |text: &str| json!({"type": "response.reasoning_text.delta", "output_index": 1, "delta": text});
    let again = [
        done.clone(),
        json!({"type": "response.reasoning_text.done", "output_index": 0, "text": "a"}),
        json!({"type": "response.output_text.done", "output_index": 0, "text": "a"}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "a"}),
    ];
    for again in again {
        let events = [
            done.clone(),
            think("b"),
            again.clone(),
            think("c"),
            completed(),
        ];
        let told = try_read(&events).0.unwrap();
        let ends = told
            .iter()
            .filter(|event| matches!(event, TurnEvent::ReasoningEnd { .. }));
        assert_eq!(ends.count(), 2, "{again}: {told:?}");
    }
}
