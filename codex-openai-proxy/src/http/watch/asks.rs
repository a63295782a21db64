//! What a request asks for and brings along, in the words of the log.

use crate::{
    config::KeptBodies,
    traffic::{
        Event,
        record::{Asks, PREVIEW},
    },
    turn::{Item, ModelName, Part, Role, ToolCall, ToolKind, TurnRequest},
};

/// Where Cursor puts what its user typed, among much else.
const TYPED: (&str, &str) = ("<user_query>", "</user_query>");

/// What a request asks for. `messages` counts what came, `dropped` names the fields without effect.
#[must_use]
pub fn asks(
    turn: &TurnRequest,
    model: &ModelName,
    messages: usize,
    stream: bool,
    dropped: Vec<String>,
    bodies: KeptBodies,
) -> Asks {
    Asks {
        model: model.sent.clone(),
        stream,
        messages,
        tools: turn.tools.len(),
        dropped,
        preview: (bodies != KeptBodies::Off)
            .then(|| preview(&turn.items))
            .flatten(),
    }
}

/// The tool results with which a request ends: those that are new.
pub fn results(items: &[Item]) -> impl Iterator<Item = Event> {
    let answered = items.iter().rposition(is_reply).map_or(0, |last| last + 1);
    let (before, new) = items.split_at(answered);
    new.iter().filter_map(|item| match item {
        Item::ToolResult {
            call_id, output, ..
        } => Some(Event::ToolResultReceived {
            call_id: call_id.clone(),
            name: name_of(call_id, before),
            bytes: output.iter().map(size).sum(),
        }),
        Item::Message { .. } | Item::ToolCall(_) => None,
    })
}

/// That a call went out.
pub(super) fn forwarded(call: &ToolCall) -> Event {
    Event::ToolCallForwarded {
        name: call.name.clone(),
        call_id: call.id.clone(),
        kind: match call.kind {
            ToolKind::Function => "function",
            ToolKind::Custom => "custom",
        },
        bytes: call.arguments.len(),
    }
}

fn is_reply(item: &Item) -> bool {
    matches!(
        item,
        Item::ToolCall(_)
            | Item::Message {
                role: Role::Assistant,
                ..
            }
    )
}

fn name_of(id: &str, items: &[Item]) -> Option<String> {
    items.iter().rev().find_map(|item| match item {
        Item::ToolCall(call) if call.id == id => Some(call.name.clone()),
        _ => None,
    })
}

fn size(part: &Part) -> usize {
    match part {
        Part::Text(text) => text.len(),
        Part::Image { url, .. } => url.len(),
    }
}

/// How the user's last message begins: more of it than is kept, so that what is secret in it can be
/// known by its end.
fn preview(items: &[Item]) -> Option<String> {
    let content = items.iter().rev().find_map(|item| match item {
        Item::Message {
            role: Role::User,
            content,
        } => Some(content),
        _ => None,
    })?;
    let mut texts = content.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Image { .. } => None,
    });
    let typed = texts.clone().find_map(typed);
    let text = typed.or_else(|| texts.next_back())?.trim();
    Some(text.chars().take(2 * PREVIEW).collect())
}

fn typed(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once(TYPED.0)?;
    Some(rest.split_once(TYPED.1).map_or(rest, |(typed, _)| typed))
}
