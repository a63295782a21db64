//! Replies with their headers.

use super::{body::ReplyBody, events::EventBody};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// A reply whose body is `value` as JSON.
pub fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response<ReplyBody> {
    // Our wire types hold nothing that JSON lacks, so this does not fail. If one ever does, the
    // client sees a failure and not an empty success.
    let (status, text) = match serde_json::to_vec(value) {
        Ok(text) => (status, text),
        Err(error) => {
            tracing::error!(%error, "a reply that is not JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let length = text.len();
    let mut response = Response::new(ReplyBody::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    // Told here so that a HEAD, whose body is taken away, still tells it.
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// A reply that is an event stream. The headers keep proxies and tunnels from holding it back.
#[must_use]
pub fn event_stream(body: EventBody) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::from(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
