//! Replies that go to the client as they come, and are only watched.

use super::*;

#[test]
fn items_that_the_client_gets_as_they_are_are_nothing_to_note() {
    let search = json!({"type": "response.output_item.done", "output_index": 0,
        "item": {"type": "web_search_call", "id": "ws_1"}});
    let mut reader = ResponseReader::watching("seed");
    let mut told = Vec::new();
    for event in [search, completed()] {
        assert_eq!(reader.on_data(&event.to_string(), &mut told), Ok(()));
    }
    assert_eq!(reader.notes(), []);
    assert_eq!(told, [finished(FinishReason::Stop)]);
}

#[test]
fn a_reply_that_is_watched_fills_no_memory() {
    let item = |id: &str, name: &str| json!({"type": "function_call", "call_id": id, "name": name, "arguments": ""});
    let of = |kind: &str, at: u64, item: Value| json!({"type": format!("response.output_item.{kind}"), "output_index": at, "item": item});
    let argue = |at: u64, text: &str| json!({"type": "response.function_call_arguments.delta", "output_index": at, "delta": text});
    let piece = "x".repeat(64 * 1024);
    let mut events = vec![of("added", 0, item("a", "write"))];
    events.push(argue(0, "{\"text\":\""));
    events.extend((0..100).map(|_| argue(0, &piece)));
    events.push(argue(0, "\"}"));
    let all = format!("{{\"text\":\"{}\"}}", piece.repeat(100));
    let mut ended = item("a", "write");
    ended["arguments"] = json!(all);
    events.push(of("done", 0, ended));
    events.push(of("added", 1, item("b", "read")));
    events.push(argue(1, "{}"));
    events.push(of("done", 1, item("b", "read")));
    events.push(completed());

    let mut reader = ResponseReader::watching("seed");
    let mut told = Vec::new();
    for event in events {
        assert_eq!(reader.on_data(&event.to_string(), &mut told), Ok(()));
    }
    let streamed = told.iter().map(|event| match event {
        TurnEvent::ToolCallDelta {
            index: 0,
            arguments,
        } => arguments.len(),
        _ => 0,
    });
    assert_eq!(streamed.sum::<usize>(), all.len());
    let calls: Vec<&ToolCall> = told
        .iter()
        .filter_map(|event| match event {
            TurnEvent::ToolCall(call) => Some(call),
            _ => None,
        })
        .collect();
    let kept: Vec<usize> = calls.iter().map(|call| call.arguments.len()).collect();
    assert!((512 * 1024..=1024 * 1024).contains(&kept[0]), "{kept:?}");
    assert_eq!(calls[1].arguments, "{}");
    assert_eq!(told.last(), Some(&finished(FinishReason::ToolCalls)));
    let detail = format!("write: {} bytes", all.len());
    let what = "arguments_not_kept";
    assert_eq!(reader.notes(), [Note { what, detail }]);
}
