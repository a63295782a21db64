//! What the log hears of a thread's events.

use super::{
    Step,
    tests::{Reading, call, completed, delta, stream_error},
};
use serde_json::{Value, json};

impl Reading {
    /// What the log has heard since the last time, as it is written down.
    fn notes(&mut self) -> Vec<Value> {
        let notes = self.reader.notes();
        notes
            .map(|note| serde_json::to_value(note).unwrap())
            .collect()
    }
}

fn limits(used: f64) -> Value {
    json!({"type": "token_count", "info": null, "rate_limits": {
        "limit_id": "codex", "limit_name": null, "credits": null, "plan_type": "plus",
        "primary": {"used_percent": used, "window_minutes": 300, "resets_at": 1_790_000_000},
        "secondary": null}})
}

#[test]
fn each_thought_is_told_with_the_parts_of_its_summary() {
    let mut reading = Reading::new();
    let summary = [
        json!({"type": "summary_text", "text": "a"}),
        json!({"type": "summary_text", "text": "b"}),
    ];
    reading.read(
        json!({"type": "raw_response_item", "item": {"type": "reasoning", "id": "rs_1",
        "summary": summary, "encrypted_content": "sealed"}}),
    );
    assert_eq!(
        reading.notes(),
        [json!({"type": "reasoning_detected", "summary_count": 2})]
    );
    assert!(reading.notes().is_empty(), "told once");
}

#[test]
fn a_failed_call_is_told_with_whether_it_is_repeated() {
    let mut reading = Reading::new();
    assert_eq!(reading.read(stream_error("stream closed")), Step::Continue);
    assert_eq!(
        reading.notes(),
        [json!({"type": "stream_codex_error", "message": "stream closed", "retrying": true})]
    );
    reading.read(delta("msg_1", "Hel"));
    assert!(matches!(
        reading.read(stream_error("stream closed")),
        Step::End(_)
    ));
    assert_eq!(
        reading.notes(),
        [json!({"type": "stream_codex_error", "message": "stream closed", "retrying": false})]
    );
}

#[test]
fn a_turn_that_fails_is_told_in_words_of_core() {
    let mut reading = Reading::new();
    reading.read(json!({"type": "error", "message": "no such host", "codex_error_info": null}));
    assert_eq!(
        reading.notes(),
        [json!({"type": "stream_codex_error", "message": "no such host", "retrying": false})]
    );
}

#[test]
fn limits_are_told_when_they_change() {
    let mut reading = Reading::new();
    for used in [12.5, 12.5, 13.0] {
        reading.read(limits(used));
    }
    let told = |used: f64| {
        json!({"type": "rate_limits", "limit": "codex", "plan": "plus", "windows": [
            {"name": "primary", "used_percent": used, "window_minutes": 300,
                "resets_at": 1_790_000_000}]})
    };
    assert_eq!(reading.notes(), [told(12.5), told(13.0)]);
}

#[test]
fn what_usually_happens_is_no_news() {
    let mut reading = Reading::new();
    reading.read(delta("msg_1", "Hello"));
    reading.read(call("call_1"));
    reading.read(completed());
    assert!(reading.notes().is_empty());
}

#[test]
fn a_call_to_a_tool_that_was_never_offered_is_told() {
    let mut reading = Reading::new();
    reading.read(
        json!({"type": "raw_response_item", "item": {"type": "function_call",
        "call_id": "c", "name": "shell", "arguments": "{}"}}),
    );
    assert_eq!(
        reading.notes(),
        [json!({"type": "warning", "what": "unknown_tool_called", "detail": "shell"})]
    );
}
