//! Replies in one piece in place of a stream.

use super::{responses::events_of, *};

/// What a client that was promised a stream gets of a reply in one piece.
fn late(shape: Shape, body: &Value) -> String {
    let body = Bytes::from(body.to_string());
    let whole = Whole::read(&body, shape, &head(), &mut Vec::new()).unwrap();
    let mut relay = StreamRelay::new(shape, head());
    let mut out = Vec::new();
    relay.on_whole(&whole, &mut out);
    assert!(relay.has_ended());
    String::from_utf8(out).unwrap()
}

#[test]
fn a_completion_in_one_piece_becomes_a_stream() {
    let call =
        |id| json!({"id": id, "type": "function", "function": {"name": "ls", "arguments": "{}"}});
    let out = late(
        Shape::Chat,
        &json!({
            "id": "c", "object": "chat.completion", "model": "llama3", "x_new": 1,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": "hi", "tool_calls": [call("a"), call("b")]},
                "finish_reason": "tool_calls",
            }],
            "usage": {"prompt_tokens": 5},
        }),
    );
    let chunk = out.strip_suffix("\n\ndata: [DONE]\n\n").unwrap();
    let chunk: Value = serde_json::from_str(chunk.strip_prefix("data: ").unwrap()).unwrap();
    let indexed = |index: u8, id| {
        let mut call = call(id);
        call["index"] = index.into();
        call
    };
    let calls = [indexed(0, "a"), indexed(1, "b")];
    assert_eq!(
        chunk,
        json!({
            "id": "c", "object": "chat.completion.chunk", "model": SENT, "x_new": 1,
            "choices": [{
                "index": 0,
                "delta": {"role": "assistant", "content": "hi", "tool_calls": calls},
                "finish_reason": "tool_calls",
            }],
            "usage": {"prompt_tokens": 5},
        })
    );
    // As any stream, it is understood.
    let said = relay(Shape::Chat, &out).said;
    assert!(said.contains(&text("hi")), "{said:?}");
}

#[test]
fn a_response_in_one_piece_becomes_a_stream() {
    let output = json!([
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "so"}]},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": "hi", "annotations": [{"type": "x_new"}]},
        ]},
        {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "ls", "arguments": "{}"},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "b", "name": "patch", "input": "+"},
    ]);
    let response = |model| {
        json!({
            "id": "resp_theirs", "model": model, "status": "completed",
            "output": output, "usage": {"input_tokens": 5}, "x_new": 1,
        })
    };
    let out = late(Shape::Responses, &response("llama3"));
    let events = events_of(&out);
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let created = &events[0];
    assert_eq!(created["type"], "response.created");
    assert_eq!(created["response"]["id"], "resp_theirs");
    assert_eq!(created["response"]["status"], "in_progress");
    assert_eq!(created["response"]["output"], json!([]));
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"], response(SENT));
    let of = |kind: &str| -> Vec<&Value> {
        let events = events.iter().filter(|event| event["type"] == kind);
        events.collect()
    };
    let done = of("response.output_item.done");
    let done: Vec<_> = done.iter().map(|event| event["item"].clone()).collect();
    assert_eq!(Value::from(done), output);
    assert_eq!(of("response.output_item.added").len(), 4);
    let delta = |kind: &str| of(kind)[0]["delta"].clone();
    assert_eq!(delta("response.output_text.delta"), "hi");
    assert_eq!(delta("response.function_call_arguments.delta"), "{}");
    assert_eq!(delta("response.custom_tool_call_input.delta"), "+");
    // As any stream, it is understood, and nothing is said twice.
    let relayed = relay(Shape::Responses, &out);
    assert_eq!(relayed.out, out);
    let said = relayed.said.iter().filter(|event| **event == text("hi"));
    assert_eq!(said.count(), 1);
}
