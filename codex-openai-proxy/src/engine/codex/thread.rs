//! A live thread of core's: how it starts, how turns are submitted to it, and how it ends.

use super::{
    convert, notes,
    plan::{Fixed, TurnSettings},
    rollout::{self, Head},
    secrets::Secrets,
    shared::Shared,
    tools::{ClientTools, ThreadTools},
};
use crate::{
    traffic::{Event as LogEvent, RequestLog},
    turn::{Item, TurnError},
};
use codex_core::{CodexThread, NewThread, StartThreadOptions};
use codex_extension_api::ExtensionDataInit;
use codex_protocol::{
    ThreadId,
    models::ResponseItem,
    protocol::{Event, InitialHistory, Op, ResumedHistory, RolloutItem},
};
use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// How long core may take to end a thread before it is left behind.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// A thread that runs.
pub struct Thread {
    id: ThreadId,
    inner: Arc<CodexThread>,
    tools: Arc<ThreadTools>,
    secrets: Arc<Secrets>,
    fixed: Fixed,
    storage: Storage,
    turn: Turn,
    turn_id: Option<String>,
    /// Since when `turn` is what it is.
    since: Instant,
}

/// Where core keeps what happens in a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// Nowhere.
    Memory,
    /// In this file, too.
    File(PathBuf),
}

impl Storage {
    /// Removes the file, if there is one.
    pub async fn discard(&self) {
        if let Self::File(path) = self {
            rollout::discard(path).await;
        }
    }
}

/// What a thread is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// Nothing.
    Idle,
    /// A turn of these settings waits for the results of the client's tools.
    Parked(TurnSettings),
    /// A turn runs.
    Running,
}

/// What a thread begins with.
pub struct Start {
    /// Its id.
    pub id: ThreadId,
    /// The instructions without what single requests add to them.
    pub base_instructions: String,
    /// What was said before.
    pub history: Vec<ResponseItem>,
    /// What stays as it is for as long as it lives.
    pub fixed: Fixed,
    /// Where it is kept.
    pub storage: Storage,
}

impl Thread {
    /// Starts a thread.
    ///
    /// # Errors
    ///
    /// [`TurnError::Internal`] where core refuses, or the file cannot be written.
    pub async fn start(
        shared: &Shared,
        start: Start,
        model: &str,
        log: &RequestLog,
    ) -> Result<Self, TurnError> {
        let begun = Instant::now();
        let Start {
            id,
            base_instructions,
            history,
            fixed,
            mut storage,
        } = start;
        let mut config = shared.config.as_ref().clone();
        config.base_instructions = Some(fixed.instructions.clone());
        config.model = Some(model.to_owned());
        if let Some(verbosity) = fixed.verbosity {
            config.model_verbosity = Some(convert::verbosity_to_core(verbosity));
        }
        let count = history.len();
        let items = history.into_iter().map(RolloutItem::ResponseItem);
        let history: Arc<Vec<RolloutItem>> = Arc::new(items.collect());
        let mut rollout_path = None;
        if let Storage::File(path) = &storage {
            let head = Head::new(id, base_instructions, &config);
            match rollout::write(path.clone(), head, Arc::clone(&history)).await {
                Ok(()) => {
                    rollout_path = Some(path.clone());
                    config.ephemeral = false;
                }
                // Its reply tries again to write it down.
                Err(error) => {
                    storage.discard().await;
                    log.publish(notes::warning("conversation_not_kept", &error.to_string()));
                    storage = Storage::Memory;
                }
            }
        }
        let tools = Arc::new(ThreadTools::default());
        let mut thread_extension_init = ExtensionDataInit::new();
        thread_extension_init.insert(Arc::clone(&tools));
        let options = StartThreadOptions {
            config,
            allow_provider_model_fallback: false,
            // Also for a thread without a history: it is how core takes an id of ours.
            initial_history: InitialHistory::Resumed(ResumedHistory {
                conversation_id: id,
                history,
                rollout_path,
            }),
            history_mode: None,
            session_source: None,
            thread_source: None,
            dynamic_tools: Vec::new(),
            metrics_service_name: None,
            parent_trace: None,
            // Nothing that could be run, read or written.
            environments: Vec::new(),
            thread_extension_init,
            supports_openai_form_elicitation: false,
        };
        let started = Box::pin(shared.manager.start_thread_with_options(options)).await;
        let NewThread { thread, .. } = match started {
            Ok(started) => started,
            Err(error) => {
                storage.discard().await;
                return Err(TurnError::internal(error));
            }
        };
        log.publish(LogEvent::ThreadStarted {
            thread: id.to_string(),
            took: begun.elapsed(),
            items: count,
        });
        Ok(Self {
            id,
            inner: thread,
            tools,
            secrets: Arc::clone(&shared.secrets),
            fixed,
            storage,
            turn: Turn::Idle,
            turn_id: None,
            since: Instant::now(),
        })
    }

    /// Its id.
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// What it does.
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    /// Whether it does nothing.
    pub fn is_idle(&self) -> bool {
        self.turn == Turn::Idle
    }

    /// Whether a turn of it waits for the client's tools.
    pub fn is_parked(&self) -> bool {
        matches!(self.turn, Turn::Parked(_))
    }

    /// Notes what it does from now on.
    pub fn set_turn(&mut self, turn: Turn) {
        self.turn = turn;
        self.since = Instant::now();
    }

    /// Since when it does that.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// core's id of its last turn.
    pub fn turn_id(&self) -> Option<&str> {
        self.turn_id.as_deref()
    }

    /// What stays as it is for as long as it lives.
    pub fn fixed(&self) -> &Fixed {
        &self.fixed
    }

    /// Where it is kept.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Begins a turn.
    ///
    /// # Errors
    ///
    /// [`TurnError::Internal`] where the thread has died.
    pub async fn begin_turn(&mut self, op: Op, tools: Arc<ClientTools>) -> Result<(), TurnError> {
        self.tools.offer(tools);
        self.set_turn(Turn::Running);
        let id = self.inner.submit(op).await.map_err(TurnError::internal)?;
        self.turn_id = Some(id);
        Ok(())
    }

    /// Goes on with a turn that waits for `results`; `messages` are said behind them.
    ///
    /// # Errors
    ///
    /// [`TurnError::Internal`] where the turn is no longer there.
    pub async fn resume_turn(
        &mut self,
        results: Vec<Item>,
        messages: Vec<ResponseItem>,
        tools: Arc<ClientTools>,
    ) -> Result<(), TurnError> {
        self.tools.offer(tools);
        self.set_turn(Turn::Running);
        // Before the results: core looks for more input as soon as it has them all.
        if !messages.is_empty() && self.inner.inject_if_running(messages).await.is_err() {
            return Err(TurnError::internal("the waiting turn has ended"));
        }
        for result in results {
            if let Item::ToolResult {
                call_id, output, ..
            } = result
            {
                let output = convert::tool_output(output);
                self.tools.results.deliver(call_id, output);
            }
        }
        Ok(())
    }

    /// The next thing that happens in it, without the keys that the upstream may repeat.
    ///
    /// # Errors
    ///
    /// [`TurnError::Internal`] where the thread has died.
    pub async fn next_event(&self) -> Result<Event, TurnError> {
        let mut event = self.inner.next_event().await.map_err(TurnError::internal)?;
        self.secrets.clean(&mut event.msg);
        Ok(event)
    }

    /// Whether all that was recorded is in its file, which is asked for once more.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub async fn flush(&self) -> io::Result<()> {
        self.inner.flush_rollout().await
    }

    /// Ends it, and interrupts what it does.
    pub async fn end(self, shared: &Shared) {
        let Self {
            id, inner, turn, ..
        } = self;
        if turn != Turn::Idle
            && let Err(error) = inner.submit(Op::Interrupt).await
        {
            tracing::warn!(thread = %id, %error, "thread_interrupt_failed");
        }
        match timeout(SHUTDOWN, inner.shutdown_and_wait()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(thread = %id, %error, "thread_shutdown_failed"),
            Err(_) => tracing::warn!(thread = %id, "thread_shutdown_timed_out"),
        }
        shared.manager.remove_thread(&id).await;
        tracing::debug!(thread = %id, "thread_ended");
    }
}
