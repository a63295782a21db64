//! The body of a streamed reply: events in, server-sent events out.

use super::{error::ErrorReply, responding::Responding, watch::Watch};
use crate::{
    config::{ContextOverflow, Limits},
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
/// Ends once: with what [`TurnEvent::Finished`] causes, with one error, or called off. Dropping it before
/// that, which is what happens when the client goes away, interrupts the turn.
pub struct EventBody {
    /// `None` once the reply has ended.
    events: Option<TurnStream>,
    writer: Writer,
    /// Done when the reply may end: it is being kept.
    keeping: Option<BoxFuture<'static, ()>>,
    /// Frames that have not been handed out.
    out: Vec<u8>,
    limits: Limits,
    /// Done when the client has heard nothing for as long as comments may be apart.
    silence: Pin<Box<Sleep>>,
    /// When the client last got anything but a comment.
    last_event: Instant,
    watch: Watch,
}

impl EventBody {
    /// A reply that begins with `opening` and goes on with `events`.
    #[must_use]
    pub fn new(
        opening: Opening,
        events: TurnStream,
        writer: Writer,
        limits: Limits,
        mut watch: Watch,
    ) -> Self {
        watch.on_stream();
        let mut body = Self {
            events: Some(events),
            writer,
            keeping: None,
            out: Vec::new(),
            limits,
            silence: Box::pin(sleep(limits.keep_alive)),
            last_event: Instant::now(),
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
        if let Writer::Responses(responding) = &mut self.writer
            && self.last_event.elapsed() >= self.limits.sign_of_life
        {
            responding.on_silence(&mut self.out);
        } else {
            self.out.extend_from_slice(KEEP_ALIVE);
        }
    }

    fn on_event(&mut self, event: TurnEvent) {
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
            if let (TurnError::ConversationDeleted, Writer::Responses(responding)) =
                (&error, &mut self.writer)
            {
                responding.forget();
            }
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

    /// Ends the reply after a panic: what the client gets last, and all that it gets from now on.
    pub fn last_words(&mut self) -> Bytes {
        // What was being written is not whole.
        self.out.clear();
        self.on_error(TurnError::internal("a panic"));
        let frame = Bytes::from(mem::take(&mut self.out));
        self.watch.on_frame(&frame);
        frame
    }

    /// Nothing more is read. What is kept of the reply is on disk before the client hears of its end.
    fn end(&mut self) {
        self.events = None;
        if let Writer::Responses(responding) = &mut self.writer
            && (responding.is_kept() || self.watch.keeps_bodies())
        {
            let object = responding.object();
            self.keeping = responding.keep(&object);
            self.watch.on_object(object);
        }
    }
}

impl Writer {
    fn poll_cancelled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Chat { .. } => Poll::Pending,
            Self::Responses(responding) => responding.poll_cancelled(cx),
        }
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        // The client has left. The log is to have what it got.
        if self.events.is_some()
            && let Writer::Responses(responding) = &self.writer
            && self.watch.keeps_bodies()
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
            // First, so that whoever was told that it is called off is not told of its end later.
            if this.writer.poll_cancelled(cx).is_ready() {
                this.on_cancelled();
                break;
            }
            match events.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(event))) => this.on_event(event),
                Poll::Ready(Some(Err(error))) => this.on_error(error),
                Poll::Ready(None) => this.on_error(broken_off()),
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
        let now = Instant::now();
        this.silence.as_mut().reset(now + this.limits.keep_alive);
        let frame = Bytes::from(mem::take(&mut this.out));
        if frame != KEEP_ALIVE {
            this.last_event = now;
        }
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
    setting == ContextOverflow::Compact
        && match error {
            TurnError::ContextWindowExceeded { .. } => true,
            TurnError::Provider(error) => error.is_of_context(),
            _ => false,
        }
}

/// The error of a turn that ended without saying how.
#[must_use]
pub fn broken_off() -> TurnError {
    TurnError::Upstream {
        message: "the model's reply broke off before its end".to_owned(),
    }
}
