//! Replies with their headers.

use super::body::ReplyBody;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// The content type of JSON.
pub const JSON: &str = "application/json";

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
    json_bytes(status, text.into())
}

/// A reply whose body is JSON already.
pub fn json_bytes(status: StatusCode, json: Bytes) -> Response<ReplyBody> {
    let mut response = whole(JSON, json);
    *response.status_mut() = status;
    response
}

/// A reply that is all there: a content type and a body.
#[must_use]
pub fn whole(content_type: &'static str, body: Bytes) -> Response<ReplyBody> {
    let length = body.len();
    let mut response = Response::new(ReplyBody::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Told here so that a HEAD, whose body is taken away, still tells it.
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// A reply that is read piece by piece, and whose length nobody knows before its end.
#[must_use]
pub fn pieces(
    content_type: &'static str,
    pieces: BoxStream<'static, Bytes>,
) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::Pieces(pieces));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A reply that says nothing but that all is well.
#[must_use]
pub fn no_content() -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A reply that is an event stream. The headers keep proxies and tunnels from holding it back.
#[must_use]
pub fn event_stream(body: impl Into<ReplyBody>) -> Response<ReplyBody> {
    let mut response = Response::new(body.into());
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
