//! What the rest of the program holds of the log.

use super::{
    background,
    channel::{Inbox, LogChannel},
    query::{Detail, LogError, Page, RecordFilter, RequestFilter},
    recorder::{Command, Recorder, Settle},
    store::{Past, Store},
    watcher::{Since, Watcher},
};
use crate::config::LogSettings;
use std::{collections::VecDeque, path::Path, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// How many may ask at once without waiting for a place in the recorder's queue.
const COMMANDS: usize = 64;

/// How long [`Traffic::close`] takes at most.
const CLOSE: Duration = Duration::from_secs(2);

/// How long whoever reads bodies waits for those that are on their way, at most.
const BODIES: Duration = Duration::from_secs(2);

/// The log: where everything is published to, and what can be asked of it. A cheap handle.
#[derive(Debug, Clone)]
pub struct Traffic(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    channel: LogChannel,
    commands: mpsc::Sender<Command>,
    store: Store,
    /// Cancelled when nobody is to watch any more.
    watching: CancellationToken,
}

/// Requests one after the other, with all that is known of each. So that they need not be in memory
/// all at once.
#[derive(Debug)]
pub struct Details {
    store: Store,
    ids: VecDeque<String>,
}

impl Traffic {
    /// Begins to record what arrives in `inbox`, in a database in `folder`. Where that cannot be used,
    /// it says so in the log and keeps the latest in memory.
    pub async fn start(inbox: Inbox, folder: &Path, settings: &LogSettings) -> Self {
        let channel = inbox.channel.clone();
        let (commands, asked) = mpsc::channel(COMMANDS);
        let (tell, opened) = oneshot::channel();
        let folder = folder.to_owned();
        let settings = settings.clone();
        let running = background::run(async move || {
            let (store, past) = open(&inbox.channel, &folder, settings.max_bytes).await;
            let recorder = Recorder::new(inbox, asked, store.clone(), &past, &settings);
            // Whoever starts it may have been stopped meanwhile; then nobody is left to tell it anything.
            if tell.send(store).is_ok() {
                recorder.run().await;
            }
        });
        if let Err(error) = running {
            tracing::error!(%error, "nothing is recorded: the recorder's thread cannot be started");
        }
        let store = opened.await.unwrap_or_else(|_| Store::in_memory());
        Self(Arc::new(Shared {
            channel,
            commands,
            store,
            watching: CancellationToken::new(),
        }))
    }

    /// From now on, what is logged is kept by these settings; requests that have begun keep to what was
    /// before. Whether the log is on disk or in memory was decided when it was begun.
    ///
    /// # Errors
    ///
    /// [`LogError::Closed`].
    pub async fn configure(&self, settings: &LogSettings) -> Result<(), LogError> {
        self.0.channel.keep_bodies(settings.bodies);
        let command = Command::Configure(settings.clone());
        let sent = self.0.commands.send(command).await;
        sent.map_err(|_| LogError::Closed)
    }

    /// Where to publish.
    #[must_use]
    pub fn channel(&self) -> &LogChannel {
        &self.0.channel
    }

    /// Records, newest first. Everything that was published before is among them.
    ///
    /// # Errors
    ///
    /// See [`LogError`].
    pub async fn records(&self, filter: &RecordFilter) -> Result<Page, LogError> {
        self.settle(Settle::Records).await?;
        self.0.store.records(filter).await
    }

    /// Requests in short, newest first.
    ///
    /// # Errors
    ///
    /// See [`LogError`].
    pub async fn requests(&self, filter: &RequestFilter) -> Result<Page, LogError> {
        self.settle(Settle::Records).await?;
        self.0.store.requests(filter).await
    }

    /// All that is known of a request, by our id or by its client's. Of several with one id of a
    /// client's, the newest.
    ///
    /// # Errors
    ///
    /// See [`LogError`].
    pub async fn request(&self, id: &str) -> Result<Option<Detail>, LogError> {
        self.settle(Settle::Records).await?;
        let Some(id) = self.0.store.id_of(id).await? else {
            return Ok(None);
        };
        self.settle_bodies(Settle::BodiesOf(id.clone())).await?;
        self.0.store.detail(&id).await
    }

    /// The requests that records which fit the filter belong to, newest first; its limit counts
    /// requests.
    ///
    /// # Errors
    ///
    /// See [`LogError`].
    pub async fn details(&self, filter: &RecordFilter) -> Result<Details, LogError> {
        self.settle(Settle::Records).await?;
        self.settle_bodies(Settle::Bodies).await?;
        Ok(Details {
            ids: self.0.store.request_ids(filter).await?.into(),
            store: self.0.store.clone(),
        })
    }

    /// Forgets everything that was recorded, and tells how many records that were. What is being
    /// answered at the moment comes up again with its next record.
    ///
    /// # Errors
    ///
    /// See [`LogError`].
    pub async fn clear(&self) -> Result<u64, LogError> {
        self.ask(Command::Clear).await?
    }

    /// What happens from now on, or behind the record with the number `after`.
    #[must_use]
    pub fn watch(&self, after: Option<u64>) -> Watcher {
        let since = after.map_or(Since::Now, Since::Behind);
        Watcher::new(
            self.0.commands.clone(),
            self.0.watching.child_token(),
            since,
        )
    }

    /// Ends all watchers, and those to come.
    pub fn close_watchers(&self) {
        self.0.watching.cancel();
    }

    /// Done when [`Traffic::close_watchers`] was called.
    pub fn watchers_closed(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.watching.clone().cancelled_owned()
    }

    /// Ends all watchers, writes what was published until now and closes the database. Takes two
    /// seconds at most.
    pub async fn close(&self) {
        self.close_watchers();
        let closed = timeout(CLOSE, self.ask(Command::Close)).await;
        // Anything else than an end in time leaves the database as it is after a crash: in order,
        // without the last few records.
        if closed.is_err() {
            tracing::warn!("the log was not written to its end within {CLOSE:?}");
        }
    }

    /// Waits until everything that was published before can be read.
    async fn settle(&self, what: Settle) -> Result<(), LogError> {
        self.ask(|done| Command::Settle(what, done)).await
    }

    /// Waits for bodies too, but not for long: there may be many of others' before, and some cannot
    /// be written.
    async fn settle_bodies(&self, what: Settle) -> Result<(), LogError> {
        timeout(BODIES, self.settle(what)).await.unwrap_or(Ok(()))
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, LogError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.commands.send(command(answer)).await;
        sent.map_err(|_| LogError::Closed)?;
        answered.await.map_err(|_| LogError::Closed)
    }
}

impl Details {
    /// The next one. None behind the last.
    ///
    /// # Errors
    ///
    /// See [`LogError`].
    pub async fn next(&mut self) -> Result<Option<Detail>, LogError> {
        while let Some(id) = self.ids.pop_front() {
            // It may have been forgotten meanwhile.
            if let Some(detail) = self.store.detail(&id).await? {
                return Ok(Some(detail));
            }
        }
        Ok(None)
    }
}

/// Opens the log in `folder`, or, where it cannot be used or is to take no room there, one in memory.
async fn open(channel: &LogChannel, folder: &Path, bound: u64) -> (Store, Past) {
    let opened = match bound {
        0 => Ok((Store::in_memory(), Past::default())),
        bound => Store::open(folder, bound).await,
    };
    let (store, past) = opened.unwrap_or_else(|error| {
        channel.warn("logs_not_kept", error.to_string());
        (Store::in_memory(), Past::default())
    });
    if let Some(aside) = &past.aside {
        channel.warn(
            "logs_damaged",
            format!(
                "the log was damaged and is begun anew; it is in {} now",
                aside.display()
            ),
        );
    }
    (store, past)
}
