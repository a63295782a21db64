//! A turn in the words of both APIs: whatever its events, clients get streams that they can read, and
//! replies in one piece that say the same.

use super::{chat_client::Heard, response_client::Client, told::Told};
use codex_openai_proxy::{
    translate::{
        ToolNames,
        chat::{ChunkWriter, ReasoningStyle, ReplyFolder, ReplyHead},
        responses::{Echo, ResponseHead, ResponseWriter, WriterOptions},
    },
    turn::{FinishReason, TurnError, TurnEvent},
    wire::{error::ErrorBody, object::Object},
};
use serde_json::{Value, json};
use std::collections::HashMap;

/// What a stream shows reasoning as.
const STYLES: [ReasoningStyle; 3] = [
    ReasoningStyle::Think,
    ReasoningStyle::Content,
    ReasoningStyle::Off,
];

/// Writes a turn in every way. It ended with `failure`, or with the last of its events.
///
/// # Panics
///
/// A client would not understand it, or would understand something else.
pub fn write(events: &[TurnEvent], failure: Option<&TurnError>) -> Told {
    let told = Told::of(events);
    assert_ne!(
        told.end.is_some(),
        failure.is_some(),
        "one end: {failure:?}"
    );
    for style in STYLES {
        chat(events, &told, style);
        responses(events, &told, style);
    }
    told
}

/// What a client is told of a failure.
fn error() -> ErrorBody {
    ErrorBody::new("server_error", "boo")
}

fn chat(events: &[TurnEvent], told: &Told, style: ReasoningStyle) {
    let head = ReplyHead {
        id: "chatcmpl-x".to_owned(),
        created: 1,
        model: "m".to_owned(),
        conversation: None,
    };
    let mut writer = ChunkWriter::new(&head, style, true);
    let mut folder = ReplyFolder::new(head, style);
    let mut stream = Vec::new();
    for event in events {
        writer.on_event(event.clone(), &mut stream);
        folder.on_event(event.clone());
    }
    if told.end.is_none() {
        writer.on_error(&error(), &mut stream);
    }
    let length = stream.len();
    writer.on_event(TurnEvent::Text("late".to_owned()), &mut stream);
    writer.on_error(&error(), &mut stream);
    assert_eq!(stream.len(), length, "nothing follows the end");

    let reply = Heard::of(&stream);
    assert_eq!(reply.model.as_deref().unwrap_or("m"), "m");
    let Some((reason, usage)) = told.end else {
        assert_eq!(reply.error, Some(json!(error())));
        assert!(folder.finish().is_none());
        return;
    };
    assert_eq!(reply.error, None);
    assert_eq!(reply.reason.as_deref(), Some(heard_reason(reason, &reply)));
    assert_eq!(reply.usage.is_some(), usage.is_some());
    if style != ReasoningStyle::Think {
        assert_eq!(reply.content, told.paragraphs);
    }
    let whole = folder
        .finish()
        .map(|whole| json!(whole))
        .unwrap_or_default();
    let message = &whole["choices"][0]["message"];
    assert_eq!(
        message["content"].as_str().unwrap_or_default(),
        reply.content
    );
    let reasoning = message["reasoning_content"].as_str().unwrap_or_default();
    assert_eq!(reasoning, reply.reasoning);
    assert_eq!(
        message.get("tool_calls").cloned().unwrap_or(json!([])),
        json!(reply.calls)
    );
    assert_eq!(
        whole["choices"][0]["finish_reason"].as_str(),
        reply.reason.as_deref()
    );
}

/// The word for the end: it has to agree with what the client saw.
fn heard_reason(reason: FinishReason, heard: &Heard) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::ToolCalls if heard.calls.is_empty() => "stop",
        FinishReason::Stop | FinishReason::ToolCalls => "tool_calls",
        other => other.as_str(),
    }
}

fn writer(style: ReasoningStyle) -> ResponseWriter {
    let head = ResponseHead {
        id: "resp_x".to_owned(),
        created_at: 1,
        model: "m".to_owned(),
        conversation: None,
        store: false,
        echo: Echo::of(&Object::default()),
    };
    let options = WriterOptions {
        reasoning: style,
        include_encrypted: style == ReasoningStyle::Content,
        tool_names: ToolNames::default(),
    };
    ResponseWriter::new(head, options)
}

fn responses(events: &[TurnEvent], told: &Told, style: ReasoningStyle) {
    let (mut streamed, mut whole) = (writer(style), writer(style));
    let mut stream = Vec::new();
    for event in events {
        streamed.on_event(event.clone(), &mut stream);
        whole.fold(event.clone());
    }
    if told.end.is_none() {
        streamed.on_error(&error(), &mut stream);
        whole.fail(&error());
    }
    let length = stream.len();
    streamed.on_event(TurnEvent::Text("late".to_owned()), &mut stream);
    streamed.on_error(&error(), &mut stream);
    streamed.on_silence(&mut stream);
    assert_eq!(stream.len(), length, "nothing follows the end");

    let client = Client::read(&stream);
    let Some((kind, response)) = &client.end else {
        panic!("a stream without an end");
    };
    assert_eq!(response, &json!(whole.response()));
    let expected = match told.end {
        None => "response.failed",
        Some((FinishReason::Stop | FinishReason::ToolCalls, _)) => "response.completed",
        Some((FinishReason::Length | FinishReason::ContentFilter, _)) => "response.incomplete",
    };
    assert_eq!(kind, expected);
    assert_eq!(client.said("message"), told.text);
    if style != ReasoningStyle::Off {
        assert_eq!(client.said("reasoning"), told.reasoning);
    }
    let items = client.items.iter().filter_map(|item| item.done.as_ref());
    let heard: HashMap<&str, &Value> = items
        .filter(|item| item["status"] == "completed")
        .filter_map(|item| Some((item["call_id"].as_str()?, item)))
        .collect();
    assert_eq!(heard.len(), told.calls.len());
    for call in &told.calls {
        let item = heard.get(call.id.as_str()).copied().unwrap_or(&Value::Null);
        let arguments = item.get("input").unwrap_or(&item["arguments"]);
        assert_eq!(arguments, &call.arguments, "{call:?}");
    }
}
