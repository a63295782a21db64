//! What the log channel carries: one record for each thing that happened.

mod clean;
mod json;
mod parts;
#[cfg(test)]
mod tests;

pub use clean::PREVIEW;
pub use parts::{
    Asks, CursorResponse, ExpiryReason, IncomingRequest, RateLimitWindow, RebuildReason,
    RequestFailed, TokenKind, Tokens,
};

use crate::turn::{ConversationId, TraceId, Usage};
use chrono::{DateTime, SecondsFormat};
use json::{digits, id, millis, name, name_of, some_millis};
use serde::{Serialize, Serializer};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tracing::Level;

/// One thing that happened. As JSON it is one flat object: these fields, `type`, and those of the
/// event.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Rises with each record, also over restarts.
    pub seq: u64,
    /// When it happened.
    pub time: Timestamp,
    /// The request that it belongs to.
    #[serde(serialize_with = "id")]
    pub request: Option<Arc<str>>,
    /// The conversation that it belongs to, as far as that is known.
    #[serde(serialize_with = "name")]
    pub conversation: Option<ConversationId>,
    /// The trace that its request belongs to, where the client told. As JSON: 32 hexadecimal digits.
    #[serde(serialize_with = "digits", skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// A point in time, in microseconds since 1970. As JSON: RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = elapsed.map_or(0, |elapsed| elapsed.as_micros());
        Self(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// As `2026-11-21T03:04:05.123456Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let micros = i64::try_from(self.0).unwrap_or(i64::MAX);
        DateTime::from_timestamp_micros(micros)
            .unwrap_or_default()
            .to_rfc3339_opts(SecondsFormat::Micros, true)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

/// What happened. The names of the variants, in snake case, are the types that users see; times are
/// told in milliseconds.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A request was read, or refused before that. Comes first.
    IncomingRequest(Box<IncomingRequest>),
    /// A turn of a Codex thread was begun, or goes on, for a request.
    CodexForward {
        /// The model's name upstream.
        mapped_model: String,
        /// How hard to think, where anybody said so.
        #[serde(skip_serializing_if = "Option::is_none")]
        effort: Option<String>,
        /// The model provider, as `config.toml` calls it.
        provider: String,
        /// codex-core's id of the thread.
        thread: String,
        /// codex-core's id of the turn.
        #[serde(skip_serializing_if = "Option::is_none")]
        turn: Option<String>,
    },
    /// A request was sent to an HTTP provider, for the first time or again.
    UpstreamForward {
        /// The model's name upstream.
        mapped_model: String,
        /// The provider, as the configuration calls it.
        provider: String,
        /// `chat` or `responses`.
        wire_api: &'static str,
        /// Whether it went there as it came, but for the model's name.
        relayed: bool,
        /// Counts from 1.
        attempt: u32,
    },
    /// A thread was started.
    ThreadStarted {
        /// Its id.
        thread: String,
        /// How long that took.
        #[serde(rename = "start_ms", serialize_with = "millis")]
        took: Duration,
        /// How many items of history it was given.
        items: usize,
    },
    /// A turn that waited for tool results goes on.
    Resumed {
        /// Its thread.
        thread: String,
        /// The turn.
        #[serde(skip_serializing_if = "Option::is_none")]
        turn: Option<String>,
        /// How many results came.
        results: usize,
        /// How long it had waited.
        #[serde(rename = "waited_ms", serialize_with = "millis")]
        waited: Duration,
    },
    /// A conversation goes on in a new thread.
    Rebuilt {
        /// The thread's id, which stays.
        thread: String,
        /// Why.
        reason: RebuildReason,
        /// How many blocks of the conversation stayed.
        kept: usize,
        /// How many there were.
        of: usize,
    },
    /// The first that the client gets to see of a reply.
    FirstToken {
        /// Since the request came in.
        #[serde(rename = "after_ms", serialize_with = "millis")]
        after: Duration,
        /// What it is.
        kind: TokenKind,
    },
    /// The model has thought.
    ReasoningDetected {
        /// Parts of the summary that it shows.
        summary_count: usize,
    },
    /// A tool call went out to the client.
    ToolCallForwarded {
        /// The tool.
        name: String,
        /// The call's id.
        call_id: String,
        /// `function` or `custom`.
        kind: &'static str,
        /// The size of its arguments, in bytes.
        bytes: usize,
    },
    /// A turn waits for the results of tool calls.
    Parked {
        /// Its thread.
        thread: String,
        /// The turn.
        #[serde(skip_serializing_if = "Option::is_none")]
        turn: Option<String>,
        /// The ids of the calls.
        calls: Vec<String>,
    },
    /// The client sent the result of a tool call.
    ToolResultReceived {
        /// The call's id.
        call_id: String,
        /// The tool, where the request says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The size of the result, in bytes.
        bytes: usize,
    },
    /// A reply ended well. The name stays the same for other clients than Cursor.
    CursorResponse(CursorResponse),
    /// A request ended with an error.
    RequestFailed(Box<RequestFailed>),
    /// The client left before its reply ended.
    ClientDisconnected {
        /// When the first token went out, since the request came in.
        #[serde(
            rename = "first_token_ms",
            serialize_with = "some_millis",
            skip_serializing_if = "Option::is_none"
        )]
        first_token: Option<Duration>,
        /// Since the request came in.
        #[serde(rename = "duration_ms", serialize_with = "millis")]
        duration: Duration,
    },
    /// codex-core tells of a failed model call.
    StreamCodexError {
        /// In its words.
        message: String,
        /// Whether it tries again.
        retrying: bool,
    },
    /// How much of the plan is used up.
    RateLimits {
        /// The limit's name, where there are several.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<String>,
        /// The plan's name.
        #[serde(skip_serializing_if = "Option::is_none")]
        plan: Option<String>,
        /// The windows that limit it.
        windows: Vec<RateLimitWindow>,
    },
    /// A conversation was put away; it goes on when its client comes back.
    Expired {
        /// Why.
        reason: ExpiryReason,
    },
    /// A request went to a conversation of its own, since it does not fit one that is being answered.
    Forked {
        /// That other conversation.
        #[serde(serialize_with = "name_of")]
        from: ConversationId,
    },
    /// A client deleted a conversation.
    ConversationDeleted,
    /// Something that whoever runs the proxy should know.
    Warning {
        /// A word for it.
        what: &'static str,
        /// More of it.
        detail: String,
    },
    /// The configuration was read again and is in force.
    ConfigReloaded {
        /// Each setting that has changed, with its old value and its new one; of secrets only that they
        /// have changed.
        changes: Vec<String>,
    },
    /// The configuration was read again and cannot be used: everything stays as it was.
    ConfigNotReloaded {
        /// What is wrong with it, as `config check` tells it, without secrets.
        mistakes: Vec<String>,
    },
}

impl Event {
    /// The types of all events.
    pub const TYPES: [&str; 22] = [
        "incoming_request",
        "codex_forward",
        "upstream_forward",
        "thread_started",
        "resumed",
        "rebuilt",
        "first_token",
        "reasoning_detected",
        "tool_call_forwarded",
        "parked",
        "tool_result_received",
        "cursor_response",
        "request_failed",
        "client_disconnected",
        "stream_codex_error",
        "rate_limits",
        "expired",
        "forked",
        "conversation_deleted",
        "warning",
        "config_reloaded",
        "config_not_reloaded",
    ];

    /// Its type, as in its JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::IncomingRequest(_) => "incoming_request",
            Self::CodexForward { .. } => "codex_forward",
            Self::UpstreamForward { .. } => "upstream_forward",
            Self::ThreadStarted { .. } => "thread_started",
            Self::Resumed { .. } => "resumed",
            Self::Rebuilt { .. } => "rebuilt",
            Self::FirstToken { .. } => "first_token",
            Self::ReasoningDetected { .. } => "reasoning_detected",
            Self::ToolCallForwarded { .. } => "tool_call_forwarded",
            Self::Parked { .. } => "parked",
            Self::ToolResultReceived { .. } => "tool_result_received",
            Self::CursorResponse(_) => "cursor_response",
            Self::RequestFailed(_) => "request_failed",
            Self::ClientDisconnected { .. } => "client_disconnected",
            Self::StreamCodexError { .. } => "stream_codex_error",
            Self::RateLimits { .. } => "rate_limits",
            Self::Expired { .. } => "expired",
            Self::Forked { .. } => "forked",
            Self::ConversationDeleted => "conversation_deleted",
            Self::Warning { .. } => "warning",
            Self::ConfigReloaded { .. } => "config_reloaded",
            Self::ConfigNotReloaded { .. } => "config_not_reloaded",
        }
    }

    /// Whether its request ends with it.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(
            self,
            Self::CursorResponse(_) | Self::RequestFailed(_) | Self::ClientDisconnected { .. }
        )
    }

    /// How much somebody should look at it.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            // Whoever wrote the mistake waits for it to be told, however little is logged.
            Self::ConfigNotReloaded { .. } => Level::ERROR,
            Self::StreamCodexError { .. } | Self::Warning { .. } => Level::WARN,
            Self::RequestFailed(failed) if failed.status >= 500 || failed.in_stream => Level::WARN,
            _ => Level::INFO,
        }
    }
}

/// The share of the input that came from the cache.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
pub fn cached_share(usage: &Usage) -> Option<f64> {
    (usage.input > 0).then(|| (usage.cached as f64 / usage.input as f64).min(1.0))
}

/// A duration in milliseconds, to the microsecond.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "exact for 285 years")]
pub fn as_millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
