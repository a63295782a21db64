//! What the log tells of a turn.

use super::error::ErrorReply;
use crate::turn::{ConversationId, FinishReason, TurnError, TurnEvent, Usage};
use std::{thread, time::Instant};
use tracing::Span;

/// Watches one reply and logs its end, once: finished, failed, or left by the client.
#[derive(Debug)]
pub struct TurnLog {
    /// The request's span. A body outlives the call in which its span is entered.
    span: Span,
    conversation: ConversationId,
    begun: Instant,
    first_event_ms: Option<u64>,
    reasoning: bool,
    ended: bool,
}

impl TurnLog {
    /// Begins with a turn of `conversation`, inside its request's span.
    #[must_use]
    pub fn begin(conversation: ConversationId) -> Self {
        Self {
            span: Span::current(),
            conversation,
            begun: Instant::now(),
            first_event_ms: None,
            reasoning: false,
            ended: false,
        }
    }

    /// Sees an event go to the client.
    pub fn on_event(&mut self, event: &TurnEvent) {
        if self.first_event_ms.is_none() {
            self.first_event_ms = Some(self.elapsed_ms());
        }
        match event {
            TurnEvent::Reasoning(_) if !self.reasoning => {
                self.reasoning = true;
                tracing::info!(
                    parent: &self.span,
                    after_ms = self.elapsed_ms(),
                    "reasoning_detected"
                );
            }
            TurnEvent::Reasoning(_) | TurnEvent::Text(_) => {}
            TurnEvent::ToolCall(call) => {
                tracing::info!(
                    parent: &self.span,
                    tool = call.name,
                    call_id = call.id,
                    "tool_call"
                );
            }
            TurnEvent::Finished { reason, usage } => self.on_finished(*reason, *usage),
        }
    }

    /// Sees a reply fail after its status was sent.
    pub fn on_error(&mut self, error: &ErrorReply) {
        self.ended = true;
        let object = &error.body.error;
        tracing::warn!(
            parent: &self.span,
            conversation = self.conversation.as_str(),
            status = error.status.as_u16(),
            code = object.code,
            reason = object.message,
            duration_ms = self.elapsed_ms(),
            first_event_ms = self.first_event_ms,
            "stream_failed"
        );
    }

    /// Sees the error that the conversation does not fit the model, in whose place the client gets
    /// an empty reply.
    pub fn on_overflow(&mut self, error: &TurnError) {
        self.ended = true;
        tracing::warn!(
            parent: &self.span,
            conversation = self.conversation.as_str(),
            reason = %error,
            duration_ms = self.elapsed_ms(),
            "context_overflow_hidden"
        );
    }

    /// The turn failed while its status could still be sent; whoever sends it logs it.
    pub fn leave_to_status(mut self) {
        self.ended = true;
    }

    fn on_finished(&mut self, reason: FinishReason, usage: Option<Usage>) {
        self.ended = true;
        tracing::info!(
            parent: &self.span,
            conversation = self.conversation.as_str(),
            finish_reason = ?reason,
            input_tokens = usage.map(|usage| usage.input),
            cached_tokens = usage.map(|usage| usage.cached),
            output_tokens = usage.map(|usage| usage.output),
            reasoning_tokens = usage.map(|usage| usage.reasoning),
            duration_ms = self.elapsed_ms(),
            first_event_ms = self.first_event_ms,
            "client_response"
        );
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for TurnLog {
    fn drop(&mut self) {
        if self.ended || thread::panicking() {
            return;
        }
        tracing::info!(
            parent: &self.span,
            conversation = self.conversation.as_str(),
            duration_ms = self.elapsed_ms(),
            first_event_ms = self.first_event_ms,
            "client_disconnected"
        );
    }
}
