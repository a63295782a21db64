//! `POST /logs/api/stream`: what happens, as an event stream.

use super::query::Query;
use crate::{
    http::{AppState, body::ReplyBody, error::ErrorReply, reply},
    traffic::Watcher,
    wire::sse::KEEP_ALIVE,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream, stream::BoxStream};
use http::{Response, request::Parts};
use std::time::Duration;
use tokio::time::timeout;

pub(super) fn stream(state: &AppState, head: &Parts) -> Result<Response<ReplyBody>, ErrorReply> {
    let watcher = watch(state, head)?;
    let keep_alive = state.config.limits.keep_alive;
    Ok(reply::event_stream(events(watcher, keep_alive)))
}

/// What a viewer is shown, from where it says on.
pub(super) fn watch(state: &AppState, head: &Parts) -> Result<Watcher, ErrorReply> {
    let mut query = Query::of(&head.uri)?;
    let after = query.sequence("after")?;
    query.finish()?;
    Ok(state.traffic.watch(after))
}

/// One event for each frame, and a comment in each silence of this length. Ends with the watcher.
fn events(watcher: Watcher, keep_alive: Duration) -> BoxStream<'static, Bytes> {
    stream::unfold(watcher, move |mut watcher| async move {
        let event = match timeout(keep_alive, watcher.next()).await {
            Ok(frame) => event(&frame?),
            Err(_elapsed) => Bytes::from_static(KEEP_ALIVE),
        };
        Some((event, watcher))
    })
    .boxed()
}

/// A frame, which is one line of JSON.
fn event(frame: &[u8]) -> Bytes {
    [b"data: ", frame, b"\n\n"].concat().into()
}
