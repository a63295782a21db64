//! What an item of a reply is, how far it is, and what it says.

use super::{calls::Call, thought::Thought};
use crate::{
    turn::ToolKind,
    wire::{
        responses::upstream::Item,
        upstream::{Content, Field, Piece},
    },
};
use std::{borrow::Cow, collections::BTreeSet};

/// How far an item is.
#[derive(Debug)]
pub(super) enum State {
    Message(Spoken),
    Reasoning(Thought),
    Call(Call),
    /// All is told, or it is nothing that a client has a use for.
    Done,
}

/// What was told of a message.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    pub(super) parts: BTreeSet<u64>,
    /// In bytes.
    pub(super) length: usize,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    Message,
    Reasoning,
    Call(ToolKind),
    /// What the provider does by itself.
    Other,
}

impl State {
    /// Whether this is open, and of that kind; and where it is a call, not one of another id.
    pub(super) fn fits(&self, kind: ItemKind, call_id: Option<&str>) -> bool {
        match (self, kind) {
            (Self::Message(_), ItemKind::Message) | (Self::Reasoning(_), ItemKind::Reasoning) => {
                true
            }
            (Self::Call(call), ItemKind::Call(_)) => match (call.id(), call_id) {
                (Some(own), Some(id)) => own == id,
                _ => true,
            },
            _ => false,
        }
    }
}

impl ItemKind {
    pub(super) fn of(item: &Item<'_>) -> Self {
        match item.kind.as_deref() {
            Some("message") => Self::Message,
            Some("reasoning") => Self::Reasoning,
            Some("function_call") => Self::Call(ToolKind::Function),
            Some("custom_tool_call") => Self::Call(ToolKind::Custom),
            _ => Self::Other,
        }
    }

    /// What an event of that type tells of.
    pub(super) fn of_event(kind: &str) -> Self {
        match kind.strip_prefix("response.").unwrap_or_default() {
            name if name.starts_with("output_text.") || name.starts_with("refusal.") => {
                Self::Message
            }
            name if name.starts_with("reasoning_") => Self::Reasoning,
            name if name.starts_with("function_call_") => Self::Call(ToolKind::Function),
            name if name.starts_with("custom_tool_call_") => Self::Call(ToolKind::Custom),
            _ => Self::Other,
        }
    }

    /// The state of such an item when it begins.
    pub(super) fn begun(self) -> State {
        match self {
            Self::Message => State::Message(Spoken::default()),
            Self::Reasoning => State::Reasoning(Thought::begun()),
            Self::Call(_) => State::Call(Call::default()),
            Self::Other => State::Done,
        }
    }
}

/// Text that says something.
pub(super) fn filled(text: Field<Cow<'_, str>>) -> Option<String> {
    let text = text.get().filter(|text| !text.is_empty());
    text.map(Cow::into_owned)
}

/// The same by reference.
pub(super) fn said<'a>(text: &'a Field<Cow<'_, str>>) -> Option<&'a str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// The texts of content that say something.
pub(super) fn texts(content: Field<Content<'_>>) -> impl Iterator<Item = String> {
    let pieces = content.get().into_iter().flat_map(Content::pieces);
    pieces.filter_map(said_in)
}

/// The text of a piece that says something.
pub(super) fn said_in(piece: Piece<'_>) -> Option<String> {
    match piece {
        Piece::Text(text) if !text.is_empty() => Some(text.into_owned()),
        Piece::Text(_) | Piece::Thinking(_) => None,
    }
}
