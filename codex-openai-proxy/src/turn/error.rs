//! How a turn fails. These errors know no HTTP; `http::error` alone turns them into replies.

use super::ConversationId;
use bytes::Bytes;
use serde_json::Value;
use std::time::Duration;

/// A failed turn.
///
/// Messages are written for the person behind the client. What must stay inside is logged where
/// the error is made, or kept in [`TurnError::Internal`], whose text is never sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    /// The request cannot be carried out as it stands; sending it again will not help.
    #[error("{message}")]
    InvalidRequest {
        /// What is wrong.
        message: String,
        /// The request field at fault, as a path such as `messages[2].content`.
        param: Option<String>,
        /// OpenAI's machine-readable code, where one fits.
        code: Option<&'static str>,
    },
    /// The request asks for something that nobody may do here.
    #[error("{message}")]
    NotAllowed {
        /// What, and why not.
        message: String,
        /// The request field that asks for it.
        param: String,
    },
    /// A tool's result answers no call.
    #[error("no tool call of this conversation waits for the result of '{call_id}'")]
    UnknownToolCall {
        /// The call that the result names.
        call_id: String,
        /// The request field that names it.
        param: String,
    },
    /// Calls of the conversation have no result.
    #[error("tool calls without results: {}", call_ids.join(", "))]
    MissingToolResults {
        /// The calls.
        call_ids: Vec<String>,
        /// The request field that holds the calls, or should hold the results.
        param: String,
    },
    /// Another request of the conversation takes too long to wait for.
    #[error("another request of the conversation '{id}' is still being answered")]
    ConversationBusy {
        /// The conversation.
        id: ConversationId,
    },
    /// A name that this proxy made up, and whose conversation is gone.
    #[error("there is no conversation '{id}' (any more)")]
    ConversationNotFound {
        /// The conversation.
        id: ConversationId,
    },
    /// The conversation was deleted while it was being answered.
    #[error("The conversation was deleted.")]
    ConversationDeleted,
    /// The conversation does not fit the model.
    #[error("{message}")]
    ContextWindowExceeded {
        /// What the upstream said.
        message: String,
    },
    /// The account has used up its share for now.
    #[error("{message}")]
    RateLimited {
        /// What the upstream said.
        message: String,
        /// How long until the limit resets, where the upstream told.
        retry_after: Option<Duration>,
        /// True where the plan's allowance is spent, false for a passing rate limit.
        quota: bool,
    },
    /// There is no usable Codex login.
    #[error("{message}")]
    NotLoggedIn {
        /// How to log in.
        message: String,
    },
    /// The upstream refused our credentials, or this account.
    #[error("{message}")]
    UpstreamRefused {
        /// Why.
        message: String,
    },
    /// The upstream has no capacity.
    #[error("{message}")]
    Overloaded {
        /// What the upstream said.
        message: String,
    },
    /// The upstream took too long.
    #[error("{message}")]
    Timeout {
        /// What timed out.
        message: String,
    },
    /// The request took longer than it may, whoever took the time.
    #[error("the request took longer than {} s", limit.as_secs_f64())]
    OutOfTime {
        /// How long it may take.
        limit: Duration,
    },
    /// The upstream failed in another way, or broke off.
    #[error("{message}")]
    Upstream {
        /// What happened.
        message: String,
    },
    /// An HTTP provider refused the request, or failed in its own words.
    #[error("{}", .0.message)]
    Provider(Box<ProviderError>),
    /// An HTTP provider has failed again and again, and is left alone for a while.
    #[error("the provider '{provider}' has failed repeatedly and is not asked for now")]
    ProviderUnavailable {
        /// Its name in the configuration.
        provider: String,
        /// How long until it is asked again.
        retry_after: Duration,
    },
    /// This process is not serving: it stops, or was built without an engine.
    #[error("{message}")]
    Unavailable {
        /// Why.
        message: String,
    },
    /// A fault of ours.
    #[error("internal error: {detail}")]
    Internal {
        /// For the log only.
        detail: String,
    },
}

/// The answer of an HTTP provider that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderError {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The status that it gave.
    pub status: u16,
    /// What went wrong, out of `body` where that could be read.
    pub message: String,
    /// The media type of `body`.
    pub content_type: Option<String>,
    /// What it said.
    pub body: Bytes,
    /// What clients go by besides: `Retry-After`, `x-ratelimit-…`.
    pub headers: Vec<(String, String)>,
}

impl ProviderError {
    /// Whether it says that the conversation does not fit the model, in OpenAI's word for it.
    #[must_use]
    pub fn is_of_context(&self) -> bool {
        serde_json::from_slice::<Value>(&self.body)
            .is_ok_and(|said| said["error"]["code"] == "context_length_exceeded")
    }
}

impl TurnError {
    /// An invalid request, with the field at fault.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidRequest {
            message: message.into(),
            param: Some(param.into()),
            code: None,
        }
    }

    /// The end of the process cuts a reply off.
    #[must_use]
    pub fn stopping() -> Self {
        Self::Unavailable {
            message: "The proxy is shutting down.".to_owned(),
        }
    }

    /// A fault of ours; `detail` goes to the log and not to the client.
    pub fn internal(detail: impl std::fmt::Display) -> Self {
        Self::Internal {
            detail: detail.to_string(),
        }
    }
}
