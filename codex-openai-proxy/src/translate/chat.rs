//! Chat Completions: requests into turns, events into chunks or into one reply.

mod calls;
mod chunks;
mod dialect;
mod folder;
mod from_client;
mod from_upstream;
mod grammar;
mod messages;
mod models;
mod thoughts;
mod to_upstream;

pub use chunks::ChunkWriter;
pub use dialect::{Dialect, LimitField};
pub use folder::ReplyFolder;
pub use from_client::from_client;
pub use from_upstream::CompletionReader;
pub use models::model_list;
pub use to_upstream::{Written, to_upstream};

use crate::{
    turn::{ConversationId, Usage},
    wire::chat::{
        CompletionUsage,
        completion::{CompletionTokensDetails, PromptTokensDetails},
    },
};

/// What every chunk of a reply says alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyHead {
    /// `chatcmpl-…`.
    pub id: String,
    /// When the reply began, in seconds since 1970.
    pub created: u64,
    /// The model's name as the client sent it.
    pub model: String,
    /// The conversation that the reply belongs to, where its engine keeps any.
    pub conversation: Option<ConversationId>,
}

/// How reasoning is shown to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningStyle {
    /// Inside `<think>…</think>` in the content.
    Think,
    /// As `reasoning_content`, beside the content.
    Content,
    /// Not at all.
    Off,
}

/// The tokens that a reply tells where the conversation does not fit the model any more and the
/// error is hidden: more than any model takes, so that the client compacts.
const OVERFLOW_TOKENS: u64 = 1_000_000;

/// The usage of such a reply.
fn overflow_usage() -> Usage {
    Usage {
        input: OVERFLOW_TOKENS,
        ..Usage::default()
    }
}

/// Token counts as the API has them.
fn completion_usage(usage: Usage) -> CompletionUsage {
    CompletionUsage {
        prompt_tokens: usage.input,
        completion_tokens: usage.output,
        total_tokens: usage.total(),
        prompt_tokens_details: PromptTokensDetails {
            cached_tokens: usage.cached,
            ..PromptTokensDetails::default()
        },
        completion_tokens_details: CompletionTokensDetails {
            reasoning_tokens: usage.reasoning,
            ..CompletionTokensDetails::default()
        },
    }
}
