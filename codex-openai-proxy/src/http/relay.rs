//! Requests to a provider that speaks the client's own API: they go on as they are, and so do the
//! replies to them.
//!
//! Nothing stands between the provider and the client but this: no task, no queue, and nothing that is
//! read ahead. A client that does not read holds up its provider, and one that leaves ends the call.

mod passing;

use super::{
    AppState, body::ReplyBody, error::ErrorReply, reply, state::unix_seconds, watch::Watch,
};
use crate::{
    engine::upstream::{Call, Expects, Handling, Reply, Route},
    traffic::{Event, RequestLog},
    translate::{
        Note,
        chat::{ReasoningStyle, ReplyHead},
        relay::{StreamRelay, Whole},
    },
    turn::TurnError,
    wire::peek::Shape,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Response, StatusCode};
use passing::{Passing, Stage};
use tokio::time::timeout;

/// The longest reply that comes in one piece, in bytes.
const LONGEST_REPLY: usize = 64 * 1024 * 1024;

/// Headers of a provider that clients go by: how much of a rate limit is left.
const KEPT_HEADERS: &str = "x-ratelimit-";

/// A request that is passed on.
pub struct Request {
    /// What the client and the provider speak.
    pub api: Shape,
    /// The request as the provider gets it.
    pub body: Bytes,
    /// The model as the client calls it.
    pub model: String,
    /// Whether the reply is wanted as a stream.
    pub stream: bool,
    /// Who answers.
    pub route: Route,
}

/// What the client gets.
enum Answer {
    Whole(Response<ReplyBody>),
    Stream(Box<Begun>),
}

/// A stream that begins.
struct Begun {
    headers: HeaderMap,
    stage: Stage,
    events: StreamRelay,
}

/// Passes a request on, and its reply back.
pub async fn relay(state: &AppState, request: Request, mut watch: Watch) -> Response<ReplyBody> {
    let head = ReplyHead {
        id: watch.log().id().to_string(),
        created: unix_seconds(),
        model: request.model.clone(),
        conversation: None,
    };
    watch.on_reply(None, ReasoningStyle::Content);
    watch.gather(head);
    let answered = if request.stream {
        streamed(state, request, &mut watch).await
    } else {
        whole(request, &mut watch).await
    };
    match answered {
        Ok(Answer::Whole(response)) => response,
        Ok(Answer::Stream(begun)) => {
            let keep_alive = state.config.limits.keep_alive;
            let passing = Passing::new(begun.stage, begun.events, keep_alive, watch);
            let mut response = reply::event_stream(passing.into_stream());
            response.headers_mut().extend(begun.headers);
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
    watch: &mut Watch,
) -> Result<Answer, TurnError> {
    let (api, model) = (request.api, request.model.clone());
    let events = StreamRelay::new(api, &model, watch.log().id());
    let mut call = call(request, watch.log().clone());
    let begun = match timeout(state.config.limits.first_event, &mut call).await {
        Ok(reply) => {
            let reply = reply?;
            if reply.is_json() {
                // It does not stream. What it says goes on nevertheless, as what it is.
                return read_whole(reply, api, &model, watch).await;
            }
            Begun {
                headers: kept(&reply.headers),
                stage: Stage::Reading(reply.body),
                events,
            }
        }
        Err(_elapsed) => Begun {
            headers: HeaderMap::new(),
            stage: Stage::Calling(call),
            events,
        },
    };
    Ok(Answer::Stream(Box::new(begun)))
}

/// Calls the provider for a reply in one piece.
async fn whole(request: Request, watch: &mut Watch) -> Result<Answer, TurnError> {
    let (api, model) = (request.api, request.model.clone());
    let reply = call(request, watch.log().clone()).await?;
    read_whole(reply, api, &model, watch).await
}

fn call(request: Request, log: RequestLog) -> BoxFuture<'static, Result<Reply, TurnError>> {
    let Request {
        body,
        stream,
        route,
        ..
    } = request;
    Box::pin(async move {
        let call = Call {
            model: &route.model,
            body,
            expects: if stream {
                Expects::Stream
            } else {
                Expects::Whole
            },
            handling: Handling::Relayed,
        };
        route.provider.call(call, &log).await
    })
}

async fn read_whole(
    reply: Reply,
    api: Shape,
    model: &str,
    watch: &mut Watch,
) -> Result<Answer, TurnError> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let headers = kept(&reply.headers);
    let body = reply.body.whole(LONGEST_REPLY).await?;
    let mut said = Vec::new();
    let whole = Whole::read(&body, api, model, watch.log().id(), &mut said)?;
    tell_notes(&whole.notes, watch);
    watch.on_object(whole.body.clone());
    for event in &said {
        watch.on_event(event);
    }
    if let Some(failure) = whole.failure {
        watch.on_error(&ErrorReply::from(failure));
    }
    let mut response = reply::json_bytes(status, whole.body);
    response.headers_mut().extend(headers);
    Ok(Answer::Whole(response))
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
