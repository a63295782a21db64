//! The body of a streamed reply: events in, server-sent events out.

use super::{error::ErrorReply, turn_log::TurnLog};
use crate::{
    engine::Engine,
    translate::chat::ChunkWriter,
    turn::{TurnError, TurnEvent, TurnRequest},
    wire::sse::KEEP_ALIVE,
};
use bytes::Bytes;
use futures_util::{StreamExt, TryFutureExt, stream::BoxStream};
use http_body::{Body, Frame};
use std::{
    convert::Infallible,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};

/// The events of a turn, its start included: an engine that refuses it gives one error.
///
/// Dropping this interrupts the turn.
pub type TurnEvents = BoxStream<'static, Result<TurnEvent, TurnError>>;

/// How a streamed reply begins.
#[derive(Debug)]
pub enum Opening {
    /// With the first event.
    Event(TurnEvent),
    /// With a comment: no event has come in the time that a status can be held back.
    Silence,
}

/// A streamed reply. Each event leaves as soon as it is there, and silence is broken by comments.
///
/// Ends once: with what [`TurnEvent::Finished`] causes, or with one error. Dropping it before
/// that, which is what happens when the client goes away, interrupts the turn.
pub struct EventBody {
    /// `None` once the reply has ended.
    events: Option<TurnEvents>,
    writer: ChunkWriter,
    /// Frames that have not been handed out.
    out: Vec<u8>,
    keep_alive: Duration,
    /// Done when the client has heard nothing for `keep_alive`.
    silence: Pin<Box<Sleep>>,
    log: TurnLog,
}

impl EventBody {
    /// A reply that begins with `opening` and goes on with `events`.
    #[must_use]
    pub fn new(
        opening: Opening,
        events: TurnEvents,
        writer: ChunkWriter,
        keep_alive: Duration,
        log: TurnLog,
    ) -> Self {
        let mut body = Self {
            events: Some(events),
            writer,
            out: Vec::new(),
            keep_alive,
            silence: Box::pin(sleep(keep_alive)),
            log,
        };
        match opening {
            Opening::Event(event) => body.on_event(event),
            Opening::Silence => body.out.extend_from_slice(KEEP_ALIVE),
        }
        body
    }

    fn on_event(&mut self, event: TurnEvent) {
        self.log.on_event(&event);
        if matches!(event, TurnEvent::Finished { .. }) {
            self.events = None;
        }
        self.writer.on_event(event, &mut self.out);
    }

    fn on_error(&mut self, error: TurnError) {
        self.events = None;
        let reply = ErrorReply::from(error);
        self.log.on_error(&reply);
        self.writer.on_error(&reply.body, &mut self.out);
    }
}

impl Body for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        while this.out.is_empty() {
            let Some(events) = &mut this.events else {
                return Poll::Ready(None);
            };
            match events.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(event))) => this.on_event(event),
                Poll::Ready(Some(Err(error))) => this.on_error(error),
                Poll::Ready(None) => this.on_error(broken_off()),
                Poll::Pending => {
                    ready!(this.silence.as_mut().poll(cx));
                    this.out.extend_from_slice(KEEP_ALIVE);
                }
            }
        }
        let next_comment = Instant::now() + this.keep_alive;
        this.silence.as_mut().reset(next_comment);
        let frame = Frame::data(Bytes::from(mem::take(&mut this.out)));
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.events.is_none() && self.out.is_empty()
    }
}

/// Starts a turn when it is first polled, and gives what comes of it.
pub fn turn_events(engine: &Arc<dyn Engine>, request: TurnRequest) -> TurnEvents {
    let engine = Arc::clone(engine);
    async move { engine.start(request).await }
        .try_flatten_stream()
        .boxed()
}

/// The error of a turn that ended without saying how.
#[must_use]
pub fn broken_off() -> TurnError {
    TurnError::Upstream {
        message: "the model's reply broke off before its end".to_owned(),
    }
}
