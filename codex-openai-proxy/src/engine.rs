//! The seam between the HTTP side and whatever answers a turn.

#[cfg(feature = "codex")]
pub mod codex;
pub mod demo;
pub mod unavailable;
pub mod upstream;

use crate::{
    traffic::RequestLog,
    turn::{Catalog, ConversationId, TurnError, TurnEvent, TurnRequest},
};
use futures_util::{Stream, StreamExt, future::BoxFuture, stream::BoxStream};
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Something that answers turns.
pub trait Engine: Send + Sync + 'static {
    /// The models that it knows by name.
    fn catalog(&self) -> Arc<Catalog>;

    /// Whether it could answer a turn now.
    fn readiness(&self) -> Readiness;

    /// Finds the conversation that a request belongs to, or begins one, and starts a turn of it.
    /// Returns without waiting for anything but a local lookup: whatever takes time happens behind
    /// the stream. Dropping the stream interrupts the turn. What happens is told to `log`.
    ///
    /// # Errors
    ///
    /// What is known at once: no login, no such conversation, or a process that stops.
    fn start(
        &self,
        request: TurnRequest,
        log: RequestLog,
    ) -> BoxFuture<'_, Result<TurnStream, TurnError>>;

    /// Forgets a conversation: ends a turn of it that still runs, and deletes what is kept of it.
    /// False where there is none of that name.
    ///
    /// # Errors
    ///
    /// When what is kept cannot be deleted.
    fn delete_conversation<'a>(
        &'a self,
        id: &'a ConversationId,
    ) -> BoxFuture<'a, Result<bool, TurnError>>;

    /// Ends every running turn with [`TurnError::Unavailable`] and frees what it holds.
    fn shutdown(&self) -> BoxFuture<'_, ()>;
}

/// Whether an engine can answer turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can, as far as is known without asking the upstream.
    Ready,
    /// It cannot, and this is why.
    NotReady(String),
}

/// Events that may wait for a slow reader before the engine's pump waits too.
const BUFFERED_EVENTS: usize = 64;

/// The events of one running turn, in order.
///
/// Ends after [`TurnEvent::Finished`] or after one error. Dropping it tells the engine that nobody
/// listens any more.
pub struct TurnStream {
    conversation: Option<ConversationId>,
    events: BoxStream<'static, Result<TurnEvent, TurnError>>,
}

/// The engine's end of a [`TurnStream`].
pub type TurnSender = mpsc::Sender<Result<TurnEvent, TurnError>>;

impl TurnStream {
    /// A stream of a turn of `conversation`, and the sender that feeds it.
    #[must_use]
    pub fn channel(conversation: ConversationId) -> (TurnSender, Self) {
        let (sender, events) = mpsc::channel(BUFFERED_EVENTS);
        let stream = Self {
            conversation: Some(conversation),
            events: ReceiverStream::new(events).boxed(),
        };
        (sender, stream)
    }

    /// A stream of a turn that belongs to no conversation. Nothing is read ahead of whoever polls it.
    #[must_use]
    pub fn unnamed(
        events: impl Stream<Item = Result<TurnEvent, TurnError>> + Send + 'static,
    ) -> Self {
        Self {
            conversation: None,
            events: events.boxed(),
        }
    }

    /// The conversation that the turn belongs to, so that the client can go on with it. `None` where
    /// its engine keeps none.
    #[must_use]
    pub fn conversation(&self) -> Option<&ConversationId> {
        self.conversation.as_ref()
    }

    /// The next event; `None` once the turn has ended.
    pub async fn next(&mut self) -> Option<Result<TurnEvent, TurnError>> {
        self.events.next().await
    }
}

impl fmt::Debug for TurnStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnStream")
            .field("conversation", &self.conversation)
            .finish_non_exhaustive()
    }
}

impl Stream for TurnStream {
    type Item = Result<TurnEvent, TurnError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next_unpin(cx)
    }
}
