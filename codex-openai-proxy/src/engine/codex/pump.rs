//! Runs one thread from its first turn to its end, and feeds the reply as it comes.

use super::{
    breaks::Watch,
    events::{End, EventReader, Step, TurnState},
    thread::Plan,
    tools::ClientTools,
};
use crate::{
    engine::TurnSender,
    turn::{TurnError, TurnEvent},
};
use codex_core::{CodexThread, NewThread, ThreadManager};
use codex_protocol::{
    ThreadId,
    protocol::{Event, Op},
};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long core may take to end a thread before it is left behind.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// What it takes to answer one request by a thread.
pub struct Pump {
    /// What starts threads, and knows those that run.
    pub manager: Arc<ThreadManager>,
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
    /// Starts the thread, submits its turn and forwards the turn's events until the reply is over
    /// or the client has left; then ends the thread.
    pub async fn run(self, plan: Plan) {
        let begun = Instant::now();
        let Plan { options, op, tools } = plan;
        let model = options.config.model.clone();
        let provider = options.config.model_provider_id.clone();
        let started = Box::pin(self.manager.start_thread_with_options(options)).await;
        let (id, thread) = match started {
            Ok(NewThread {
                thread_id, thread, ..
            }) => (thread_id, thread),
            Err(error) => {
                self.send(Err(TurnError::internal(error))).await;
                return;
            }
        };
        tracing::info!(
            thread = %id,
            mapped_model = model,
            provider,
            thread_start_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            "codex_forward"
        );
        let over = match thread.submit(op).await {
            Ok(_) => self.forward(id, &thread, tools).await,
            Err(error) => {
                self.send(Err(TurnError::internal(error))).await;
                Over::Ended(TurnState::Over)
            }
        };
        // The reply's end must not wait for the thread's.
        let Self { manager, reply, .. } = self;
        drop(reply);
        let interrupt = !matches!(over, Over::Ended(TurnState::Over));
        if interrupt && let Err(error) = thread.submit(Op::Interrupt).await {
            tracing::warn!(thread = %id, %error, "thread_interrupt_failed");
        }
        match timeout(SHUTDOWN, thread.shutdown_and_wait()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(thread = %id, %error, "thread_shutdown_failed"),
            Err(_) => tracing::warn!(thread = %id, "thread_shutdown_timed_out"),
        }
        manager.remove_thread(&id).await;
        tracing::debug!(thread = %id, "thread_ended");
    }

    async fn forward(&self, id: ThreadId, thread: &CodexThread, tools: Arc<ClientTools>) -> Over {
        let mut reader = EventReader::new(tools);
        let watch = Watch::new(id);
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
                event = thread.next_event() => match event {
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
