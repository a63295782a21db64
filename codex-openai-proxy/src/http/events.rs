//! The body of a streamed reply: events in, server-sent events out.

use super::{error::ErrorReply, watch::Watch};
use crate::{
    config::ContextOverflow,
    engine::TurnStream,
    translate::chat::ChunkWriter,
    turn::{TurnError, TurnEvent},
    wire::sse::KEEP_ALIVE,
};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body::{Body, Frame};
use std::{
    convert::Infallible,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};

/// How a streamed reply begins.
#[derive(Debug)]
pub enum Opening {
    /// With the first event, or with an error that [`hides_overflow`].
    First(Result<TurnEvent, TurnError>),
    /// With a comment: no event has come in the time that a status can be held back.
    Silence,
}

/// What the configuration says of a streamed reply.
#[derive(Debug, Clone, Copy)]
pub struct StreamSettings {
    /// Silence after which a comment is sent.
    pub keep_alive: Duration,
    /// What the client gets where the conversation does not fit the model.
    pub overflow: ContextOverflow,
}

/// A streamed reply. Each event leaves as soon as it is there, and silence is broken by comments.
///
/// Ends once: with what [`TurnEvent::Finished`] causes, or with one error. Dropping it before
/// that, which is what happens when the client goes away, interrupts the turn.
pub struct EventBody {
    /// `None` once the reply has ended.
    events: Option<TurnStream>,
    writer: ChunkWriter,
    overflow: ContextOverflow,
    /// Frames that have not been handed out.
    out: Vec<u8>,
    keep_alive: Duration,
    /// Done when the client has heard nothing for `keep_alive`.
    silence: Pin<Box<Sleep>>,
    watch: Watch,
}

impl EventBody {
    /// A reply that begins with `opening` and goes on with `events`.
    #[must_use]
    pub fn new(
        opening: Opening,
        events: TurnStream,
        writer: ChunkWriter,
        settings: StreamSettings,
        mut watch: Watch,
    ) -> Self {
        let StreamSettings {
            keep_alive,
            overflow,
        } = settings;
        watch.on_stream();
        let mut body = Self {
            events: Some(events),
            writer,
            overflow,
            out: Vec::new(),
            keep_alive,
            silence: Box::pin(sleep(keep_alive)),
            watch,
        };
        match opening {
            Opening::First(Ok(event)) => body.on_event(event),
            Opening::First(Err(error)) => body.on_error(error),
            Opening::Silence => body.out.extend_from_slice(KEEP_ALIVE),
        }
        body
    }

    fn on_event(&mut self, event: TurnEvent) {
        self.watch.on_event(&event);
        if matches!(event, TurnEvent::Finished { .. }) {
            self.events = None;
        }
        self.writer.on_event(event, &mut self.out);
    }

    fn on_error(&mut self, error: TurnError) {
        self.events = None;
        if !self.writer.has_begun() && hides_overflow(self.overflow, &error) {
            self.watch.on_overflow(&error);
            return self.writer.on_overflow(&mut self.out);
        }
        let reply = ErrorReply::from(error);
        self.watch.on_error(&reply);
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
        let frame = Bytes::from(mem::take(&mut this.out));
        this.watch.on_frame(&frame);
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.events.is_none() && self.out.is_empty()
    }
}

/// Whether the client gets an empty reply in place of this error.
#[must_use]
pub fn hides_overflow(setting: ContextOverflow, error: &TurnError) -> bool {
    setting == ContextOverflow::Compact && matches!(error, TurnError::ContextWindowExceeded { .. })
}

/// The error of a turn that ended without saying how.
#[must_use]
pub fn broken_off() -> TurnError {
    TurnError::Upstream {
        message: "the model's reply broke off before its end".to_owned(),
    }
}
