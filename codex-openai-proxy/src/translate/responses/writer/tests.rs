//! What a reply of Responses is made of, and how it ends.

use super::*;
use crate::{
    turn::ToolCall,
    wire::{
        object::Object,
        sse::{Decoder, Event},
    },
};
use serde_json::{Value, json};

fn writer(id: &str) -> ResponseWriter {
    let body = Object::parse(br#"{"model":"m","input":"x"}"#).unwrap();
    let head = ResponseHead {
        id: id.to_owned(),
        created_at: 1,
        model: "m".to_owned(),
        conversation: ConversationId::new("chat-1"),
        store: true,
        echo: Echo::of(&body),
    };
    let options = WriterOptions {
        reasoning: ReasoningStyle::Content,
        include_encrypted: true,
        tool_names: ToolNames::default(),
    };
    ResponseWriter::new(head, options)
}

fn text(text: &str) -> TurnEvent {
    TurnEvent::Text(text.to_owned())
}

fn begun(id: &str) -> TurnEvent {
    TurnEvent::ToolCallBegun {
        index: 0,
        id: id.to_owned(),
        name: "f".to_owned(),
        kind: ToolKind::Function,
    }
}

fn delta(arguments: &str) -> TurnEvent {
    TurnEvent::ToolCallDelta {
        index: 0,
        arguments: arguments.to_owned(),
    }
}

fn call(id: &str, arguments: &str) -> TurnEvent {
    TurnEvent::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        kind: ToolKind::Function,
        arguments: arguments.to_owned(),
    })
}

fn stop() -> TurnEvent {
    TurnEvent::Finished {
        reason: FinishReason::Stop,
        usage: None,
    }
}

/// The events of a stream: their types, and what they say.
fn events(stream: &[u8]) -> Vec<(String, Value)> {
    let mut events = Vec::new();
    Decoder::new(1 << 20).feed(stream, &mut events).unwrap();
    events
        .into_iter()
        .map(|Event { event, data }| (event.unwrap(), serde_json::from_str(&data).unwrap()))
        .collect()
}

/// The response after these events, none of which was streamed.
fn folded(events: impl IntoIterator<Item = TurnEvent>) -> Value {
    let mut writer = writer("resp_1");
    for event in events {
        writer.fold(event);
    }
    json!(writer.response())
}

#[test]
fn an_error_before_anything_else_ends_a_stream_that_has_begun() {
    let mut writer = writer("resp_1");
    assert!(!writer.has_begun());
    let error = ErrorBody::new("rate_limit_error", "Slow down.");
    let mut stream = Vec::new();
    writer.on_error(&error, &mut stream);
    assert!(writer.has_begun() && writer.has_ended());

    let events = events(&stream);
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    let expected = [
        "response.created",
        "response.in_progress",
        "response.failed",
    ];
    assert_eq!(kinds, expected);
    let response = &events[2].1["response"];
    assert_eq!(response["status"], "failed");
    assert_eq!(
        response["error"],
        json!({"code": "rate_limit_exceeded", "message": "Slow down."})
    );
}

#[test]
fn a_cancelled_stream_says_so_and_keeps_what_was_said() {
    let mut writer = writer("resp_1");
    let mut stream = Vec::new();
    writer.on_event(text("Half a "), &mut stream);
    writer.on_cancelled(&mut stream);
    let (kind, last) = events(&stream).pop().unwrap();
    assert_eq!(kind, "response.failed");
    assert_eq!(last["response"]["status"], "cancelled");
    assert_eq!(
        last["response"]["error"]["message"],
        "The response was cancelled."
    );
    let message = &last["response"]["output"][0];
    assert_eq!(message["status"], "incomplete");
    assert_eq!(message["content"][0]["text"], "Half a ");
}

#[test]
fn errors_are_told_in_the_words_that_a_response_has() {
    let code = |kind: &'static str, code: Option<&'static str>| {
        let mut writer = writer("resp_1");
        writer.fail(&ErrorBody::new(kind, "x").with_code(code));
        json!(writer.response())["error"]["code"].clone()
    };
    let told = [
        // The Codex CLI gives up at once after these.
        (
            "insufficient_quota",
            Some("usage_limit_reached"),
            "insufficient_quota",
        ),
        ("tokens", Some("insufficient_quota"), "insufficient_quota"),
        (
            "invalid_request_error",
            Some("context_length_exceeded"),
            "context_length_exceeded",
        ),
        (
            "server_error",
            Some("server_is_overloaded"),
            "server_is_overloaded",
        ),
        (
            "server_error",
            Some("upstream_auth_error"),
            "invalid_prompt",
        ),
        (
            "authentication_error",
            Some("not_logged_in"),
            "invalid_prompt",
        ),
        (
            "invalid_request_error",
            Some("model_not_found"),
            "invalid_prompt",
        ),
        ("invalid_request_error", None, "invalid_prompt"),
        // After these it asks again.
        (
            "rate_limit_error",
            Some("rate_limit_exceeded"),
            "rate_limit_exceeded",
        ),
        ("tokens", Some("rate_limit_exceeded"), "rate_limit_exceeded"),
        (
            "invalid_request_error",
            Some("conversation_busy"),
            "server_error",
        ),
        ("server_error", Some("upstream_timeout"), "server_error"),
        ("server_error", None, "server_error"),
    ];
    for (kind, word, expected) in told {
        assert_eq!(code(kind, word), expected, "{kind} {word:?}");
    }
}

#[test]
fn a_response_can_be_looked_at_while_it_grows() {
    let mut writer = writer("resp_1");
    writer.fold(text("One"));
    writer.fold(begun("call_a"));
    writer.fold(delta("{\"a\""));
    let response = json!(writer.response());
    assert_eq!(response["status"], "in_progress");
    assert_eq!(response["conversation"], json!({"id": "chat-1"}));
    assert_eq!(response["store"], true);
    assert_eq!(
        response["output"],
        json!([
            {
                "type": "message",
                "id": "msg_100",
                "status": "completed",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "One", "annotations": [], "logprobs": []},
                ],
            },
            {
                "type": "function_call",
                "id": "fc_101",
                "status": "in_progress",
                "call_id": "call_a",
                "name": "f",
                "arguments": "{\"a\"",
            },
        ])
    );
}

#[test]
fn what_the_whole_call_says_holds_against_its_fragments() {
    let mut writer = writer("resp_1");
    let mut stream = Vec::new();
    for event in [begun("call_a"), delta("{\"a\":"), call("call_a", "{}")] {
        writer.on_event(event, &mut stream);
    }
    let kinds_and_arguments: Vec<(String, Value)> = events(&stream)
        .into_iter()
        .skip(3)
        .map(|(kind, event)| (kind, event["delta"].clone()))
        .collect();
    let expected = [
        ("response.function_call_arguments.delta", json!("{\"a\":")),
        ("response.function_call_arguments.done", Value::Null),
        ("response.output_item.done", Value::Null),
    ];
    assert_eq!(
        kinds_and_arguments,
        expected.map(|(kind, delta)| (kind.to_owned(), delta))
    );
    assert_eq!(json!(writer.response())["output"][0]["arguments"], "{}");
}

#[test]
fn a_call_that_is_told_twice_is_one_call() {
    let response = folded([call("call_a", "{}"), call("call_a", "{\"b\":1}"), stop()]);
    assert_eq!(response["output"].as_array().unwrap().len(), 1);
    assert_eq!(response["output"][0]["arguments"], "{}");
}

#[test]
fn a_call_without_its_end_is_incomplete_even_where_the_reply_is_whole() {
    let response = folded([begun("call_a"), delta("{"), stop()]);
    assert_eq!(response["status"], "completed");
    assert_eq!(response["output"][0]["status"], "incomplete");
}

#[test]
fn reasoning_that_was_cut_off_says_so() {
    let end = TurnEvent::Finished {
        reason: FinishReason::Length,
        usage: Some(Usage {
            input: 9,
            cached: 1,
            output: 5,
            reasoning: 5,
        }),
    };
    let response = folded([TurnEvent::Reasoning("Let me".to_owned()), end]);
    assert_eq!(response["status"], "incomplete");
    assert_eq!(
        response["incomplete_details"],
        json!({"reason": "max_output_tokens"})
    );
    let output = response["output"].as_array().unwrap();
    assert_eq!(output.len(), 1, "nothing was said: {output:?}");
    assert_eq!(output[0]["status"], "incomplete");
    assert_eq!(response["usage"]["total_tokens"], 14);
    assert_eq!(
        response["usage"]["output_tokens_details"]["reasoning_tokens"],
        5
    );
}

#[test]
fn items_of_different_responses_have_different_ids() {
    let id = |response: &str| {
        let mut writer = writer(response);
        writer.fold(text("x"));
        json!(writer.response())["output"][0]["id"].clone()
    };
    assert_eq!(id("resp_ab12"), "msg_ab1200");
    assert_eq!(id("resp_ab13"), "msg_ab1300");
}
