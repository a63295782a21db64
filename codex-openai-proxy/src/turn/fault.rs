//! Failures of upstreams in a word, for figures.

use super::{ProviderError, TurnError};

/// What kind of failure of an upstream's it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A passing limit.
    RateLimit,
    /// The plan's allowance is spent.
    Quota,
    /// It does not take our login or key.
    Credentials,
    /// It has no capacity.
    Overloaded,
    /// It took too long.
    Timeout,
    /// It has failed so often that it is not asked.
    LeftAlone,
    /// It does not take the request.
    Refused,
    /// It failed in another way, could not be reached or broke off.
    Failed,
}

impl Fault {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Quota => "quota",
            Self::Credentials => "credentials",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::LeftAlone => "left_alone",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl TurnError {
    /// What went wrong upstream; `None` where it is not the upstream that failed.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::RateLimited { quota: true, .. } => Some(Fault::Quota),
            Self::RateLimited { quota: false, .. } => Some(Fault::RateLimit),
            Self::UpstreamRefused { .. } => Some(Fault::Credentials),
            Self::Overloaded { .. } => Some(Fault::Overloaded),
            Self::Timeout { .. } => Some(Fault::Timeout),
            Self::ProviderUnavailable { .. } => Some(Fault::LeftAlone),
            Self::ContextWindowExceeded { .. } => Some(Fault::Refused),
            Self::Upstream { .. } => Some(Fault::Failed),
            Self::Provider(error) => Some(error.fault()),
            Self::InvalidRequest { .. }
            | Self::NotAllowed { .. }
            | Self::UnknownToolCall { .. }
            | Self::MissingToolResults { .. }
            | Self::ConversationBusy { .. }
            | Self::ConversationNotFound { .. }
            | Self::ConversationDeleted
            | Self::NotLoggedIn { .. }
            | Self::OutOfTime { .. }
            | Self::Unavailable { .. }
            | Self::Internal { .. } => None,
        }
    }
}

impl ProviderError {
    fn fault(&self) -> Fault {
        match self.status {
            401 | 403 => Fault::Credentials,
            408 | 504 => Fault::Timeout,
            429 => Fault::RateLimit,
            // 529 is Anthropic's and others' for the same.
            503 | 529 => Fault::Overloaded,
            // An error in a reply whose status had said that all is well.
            200..300 | 500.. => Fault::Failed,
            _ => Fault::Refused,
        }
    }
}
