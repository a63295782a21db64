//! What a reply said, put together again for the log.

use crate::{
    translate::chat::{ReasoningStyle, ReplyFolder, ReplyHead},
    turn::{ToolCall, TurnEvent},
};
use bytes::Bytes;

/// The events of a reply, those of a kind joined.
#[derive(Debug, Default)]
pub(super) struct Said {
    reasoning: String,
    text: String,
    calls: Vec<ToolCall>,
    end: Option<TurnEvent>,
}

impl Said {
    /// Adds an event.
    pub(super) fn add(&mut self, event: &TurnEvent) {
        match event {
            TurnEvent::Text(text) => self.text.push_str(text),
            TurnEvent::Reasoning(text) => self.reasoning.push_str(text),
            TurnEvent::ToolCall(call) => self.calls.push(call.clone()),
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
