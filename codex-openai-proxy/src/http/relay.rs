//! Requests to a provider that speaks the client's own API: they go on as they are, and so do the
//! replies to them.
//!
//! Nothing stands between the provider and the client but this: no task, no queue, and nothing that is
//! read ahead. A client that does not read holds up its provider, and one that leaves ends the call.

mod passing;
mod request;

pub use request::Request;

use super::{
    AppState, admission::Deadline, body::ReplyBody, error::ErrorReply, reply, state::unix_seconds,
    watch::Watch,
};
use crate::{
    engine::upstream::{Call, Expects, Handling, Reply},
    traffic::{Event, RequestLog},
    translate::{
        Note,
        chat::{ReasoningStyle, ReplyHead},
        relay::Whole,
    },
    turn::{TurnError, TurnEvent},
    wire::peek::Shape,
};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Response, StatusCode};
use passing::{Pace, Passing, Stage};
use std::mem;
use tokio::time::timeout;

/// The longest reply that comes in one piece, in bytes.
const LONGEST_REPLY: usize = 64 * 1024 * 1024;

/// Headers of a provider that clients go by: how much of a rate limit is left.
const KEPT_HEADERS: &str = "x-ratelimit-";

/// What the client gets.
enum Answer {
    Whole(Response<ReplyBody>),
    Stream(Box<Begun>),
}

/// A stream that begins.
struct Begun {
    headers: HeaderMap,
    stage: Stage,
    api: Shape,
    head: ReplyHead,
}

/// Passes a request on, and its reply back.
pub async fn relay(
    state: &AppState,
    mut request: Request,
    deadline: Deadline,
    mut watch: Watch,
) -> Response<ReplyBody> {
    let asks = mem::take(&mut request.asks);
    let stream = asks.stream;
    let head = ReplyHead {
        id: watch.log().id().to_string(),
        created: unix_seconds(),
        model: asks.model.clone(),
        conversation: None,
    };
    watch.on_provider(&request.route);
    watch.on_asks(asks, None);
    watch.on_reply(None, ReasoningStyle::Content);
    watch.gather(head.clone());
    let answered = deadline.cover(Box::pin(async {
        if stream {
            return streamed(state, request, head, &mut watch).await;
        }
        let api = request.api;
        let reply = call(request, Expects::Whole, watch.log().clone()).await?;
        read_whole(reply, api, &head, &mut watch).await
    }));
    match answered.await.flatten() {
        Ok(Answer::Whole(response)) => response,
        Ok(Answer::Stream(begun)) => {
            let pace = Pace {
                keep_alive: state.config.limits.keep_alive,
                deadline,
            };
            let Begun {
                headers,
                stage,
                api,
                head,
            } = *begun;
            let passing = Passing::new(stage, api, head, pace, watch);
            let mut response = reply::event_stream(passing.into_stream());
            response.headers_mut().extend(headers);
            response
        }
        Err(error) => {
            let error = ErrorReply::from(error);
            watch.on_error(&error);
            error.into_response()
        }
    }
}

/// Calls the provider for a stream. Its status is the client's, unless it takes so long that something
/// on the way might take the connection for dead.
async fn streamed(
    state: &AppState,
    request: Request,
    head: ReplyHead,
    watch: &mut Watch,
) -> Result<Answer, TurnError> {
    let api = request.api;
    let mut call = call(request, Expects::Stream, watch.log().clone());
    let begun = match timeout(state.config.limits.first_event, &mut call).await {
        Ok(reply) => {
            let reply = reply?;
            if reply.is_json() {
                // It does not stream. What it says goes on nevertheless, as what it is.
                return read_whole(reply, api, &head, watch).await;
            }
            Begun {
                headers: kept(&reply.headers),
                stage: Stage::Reading(reply.body),
                api,
                head,
            }
        }
        Err(_elapsed) => Begun {
            headers: HeaderMap::new(),
            stage: Stage::Calling(call),
            api,
            head,
        },
    };
    Ok(Answer::Stream(Box::new(begun)))
}

/// Calls the provider.
fn call(
    request: Request,
    expects: Expects,
    log: RequestLog,
) -> BoxFuture<'static, Result<Reply, TurnError>> {
    let Request {
        body,
        headers,
        route,
        ..
    } = request;
    Box::pin(async move {
        let call = Call {
            model: &route.model,
            body,
            expects,
            handling: Handling::Relayed,
            headers,
        };
        route.provider.call(call, &log).await
    })
}

/// Passes on a reply in one piece.
async fn read_whole(
    reply: Reply,
    api: Shape,
    head: &ReplyHead,
    watch: &mut Watch,
) -> Result<Answer, TurnError> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let headers = kept(&reply.headers);
    let body = reply.body.whole(LONGEST_REPLY).await?;
    let mut said = Vec::new();
    let whole = Whole::read(&body, api, head, &mut said)?;
    tell_whole(&whole, &said, watch);
    if let Some(failure) = whole.failure {
        let mut error = ErrorReply::from(failure);
        // The client gets what the provider sent.
        error.status = status;
        watch.on_error(&error);
    }
    let mut response = reply::json_bytes(status, whole.body);
    response.headers_mut().extend(headers);
    Ok(Answer::Whole(response))
}

/// Tells the log of a reply in one piece.
fn tell_whole(whole: &Whole, said: &[TurnEvent], watch: &mut Watch) {
    tell_notes(&whole.notes, watch);
    watch.on_object(whole.body.clone());
    for event in said {
        watch.on_event(event);
    }
}

/// Tells the log what it should know of a reply.
fn tell_notes(notes: &[Note], watch: &mut Watch) {
    for Note { what, detail } in notes {
        let detail = detail.clone();
        watch.publish(Event::Warning { what, detail });
    }
}

fn kept(headers: &HeaderMap) -> HeaderMap {
    let kept = headers.iter();
    kept.filter(|(name, _)| name.as_str().starts_with(KEPT_HEADERS))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
