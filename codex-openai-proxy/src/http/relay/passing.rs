//! A stream on its way from a provider to a client.

use super::{LONGEST_REPLY, tell_notes, tell_whole};
use crate::{
    engine::upstream::{Reply, ReplyBody},
    http::{admission::Deadline, error::ErrorReply, panics, watch::Watch},
    translate::{
        chat::ReplyHead,
        relay::{StreamRelay, Whole},
    },
    turn::{TurnError, TurnEvent},
    wire::{
        peek::Shape,
        sse::{Decoder, Event, KEEP_ALIVE},
    },
};
use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use std::{any::Any, mem, panic::AssertUnwindSafe, time::Duration};
use tokio::time::{Instant, timeout_at};

/// The longest event that is read, in bytes.
const LONGEST_EVENT: usize = 16 * 1024 * 1024;

/// How much longer a piece mostly is at most after the model has been renamed in it, in bytes.
const ROOM_FOR_NAMES: usize = 128;

/// How long a provider has to tell what belongs to its error: a response that failed comes right
/// after it, or not at all.
const REST_OF_ERROR: Duration = Duration::from_millis(250);

/// A stream that is passed on. Each piece of it leaves as soon as it is there, and silence is broken by
/// comments.
///
/// Ends once: as the provider ends it, or with one error. Dropping it before that ends the call.
///
/// Comments keep connections open. They do not keep the Codex CLI patient, which gives a response up
/// after five minutes without an event (`stream_idle_timeout_ms` in its configuration). No event can be
/// put between a provider's: they are numbered, and the next number is the provider's to give.
pub(super) struct Passing {
    stage: Stage,
    api: Shape,
    head: ReplyHead,
    decoder: Decoder,
    relay: StreamRelay,
    pace: Pace,
    watch: Watch,
    /// Kept for their allocations.
    events: Vec<Event>,
    said: Vec<TurnEvent>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The silence after which the client gets a comment.
    pub(super) keep_alive: Duration,
    /// When the reply has to have ended.
    pub(super) deadline: Deadline,
}

/// How far a reply is.
pub(super) enum Stage {
    /// The provider has not answered yet.
    Calling(BoxFuture<'static, Result<Reply, TurnError>>),
    /// Its reply comes in one piece.
    Gathering(BoxFuture<'static, Result<Bytes, TurnError>>),
    /// Its reply comes as a stream.
    Reading(ReplyBody),
    /// The client has got all that it gets.
    Ended,
}

/// What has come.
enum News {
    Answer(Result<Reply, TurnError>),
    /// The whole reply.
    Whole(Result<Bytes, TurnError>),
    /// A piece of the reply, or its end.
    Piece(Option<Result<Bytes, TurnError>>),
}

impl Passing {
    pub(super) fn new(
        stage: Stage,
        api: Shape,
        head: ReplyHead,
        pace: Pace,
        mut watch: Watch,
    ) -> Self {
        watch.on_stream();
        let mut relay = StreamRelay::new(api, head.clone());
        if watch.keeps_bodies() {
            relay = relay.keeping_object();
        }
        Self {
            stage,
            api,
            head,
            decoder: Decoder::new(LONGEST_EVENT),
            relay,
            pace,
            watch,
            events: Vec::new(),
            said: Vec::new(),
        }
    }

    /// The pieces that the client gets.
    pub(super) fn into_stream(self) -> BoxStream<'static, Bytes> {
        let frames = stream::unfold(self, |mut passing| async move {
            let next = AssertUnwindSafe(passing.next()).catch_unwind().await;
            let frame = next.unwrap_or_else(|panic| passing.on_panic(panic.as_ref()))?;
            Some((frame, passing))
        });
        frames.boxed()
    }

    async fn next(&mut self) -> Option<Bytes> {
        let comment = self
            .pace
            .deadline
            .or_at(Instant::now() + self.pace.keep_alive);
        let mut out = Vec::new();
        while out.is_empty() {
            let news = match &mut self.stage {
                Stage::Calling(call) => timeout_at(comment, call).await.map(News::Answer),
                Stage::Gathering(body) => timeout_at(comment, body).await.map(News::Whole),
                Stage::Reading(body) => timeout_at(comment, body.next()).await.map(News::Piece),
                Stage::Ended => return None,
            };
            match news {
                Ok(News::Answer(answer)) => self.on_answer(answer, &mut out),
                Ok(News::Whole(body)) => self.on_whole(body, &mut out),
                Ok(News::Piece(piece)) => self.on_piece(piece, &mut out).await,
                Err(_elapsed) if self.pace.deadline.has_passed() => {
                    self.fail(self.pace.deadline.error(), &mut out);
                }
                Err(_silence) => out.extend_from_slice(KEEP_ALIVE),
            }
        }
        let frame = Bytes::from(out);
        self.watch.on_frame(&frame);
        Some(frame)
    }

    /// A fault of ours ends the reply, of which the client is told, since its status is out.
    fn on_panic(&mut self, panic: &(dyn Any + Send)) -> Option<Bytes> {
        panics::log(panic);
        if matches!(self.stage, Stage::Ended) {
            return None;
        }
        let mut out = Vec::new();
        self.fail(TurnError::internal("a panic"), &mut out);
        (!out.is_empty()).then(|| out.into())
    }

    /// The provider has answered, after the client was told that a stream comes.
    fn on_answer(&mut self, answer: Result<Reply, TurnError>, out: &mut Vec<u8>) {
        match answer {
            Ok(reply) if reply.is_json() => {
                self.stage = Stage::Gathering(Box::pin(reply.body.whole(LONGEST_REPLY)));
            }
            Ok(reply) => self.stage = Stage::Reading(reply.body),
            Err(error) => self.fail(error, out),
        }
    }

    /// The provider does not stream, which was not known when the client was told that a stream comes.
    fn on_whole(&mut self, body: Result<Bytes, TurnError>, out: &mut Vec<u8>) {
        let read = body.and_then(|body| {
            let mut whole = Whole::read(&body, self.api, &self.head, &mut self.said)?;
            match whole.failure.take() {
                Some(failure) => Err(failure),
                None => Ok(whole),
            }
        });
        match read {
            Ok(whole) => {
                self.relay.on_whole(&whole, out);
                tell_whole(&whole, &self.said, &mut self.watch);
                self.end();
            }
            Err(error) => self.fail(error, out),
        }
    }

    async fn on_piece(&mut self, piece: Option<Result<Bytes, TurnError>>, out: &mut Vec<u8>) {
        match piece {
            Some(Ok(piece)) => {
                if let Err(error) = self.pass(&piece, out) {
                    self.pass_rest_of_error(out).await;
                    self.fail(error, out);
                } else if self.relay.has_ended() {
                    self.end();
                }
            }
            Some(Err(error)) => self.fail(error, out),
            None => match self.relay.finish(out, &mut self.said) {
                Ok(()) => {
                    self.tell();
                    self.end();
                }
                Err(error) => self.fail(error, out),
            },
        }
    }

    /// Passes on what `piece` completes.
    ///
    /// # Errors
    ///
    /// The first error that the provider tells in it.
    fn pass(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), TurnError> {
        let mut told = Ok(());
        // What goes on is as long as what came, but for the model's name.
        out.reserve(piece.len() + ROOM_FOR_NAMES);
        let mut events = mem::take(&mut self.events);
        let fed = self.decoder.feed(piece, &mut events);
        for event in events.drain(..) {
            let read = self.relay.on_event(&event, out, &mut self.said);
            told = told.and(read);
            if let Some(object) = self.relay.take_object() {
                self.watch.on_object(object);
            }
            self.tell();
        }
        self.events = events;
        if let (Err(too_long), false) = (fed, self.relay.has_ended()) {
            let message = format!("The provider's reply cannot be read: {too_long}.");
            self.fail(TurnError::Upstream { message }, out);
        }
        told
    }

    /// An error goes to the client together with what belongs to it.
    async fn pass_rest_of_error(&mut self, out: &mut Vec<u8>) {
        let until = Instant::now() + REST_OF_ERROR;
        while !self.relay.has_ended()
            && let Stage::Reading(body) = &mut self.stage
            && let Ok(Some(Ok(piece))) = timeout_at(until, body.next()).await
        {
            // That it failed is known.
            let _ = self.pass(&piece, out);
        }
    }

    /// Ends the reply with an error, of which the client is told unless it was.
    fn fail(&mut self, error: TurnError, out: &mut Vec<u8>) {
        let error = ErrorReply::from(error);
        self.relay.on_error(&error.body, out);
        self.watch.on_error(&error);
        self.end();
    }

    /// Tells the log what was said.
    fn tell(&mut self) {
        tell_notes(&self.relay.notes(), &mut self.watch);
        for event in self.said.drain(..) {
            self.watch.on_event(&event);
        }
    }

    /// Nothing more is read.
    fn end(&mut self) {
        if let Stage::Reading(body) = mem::replace(&mut self.stage, Stage::Ended) {
            body.release();
        }
    }
}
