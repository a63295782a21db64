//! Too much, too many, too slow, too long.

use super::{ErrorReply, INVALID_REQUEST, SERVER};
use crate::http::admission::{
    gate::Turned,
    rate::{Exceeded, duration},
};
use http::{HeaderValue, StatusCode, header};
use std::time::Duration;

/// `Retry-After` where something is full. Nobody knows when that ends.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(5);

impl ErrorReply {
    /// The body came too slowly. Closes the connection, on which the rest of it might still come.
    #[must_use]
    pub fn body_too_slow() -> Self {
        let message = "the request body did not come in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, INVALID_REQUEST, message)
            .code("body_timeout")
            .header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// There was no room for the body, as long as it might take.
    #[must_use]
    pub fn no_room_for_body() -> Self {
        let message = "this proxy holds as many bytes of request bodies as it may";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, message)
            .code("bodies_full")
            .retry_after(Some(BUSY_RETRY_AFTER))
    }

    /// No connection more can be had.
    #[must_use]
    pub fn too_many_connections() -> Self {
        let message = "this proxy has as many connections as it may";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, message)
            .code("too_many_connections")
            .retry_after(Some(BUSY_RETRY_AFTER))
    }

    /// A request took longer than `limit`.
    #[must_use]
    pub(super) fn out_of_time(limit: Duration) -> Self {
        let message = format!(
            "the request took longer than {}, which is the most that this proxy allows \
             (CODEX_TIMEOUT, `server.request_seconds`)",
            duration(limit)
        );
        Self::new(StatusCode::GATEWAY_TIMEOUT, SERVER, message).code("request_timeout")
    }
}

impl From<Exceeded> for ErrorReply {
    /// In OpenAI's words and headers.
    fn from(exceeded: Exceeded) -> Self {
        let Exceeded {
            standing,
            limit,
            retry_after,
        } = exceeded;
        let message = format!(
            "Rate limit reached for requests: Limit {} per {}. Please try again in {}.",
            limit.requests,
            duration(limit.window),
            duration(retry_after)
        );
        let mut reply = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", message)
            .code("rate_limit_exceeded")
            .retry_after(Some(retry_after));
        standing.tell(reply.headers.get_or_insert_default());
        reply
    }
}

impl From<Turned> for ErrorReply {
    fn from(turned: Turned) -> Self {
        let (code, message) = match turned {
            Turned::Full => (
                "queue_full",
                "this proxy makes as many replies as it may, and as many requests as it allows wait",
            ),
            Turned::Late => (
                "queue_timeout",
                "this proxy made as many replies as it may for as long as a request may wait",
            ),
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, message)
            .code(code)
            .retry_after(Some(BUSY_RETRY_AFTER))
    }
}
