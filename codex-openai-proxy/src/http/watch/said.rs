//! What a reply said, put together again for the log.

use crate::{
    translate::chat::{ReasoningStyle, ReplyFolder, ReplyHead},
    turn::{FinishReason, ToolCall, TurnEvent, Usage},
};
use bytes::Bytes;
use std::mem;

/// Between two messages, and between two parts of the reasoning.
const PARAGRAPH: &str = "\n\n";

/// The longest reply that is put together, in bytes. What comes behind that is not kept: a client that
/// reads on and on must not fill our memory.
const LONGEST: usize = 8 * 1024 * 1024;

/// What a reply said, that of a kind joined.
#[derive(Debug, Default)]
pub(super) struct Said {
    reasoning: String,
    text: String,
    new_paragraph: bool,
    new_thought: bool,
    calls: Vec<ToolCall>,
    size: usize,
    end: Option<TurnEvent>,
}

impl Said {
    /// Adds an event.
    pub(super) fn add(&mut self, event: &TurnEvent) {
        match event {
            TurnEvent::Text(text) => self.text(text),
            TurnEvent::Reasoning(text) => self.reasoning(text),
            TurnEvent::MessageEnd => self.new_paragraph = !self.text.is_empty(),
            TurnEvent::ReasoningBreak | TurnEvent::ReasoningEnd { .. } => {
                self.new_thought = !self.reasoning.is_empty();
            }
            TurnEvent::ToolCall(call) => self.call(call.clone()),
            // The call comes whole too.
            TurnEvent::ToolCallBegun { .. } | TurnEvent::ToolCallDelta { .. } => {}
            TurnEvent::Finished { reason, usage } => self.finished(*reason, *usage),
        }
    }

    /// Adds text of the answer.
    pub(super) fn text(&mut self, text: &str) {
        if self.has_room(text.len()) {
            if mem::take(&mut self.new_paragraph) {
                self.text.push_str(PARAGRAPH);
            }
            self.text.push_str(text);
        }
    }

    /// Adds reasoning.
    pub(super) fn reasoning(&mut self, text: &str) {
        if self.has_room(text.len()) {
            if mem::take(&mut self.new_thought) {
                self.reasoning.push_str(PARAGRAPH);
            }
            self.reasoning.push_str(text);
        }
    }

    /// Adds a call.
    pub(super) fn call(&mut self, call: ToolCall) {
        if self.has_room(call.arguments.len()) {
            self.calls.push(call);
        }
    }

    /// Notes how it ended.
    pub(super) fn finished(&mut self, reason: FinishReason, usage: Option<Usage>) {
        self.end = Some(TurnEvent::Finished { reason, usage });
    }

    fn has_room(&mut self, more: usize) -> bool {
        self.size = self.size.saturating_add(more);
        self.size <= LONGEST
    }

    /// As one `chat.completion`, whose finish reason is null where the reply did not end well.
    pub(super) fn into_json(self, head: ReplyHead) -> Option<Bytes> {
        let mut folder = ReplyFolder::new(head, ReasoningStyle::Content);
        let said = [
            TurnEvent::Reasoning(self.reasoning),
            TurnEvent::Text(self.text),
        ];
        let calls = self.calls.into_iter().map(TurnEvent::ToolCall);
        for event in said.into_iter().chain(calls).chain(self.end) {
            folder.on_event(event);
        }
        let reply = serde_json::to_vec(&folder.so_far()).ok()?;
        Some(Bytes::from(reply))
    }
}
