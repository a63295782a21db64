//! Where core keeps threads that last: its own store of files, behind which writing holds up no turn, and
//! without what it notes beside them.

use chrono::DateTime;
use codex_protocol::{
    ThreadId,
    models::PermissionProfile,
    protocol::{AskForApproval, RolloutItem, SessionSource, ThreadHistoryMode},
};
use codex_thread_store::{
    AppendThreadItemsParams, ArchiveThreadParams, CreateThreadParams, DeleteThreadParams,
    ListThreadsParams, LoadThreadHistoryParams, ReadThreadByRolloutPathParams, ReadThreadParams,
    ResumeThreadParams, StoredModelContext, StoredThread, StoredThreadHistory, ThreadPage,
    ThreadStore, ThreadStoreFuture, ThreadStoreResult, UpdateThreadMetadataParams,
};
use std::{
    any::Any,
    collections::HashMap,
    mem,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

/// How many times something may be recorded in a thread before its turn waits for the disk.
const AHEAD: usize = 64;

/// For how long what is recorded is gathered, so that it is written at once, unless somebody waits for it.
const GATHERING: Duration = Duration::from_millis(20);

/// core's store, but for two things.
///
/// A turn does not wait until each item of it is written, and until its file is there, which it does nine
/// times before it asks its model. Items are written beside it, in their order, and
/// [`flush_thread`](ThreadStore::flush_thread), which comes before a client hears of a reply's end, waits for
/// all of them.
///
/// And nothing is noted of a thread. With each item that it records, core notes what a list of threads would
/// show: a title, a preview, the model. For that its store reads the beginning of the file twice and looks for
/// an index. Nothing reads it here: what a conversation is to its client stands in a database of our own.
pub struct Threads {
    inner: Arc<dyn ThreadStore>,
    writers: Mutex<HashMap<ThreadId, mpsc::Sender<Step>>>,
}

/// What the writer of a thread does next.
enum Step {
    Append(AppendThreadItemsParams),
    /// To see to it that there is a file.
    Persist,
    /// To tell that all before it is done.
    Tell(oneshot::Sender<()>),
}

impl Threads {
    /// In front of core's.
    pub fn new(inner: Arc<dyn ThreadStore>) -> Self {
        Self {
            inner,
            writers: Mutex::default(),
        }
    }

    /// Begins the writer of a thread that core's store has open from now on.
    fn begin(&self, id: ThreadId) {
        let (sender, steps) = mpsc::channel(AHEAD);
        tokio::spawn(Writer::new(id, Arc::clone(&self.inner)).run(steps));
        // One of the same thread that was there before writes what it has, and ends.
        lock(&self.writers).insert(id, sender);
    }

    /// The writer of a thread, as long as the thread is open.
    fn writer(&self, id: ThreadId) -> Option<mpsc::Sender<Step>> {
        lock(&self.writers).get(&id).cloned()
    }

    /// Waits until all that was recorded in a thread is with core's store.
    async fn settle(&self, id: ThreadId) {
        if let Some(writer) = self.writer(id) {
            let (done, told) = oneshot::channel();
            if writer.send(Step::Tell(done)).await.is_ok() {
                // Where the writer is gone, so is what it had to do.
                let _ = told.await;
            }
        }
    }

    /// The same for the last time.
    async fn end(&self, id: ThreadId) {
        self.settle(id).await;
        lock(&self.writers).remove(&id);
    }
}

impl ThreadStore for Threads {
    fn as_any(&self) -> &dyn Any {
        // core asks its own store for the path of a thread's file.
        self.inner.as_any()
    }

    fn default_history_mode(&self) -> ThreadHistoryMode {
        self.inner.default_history_mode()
    }

    fn create_thread(&self, params: CreateThreadParams) -> ThreadStoreFuture<'_, ()> {
        Box::pin(async move {
            let id = params.thread_id;
            self.inner.create_thread(params).await?;
            self.begin(id);
            Ok(())
        })
    }

    fn resume_thread(&self, params: ResumeThreadParams) -> ThreadStoreFuture<'_, ()> {
        Box::pin(async move {
            let id = params.thread_id;
            self.inner.resume_thread(params).await?;
            self.begin(id);
            Ok(())
        })
    }

    fn append_items(&self, params: AppendThreadItemsParams) -> ThreadStoreFuture<'_, ()> {
        Box::pin(async move {
            let Some(writer) = self.writer(params.thread_id) else {
                // Not open: core's store says so.
                return self.inner.append_items(params).await;
            };
            match writer.send(Step::Append(params)).await {
                // It has ended with its runtime.
                Err(mpsc::error::SendError(Step::Append(params))) => {
                    self.inner.append_items(params).await
                }
                _ => Ok(()),
            }
        })
    }

    fn persist_thread(&self, thread_id: ThreadId) -> ThreadStoreFuture<'_, ()> {
        Box::pin(async move {
            match self.writer(thread_id) {
                Some(writer) if writer.send(Step::Persist).await.is_ok() => Ok(()),
                _ => self.inner.persist_thread(thread_id).await,
            }
        })
    }

    fn flush_thread(&self, thread_id: ThreadId) -> ThreadStoreFuture<'_, ()> {
        Box::pin(async move {
            self.settle(thread_id).await;
            self.inner.flush_thread(thread_id).await
        })
    }

    fn shutdown_thread(&self, thread_id: ThreadId) -> ThreadStoreFuture<'_, ()> {
        Box::pin(async move {
            self.end(thread_id).await;
            self.inner.shutdown_thread(thread_id).await
        })
    }

    fn discard_thread(&self, thread_id: ThreadId) -> ThreadStoreFuture<'_, ()> {
        Box::pin(async move {
            self.end(thread_id).await;
            self.inner.discard_thread(thread_id).await
        })
    }

    fn load_history(
        &self,
        params: LoadThreadHistoryParams,
    ) -> ThreadStoreFuture<'_, StoredThreadHistory> {
        self.inner.load_history(params)
    }

    fn load_latest_model_context(
        &self,
        params: LoadThreadHistoryParams,
    ) -> ThreadStoreFuture<'_, StoredModelContext> {
        self.inner.load_latest_model_context(params)
    }

    fn read_thread(&self, params: ReadThreadParams) -> ThreadStoreFuture<'_, StoredThread> {
        self.inner.read_thread(params)
    }

    fn read_thread_by_rollout_path(
        &self,
        params: ReadThreadByRolloutPathParams,
    ) -> ThreadStoreFuture<'_, StoredThread> {
        self.inner.read_thread_by_rollout_path(params)
    }

    fn list_threads(&self, params: ListThreadsParams) -> ThreadStoreFuture<'_, ThreadPage> {
        self.inner.list_threads(params)
    }

    /// Notes nothing, and says so little that nobody could take it for what was noted.
    fn update_thread_metadata(
        &self,
        params: UpdateThreadMetadataParams,
    ) -> ThreadStoreFuture<'_, StoredThread> {
        let thread = unknown(params.thread_id);
        Box::pin(std::future::ready(Ok(thread)))
    }

    fn archive_thread(&self, params: ArchiveThreadParams) -> ThreadStoreFuture<'_, ()> {
        self.inner.archive_thread(params)
    }

    fn unarchive_thread(&self, params: ArchiveThreadParams) -> ThreadStoreFuture<'_, StoredThread> {
        self.inner.unarchive_thread(params)
    }

    fn delete_thread(&self, params: DeleteThreadParams) -> ThreadStoreFuture<'_, ()> {
        self.inner.delete_thread(params)
    }
}

/// Writes what is recorded in a thread, in its order. What cannot be written stays with core's store, which
/// tries again when it is to flush, and says so then.
struct Writer {
    store: Arc<dyn ThreadStore>,
    id: ThreadId,
    /// What was gathered and is not written.
    items: Vec<RolloutItem>,
    file: File,
}

/// Whether there is a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum File {
    Unknown,
    Wanted,
    There,
}

impl Writer {
    fn new(id: ThreadId, store: Arc<dyn ThreadStore>) -> Self {
        Self {
            store,
            id,
            items: Vec::new(),
            file: File::Unknown,
        }
    }

    async fn run(mut self, mut steps: mpsc::Receiver<Step>) {
        while let Some(step) = steps.recv().await {
            self.take(step).await;
            let due = Instant::now() + GATHERING;
            while let Ok(Some(step)) = timeout_at(due, steps.recv()).await {
                self.take(step).await;
            }
            self.write().await;
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Append(params) => self.items.extend(params.items),
            Step::Persist if self.file == File::Unknown => self.file = File::Wanted,
            Step::Persist => {}
            Step::Tell(done) => {
                self.write().await;
                // Whoever wanted to know may have left.
                let _ = done.send(());
            }
        }
    }

    async fn write(&mut self) {
        let id = self.id;
        if !self.items.is_empty() {
            let params = AppendThreadItemsParams {
                thread_id: id,
                items: mem::take(&mut self.items),
            };
            let written = self.store.append_items(params).await;
            self.is_ok(&written);
        }
        if self.file == File::Wanted {
            let persisted = self.store.persist_thread(id).await;
            self.file = if self.is_ok(&persisted) {
                File::There
            } else {
                File::Unknown
            };
        }
    }

    fn is_ok(&self, written: &ThreadStoreResult<()>) -> bool {
        if let Err(error) = written {
            tracing::debug!(thread = %self.id, %error, "thread_not_written");
        }
        written.is_ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is under it is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread of which nothing is known but its id.
fn unknown(thread_id: ThreadId) -> StoredThread {
    StoredThread {
        thread_id,
        extra_config: None,
        rollout_path: None,
        forked_from_id: None,
        parent_thread_id: None,
        preview: String::new(),
        name: None,
        model_provider: String::new(),
        model: None,
        reasoning_effort: None,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        recency_at: DateTime::UNIX_EPOCH,
        archived_at: None,
        cwd: PathBuf::new(),
        cli_version: String::new(),
        source: SessionSource::Exec,
        history_mode: ThreadHistoryMode::Legacy,
        thread_source: None,
        agent_nickname: None,
        agent_role: None,
        agent_path: None,
        git_info: None,
        approval_mode: AskForApproval::Never,
        permission_profile: PermissionProfile::read_only(),
        token_usage: None,
        first_user_message: None,
        history: None,
    }
}

#[cfg(test)]
#[path = "threads_tests.rs"]
mod tests;
