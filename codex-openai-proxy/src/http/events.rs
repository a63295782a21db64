//! The body of a streamed reply: events in, server-sent events out.

use super::{error::ErrorReply, responding::Responding, watch::Watch};
use crate::{
    config::ContextOverflow,
    engine::TurnStream,
    translate::chat::ChunkWriter,
    turn::{TurnError, TurnEvent},
    wire::sse::KEEP_ALIVE,
};
use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture};
use http_body::{Body, Frame};
use std::{
    convert::Infallible,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};

/// Of so many silences in a row the last is broken by an event, where the API has one that says
/// nothing new: comments keep tunnels open, but the Codex CLI gives up after five minutes without an
/// event.
const EVENT_EVERY: u32 = 8;

/// How a streamed reply begins.
#[derive(Debug)]
pub enum Opening {
    /// With the first event, or with an error that [`hides_overflow`].
    First(Result<TurnEvent, TurnError>),
    /// With a comment: no event has come in the time that a status can be held back.
    Silence,
}

/// What makes the frames of a reply.
pub enum Writer {
    /// Those of Chat Completions.
    Chat {
        /// Writes them.
        writer: ChunkWriter,
        /// What the client gets where the conversation does not fit the model.
        overflow: ContextOverflow,
    },
    /// Those of Responses.
    Responses(Box<Responding>),
}

/// A streamed reply. Each event leaves as soon as it is there, and silence is broken by comments.
///
/// Ends once: with what [`TurnEvent::Finished`] causes, or with one error. Dropping it before
/// that, which is what happens when the client goes away, interrupts the turn.
pub struct EventBody {
    /// `None` once the reply has ended.
    events: Option<TurnStream>,
    writer: Writer,
    /// Done when the reply may end: it is being kept.
    keeping: Option<BoxFuture<'static, ()>>,
    /// Frames that have not been handed out.
    out: Vec<u8>,
    keep_alive: Duration,
    /// Done when the client has heard nothing for `keep_alive`.
    silence: Pin<Box<Sleep>>,
    /// How many of them came in a row.
    silences: u32,
    watch: Watch,
}

impl EventBody {
    /// A reply that begins with `opening` and goes on with `events`. In a silence of `keep_alive` a
    /// comment is sent.
    #[must_use]
    pub fn new(
        opening: Opening,
        events: TurnStream,
        writer: Writer,
        keep_alive: Duration,
        mut watch: Watch,
    ) -> Self {
        watch.on_stream();
        let mut body = Self {
            events: Some(events),
            writer,
            keeping: None,
            out: Vec::new(),
            keep_alive,
            silence: Box::pin(sleep(keep_alive)),
            silences: 0,
            watch,
        };
        match opening {
            Opening::First(Ok(event)) => body.on_event(event),
            Opening::First(Err(error)) => body.on_error(error),
            Opening::Silence => body.out.extend_from_slice(KEEP_ALIVE),
        }
        body
    }

    fn on_silence(&mut self) {
        self.silences += 1;
        if let Writer::Responses(responding) = &mut self.writer
            && self.silences.is_multiple_of(EVENT_EVERY)
        {
            responding.on_silence(&mut self.out);
        }
        if self.out.is_empty() {
            self.out.extend_from_slice(KEEP_ALIVE);
        }
    }

    fn on_event(&mut self, event: TurnEvent) {
        self.silences = 0;
        if let TurnEvent::Finished { reason, usage } = event {
            self.write(TurnEvent::Finished { reason, usage });
            self.end();
            self.watch.on_finished(reason, usage);
        } else {
            self.watch.on_event(&event);
            self.write(event);
        }
    }

    fn write(&mut self, event: TurnEvent) {
        match &mut self.writer {
            Writer::Chat { writer, .. } => writer.on_event(event, &mut self.out),
            Writer::Responses(responding) => responding.on_event(event, &mut self.out),
        }
    }

    fn on_error(&mut self, error: TurnError) {
        if let Writer::Chat { writer, overflow } = &mut self.writer
            && !writer.has_begun()
            && hides_overflow(*overflow, &error)
        {
            self.watch.on_overflow(&error);
            writer.on_overflow(&mut self.out);
        } else {
            let reply = ErrorReply::from(error);
            match &mut self.writer {
                Writer::Chat { writer, .. } => writer.on_error(&reply.body, &mut self.out),
                Writer::Responses(responding) => responding.on_error(&reply.body, &mut self.out),
            }
            self.end();
            return self.watch.on_error(&reply);
        }
        self.end();
    }

    fn on_cancelled(&mut self) {
        if let Writer::Responses(responding) = &mut self.writer {
            responding.on_cancelled(&mut self.out);
        }
        self.end();
        self.watch.on_cancelled();
    }

    /// Nothing more is read. What is kept of the reply is on disk before the client hears of its end.
    fn end(&mut self) {
        self.events = None;
        if let Writer::Responses(responding) = &mut self.writer {
            let object = responding.object();
            self.keeping = responding.keep(&object);
            self.watch.on_object(object);
        }
    }

    fn poll_cancelled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.writer {
            Writer::Chat { .. } => Poll::Pending,
            Writer::Responses(responding) => responding.poll_cancelled(cx),
        }
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        // The client has left. The log is to have what it got.
        if self.events.is_some()
            && let Writer::Responses(responding) = &self.writer
        {
            self.watch.on_object(responding.object());
        }
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
                Poll::Pending if this.poll_cancelled(cx).is_ready() => this.on_cancelled(),
                Poll::Pending => {
                    ready!(this.silence.as_mut().poll(cx));
                    this.on_silence();
                }
            }
        }
        if let Some(keeping) = &mut this.keeping {
            ready!(keeping.as_mut().poll(cx));
            this.keeping = None;
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
