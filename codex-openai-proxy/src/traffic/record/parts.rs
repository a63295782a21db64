//! The larger events, and the words that events are told in.

use super::json::{millis, some_millis};
use crate::turn::Usage;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What came in.
#[derive(Debug, Clone, Default, Serialize)]
pub struct IncomingRequest {
    /// The HTTP method.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// What the path leads to.
    pub route: Option<&'static str>,
    /// The `x-request-id` that the client gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The address at the other end of the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// What the API key is called that opened the door.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The client's `User-Agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The size of the body.
    pub bytes: usize,
    /// How long the body took to come.
    #[serde(rename = "read_ms", serialize_with = "millis")]
    pub read: Duration,
    /// What a request for a reply asks for; nothing where the body could not be read.
    #[serde(flatten)]
    pub asks: Option<Asks>,
}

/// What a request for a reply asks for.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Asks {
    /// The model's name as the client sent it.
    pub model: String,
    /// Whether the reply is wanted as a stream.
    pub stream: bool,
    /// How many messages it holds.
    pub messages: usize,
    /// How many tools it offers.
    pub tools: usize,
    /// Fields that have no effect.
    pub dropped: Vec<String>,
    /// How the user's last message begins, redacted. Absent where bodies are not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
}

/// A reply that ended well.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CursorResponse {
    /// The HTTP status.
    pub status: u16,
    /// Why the model stopped, in OpenAI's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<&'static str>,
    /// What it took, where the upstream said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Tokens>,
    /// The share of the input that came from the prompt cache, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_share: Option<f64>,
    /// When the first token went out, since the request came in.
    #[serde(
        rename = "first_token_ms",
        serialize_with = "some_millis",
        skip_serializing_if = "Option::is_none"
    )]
    pub first_token: Option<Duration>,
    /// Since the request came in.
    #[serde(rename = "duration_ms", serialize_with = "millis")]
    pub duration: Duration,
    /// What is special about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// A request that ended with an error, as its client sees it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RequestFailed {
    /// The HTTP status, or the one that there would have been.
    pub status: u16,
    /// OpenAI's `type`.
    pub error_type: String,
    /// OpenAI's `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// What the client is told.
    pub message: String,
    /// Whether a status of 200 had been sent before.
    pub in_stream: bool,
    /// When the first token went out, since the request came in.
    #[serde(
        rename = "first_token_ms",
        serialize_with = "some_millis",
        skip_serializing_if = "Option::is_none"
    )]
    pub first_token: Option<Duration>,
    /// Since the request came in.
    #[serde(rename = "duration_ms", serialize_with = "millis")]
    pub duration: Duration,
}

/// Token counts, as in [`Usage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Tokens read, cached ones included.
    pub input: u64,
    /// The part of `input` that came from the prompt cache.
    pub cached: u64,
    /// Tokens written, reasoning included.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
}

/// A window of a plan's limits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RateLimitWindow {
    /// `primary` or `secondary`.
    pub name: &'static str,
    /// How much of it is used up, in percent.
    pub used_percent: f64,
    /// How long it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_minutes: Option<i64>,
    /// When it begins anew, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<i64>,
}

/// Why a conversation goes on in a new thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RebuildReason {
    /// The client changed its history.
    Edited,
    /// The request needs other instructions, tools or settings than the thread, or its waiting turn,
    /// has.
    Settings,
    /// The request brings more than the one message that a thread takes.
    Input,
    /// It had been put away, or its last reply had not ended well.
    Restored,
}

/// What the first of a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// The answer.
    Text,
    /// Reasoning.
    Reasoning,
    /// A tool call.
    ToolCall,
}

/// Why a conversation was put away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiryReason {
    /// Nobody used it.
    Idle,
    /// Nobody sent the results that it waited for.
    Parked,
    /// Others were used later.
    TooMany,
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input,
            cached: usage.cached,
            output: usage.output,
            reasoning: usage.reasoning,
        }
    }
}
