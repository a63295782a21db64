//! One request: is it let in, what does it want, who answers.

use super::{
    AppState,
    access::{self, Arrival, Refusal},
    admission::{
        Deadline,
        gate::{Patience, Permit, Turned},
        rate::Standing,
    },
    body::{self, Bounds, ReadError, ReplyBody},
    error::ErrorReply,
    handlers::{self, turns},
    routes::{Access, Endpoint, Found},
    service::{RequestName, is_log},
    watch::Watch,
};
use crate::{traffic::RequestLog, turn::TraceContext, wire::peek::Shape};
use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};
use http::{HeaderMap, Method, Request, Response, header, request::Parts};
use hyper::body::Incoming;
use std::{net::IpAddr, sync::Arc};
use tokio::time::Instant;

/// The address at the other end of the connection, kept among a request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// A request that was let in.
struct Admitted<'a> {
    head: &'a Parts,
    endpoint: Endpoint,
    /// The `{id}` of its path.
    id: Option<&'a str>,
    body: Incoming,
    deadline: Deadline,
}

/// Answers a request, whatever it is.
pub async fn dispatch(state: &AppState, request: Request<Incoming>) -> Response<ReplyBody> {
    let deadline = Deadline::after(state.config.limits.request);
    let (head, body) = request.into_parts();
    let found = state.routes.find(head.uri.path());
    let found = found.as_ref();
    let endpoint = found.and_then(|found| found.endpoint(&head.method));
    let mut watch = Watch::arrived(log_of(state, &head, found), &head, endpoint);
    if state.config.metrics && is_of_api(&head, endpoint) {
        watch = watch.counted(&state.metrics);
    }
    let mut standing = None;
    let admitted = let_in(state, &head, found, &mut watch).and_then(|counted| {
        standing = counted;
        offered(&head, found, endpoint)
    });
    let mut response = match admitted {
        Ok((endpoint, found)) => {
            let admitted = Admitted {
                head: &head,
                endpoint,
                id: found.id.as_deref(),
                body,
                deadline,
            };
            answer(state, admitted, watch).await
        }
        Err(refusal) => {
            body::discard(&head.headers, body);
            done(state, &head, watch, Err(refusal))
        }
    };
    if let Some(standing) = standing {
        standing.tell(response.headers_mut());
    }
    if head.method == Method::HEAD {
        response.map(|_| ReplyBody::default())
    } else {
        response
    }
}

/// Whether a request is one for the API, and not for looking at the service itself.
fn is_of_api(head: &Parts, endpoint: Option<Endpoint>) -> bool {
    !matches!(endpoint, Some(Endpoint::Health(_) | Endpoint::Metrics)) && !is_log(head.uri.path())
}

/// Where a request is logged. Whoever looks at the log is not to fill it, nor are strangers where they may
/// ask for what is open to them as often as they like.
fn log_of(state: &AppState, head: &Parts, found: Option<&Found<'_>>) -> RequestLog {
    let is_open = found.is_some_and(|found| found.access() == Access::Open);
    let endpoint = found.and_then(|found| found.endpoint(&head.method));
    if !is_open && is_of_api(head, endpoint) {
        channel_of(state, head)
    } else {
        RequestLog::silent()
    }
}

fn channel_of(state: &AppState, head: &Parts) -> RequestLog {
    let name = head.extensions.get::<RequestName>();
    let name = name.filter(|_| state.config.logs.requests);
    name.map_or_else(RequestLog::silent, |name| {
        let log = state.traffic.channel().request(Arc::clone(&name.id));
        log.in_trace(name.trace.as_ref().map(TraceContext::id))
    })
}

/// Decides from the head alone whether anything is done for whoever asks, and tells how much is left to
/// them where that is counted.
fn let_in(
    state: &AppState,
    head: &Parts,
    found: Option<&Found<'_>>,
    watch: &mut Watch,
) -> Result<Option<Standing>, ErrorReply> {
    let access = found.map_or(Access::Guarded, Found::access);
    let arrival = arrival(head);
    let caller = access::check(&arrival, access, &state.credentials())
        .map_err(|refusal| state.counted(refusal, &arrival))?;
    watch.on_caller(&caller);
    // Whoever looks at the log, or after this process, is not to get into the way of its work.
    let endpoint = found.and_then(|found| found.endpoint(&head.method));
    if access == Access::Open || !is_of_api(head, endpoint) {
        return Ok(None);
    }
    let client = state.client(&arrival);
    Ok(state.admission.count(caller.key(), client)?)
}

/// What the request wants, where it is to be had.
fn offered<'a>(
    head: &Parts,
    found: Option<&'a Found<'a>>,
    endpoint: Option<Endpoint>,
) -> Result<(Endpoint, &'a Found<'a>), ErrorReply> {
    let path = head.uri.path();
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

/// Answers a request that was let in.
async fn answer(state: &AppState, request: Admitted<'_>, mut watch: Watch) -> Response<ReplyBody> {
    let Admitted { head, deadline, .. } = request;
    watch.on_admitted(&head.headers);
    let id = request.id.unwrap_or_default();
    // Clients may send a body with those that take none.
    let discard = |body| body::discard(&head.headers, body);
    let reply: BoxFuture<'_, _> = match request.endpoint {
        Endpoint::ChatCompletions => return turn(state, Shape::Chat, request, watch).await,
        Endpoint::Responses => return turn(state, Shape::Responses, request, watch).await,
        Endpoint::StoredResponse(action) => {
            discard(request.body);
            handlers::responses::act(state, action, id, &head.uri, &mut watch).boxed()
        }
        Endpoint::Models => {
            discard(request.body);
            handlers::models::list(state).map(Ok).boxed()
        }
        Endpoint::Model => {
            discard(request.body);
            ready(handlers::models::get(state, id)).boxed()
        }
        Endpoint::DeleteConversation => {
            discard(request.body);
            handlers::conversations::delete(state, id, &mut watch).boxed()
        }
        Endpoint::Health(view) => {
            discard(request.body);
            ready(Ok(handlers::health::get(state, view, head))).boxed()
        }
        Endpoint::Metrics => {
            discard(request.body);
            ready(handlers::metrics::get(state, head)).boxed()
        }
        Endpoint::OpenApi => {
            discard(request.body);
            ready(Ok(handlers::openapi::get())).boxed()
        }
        Endpoint::Logs(view) => handlers::logs::show(state, view, id, head, request.body).boxed(),
    };
    let reply = deadline.cover(reply).await;
    let reply = reply.unwrap_or_else(|late| Err(late.into()));
    done(state, head, watch, reply)
}

/// Answers a request for a reply of a model, when its turn has come.
async fn turn(
    state: &AppState,
    api: Shape,
    request: Admitted<'_>,
    mut watch: Watch,
) -> Response<ReplyBody> {
    let Admitted { head, deadline, .. } = request;
    let bounds = Bounds::from(&state.config.limits).within(state.admission.room());
    let read = deadline.cover(body::read(&head.headers, request.body, bounds));
    let body = match read
        .await
        .unwrap_or_else(|late| Err(ReadError::Refused(late.into())))
    {
        Ok(body) => body,
        // Nobody gets this reply; the log tells that the client has left.
        Err(ReadError::Left) => return ErrorReply::body_unreadable().into_response(),
        Err(ReadError::Refused(error)) => return done(state, head, watch, Err(error)),
    };
    let permit = match queue(state, deadline).await {
        Ok(permit) => permit,
        Err(error) => {
            watch.on_body(&body);
            watch.on_refused(&body);
            return done(state, head, watch, Err(error));
        }
    };
    let request = turns::Request {
        api,
        headers: &head.headers,
        deployment: request.id,
        body,
        deadline,
    };
    let response = turns::create(state, request, watch).await;
    response.map(|body| body.holding(permit, deadline, &state.watchdog))
}

/// Waits until a reply may be made.
async fn queue(state: &AppState, deadline: Deadline) -> Result<Permit, ErrorReply> {
    let settings = &state.config.admission;
    let patience = Patience {
        queue: settings.max_queued,
        until: deadline.or_at(Instant::now() + settings.queue_timeout),
    };
    if deadline.has_passed() {
        return Err(deadline.error().into());
    }
    let begun = Instant::now();
    match state.admission.gate().enter(patience).await {
        Ok((permit, wait)) => {
            state.metrics.queued(wait);
            Ok(permit)
        }
        Err(turned) => {
            // Who waited in vain has waited for longest.
            if turned == Turned::Late {
                state.metrics.queued(begun.elapsed());
            }
            Err(if deadline.has_passed() {
                deadline.error().into()
            } else {
                turned.into()
            })
        }
    }
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
            if let Some(refusal) = error.refusal() {
                on_refusal(state, head, &mut watch, refusal);
            }
            watch.on_error(&error);
            error.into_response()
        }
    }
}

/// Decides whether anybody hears of a request that is refused.
fn on_refusal(state: &AppState, head: &Parts, watch: &mut Watch, refusal: Refusal) {
    let is_silent = watch.log().is_silent();
    // Nobody is to try out keys where it is quiet.
    if is_silent && refusal != Refusal::WrongKey {
        return;
    }
    if !state.tells_refusal(&arrival(head)) {
        watch.mute();
    } else if is_silent {
        watch.speak(channel_of(state, head), head);
    }
}
