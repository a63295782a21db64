//! What of a conversation is on disk: looked up before a request is answered, written down before
//! its reply ends.

use super::{
    super::{
        queue::Keep,
        record::{Record, Remains},
        rollout::{self, Head},
        thread::Storage,
        unreadable,
    },
    Driver,
};
use crate::{
    conversation::{Block, Row, StoreError, has_reply},
    traffic::Event,
    turn::{Sends, TurnError},
};
use codex_protocol::{ThreadId, protocol::RolloutItem};
use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Why a conversation is not written down.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error(transparent)]
    Row(#[from] StoreError),
    #[error("it was deleted meanwhile")]
    Deleted,
}

impl Driver {
    /// Makes sure that the record of the conversation is there, and is still the one on disk.
    ///
    /// # Errors
    ///
    /// [`TurnError::Internal`] where there is something on disk that cannot be read, and the request
    /// does not bring the history along.
    pub(super) async fn load(&mut self, sends: Sends, blocks: &[Block]) -> Result<(), TurnError> {
        match &self.row {
            // Whoever deletes a conversation deletes its file. To look for that is much faster than
            // to ask the database.
            Some(row) if row.rollout.exists() => return Ok(()),
            None if self.record.is_some() || self.keep == Keep::WhileLive => return Ok(()),
            _ => {}
        }
        let stored = match self.shared.store.get(&self.id).await {
            Ok(stored) => stored,
            // The client has all that is needed.
            Err(error) if sends == Sends::Whole || has_reply(blocks) => {
                self.warn("conversation_unreadable", &error);
                return Ok(());
            }
            Err(error) => return Err(unreadable(&error)),
        };
        // Deleted by another process, if it was known at all.
        self.forget().await;
        let Some(mut row) = stored else {
            return Ok(());
        };
        let thread = ThreadId::from_string(&row.thread).map_err(TurnError::internal)?;
        let count = usize::try_from(row.items).unwrap_or(usize::MAX);
        let remains = match rollout::read(row.rollout.clone(), count).await {
            Ok(remains) => Remains {
                transcript: std::mem::take(&mut row.transcript),
                hidden: std::mem::take(&mut row.hidden),
                ..remains
            },
            Err(error) => {
                self.warn("conversation_unreadable", &error);
                if sends == Sends::Either && !has_reply(blocks) {
                    return Err(TurnError::internal(error));
                }
                Remains::default()
            }
        };
        self.record = Some(Record::restore(thread, remains));
        self.row = Some(row);
        Ok(())
    }

    /// Where the next thread of the conversation is kept: in a file of its own, which counts from the
    /// first reply on that ends well.
    pub(super) fn storage(&self) -> Storage {
        match &self.record {
            Some(record) if self.row.is_some() || self.keep == Keep::Lasting => {
                Storage::File(rollout::new_path(&self.shared.rollouts, record.thread))
            }
            _ => Storage::Memory,
        }
    }

    /// Writes down that a reply has ended well, where the conversation lasts.
    pub(super) async fn commit(&mut self, model: &str) {
        if self.row.is_none() && self.keep == Keep::WhileLive {
            return;
        }
        match self.write_down(model).await {
            Ok(()) => self.unkept = None,
            Err(NotKept::Deleted) => {
                self.tell(Event::ConversationDeleted);
                self.discard_thread().await;
                self.forget().await;
            }
            // The next reply tries again, or the end of the conversation.
            Err(error) => {
                self.warn("conversation_not_kept", error);
                self.unkept = Some(model.to_owned());
            }
        }
    }

    async fn write_down(&mut self, model: &str) -> Result<(), NotKept> {
        let Some(record) = &self.record else {
            return Ok(());
        };
        // Where the thread has a file, core has put its items into it by now, if it could.
        let rollout = match self
            .thread
            .as_ref()
            .map(|thread| (thread, thread.storage()))
        {
            Some((thread, Storage::File(path))) => {
                thread.flush().await?;
                path.clone()
            }
            Some((_, Storage::Memory)) | None => self.write_file(record).await?,
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs());
        let row = Row {
            id: self.id.clone(),
            thread: record.thread.to_string(),
            rollout,
            model: model.to_owned(),
            turns: self.row.as_ref().map_or(0, |row| row.turns) + 1,
            items: record.items().len() as u64,
            transcript: record.transcript().clone(),
            hidden: record.hidden().collect(),
            created: self.row.as_ref().map_or(now, |row| row.created),
            used: now,
        };
        let store = &self.shared.store;
        if self.row.is_none() {
            store.put(&row).await?;
        } else if !store.update(&row).await? {
            rollout::discard(&row.rollout).await;
            return Err(NotKept::Deleted);
        }
        let rollout = row.rollout.clone();
        if let Some(before) = self.row.replace(row)
            && before.rollout != rollout
        {
            rollout::discard(&before.rollout).await;
        }
        Ok(())
    }

    async fn write_file(&self, record: &Record) -> io::Result<PathBuf> {
        let path = rollout::new_path(&self.shared.rollouts, record.thread);
        let items = record.items().iter().cloned();
        let items = Arc::new(items.map(RolloutItem::ResponseItem).collect());
        let instructions = record.instructions.clone();
        let head = Head::new(record.thread, instructions, &self.shared.config);
        if let Err(error) = rollout::write(path.clone(), head, items).await {
            rollout::discard(&path).await;
            return Err(error);
        }
        Ok(path)
    }

    /// Tries once more to write down what could not be written down before.
    pub(super) async fn keep_what_is_left(&mut self) {
        if let Some(model) = self.unkept.take() {
            self.commit(&model).await;
        }
    }

    /// Ends a thread whose turn did not end well, and removes its file unless replies before are in
    /// it.
    pub(super) async fn discard_thread(&mut self) {
        let storage = self.thread.as_ref().map(|thread| thread.storage().clone());
        self.end_thread().await;
        if let Some(Storage::File(path)) = storage
            && self.row.as_ref().is_none_or(|row| row.rollout != path)
        {
            rollout::discard(&path).await;
        }
    }

    /// Forgets all that is known of the conversation but its name.
    async fn forget(&mut self) {
        self.end_thread().await;
        self.record = None;
        self.row = None;
    }
}
