//! The seam between the HTTP side and whatever answers a turn.

#[cfg(feature = "codex")]
pub mod codex;
pub mod demo;
mod hidden;
pub mod unavailable;
pub mod upstream;

use crate::{
    config::{CodexSettings, ConversationSettings},
    traffic::RequestLog,
    turn::{Catalog, ConversationId, TurnError, TurnEvent, TurnRequest},
};
use futures_util::{
    Stream, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    sync::mpsc,
    time::{Instant, Sleep, sleep_until},
};
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

    /// What is known of it without asking anybody.
    fn report(&self) -> Report {
        Report::default()
    }

    /// From now on new turns and threads go by these settings, as far as the engine can change them.
    ///
    /// # Errors
    ///
    /// When it cannot go by them. Then it goes by none of them.
    fn configure(
        &self,
        _codex: &CodexSettings,
        _conversations: ConversationSettings,
    ) -> Result<(), ConfigureError> {
        Ok(())
    }

    /// Ends every running turn with [`TurnError::Unavailable`] and frees what it holds.
    fn shutdown(&self) -> BoxFuture<'_, ()>;
}

/// Why an engine goes on with the settings that it had.
#[derive(Debug, thiserror::Error)]
#[error("the engine cannot go by the new settings: {0}")]
pub struct ConfigureError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Whether an engine can answer turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can, as far as is known without asking the upstream.
    Ready,
    /// It cannot, and this is why.
    NotReady(String),
}

/// What an engine tells of itself. Nothing of it is a secret.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Who answers its turns; `None` where it asks nobody.
    pub provider: Option<ProviderReport>,
    /// The login that it uses, such as `chatgpt` or `api_key`; `None` without one.
    pub login: Option<&'static str>,
    /// Its threads.
    pub threads: Threads,
    /// How much of the plan is used up, as far as the provider has told.
    pub windows: Vec<Window>,
    /// How many model calls were repeated because they failed, since the process began.
    pub retries: u64,
}

/// A window of a plan's limits, as it was told last.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// What it is called, such as `primary`; of a limit with a name of its own, behind that and a colon.
    pub name: String,
    /// How much of it is used up, in percent.
    pub used_percent: f64,
    /// When it begins anew, in seconds since 1970, where that is known.
    pub resets_at: Option<u64>,
}

/// Whom an engine asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderReport {
    /// Its name in the configuration.
    pub name: String,
    /// Its host, with the port where the URL names one.
    pub host: String,
    /// Whether that is this machine.
    pub is_local: bool,
}

/// How many threads there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Threads {
    /// Of conversations that are in memory.
    pub live: usize,
    /// Of these, those that wait for the results of tool calls.
    pub parked: usize,
    /// Requests that wait for another of their conversation.
    pub waiting: usize,
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
    /// When the turn has to have ended.
    due: Option<Due>,
}

/// The end of a turn's time.
struct Due {
    passed: Pin<Box<Sleep>>,
    error: TurnError,
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
            due: None,
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
            due: None,
        }
    }

    /// The same, which ends with `error` at that time if it has not ended before. The engine is told so
    /// at once.
    #[must_use]
    pub fn until(mut self, at: Instant, error: TurnError) -> Self {
        let passed = Box::pin(sleep_until(at));
        self.due = Some(Due { passed, error });
        self
    }

    /// The conversation that the turn belongs to, so that the client can go on with it. `None` where
    /// its engine keeps none.
    #[must_use]
    pub fn conversation(&self) -> Option<&ConversationId> {
        self.conversation.as_ref()
    }

    /// The next event; `None` once the turn has ended.
    pub async fn next(&mut self) -> Option<Result<TurnEvent, TurnError>> {
        StreamExt::next(self).await
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
        let due = &mut self.due;
        if let Some(due) = due.take_if(|due| due.passed.as_mut().poll(cx).is_ready()) {
            self.events = stream::empty().boxed();
            return Poll::Ready(Some(Err(due.error)));
        }
        self.events.poll_next_unpin(cx)
    }
}
