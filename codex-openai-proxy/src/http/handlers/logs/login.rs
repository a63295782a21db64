//! Logging in to the page, and out.

use crate::http::{
    AppState,
    access::{self, Credentials, Refusal},
    body::ReplyBody,
    dispatch::arrival,
    error::ErrorReply,
    reply,
};
use http::{HeaderValue, Response, header, request::Parts};
use serde::Deserialize;
use tokio::task::spawn_blocking;

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
    let arrival = arrival(head);
    access::same_origin(&arrival)?;
    let credentials = state.credentials();
    if credentials.keys.is_empty() {
        return Ok(reply::no_content());
    }
    let login: Login = serde_json::from_slice(body).map_err(|_| {
        let message = "the body has to be a JSON object with the key as the string \"key\"";
        ErrorReply::bad_parameter("key", message)
    })?;
    let key = access::key_of(login.key.trim().as_bytes(), credentials.keys)
        .ok_or_else(|| state.counted(Refusal::WrongKey, &arrival))?;
    Ok(with_cookie(state.sessions.open(
        key,
        &head.headers,
        credentials.now,
    )))
}

/// `POST /logs/logout`: takes the cookie back.
pub(super) async fn logout(
    state: &AppState,
    head: &Parts,
) -> Result<Response<ReplyBody>, ErrorReply> {
    access::same_origin(&arrival(head))?;
    let Credentials {
        keys,
        sessions,
        now,
    } = state.credentials();
    let cookie = sessions.close(&head.headers, keys, now);
    if !sessions.is_kept() {
        let sessions = sessions.clone();
        // Only a panic keeps it from ending, and that is logged.
        let _ = spawn_blocking(move || sessions.keep()).await;
    }
    Ok(with_cookie(cookie))
}

fn with_cookie(cookie: HeaderValue) -> Response<ReplyBody> {
    let mut response = reply::no_content();
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}
