//! What comes back while a turn runs.

use super::{ToolCall, Usage};

/// One step of a running turn.
///
/// A turn ends exactly once: with [`TurnEvent::Finished`], or with a
/// [`TurnError`](super::TurnError) in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnEvent {
    /// More of the answer. Never empty; never text that was sent before.
    Text(String),
    /// More of the reasoning that the model shows: a summary, or raw thought where the upstream
    /// sends it.
    Reasoning(String),
    /// The model calls one of the client's tools.
    ToolCall(ToolCall),
    /// The model has spoken its last word in this reply.
    Finished {
        /// Why it stopped.
        reason: FinishReason,
        /// What it took, where the upstream said so.
        usage: Option<Usage>,
    },
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The answer is complete.
    Stop,
    /// The client has to run tools and send their results.
    ToolCalls,
    /// The upstream's output limit was reached.
    Length,
    /// The upstream withheld the rest.
    ContentFilter,
}

impl FinishReason {
    /// OpenAI's word for it: `finish_reason` of Chat Completions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::ToolCalls => "tool_calls",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
        }
    }
}
