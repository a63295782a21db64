//! What a reply said, put together again for the log.

use crate::{
    translate::chat::{ReasoningStyle, ReplyFolder, ReplyHead},
    turn::{ToolCall, TurnEvent},
};
use bytes::Bytes;
use std::mem;

/// Between two messages, and between two parts of the reasoning.
const PARAGRAPH: &str = "\n\n";

/// The events of a reply, those of a kind joined.
#[derive(Debug, Default)]
pub(super) struct Said {
    reasoning: String,
    text: String,
    new_paragraph: bool,
    new_thought: bool,
    calls: Vec<ToolCall>,
    end: Option<TurnEvent>,
}

impl Said {
    /// Adds an event.
    pub(super) fn add(&mut self, event: &TurnEvent) {
        match event {
            TurnEvent::Text(text) => {
                if mem::take(&mut self.new_paragraph) {
                    self.text.push_str(PARAGRAPH);
                }
                self.text.push_str(text);
            }
            TurnEvent::Reasoning(text) => {
                if mem::take(&mut self.new_thought) {
                    self.reasoning.push_str(PARAGRAPH);
                }
                self.reasoning.push_str(text);
            }
            TurnEvent::ToolCall(call) => self.calls.push(call.clone()),
            TurnEvent::MessageEnd => self.new_paragraph = !self.text.is_empty(),
            TurnEvent::ReasoningBreak | TurnEvent::ReasoningEnd { .. } => {
                self.new_thought = !self.reasoning.is_empty();
            }
            // The call comes whole too.
            TurnEvent::ToolCallBegun { .. } | TurnEvent::ToolCallDelta { .. } => {}
            TurnEvent::Finished { .. } => self.end = Some(event.clone()),
        }
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
