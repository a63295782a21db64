//! What each event of a thread means for the reply.

use super::{End, EventReader, Step, TurnState};
use crate::{
    engine::codex::tools::ClientTools,
    turn::{FinishReason, Tool, ToolCall, ToolChoice, ToolKind, TurnError, TurnEvent, Usage},
};
use codex_protocol::protocol::EventMsg;
use serde_json::{Value, json};
use std::{sync::Arc, time::SystemTime};

pub(super) struct Reading {
    pub(super) reader: EventReader,
    out: Vec<TurnEvent>,
}

impl Reading {
    pub(super) fn new() -> Self {
        let grep = Tool {
            name: "grep".into(),
            description: None,
            parameters: json!({"type": "object", "properties": {}}),
            strict: false,
            grammar: None,
            kind: ToolKind::Function,
        };
        let tools = ClientTools::new(vec![grep], &ToolChoice::Auto).unwrap();
        Self {
            reader: EventReader::new(Arc::new(tools)),
            out: Vec::new(),
        }
    }

    /// Reads an event as core would send it.
    pub(super) fn read(&mut self, event: Value) -> Step {
        let event: EventMsg = serde_json::from_value(event).unwrap();
        self.reader
            .on_event(event, SystemTime::UNIX_EPOCH, &mut self.out)
    }

    fn text(&self) -> String {
        let texts = self.out.iter().filter_map(|event| match event {
            TurnEvent::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    fn reasoning(&self) -> String {
        let texts = self.out.iter().filter_map(|event| match event {
            TurnEvent::Reasoning(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }
}

pub(super) fn delta(item: &str, text: &str) -> Value {
    json!({"type": "agent_message_content_delta", "thread_id": "t", "turn_id": "u",
        "item_id": item, "delta": text})
}

fn reasoning(text: &str) -> Value {
    json!({"type": "reasoning_content_delta", "thread_id": "t", "turn_id": "u",
        "item_id": "rs_1", "delta": text, "summary_index": 0})
}

fn section_break() -> Value {
    json!({"type": "agent_reasoning_section_break", "item_id": "rs_1", "summary_index": 0})
}

fn raw_reasoning(text: &str) -> Value {
    json!({"type": "reasoning_raw_content_delta", "thread_id": "t", "turn_id": "u",
        "item_id": "rs_1", "delta": text, "content_index": 0})
}

fn message(item: &str, text: &str) -> Value {
    json!({"type": "raw_response_item", "item": {"type": "message", "id": item,
        "role": "assistant", "content": [{"type": "output_text", "text": text}]}})
}

pub(super) fn call(id: &str) -> Value {
    json!({"type": "raw_response_item", "item": {"type": "function_call", "call_id": id,
        "name": "grep", "arguments": "{}"}})
}

pub(super) fn completed() -> Value {
    json!({"type": "raw_response_completed", "response_id": "r", "token_usage": {
        "input_tokens": 10, "cached_input_tokens": 4, "output_tokens": 3,
        "reasoning_output_tokens": 1, "total_tokens": 13}})
}

fn turn_complete() -> Value {
    json!({"type": "task_complete", "turn_id": "u", "last_agent_message": "Hello"})
}

pub(super) fn stream_error(details: &str) -> Value {
    json!({"type": "stream_error", "message": "Reconnecting... 1/5", "additional_details": details})
}

fn finished(reason: FinishReason, usage: Option<Usage>) -> TurnEvent {
    TurnEvent::Finished { reason, usage }
}

const USAGE: Usage = Usage {
    input: 10,
    cached: 4,
    output: 3,
    reasoning: 1,
};

#[test]
fn text_is_sent_once() {
    let mut reading = Reading::new();
    reading.read(delta("m", "Hel"));
    reading.read(delta("m", "lo"));
    reading.read(message("m", "Hello"));
    assert_eq!(reading.read(completed()), Step::Continue);
    let last = reading.read(turn_complete());
    assert_eq!(reading.text(), "Hello");
    let End { outcome, turn } = ended(last);
    assert_eq!(outcome, Ok(finished(FinishReason::Stop, Some(USAGE))));
    assert_eq!(turn, TurnState::Over);
}

fn ended(step: Step) -> End {
    match step {
        Step::End(end) => end,
        Step::Continue => panic!("the reply goes on"),
    }
}

#[test]
fn text_without_deltas_comes_with_its_message() {
    let mut reading = Reading::new();
    reading.read(message("m", "Hello"));
    assert_eq!(reading.text(), "Hello");
}

#[test]
fn what_deltas_held_back_comes_with_the_message() {
    let mut reading = Reading::new();
    reading.read(delta("m", "Hello"));
    reading.read(message("m", "Hello<oai"));
    assert_eq!(reading.text(), "Hello<oai");
}

#[test]
fn each_message_ends() {
    let mut reading = Reading::new();
    reading.read(delta("m1", "One."));
    reading.read(message("m1", "One."));
    reading.read(delta("m2", "Two."));
    // core does not tell the whole of one that another follows at once.
    reading.read(delta("m3", "Three."));
    reading.read(message("m3", "Three."));
    let text = |text: &str| TurnEvent::Text(text.to_owned());
    let end = TurnEvent::MessageEnd;
    assert_eq!(
        reading.out,
        [
            text("One."),
            end.clone(),
            text("Two."),
            end.clone(),
            text("Three."),
            end,
        ]
    );
}

#[test]
fn parts_of_reasoning_are_told_apart_and_its_end_brings_it_sealed() {
    let mut reading = Reading::new();
    reading.read(section_break());
    reading.read(reasoning("First."));
    reading.read(section_break());
    reading.read(reasoning("Second."));
    reading.read(
        json!({"type": "raw_response_item", "item": {"type": "reasoning", "id": "rs_1",
        "summary": [], "encrypted_content": "sealed"}}),
    );
    let thought = |text: &str| TurnEvent::Reasoning(text.to_owned());
    assert_eq!(
        reading.out,
        [
            thought("First."),
            TurnEvent::ReasoningBreak,
            thought("Second."),
            TurnEvent::ReasoningEnd {
                sealed: Some("sealed".to_owned())
            },
        ]
    );
}

#[test]
fn raw_thought_is_shown_where_there_is_no_summary() {
    let mut reading = Reading::new();
    reading.read(raw_reasoning("hm"));
    assert_eq!(reading.reasoning(), "hm");
    let mut reading = Reading::new();
    reading.read(reasoning("Summary."));
    reading.read(raw_reasoning("hm"));
    assert_eq!(reading.reasoning(), "Summary.");
}

#[test]
fn calls_end_the_reply_and_leave_the_turn_running() {
    let mut reading = Reading::new();
    reading.read(call("c1"));
    reading.read(call("c2"));
    let End { outcome, turn } = ended(reading.read(completed()));
    assert_eq!(outcome, Ok(finished(FinishReason::ToolCalls, Some(USAGE))));
    assert_eq!(turn, TurnState::Running);
    let ids: Vec<_> = reading
        .out
        .iter()
        .map(|event| match event {
            TurnEvent::ToolCall(ToolCall { id, .. }) => id.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, ["c1", "c2"]);
}

#[test]
fn our_own_items_are_not_sent_back() {
    let mut reading = Reading::new();
    for item in [
        json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}),
        json!({"type": "message", "role": "developer", "content": []}),
        json!({"type": "function_call_output", "call_id": "c", "output": "42"}),
    ] {
        reading.read(json!({"type": "raw_response_item", "item": item}));
    }
    assert_eq!(reading.out, []);
}

#[test]
fn a_retry_before_any_output_is_core_s_business() {
    let mut reading = Reading::new();
    assert_eq!(
        reading.read(stream_error("connection reset")),
        Step::Continue
    );
}

#[test]
fn a_retry_after_text_fails_the_reply() {
    let mut reading = Reading::new();
    reading.read(delta("m", "Hel"));
    let End { outcome, turn } = ended(reading.read(stream_error("connection reset")));
    assert!(
        matches!(outcome, Err(TurnError::Upstream { .. })),
        "{outcome:?}"
    );
    assert_eq!(turn, TurnState::Running);
}

#[test]
fn a_retry_after_a_call_fails_the_reply() {
    let mut reading = Reading::new();
    reading.read(call("c"));
    assert!(ended(reading.read(stream_error("reset"))).outcome.is_err());
}

#[test]
fn a_retry_after_reasoning_does_not_repeat_it() {
    let mut reading = Reading::new();
    reading.read(reasoning("Thinking."));
    assert_eq!(reading.read(stream_error("reset")), Step::Continue);
    reading.read(reasoning("Thinking."));
    reading.read(delta("m", "Hello"));
    assert_eq!(reading.reasoning(), "Thinking.");
    assert_eq!(reading.text(), "Hello");
}

#[test]
fn an_incomplete_reply_says_why() {
    for (reason, expected) in [
        ("max_output_tokens", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
    ] {
        let mut reading = Reading::new();
        reading.read(delta("m", "Hel"));
        let text = format!(
            "stream disconnected before completion: Incomplete response returned, reason: {reason}"
        );
        let End { outcome, turn } = ended(reading.read(stream_error(&text)));
        assert_eq!(outcome, Ok(finished(expected, None)));
        assert_eq!(turn, TurnState::Running);
    }
}

#[test]
fn an_incomplete_reply_that_core_does_not_repeat_says_why_too() {
    let mut reading = Reading::new();
    reading.read(delta("m", "Hel"));
    let error = json!({"type": "error", "message": "stream disconnected before completion: \
        Incomplete response returned, reason: max_output_tokens"});
    let End { outcome, .. } = ended(reading.read(error));
    assert_eq!(outcome, Ok(finished(FinishReason::Length, None)));
}

#[test]
fn a_reply_that_fails_after_a_call_is_an_error() {
    let mut reading = Reading::new();
    reading.read(call("c"));
    assert!(ended(reading.reader.on_reply_failed()).outcome.is_err());
}

#[test]
fn a_call_that_is_read_after_its_reply_failed_is_an_error_and_not_sent() {
    let mut reading = Reading::new();
    assert_eq!(reading.reader.on_reply_failed(), Step::Continue);
    assert!(ended(reading.read(call("c"))).outcome.is_err());
    assert_eq!(reading.out, []);
}

#[test]
fn a_repeated_model_call_may_call_tools() {
    let mut reading = Reading::new();
    assert_eq!(reading.reader.on_reply_failed(), Step::Continue);
    reading.read(stream_error("reset"));
    assert_eq!(reading.read(call("c")), Step::Continue);
    assert!(ended(reading.read(completed())).outcome.is_ok());
}

#[test]
fn an_error_ends_the_reply_without_success() {
    let mut reading = Reading::new();
    let error =
        json!({"type": "error", "message": "busy", "codex_error_info": "server_overloaded"});
    let End { outcome, turn } = ended(reading.read(error));
    assert_eq!(
        outcome,
        Err(TurnError::Overloaded {
            message: "busy".into()
        })
    );
    assert_eq!(turn, TurnState::Running);
}

#[test]
fn core_may_not_act_on_its_own() {
    let mut reading = Reading::new();
    let event =
        json!({"type": "view_image_tool_call", "call_id": "c", "path": "file:///etc/passwd"});
    let End { outcome, .. } = ended(reading.read(event));
    assert!(
        matches!(outcome, Err(TurnError::Internal { .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_call_to_a_tool_that_was_never_offered_stays_between_core_and_the_model() {
    let mut reading = Reading::new();
    let mut unknown = call("call_1");
    unknown["item"]["name"] = "browse".into();
    assert_eq!(reading.read(unknown), Step::Continue);
    assert_eq!(reading.read(completed()), Step::Continue);
    assert_eq!(reading.out, []);
}

#[test]
fn what_came_of_a_message_is_known_until_the_message_is_whole() {
    let mut reading = Reading::new();
    assert_eq!(reading.reader.unfinished(), None);
    reading.read(delta("msg_1", "Half "));
    reading.read(delta("msg_1", "an answer"));
    assert_eq!(reading.reader.unfinished(), Some("Half an answer"));
    reading.read(message("msg_1", "Half an answer."));
    assert_eq!(reading.reader.unfinished(), None);
    assert_eq!(reading.text(), "Half an answer.");
}

#[test]
fn two_calls_of_one_id_break_the_reply() {
    let mut reading = Reading::new();
    assert_eq!(reading.read(call("call_1")), Step::Continue);
    let Step::End(End { outcome, turn }) = reading.read(call("call_1")) else {
        panic!("the reply goes on");
    };
    assert!(
        matches!(outcome, Err(TurnError::Upstream { .. })),
        "{outcome:?}"
    );
    assert_eq!(turn, TurnState::Running);
}
