//! The one place where failures become statuses, codes and messages for clients.

mod access;
mod admission;
mod provider;
mod responses;

use super::{access::Refusal, body::ReplyBody, conversation, reply};
use crate::{
    traffic::LogError,
    turn::{ConversationId, Fault, TurnError},
    wire::error::ErrorBody,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use std::time::Duration;

/// The longest `Retry-After` that is sent. Clients that obey it would otherwise sleep for days on
/// a weekly limit.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(30);

/// `Retry-After` where the upstream has no capacity and does not say for how long.
const OVERLOAD_RETRY_AFTER: Duration = Duration::from_secs(5);

const INVALID_REQUEST: &str = "invalid_request_error";
const AUTHENTICATION: &str = "authentication_error";
const SERVER: &str = "server_error";

/// The code of a login or key of ours that an upstream refused.
const AUTHENTICATION_UPSTREAM: &str = "upstream_auth_error";

/// An error as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReply {
    /// The status, where it can still be sent.
    pub status: StatusCode,
    /// The envelope.
    pub body: Box<ErrorBody>,
    /// Headers that belong to it. Boxed, because every `Result` here has its size.
    headers: Option<Box<HeaderMap>>,
    /// The envelope as somebody else wrote it, in place of `body`.
    raw: Option<Bytes>,
    /// What the client is not told.
    detail: Option<Box<str>>,
    /// Why somebody was not let in, where that is the cause.
    refusal: Option<Refusal>,
    /// How somebody upstream has failed, where that is the cause.
    fault: Option<Fault>,
}

impl ErrorReply {
    /// Why somebody was not let in, where that is the cause.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// How somebody upstream has failed, where that is the cause.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// What the log is told besides. The client never gets it.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The path is none of ours.
    #[must_use]
    pub fn unknown_path(method: &Method, path: &str) -> Self {
        let message = format!("unknown URL: {method} {path}");
        Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, message).code("unknown_url")
    }

    /// The path is ours; the method is not. `allow` lists those that are.
    #[must_use]
    pub fn wrong_method(method: &Method, path: &str, allow: HeaderValue) -> Self {
        let message = format!("{method} is not supported on {path}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, INVALID_REQUEST, message)
            .code("method_not_supported")
            .header(header::ALLOW, allow)
    }

    /// The body is longer than `limit` bytes.
    #[must_use]
    pub fn body_too_large(limit: usize) -> Self {
        let message = format!("the request body is longer than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, message).code("request_too_large")
    }

    /// The body did not come whole.
    #[must_use]
    pub fn body_unreadable() -> Self {
        let message = "the request body could not be read to its end";
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
    }

    /// No model of that id is known.
    #[must_use]
    pub fn unknown_model(id: &str) -> Self {
        let message = format!("the model {id:?} does not exist");
        Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, message)
            .code("model_not_found")
            .param("model".to_owned())
    }

    /// No conversation of that name is known, or no longer.
    #[must_use]
    pub fn unknown_conversation(id: &str) -> Self {
        let message = format!("the conversation '{id}' does not exist (any more)");
        Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, message)
            .code("conversation_not_found")
            .param("conversation_id".to_owned())
    }

    /// A parameter of the query, or a field of a small body, is unknown or means nothing.
    #[must_use]
    pub fn bad_parameter(name: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message).param(name.to_owned())
    }

    /// The log knows no such request, or no longer.
    #[must_use]
    pub fn unknown_log_request(id: &str) -> Self {
        let message = format!("the log has no request {id:?} (any more)");
        Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, message).code("log_request_not_found")
    }

    /// A WebSocket is all that there is here.
    #[must_use]
    pub fn websocket_required() -> Self {
        let message = "this URL takes WebSockets only, over HTTP/1.1 and of version 13; \
                       `POST /logs/api/stream` sends the same as an event stream";
        Self::new(StatusCode::UPGRADE_REQUIRED, INVALID_REQUEST, message)
            .code("websocket_required")
            .header(
                header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static("13"),
            )
    }

    /// No WebSocket is to be had here.
    #[must_use]
    pub fn websocket_not_supported() -> Self {
        let message = "there are no WebSockets here; POST answers with an event stream";
        Self::new(StatusCode::UPGRADE_REQUIRED, INVALID_REQUEST, message)
            .code("websocket_not_supported")
    }

    /// What is to be sent is not JSON, which it always is.
    #[must_use]
    pub fn unwritable(error: &serde_json::Error) -> Self {
        tracing::error!(%error, "a reply that is not JSON");
        Self::internal()
    }

    /// A handler panicked.
    #[must_use]
    pub fn panicked() -> Self {
        Self::internal()
    }

    fn internal() -> Self {
        let message = "internal error of the proxy; its log tells more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER, message).code("internal_error")
    }

    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            body: Box::new(ErrorBody::new(kind, message)),
            headers: None,
            raw: None,
            detail: None,
            refusal: None,
            fault: None,
        }
    }

    fn code(mut self, code: &'static str) -> Self {
        *self.body = self.body.with_code(Some(code));
        self
    }

    fn param(mut self, param: String) -> Self {
        *self.body = self.body.with_param(Some(param));
        self
    }

    fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.get_or_insert_default().insert(name, value);
        self
    }

    /// The same, of a turn of this conversation.
    #[must_use]
    pub fn of_conversation(mut self, id: &ConversationId) -> Self {
        conversation::tell(self.headers.get_or_insert_default(), id);
        self
    }

    /// `Retry-After` in whole seconds, rounded up so that the client does not come too early.
    fn retry_after(self, delay: Option<Duration>) -> Self {
        let Some(delay) = delay else { return self };
        let delay = delay.min(MAX_RETRY_AFTER);
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The whole reply.
    #[must_use]
    pub fn into_response(self) -> Response<ReplyBody> {
        let mut response = match self.raw {
            Some(raw) => reply::json_bytes(self.status, raw),
            None => reply::json(self.status, &self.body),
        };
        if let Some(headers) = self.headers {
            response.headers_mut().extend(*headers);
        }
        response
    }
}

impl From<TurnError> for ErrorReply {
    fn from(error: TurnError) -> Self {
        let fault = error.fault();
        let mut reply = match error {
            TurnError::InvalidRequest {
                message,
                param,
                code,
            } => {
                let mut reply = Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message);
                *reply.body = reply.body.with_param(param).with_code(code);
                reply
            }
            TurnError::NotAllowed { message, param } => {
                Self::new(StatusCode::FORBIDDEN, INVALID_REQUEST, message)
                    .code("not_allowed")
                    .param(param)
            }
            // The wording of these two, misspelling included, is OpenAI's.
            TurnError::UnknownToolCall { call_id: _, param } => Self::new(
                StatusCode::BAD_REQUEST,
                INVALID_REQUEST,
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding \
                 message with 'tool_calls'.",
            )
            .param(param),
            TurnError::MissingToolResults { call_ids, param } => Self::new(
                StatusCode::BAD_REQUEST,
                INVALID_REQUEST,
                format!(
                    "An assistant message with 'tool_calls' must be followed by tool messages \
                     responding to each 'tool_call_id'. The following tool_call_ids did not have \
                     response messages: {}",
                    call_ids.join(", ")
                ),
            )
            .param(param),
            TurnError::ConversationBusy { .. } => {
                Self::new(StatusCode::CONFLICT, INVALID_REQUEST, error.to_string())
                    .code("conversation_busy")
            }
            TurnError::ConversationNotFound { id } => Self::unknown_conversation(id.as_str()),
            TurnError::ContextWindowExceeded { message } => {
                Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
                    .code("context_length_exceeded")
            }
            TurnError::RateLimited {
                message,
                retry_after,
                quota,
            } => {
                // OpenAI's own words for the two kinds; the code is the ChatGPT backend's.
                let (kind, code) = if quota {
                    ("insufficient_quota", "usage_limit_reached")
                } else {
                    ("rate_limit_error", "rate_limit_exceeded")
                };
                Self::new(StatusCode::TOO_MANY_REQUESTS, kind, message)
                    .code(code)
                    .retry_after(retry_after)
            }
            TurnError::NotLoggedIn { message } => {
                Self::new(StatusCode::UNAUTHORIZED, AUTHENTICATION, message).code("not_logged_in")
            }
            // Not 401: clients would blame the key that they sent to us.
            TurnError::UpstreamRefused { message } => {
                Self::new(StatusCode::BAD_GATEWAY, SERVER, message).code(AUTHENTICATION_UPSTREAM)
            }
            TurnError::Overloaded { message } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, message)
                    .code("server_is_overloaded")
                    .retry_after(Some(OVERLOAD_RETRY_AFTER))
            }
            TurnError::Timeout { message } => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, SERVER, message).code("upstream_timeout")
            }
            TurnError::OutOfTime { limit } => Self::out_of_time(limit),
            TurnError::Upstream { message } => {
                Self::new(StatusCode::BAD_GATEWAY, SERVER, message).code("upstream_error")
            }
            TurnError::Provider(error) => Self::from(*error),
            TurnError::ProviderUnavailable { retry_after, .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, error.to_string())
                    .code("provider_unavailable")
                    .retry_after(Some(retry_after))
            }
            TurnError::ConversationDeleted => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, error.to_string())
                    .code("service_unavailable")
            }
            TurnError::Unavailable { message } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, message)
                    .code("service_unavailable")
            }
            TurnError::Internal { detail } => {
                let mut reply = Self::internal();
                reply.detail = Some(detail.into());
                reply
            }
        };
        reply.fault = fault;
        reply
    }
}

impl From<LogError> for ErrorReply {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Closed => TurnError::Unavailable {
                message: "the proxy stops, and its log is closed".to_owned(),
            }
            .into(),
            // Requests for the log are not logged there themselves.
            error => {
                tracing::error!(%error, "log_unreadable");
                Self::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests;
