//! Where core keeps threads that last: its own store of files, without what it notes beside them.

use chrono::DateTime;
use codex_protocol::{
    ThreadId,
    models::PermissionProfile,
    protocol::{AskForApproval, SessionSource, ThreadHistoryMode},
};
use codex_thread_store::{
    AppendThreadItemsParams, ArchiveThreadParams, CreateThreadParams, DeleteThreadParams,
    ListThreadsParams, LoadThreadHistoryParams, ReadThreadByRolloutPathParams, ReadThreadParams,
    ResumeThreadParams, StoredModelContext, StoredThread, StoredThreadHistory, ThreadPage,
    ThreadStore, ThreadStoreFuture, UpdateThreadMetadataParams,
};
use std::{any::Any, path::PathBuf, sync::Arc};

/// core's store, but for the metadata of threads.
///
/// With each item that it records, core notes what a list of threads would show: a title, a preview, the
/// model. For that its store reads the beginning of the file twice and looks for an index, four times
/// before a live thread asks its model, which is a third of the time until then. Nothing reads it here:
/// what a conversation is to its client stands in a database of our own.
pub struct Threads(Arc<dyn ThreadStore>);

impl Threads {
    /// In front of core's.
    pub fn new(inner: Arc<dyn ThreadStore>) -> Self {
        Self(inner)
    }
}

impl ThreadStore for Threads {
    fn as_any(&self) -> &dyn Any {
        // core asks its own store for the path of a thread's file.
        self.0.as_any()
    }

    fn default_history_mode(&self) -> ThreadHistoryMode {
        self.0.default_history_mode()
    }

    fn create_thread(&self, params: CreateThreadParams) -> ThreadStoreFuture<'_, ()> {
        self.0.create_thread(params)
    }

    fn resume_thread(&self, params: ResumeThreadParams) -> ThreadStoreFuture<'_, ()> {
        self.0.resume_thread(params)
    }

    fn append_items(&self, params: AppendThreadItemsParams) -> ThreadStoreFuture<'_, ()> {
        self.0.append_items(params)
    }

    fn persist_thread(&self, thread_id: ThreadId) -> ThreadStoreFuture<'_, ()> {
        self.0.persist_thread(thread_id)
    }

    fn flush_thread(&self, thread_id: ThreadId) -> ThreadStoreFuture<'_, ()> {
        self.0.flush_thread(thread_id)
    }

    fn shutdown_thread(&self, thread_id: ThreadId) -> ThreadStoreFuture<'_, ()> {
        self.0.shutdown_thread(thread_id)
    }

    fn discard_thread(&self, thread_id: ThreadId) -> ThreadStoreFuture<'_, ()> {
        self.0.discard_thread(thread_id)
    }

    fn load_history(
        &self,
        params: LoadThreadHistoryParams,
    ) -> ThreadStoreFuture<'_, StoredThreadHistory> {
        self.0.load_history(params)
    }

    fn load_latest_model_context(
        &self,
        params: LoadThreadHistoryParams,
    ) -> ThreadStoreFuture<'_, StoredModelContext> {
        self.0.load_latest_model_context(params)
    }

    fn read_thread(&self, params: ReadThreadParams) -> ThreadStoreFuture<'_, StoredThread> {
        self.0.read_thread(params)
    }

    fn read_thread_by_rollout_path(
        &self,
        params: ReadThreadByRolloutPathParams,
    ) -> ThreadStoreFuture<'_, StoredThread> {
        self.0.read_thread_by_rollout_path(params)
    }

    fn list_threads(&self, params: ListThreadsParams) -> ThreadStoreFuture<'_, ThreadPage> {
        self.0.list_threads(params)
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
        self.0.archive_thread(params)
    }

    fn unarchive_thread(&self, params: ArchiveThreadParams) -> ThreadStoreFuture<'_, StoredThread> {
        self.0.unarchive_thread(params)
    }

    fn delete_thread(&self, params: DeleteThreadParams) -> ThreadStoreFuture<'_, ()> {
        self.0.delete_thread(params)
    }
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
