//! `POST /logs/api/stream`: what happens, as an event stream.

use super::{query::Query, visitor::Visitor};
use crate::{
    http::{
        AppState,
        body::ReplyBody,
        error::ErrorReply,
        reply,
        server::{Viewer, Viewers},
    },
    traffic::Watcher,
    wire::sse::KEEP_ALIVE,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream, stream::BoxStream};
use http::{Response, Version, request::Parts};
use std::time::Duration;
use tokio::time::timeout;

pub(super) fn stream(state: &AppState, head: &Parts) -> Result<Response<ReplyBody>, ErrorReply> {
    let watcher = watch(state, head)?;
    let visitor = Visitor::of(head);
    let keep_alive = state.config.limits.keep_alive;
    // A connection of HTTP/2 has other streams, which are worth waiting for.
    let viewers = head.extensions.get::<Viewers>();
    let viewers = viewers.filter(|_| head.version < Version::HTTP_2);
    let viewer = viewers.map(Viewers::begin);
    Ok(reply::event_stream(events(
        watcher, visitor, keep_alive, viewer,
    )))
}

/// What a viewer is shown, from where it says on.
pub(super) fn watch(state: &AppState, head: &Parts) -> Result<Watcher, ErrorReply> {
    let mut query = Query::of(&head.uri)?;
    let after = query.sequence("after")?;
    query.finish()?;
    Ok(state.traffic.watch(after))
}

/// One event for each frame, and a comment in each silence of this length. Ends with the watcher, or when
/// the visitor may see nothing more.
fn events(
    watcher: Watcher,
    visitor: Option<Visitor>,
    keep_alive: Duration,
    viewer: Option<Viewer>,
) -> BoxStream<'static, Bytes> {
    let begin = (watcher, visitor, viewer);
    stream::unfold(begin, move |(mut watcher, visitor, viewer)| async move {
        let event = match timeout(keep_alive, watcher.next()).await {
            Ok(frame) => event(&frame?),
            Err(_elapsed) => Bytes::from_static(KEEP_ALIVE),
        };
        let is_welcome = visitor.as_ref().is_some_and(Visitor::is_welcome);
        is_welcome.then_some((event, (watcher, visitor, viewer)))
    })
    .boxed()
}

/// A frame, which is one line of JSON.
fn event(frame: &[u8]) -> Bytes {
    [b"data: ", frame, b"\n\n"].concat().into()
}
