//! Runs one thread from its first turn to its end, and feeds the reply as it comes.

use super::{
    breaks::Watch,
    events::{End, EventReader, Step, TurnState},
    tools::ClientTools,
};
use crate::{
    engine::TurnSender,
    turn::{TurnError, TurnEvent},
};
use codex_core::{CodexThread, ThreadManager};
use codex_protocol::{
    ThreadId,
    protocol::{Event, Op},
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long core may take to end a thread before it is left behind.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// A thread that answers one request.
pub struct Pump {
    /// Where the thread is registered.
    pub manager: Arc<ThreadManager>,
    /// The thread's id.
    pub id: ThreadId,
    /// The thread.
    pub thread: Arc<CodexThread>,
    /// What it offers.
    pub tools: Arc<ClientTools>,
    /// Where the reply goes.
    pub reply: TurnSender,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
}

/// Why a reply has no more events.
enum Over {
    /// It was told to the client.
    Ended(TurnState),
    /// The client has left.
    Abandoned,
}

impl Pump {
    /// Submits `op` and forwards the turn's events until the reply is over or the client has left;
    /// then ends the thread.
    pub async fn run(self, op: Op) {
        let over = match self.thread.submit(op).await {
            Ok(_) => self.forward().await,
            Err(error) => {
                self.send(Err(TurnError::internal(error))).await;
                Over::Ended(TurnState::Over)
            }
        };
        if matches!(over, Over::Abandoned) {
            tracing::info!(thread = %self.id, "client_disconnected");
        }
        let interrupt = !matches!(over, Over::Ended(TurnState::Over));
        // The reply's end must not wait for the thread's.
        let Self {
            manager,
            id,
            thread,
            reply,
            ..
        } = self;
        drop(reply);
        if interrupt && let Err(error) = thread.submit(Op::Interrupt).await {
            tracing::warn!(thread = %id, %error, "thread_interrupt_failed");
        }
        match timeout(SHUTDOWN, thread.shutdown_and_wait()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(thread = %id, %error, "thread_shutdown_failed"),
            Err(_) => tracing::warn!(thread = %id, "thread_shutdown_timed_out"),
        }
        manager.remove_thread(&id).await;
    }

    async fn forward(&self) -> Over {
        let mut reader = EventReader::new(Arc::clone(&self.tools));
        let watch = Watch::new(self.id);
        let mut out = Vec::new();
        loop {
            let step = tokio::select! {
                // Events before failures: what came before a reply broke off is read first.
                biased;
                () = self.reply.closed() => return Over::Abandoned,
                () = self.stop.cancelled() => Step::End(End {
                    outcome: Err(stopping()),
                    turn: TurnState::Running,
                }),
                event = self.thread.next_event() => match event {
                    Ok(Event { msg, .. }) => reader.on_event(msg, SystemTime::now(), &mut out),
                    Err(error) => Step::End(End {
                        outcome: Err(TurnError::internal(error)),
                        turn: TurnState::Over,
                    }),
                },
                () = watch.failed() => reader.on_reply_failed(),
            };
            for event in out.drain(..) {
                if !self.send(Ok(event)).await {
                    return Over::Abandoned;
                }
            }
            if let Step::End(End { outcome, turn }) = step {
                return if self.send(outcome).await {
                    Over::Ended(turn)
                } else {
                    Over::Abandoned
                };
            }
        }
    }

    /// False when nobody listens any more.
    async fn send(&self, event: Result<TurnEvent, TurnError>) -> bool {
        self.reply.send(event).await.is_ok()
    }
}

/// The error of a reply that the end of the process cuts off.
pub fn stopping() -> TurnError {
    TurnError::Unavailable {
        message: "The proxy is shutting down.".to_owned(),
    }
}
