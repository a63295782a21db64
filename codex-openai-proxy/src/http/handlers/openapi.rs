//! `GET /openapi.json`: the API, described.

use crate::http::{body::ReplyBody, reply};
use bytes::Bytes;
use http::Response;

/// An `OpenAPI` 3.1 document, see <https://spec.openapis.org/oas/v3.1.0.html>. Its servers are relative, so
/// that it is right under every address that leads here.
pub(in crate::http) const DOCUMENT: &str = include_str!("../openapi.json");

/// The document.
#[must_use]
pub fn get() -> Response<ReplyBody> {
    reply::whole(reply::JSON, Bytes::from_static(DOCUMENT.as_bytes()))
}
