//! What comes back while a turn runs.

use super::{ToolCall, ToolKind, Usage};

/// One step of a running turn.
///
/// A turn ends exactly once: with [`TurnEvent::Finished`], or with a
/// [`TurnError`](super::TurnError) in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnEvent {
    /// More of the answer. Never empty; never text that was sent before.
    Text(String),
    /// The message is whole: text that comes later belongs to another. Engines that know no more
    /// than one message a reply leave it out.
    MessageEnd,
    /// More of the reasoning that the model shows: a summary, or raw thought where the upstream
    /// sends it. Never empty.
    Reasoning(String),
    /// A part of the reasoning is whole: what comes next is another part.
    ReasoningBreak,
    /// The reasoning is whole, whether any of it was shown or not. More of it is another item.
    ReasoningEnd {
        /// All of it, sealed by the upstream for its own use: `encrypted_content` of Responses.
        sealed: Option<String>,
    },
    /// The model has begun to call one of the client's tools. Engines that know calls only as a
    /// whole leave this and the next event out.
    ToolCallBegun {
        /// Counts the calls of the reply that were begun, from 0.
        index: usize,
        /// As in the [`ToolCall`] that follows.
        id: String,
        /// As in the [`ToolCall`] that follows.
        name: String,
        /// As in the [`ToolCall`] that follows.
        kind: ToolKind,
    },
    /// More of the arguments of a call that was begun. Those of several calls may alternate.
    ToolCallDelta {
        /// Which call.
        index: usize,
        /// What comes next in its arguments. Never empty.
        arguments: String,
    },
    /// The model calls one of the client's tools. Comes once for each call, with all of its
    /// arguments, after those of its fragments that came.
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
