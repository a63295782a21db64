//! core's errors in our terms.
//!
//! core types some of its errors ([`CodexErrorInfo`]) and files the rest under `Other` with a text.
//! Its texts are pinned with its version; the tests below make core say each of them.

use super::reset_time;
use crate::turn::TurnError;
use codex_protocol::protocol::{CodexErrorInfo, ErrorEvent, RateLimitSnapshot};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// What to do when there is no usable login.
pub const LOG_IN: &str = "Not logged in to Codex. Run `codex-openai-proxy login` (or `codex login`) \
     on the machine that runs this proxy, or set a provider with its own key in Codex's config.toml.";

/// The error that ends a turn. `limits` is the last that the upstream told of its rate limits.
pub fn turn_error(
    event: ErrorEvent,
    limits: Option<&RateLimitSnapshot>,
    now: SystemTime,
) -> TurnError {
    let ErrorEvent {
        message,
        codex_error_info,
    } = event;
    match codex_error_info.unwrap_or(CodexErrorInfo::Other) {
        CodexErrorInfo::ContextWindowExceeded => context_window_exceeded(),
        CodexErrorInfo::UsageLimitExceeded => TurnError::RateLimited {
            retry_after: retry_after(&message, limits, now),
            message,
            quota: true,
        },
        CodexErrorInfo::ServerOverloaded => TurnError::Overloaded { message },
        CodexErrorInfo::CyberPolicy => TurnError::InvalidRequest {
            message,
            param: None,
            code: Some("cyber_policy"),
        },
        CodexErrorInfo::BadRequest => invalid(message),
        CodexErrorInfo::Unauthorized => TurnError::NotLoggedIn {
            message: format!("The Codex login no longer works ({message}). {LOG_IN}"),
        },
        CodexErrorInfo::HttpConnectionFailed { http_status_code }
        | CodexErrorInfo::ResponseStreamConnectionFailed { http_status_code }
        | CodexErrorInfo::ResponseStreamDisconnected { http_status_code }
        | CodexErrorInfo::ResponseTooManyFailedAttempts { http_status_code } => {
            match http_status_code {
                Some(429) => TurnError::RateLimited {
                    retry_after: retry_after(&message, limits, now),
                    message: "The upstream limits the rate of requests; try again later."
                        .to_owned(),
                    quota: false,
                },
                Some(status) => by_status(status, outside(&message)),
                None => TurnError::Upstream {
                    message: outside(&message),
                },
            }
        }
        CodexErrorInfo::InternalServerError => TurnError::Upstream { message },
        CodexErrorInfo::SessionBudgetExceeded
        | CodexErrorInfo::SandboxError
        | CodexErrorInfo::ThreadRollbackFailed
        | CodexErrorInfo::ActiveTurnNotSteerable { .. } => TurnError::internal(message),
        CodexErrorInfo::Other => untyped(message),
    }
}

/// The conversation does not fit.
pub fn context_window_exceeded() -> TurnError {
    TurnError::ContextWindowExceeded {
        message: "The conversation is longer than the model's context window. Shorten it or start \
                  a new one."
            .to_owned(),
    }
}

/// core's text for a broken stream, without its preamble.
pub fn broken_stream(details: &str) -> TurnError {
    let reason = details.strip_prefix(STREAM).unwrap_or(details);
    if reason.contains("idle timeout") {
        TurnError::Timeout {
            message: "The upstream stopped sending in the middle of its reply.".to_owned(),
        }
    } else {
        TurnError::Upstream {
            message: format!("The upstream's reply broke off: {}", outside(reason)),
        }
    }
}

const STREAM: &str = "stream disconnected before completion: ";
const STATUS: &str = "unexpected status ";

/// Errors that core files under `Other`, told apart by its text.
fn untyped(message: String) -> TurnError {
    if let Some(rest) = message.strip_prefix(STATUS) {
        let status = rest.split(' ').next().and_then(|code| code.parse().ok());
        let reason = rest.split_once(": ").map_or(rest, |(_, reason)| reason);
        return by_status(status.unwrap_or(502), outside(reason));
    }
    if message.starts_with("Access blocked by Cloudflare") {
        return by_status(403, outside(&message));
    }
    if let Some(reason) = message.strip_prefix(STREAM) {
        return if reason.to_ascii_lowercase().contains("rate limit") {
            TurnError::RateLimited {
                retry_after: None,
                message: outside(reason),
                quota: false,
            }
        } else {
            broken_stream(&message)
        };
    }
    if message == "request timed out" {
        return TurnError::Timeout {
            message: "The upstream did not answer in time.".to_owned(),
        };
    }
    if message.starts_with("Missing environment variable") {
        return TurnError::UpstreamRefused {
            message: format!("The provider has no key. {message}"),
        };
    }
    if ours(&message) {
        return TurnError::internal(message);
    }
    refused_request(message)
}

/// Texts of core's own faults, which say nothing to a client.
fn ours(message: &str) -> bool {
    const PREFIXES: [&str; 7] = [
        "Fatal error: ",
        "turn aborted.",
        "internal error;",
        "interrupted (Ctrl-C)",
        "timeout waiting for child process",
        "spawn failed:",
        "task ",
    ];
    PREFIXES.iter().any(|prefix| message.starts_with(prefix))
        || message.contains("(os error ")
        || message.contains(" at line ")
}

/// What is left is the upstream's own refusal: the body of its 400, or its message.
fn refused_request(message: String) -> TurnError {
    let Ok(body) = serde_json::from_str::<Value>(&message) else {
        return invalid(message);
    };
    let error = body.get("error").unwrap_or(&body);
    let text = |key: &str| error.get(key).and_then(Value::as_str);
    if text("code") == Some("context_length_exceeded") {
        return context_window_exceeded();
    }
    // The ChatGPT backend writes `{"detail": "…"}`.
    match text("message").or_else(|| text("detail")) {
        Some(reason) => TurnError::InvalidRequest {
            message: reason.to_owned(),
            param: text("param").map(str::to_owned),
            code: None,
        },
        None => invalid("The upstream refused the request.".to_owned()),
    }
}

fn invalid(message: String) -> TurnError {
    TurnError::InvalidRequest {
        message,
        param: None,
        code: None,
    }
}

fn by_status(status: u16, reason: String) -> TurnError {
    match status {
        400 | 413 | 422 => invalid(reason),
        401 | 403 => TurnError::UpstreamRefused {
            message: format!("The upstream refused this account or its key ({status}): {reason}"),
        },
        408 | 504 => TurnError::Timeout { message: reason },
        429 => TurnError::RateLimited {
            message: reason,
            retry_after: None,
            quota: false,
        },
        503 | 529 => TurnError::Overloaded { message: reason },
        _ => TurnError::Upstream {
            message: format!("The upstream answered {status}: {reason}"),
        },
    }
}

/// core appends the URL and ids of the upstream's request to its texts; those stay inside.
fn outside(message: &str) -> String {
    const INSIDE: [&str; 5] = [
        ", url: ",
        ", cf-ray: ",
        ", request id: ",
        ", auth error",
        " (http",
    ];
    let end = INSIDE
        .iter()
        .filter_map(|mark| message.find(mark))
        .min()
        .unwrap_or(message.len());
    let text = message[..end].trim();
    // reqwest's own texts name the URL.
    match text.find("url (") {
        Some(start) => text[..start].trim_end_matches(" for ").trim().to_owned(),
        None => text.to_owned(),
    }
}

/// How long until the limit that was hit resets: from the windows in the upstream's headers where
/// it sent them, else from the time in core's text.
fn retry_after(
    message: &str,
    limits: Option<&RateLimitSnapshot>,
    now: SystemTime,
) -> Option<Duration> {
    let windows = limits.map(|limits| [limits.primary.as_ref(), limits.secondary.as_ref()]);
    let used_up = windows
        .into_iter()
        .flatten()
        .flatten()
        .filter(|window| window.used_percent >= 100.0)
        .filter_map(|window| window.resets_at)
        .max();
    let resets_at = match used_up {
        Some(seconds) => SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.try_into().ok()?),
        None => reset_time::parse(message, now)?,
    };
    resets_at.duration_since(now).ok()
}

#[cfg(test)]
#[path = "errors_tests.rs"]
mod tests;
