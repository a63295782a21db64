//! One request: is it let in, what does it want, who answers.

use super::{
    AppState,
    access::{self, Arrival},
    body::{self, ReplyBody},
    error::ErrorReply,
    handlers,
    routes::{Access, Endpoint, Found},
};
use http::{Method, Request, Response, request::Parts};
use hyper::body::Incoming;
use std::net::IpAddr;

/// The address at the other end of the connection, kept among a request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Answers a request, whatever it is.
pub async fn dispatch(state: &AppState, request: Request<Incoming>) -> Response<ReplyBody> {
    let (head, body) = request.into_parts();
    let reply = match admit(state, &head) {
        Ok((endpoint, found)) => answer(state, endpoint, &found, &head, body).await,
        Err(refusal) => {
            body::discard(&head.headers, body);
            Err(refusal)
        }
    };
    let response = reply.unwrap_or_else(|error| {
        log(&error);
        error.into_response()
    });
    if head.method == Method::HEAD {
        response.map(|_| ReplyBody::default())
    } else {
        response
    }
}

/// Decides from the head alone whether the request is answered, and by what.
fn admit<'a>(state: &'a AppState, head: &'a Parts) -> Result<(Endpoint, Found<'a>), ErrorReply> {
    let path = head.uri.path();
    let found = state.routes.find(path);
    let access = found.as_ref().map_or(Access::Guarded, Found::access);
    if access == Access::Guarded {
        // A request without a peer came from nowhere that we know: it counts as foreign.
        let peer = head.extensions.get::<Peer>();
        let arrival = Arrival {
            peer: peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0),
            uri: &head.uri,
            headers: &head.headers,
        };
        access::check(&arrival, &state.config.api_keys)?;
    }
    let found = found.ok_or_else(|| ErrorReply::unknown_path(&head.method, path))?;
    match found.endpoint(&head.method) {
        Some(endpoint) => Ok((endpoint, found)),
        None => Err(ErrorReply::wrong_method(&head.method, path, found.allow())),
    }
}

async fn answer(
    state: &AppState,
    endpoint: Endpoint,
    found: &Found<'_>,
    head: &Parts,
    body: Incoming,
) -> Result<Response<ReplyBody>, ErrorReply> {
    match endpoint {
        Endpoint::ChatCompletions => {
            let limit = state.config.limits.max_body_bytes;
            let body = body::read(&head.headers, body, limit).await?;
            handlers::chat::completions(state, &head.headers, found.id.as_deref(), body).await
        }
        Endpoint::Models => Ok(handlers::models::list(state)),
        Endpoint::Model => handlers::models::get(state, found.id.as_deref().unwrap_or_default()),
        Endpoint::DeleteConversation => {
            // Clients may send a body with it, which says nothing.
            body::discard(&head.headers, body);
            handlers::conversations::delete(state, found.id.as_deref().unwrap_or_default()).await
        }
        Endpoint::Health => Ok(handlers::health::get(state)),
    }
}

fn log(error: &ErrorReply) {
    let status = error.status.as_u16();
    let object = &error.body.error;
    if error.status.is_server_error() {
        tracing::warn!(
            status,
            code = object.code,
            reason = object.message,
            "request_failed"
        );
    } else {
        tracing::info!(
            status,
            code = object.code,
            reason = object.message,
            "request_refused"
        );
    }
}
