//! One request: is it let in, what does it want, who answers.

use super::{
    AppState,
    access::{self, Arrival},
    body::{self, ReadError, ReplyBody},
    error::ErrorReply,
    handlers,
    routes::{Access, Endpoint, Found},
    service::{RequestName, is_log},
    state::unix_seconds,
    watch::Watch,
};
use crate::{traffic::RequestLog, wire::peek::Shape};
use http::{HeaderMap, Method, Request, Response, header, request::Parts};
use hyper::body::Incoming;
use std::{net::IpAddr, sync::Arc};

/// The address at the other end of the connection, kept among a request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Answers a request, whatever it is.
pub async fn dispatch(state: &AppState, request: Request<Incoming>) -> Response<ReplyBody> {
    let (head, body) = request.into_parts();
    let found = state.routes.find(head.uri.path());
    let endpoint = found
        .as_ref()
        .and_then(|found| found.endpoint(&head.method));
    let watch = Watch::arrived(log_of(state, &head, endpoint), &head, endpoint);
    let response = match admit(state, &head, found.as_ref(), endpoint) {
        Ok((endpoint, found)) => {
            watch.on_admitted(&head.headers);
            answer(state, endpoint, found, &head, body, watch).await
        }
        Err(refusal) => {
            body::discard(&head.headers, body);
            done(state, &head, watch, Err(refusal))
        }
    };
    if head.method == Method::HEAD {
        response.map(|_| ReplyBody::default())
    } else {
        response
    }
}

/// Where a request is logged. Whoever looks at the log is not to fill it.
fn log_of(state: &AppState, head: &Parts, endpoint: Option<Endpoint>) -> RequestLog {
    if endpoint == Some(Endpoint::Health) || is_log(head.uri.path()) {
        RequestLog::silent()
    } else {
        channel_of(state, head)
    }
}

fn channel_of(state: &AppState, head: &Parts) -> RequestLog {
    let name = head.extensions.get::<RequestName>();
    name.map_or_else(RequestLog::silent, |name| {
        state.traffic.channel().request(Arc::clone(&name.id))
    })
}

/// Decides from the head alone whether the request is answered, and by what.
fn admit<'a>(
    state: &AppState,
    head: &Parts,
    found: Option<&'a Found<'a>>,
    endpoint: Option<Endpoint>,
) -> Result<(Endpoint, &'a Found<'a>), ErrorReply> {
    let path = head.uri.path();
    let access = found.map_or(Access::Guarded, Found::access);
    let keys = &state.config.api_keys;
    access::check(&arrival(head), access, keys, unix_seconds())?;
    let found = found.ok_or_else(|| ErrorReply::unknown_path(&head.method, path))?;
    match endpoint {
        Some(endpoint) => Ok((endpoint, found)),
        // The Codex CLI tries a WebSocket first. After this status it goes on without one; after any
        // other it tries again and again.
        None if wants_responses_socket(found, &head.headers) => {
            Err(ErrorReply::websocket_not_supported())
        }
        None => Err(ErrorReply::wrong_method(&head.method, path, found.allow())),
    }
}

/// Whether somebody wants a WebSocket where responses are made.
fn wants_responses_socket(found: &Found<'_>, headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE);
    found.endpoint(&Method::POST) == Some(Endpoint::Responses)
        && upgrade.is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// What is known of a request before its body is read.
pub fn arrival(head: &Parts) -> Arrival<'_> {
    // A request without a peer came from nowhere that we know: it counts as foreign.
    let peer = head.extensions.get::<Peer>();
    Arrival {
        peer: peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0),
        uri: &head.uri,
        headers: &head.headers,
    }
}

async fn answer(
    state: &AppState,
    endpoint: Endpoint,
    found: &Found<'_>,
    head: &Parts,
    body: Incoming,
    mut watch: Watch,
) -> Response<ReplyBody> {
    let id = found.id.as_deref();
    let reply = match endpoint {
        Endpoint::ChatCompletions | Endpoint::Responses => {
            let limit = state.config.limits.max_body_bytes;
            match body::read(&head.headers, body, limit).await {
                Ok(body) => {
                    let request = handlers::turns::Request {
                        api: match endpoint {
                            Endpoint::Responses => Shape::Responses,
                            _ => Shape::Chat,
                        },
                        headers: &head.headers,
                        deployment: id,
                        body,
                    };
                    return handlers::turns::create(state, request, watch).await;
                }
                // Nobody gets this reply; the log tells that the client has left.
                Err(ReadError::Left) => return ErrorReply::body_unreadable().into_response(),
                Err(ReadError::Refused(error)) => Err(error),
            }
        }
        Endpoint::StoredResponse(action) => {
            body::discard(&head.headers, body);
            let id = id.unwrap_or_default();
            handlers::responses::act(state, action, id, &head.uri, &mut watch).await
        }
        Endpoint::Models => Ok(handlers::models::list(state).await),
        Endpoint::Model => handlers::models::get(state, id.unwrap_or_default()),
        Endpoint::DeleteConversation => {
            // Clients may send a body with it, which says nothing.
            body::discard(&head.headers, body);
            handlers::conversations::delete(state, id.unwrap_or_default(), &mut watch).await
        }
        Endpoint::Health => Ok(handlers::health::get(state)),
        Endpoint::Logs(view) => {
            handlers::logs::show(state, view, id.unwrap_or_default(), head, body).await
        }
    };
    done(state, head, watch, reply)
}

/// The reply of a request that has nothing to do with turns.
fn done(
    state: &AppState,
    head: &Parts,
    mut watch: Watch,
    reply: Result<Response<ReplyBody>, ErrorReply>,
) -> Response<ReplyBody> {
    match reply {
        Ok(response) => {
            watch.on_answer(response.status());
            response
        }
        Err(error) => {
            // Nobody is to try out keys where it is quiet.
            if error.is_of_wrong_key() && is_log(head.uri.path()) {
                watch = Watch::arrived(channel_of(state, head), head, None);
            }
            watch.on_error(&error);
            error.into_response()
        }
    }
}
