//! The end of a response that its provider has not ended.

use crate::{
    translate::{
        ToolNames,
        chat::{ReasoningStyle, ReplyHead},
        responses::{Echo, ResponseHead, ResponseWriter, WriterOptions},
    },
    wire::{
        error::ErrorBody,
        object::Object,
        responses::{
            added_event::{AddedEvent, OfResponse},
            reply::ResponseObject,
        },
    },
};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What went out of a response before it failed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Before<'a> {
    /// Nothing.
    Nothing,
    /// Some events, of which the next one has this number. The response as it was when it began is
    /// JSON, from the provider; `None` where it did not tell.
    Events { created: Option<&'a str>, next: u64 },
}

/// Appends `response.failed`, and what has to come before it.
///
/// The response stays what it was when it began, but for what says that it failed: items that have
/// come since then are not repeated.
pub(super) fn write(head: &ReplyHead, before: Before<'_>, error: &ErrorBody, out: &mut Vec<u8>) {
    let own = ResponseHead {
        // Not of the form that names a response which is kept here.
        id: format!("resp_{}_failed", head.id),
        created_at: head.created,
        model: head.model.clone(),
        conversation: None,
        store: false,
        // What was asked for was not read.
        echo: Echo::of(&Object::default()),
    };
    let options = WriterOptions {
        reasoning: ReasoningStyle::Off,
        include_encrypted: false,
        tool_names: ToolNames::default(),
    };
    let mut writer = ResponseWriter::new(own, options);
    let (created, next) = match before {
        Before::Nothing => return writer.on_error(error, out),
        Before::Events { created, next } => (created, next),
    };
    writer.fail(error);
    let own = writer.response();
    match created.and_then(|created| serde_json::from_str(created).ok()) {
        Some(begun) => write_event(next, failed(begun, &own), out),
        None => write_event(next, own, out),
    }
}

/// The response that the provider began, failed as ours did.
fn failed(mut begun: Map<String, Value>, own: &ResponseObject<'_>) -> Map<String, Value> {
    let error = own.error.map(|error| json!(error));
    begun.insert("status".to_owned(), json!(own.status));
    begun.insert("error".to_owned(), error.unwrap_or_default());
    begun.insert("model".to_owned(), own.model.into());
    begun
}

fn write_event(number: u64, response: impl Serialize, out: &mut Vec<u8>) {
    let event = AddedEvent {
        kind: "response.failed",
        sequence_number: number,
        members: OfResponse { response },
    };
    event.write(out);
}
