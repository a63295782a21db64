//! Logging in to the page, and out.

use crate::http::{
    AppState,
    access::{self, Refusal},
    body::ReplyBody,
    dispatch::arrival,
    error::ErrorReply,
    reply, session,
    state::unix_seconds,
};
use http::{HeaderValue, Response, header, request::Parts};
use serde::Deserialize;

#[derive(Deserialize)]
struct Login {
    key: String,
}

/// `POST /logs/login`: a cookie for a key. Where no key is set, nobody needs one.
pub(super) fn login(
    state: &AppState,
    head: &Parts,
    body: &[u8],
) -> Result<Response<ReplyBody>, ErrorReply> {
    access::same_origin(&arrival(head))?;
    let keys = &state.config.api_keys;
    if keys.is_empty() {
        return Ok(reply::no_content());
    }
    let login: Login = serde_json::from_slice(body).map_err(|_| {
        let message = "the body has to be a JSON object with the key as the string \"key\"";
        ErrorReply::bad_parameter("key", message)
    })?;
    let key = access::key_of(login.key.trim().as_bytes(), keys).ok_or(Refusal::WrongKey)?;
    Ok(with_cookie(session::open(
        key,
        &head.headers,
        unix_seconds(),
    )))
}

/// `POST /logs/logout`: takes the cookie back.
pub(super) fn logout(head: &Parts) -> Result<Response<ReplyBody>, ErrorReply> {
    access::same_origin(&arrival(head))?;
    Ok(with_cookie(session::close(&head.headers)))
}

fn with_cookie(cookie: HeaderValue) -> Response<ReplyBody> {
    let mut response = reply::no_content();
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}
