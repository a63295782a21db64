//! Errors that a provider tells inside a reply that began well.

use crate::{
    turn::TurnError,
    wire::upstream::{Code, Failure},
};
use std::borrow::Cow;

/// What is said where the provider says nothing.
const NO_MESSAGE: &str = "The provider broke its reply off with an error that it does not explain.";

/// The error that a provider tells.
pub(super) fn refusal(failure: Failure<'_>) -> TurnError {
    let code = match failure.code.get() {
        Some(Code::Word(word)) => word,
        Some(Code::Status(status)) => Cow::Owned(status.to_string()),
        None => Cow::Borrowed(""),
    };
    let kind = failure.kind.get().unwrap_or_default();
    turn_error(failure.message.get().map(Cow::into_owned), &[&kind, &code])
}

/// The error behind `message`. `words` are the provider's own for it (`type`, `code`), or a status
/// in digits; what none of them tells counts as a failure of the provider.
pub(super) fn turn_error(message: Option<String>, words: &[&str]) -> TurnError {
    let says = |known: &[&str]| {
        words
            .iter()
            .any(|word| known.iter().any(|known| word.eq_ignore_ascii_case(known)))
    };
    let message = message
        .filter(|message| !message.trim().is_empty())
        .unwrap_or_else(|| NO_MESSAGE.to_owned());
    if says(&["context_length_exceeded", "exceed_context_size_error"]) {
        return TurnError::ContextWindowExceeded { message };
    }
    let quota = says(&["insufficient_quota", "usage_limit_reached"]);
    if quota || says(RATE) {
        return TurnError::RateLimited {
            message,
            retry_after: None,
            quota,
        };
    }
    if says(OVERLOAD) {
        return TurnError::Overloaded { message };
    }
    if says(&["timeout", "timeout_error", "408", "504"]) {
        return TurnError::Timeout { message };
    }
    if says(REFUSAL) {
        return TurnError::UpstreamRefused { message };
    }
    if says(REQUEST) {
        return TurnError::InvalidRequest {
            message,
            param: None,
            code: None,
        };
    }
    TurnError::Upstream { message }
}

const RATE: &[&str] = &[
    "rate_limit_exceeded",
    "rate_limit_error",
    "rate_limit",
    "too_many_requests",
    "429",
];

const OVERLOAD: &[&str] = &[
    "server_overloaded",
    "server_is_overloaded",
    "overloaded_error",
    "overloaded",
    "engine_overloaded_error",
    "service_unavailable",
    "service_unavailable_error",
    "slow_down",
    "503",
    "529",
];

const REFUSAL: &[&str] = &[
    "invalid_api_key",
    "authentication_error",
    "permission_error",
    "permission_denied",
    "401",
    "402",
    "403",
];

const REQUEST: &[&str] = &[
    "invalid_request_error",
    "invalid_prompt",
    "BadRequestError",
    "400",
    "413",
    "422",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_words_and_statuses_are_understood() {
        let error = |words: &[&str]| turn_error(Some("so it is".to_owned()), words);
        let message = "so it is".to_owned();
        assert_eq!(
            error(&["tokens", "rate_limit_exceeded"]),
            TurnError::RateLimited {
                message: message.clone(),
                retry_after: None,
                quota: false
            }
        );
        assert!(matches!(
            error(&["insufficient_quota", "429"]),
            TurnError::RateLimited { quota: true, .. }
        ));
        assert!(matches!(
            error(&["invalid_request_error", "context_length_exceeded"]),
            TurnError::ContextWindowExceeded { .. }
        ));
        assert!(matches!(error(&["503"]), TurnError::Overloaded { .. }));
        assert!(matches!(error(&["504"]), TurnError::Timeout { .. }));
        assert!(matches!(error(&["401"]), TurnError::UpstreamRefused { .. }));
        assert!(matches!(
            error(&["badrequesterror"]),
            TurnError::InvalidRequest { .. }
        ));
        assert_eq!(error(&["502", "other"]), TurnError::Upstream { message });
    }

    #[test]
    fn an_error_without_a_message_gets_one() {
        for message in [None, Some(" ".to_owned())] {
            assert_eq!(turn_error(message, &[]).to_string(), NO_MESSAGE);
        }
    }
}
