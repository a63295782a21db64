//! What of a conversation is on disk: looked up before a request is answered, written down before
//! its reply ends.

use super::{
    super::{
        queue::Keep,
        record::Record,
        rollout::{self, Head},
        thread::Storage,
    },
    Driver,
};
use crate::{
    conversation::{Block, BlockKind, Row},
    turn::{Sends, TurnError},
};
use codex_protocol::{ThreadId, protocol::RolloutItem};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

impl Driver {
    /// Makes sure that the record of the conversation is there, and is still the one on disk.
    ///
    /// # Errors
    ///
    /// [`TurnError::Internal`] where there is something on disk that cannot be read, and the request
    /// does not bring the history along.
    pub(super) async fn load(
        &mut self,
        keep: Keep,
        sends: Sends,
        blocks: &[Block],
    ) -> Result<(), TurnError> {
        match &self.row {
            // Whoever deletes a conversation deletes its file. To look for that is much faster than
            // to ask the database.
            Some(row) if row.rollout.exists() => return Ok(()),
            None if self.record.is_some() || keep == Keep::WhileLive => return Ok(()),
            _ => {}
        }
        let stored = self.shared.store.get(&self.id).await;
        let stored = stored.map_err(TurnError::internal)?;
        // Deleted by another process, if it was known at all.
        self.end_thread().await;
        self.record = None;
        self.row = stored;
        let Some(row) = &self.row else {
            return Ok(());
        };
        let count = usize::try_from(row.items).unwrap_or(usize::MAX);
        let record = match rollout::read(row.rollout.clone(), count).await {
            Ok(record) => record,
            Err(error) => {
                tracing::error!(conversation = %self.id, %error, "conversation_unreadable");
                let history = sends == Sends::Whole
                    || blocks.iter().any(|block| block.kind == BlockKind::Reply);
                let thread = ThreadId::from_string(&row.thread).ok();
                let (true, Some(thread)) = (history, thread) else {
                    return Err(TurnError::internal(error));
                };
                Record::restore(thread, String::new(), Vec::new())
            }
        };
        self.record = Some(record);
        Ok(())
    }

    /// Where the conversation's thread is kept.
    pub(super) fn storage(&self, keep: Keep) -> Storage {
        match (&self.row, &self.record, keep) {
            (Some(row), _, _) => Storage::File(row.rollout.clone()),
            (None, Some(record), Keep::Lasting) => {
                Storage::File(rollout::path_in(&self.shared.rollouts, record.thread))
            }
            (None, ..) => Storage::Memory,
        }
    }

    /// Forgets all but the first blocks, on disk first: no more may count there than is in the file
    /// that takes the place of the old one.
    pub(super) async fn cut(&mut self, keep: usize) {
        let Some(record) = &mut self.record else {
            return;
        };
        if keep == record.transcript().len() {
            return;
        }
        record.keep(keep);
        let items = record.items().len();
        if let Some(row) = &mut self.row {
            row.items = items as u64;
            if let Err(error) = self.shared.store.update(row).await {
                tracing::error!(conversation = %self.id, %error, "conversation_not_kept");
            }
        }
    }

    /// Writes down that a reply has ended well. Where the thread has a file, core has put its items
    /// into it by now.
    pub(super) async fn commit(&mut self, storage: &Storage, model: &str) {
        let (Storage::File(path), Some(record)) = (storage, &self.record) else {
            return;
        };
        let by_core = self.thread.as_ref();
        if !by_core.is_some_and(|thread| thread.storage() == storage) {
            let items = record.items().iter().cloned();
            let items = Arc::new(items.map(RolloutItem::ResponseItem).collect());
            let instructions = record.instructions.clone();
            let head = Head::new(record.thread, instructions, &self.shared.config);
            if let Err(error) = rollout::write(path.clone(), head, items).await {
                tracing::error!(conversation = %self.id, %error, "conversation_not_kept");
                return;
            }
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs());
        let is_new = self.row.is_none();
        let row = self.row.get_or_insert_with(|| Row {
            id: self.id.clone(),
            thread: record.thread.to_string(),
            rollout: path.clone(),
            model: String::new(),
            turns: 0,
            items: 0,
            created: now,
            used: now,
        });
        model.clone_into(&mut row.model);
        row.turns += 1;
        row.items = record.items().len() as u64;
        row.used = now;
        let store = &self.shared.store;
        let written = if is_new {
            store.put(row).await.map(|()| true)
        } else {
            store.update(row).await
        };
        match written {
            Ok(true) => {}
            // The next request will find out.
            Ok(false) => tracing::info!(conversation = %self.id, "deleted_elsewhere"),
            Err(error) => {
                tracing::error!(conversation = %self.id, %error, "conversation_not_kept");
            }
        }
    }
}
