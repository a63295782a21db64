//! The log on disk: records, requests in short, bodies and tool calls, in a SQLite database that is
//! bounded by age and size. One process keeps its log there; another one keeps its own in memory.

mod bounds;
mod read;
mod write;

pub(super) use write::{Line, PackedBody, pack};

use super::query::LogError;
use crate::{
    files::{lock_file, private_dir},
    sqlite::{self, OpenError, Schema, damage, from_sql, to_sql},
};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteAutoVacuum, SqlitePoolOptions},
};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::time::sleep;

/// Whoever holds a lock on this file keeps its log in the folder.
const LOCK: &str = "logs.lock";

/// How often to try to get the lock: a process that is about to end may hold it still.
const LOCK_ATTEMPTS: u32 = 10;

/// How long to wait before the next attempt.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The bound of a log in memory, in bytes.
const MEMORY: u64 = 32 * 1024 * 1024;

/// How far back to look for the limits that the last process had heard of, in records.
const LIMITS_WITHIN: i64 = 20_000;

/// How long to wait for somebody else who has the database locked.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// Connections that read, at most. Searches that take long hold each other up, but nobody who writes.
const CONNECTIONS: u32 = 4;

/// SQLite's pages, in bytes.
const PAGE: u64 = 4096;

/// `seq` of `requests` is that of the first record, `seq` of `bodies` and `tool_calls` that of some
/// record about then. Times are microseconds since 1970. `text` and `models` are in lower case, for
/// searches. Numbers of records rise even if all of them are deleted: hence AUTOINCREMENT.
const SCHEMA: Schema = Schema {
    file: "logs.sqlite3",
    steps: &["
        CREATE TABLE records (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            time INTEGER NOT NULL,
            type TEXT NOT NULL,
            request TEXT,
            conversation TEXT,
            text TEXT NOT NULL,
            json TEXT NOT NULL
        ) STRICT;
        CREATE INDEX records_of_request ON records (request, seq) WHERE request IS NOT NULL;
        CREATE INDEX records_of_conversation ON records (conversation, seq)
            WHERE conversation IS NOT NULL;
        CREATE TABLE requests (
            id TEXT NOT NULL UNIQUE,
            seq INTEGER NOT NULL,
            updated INTEGER NOT NULL,
            client_id TEXT,
            conversation TEXT,
            models TEXT NOT NULL,
            state TEXT NOT NULL,
            status INTEGER,
            text TEXT NOT NULL,
            json TEXT NOT NULL
        ) STRICT;
        CREATE INDEX requests_in_order ON requests (seq);
        CREATE INDEX requests_by_change ON requests (updated);
        CREATE INDEX requests_of_client ON requests (client_id) WHERE client_id IS NOT NULL;
        CREATE INDEX requests_of_conversation ON requests (conversation, seq)
            WHERE conversation IS NOT NULL;
        CREATE INDEX requests_running ON requests (seq) WHERE state = 'running';
        CREATE TABLE bodies (
            request TEXT NOT NULL,
            kind TEXT NOT NULL,
            seq INTEGER NOT NULL,
            size INTEGER NOT NULL,
            form TEXT NOT NULL,
            truncated INTEGER NOT NULL,
            data BLOB NOT NULL,
            UNIQUE (request, kind)
        ) STRICT;
        CREATE INDEX bodies_in_order ON bodies (seq);
        CREATE TABLE tool_calls (
            request TEXT NOT NULL,
            seq INTEGER NOT NULL,
            conversation TEXT,
            call_id TEXT NOT NULL,
            name TEXT NOT NULL,
            forwarded INTEGER NOT NULL,
            answered INTEGER,
            answered_by TEXT
        ) STRICT;
        CREATE INDEX tool_calls_in_order ON tool_calls (seq);
        CREATE INDEX tool_calls_of_request ON tool_calls (request);
        CREATE INDEX tool_calls_by_id ON tool_calls (call_id);
        CREATE INDEX tool_calls_by_answer ON tool_calls (answered_by) WHERE answered_by IS NOT NULL;
        PRAGMA user_version = 1;
    "],
};

/// The database of the log. A cheap handle.
#[derive(Debug, Clone)]
pub(super) struct Store {
    /// The connections that read.
    pool: SqlitePool,
    /// The one that writes. In memory there is no other.
    writer: SqlitePool,
    /// How much it may hold, in bytes.
    bound: u64,
    /// Locked while this process keeps its log there.
    lock: Option<Arc<File>>,
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The number of its last record.
    pub(super) last: u64,
    /// The last limits that it had heard of, as a record.
    pub(super) rate_limits: Option<String>,
    /// Where its database is now, which was damaged.
    pub(super) aside: Option<PathBuf>,
}

/// Why there is no database to keep the log in.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It refuses.
    #[error("logs.sqlite3: {0}")]
    Database(#[from] sqlx::Error),
    /// Another process has it.
    #[error("another process keeps its log in {0}")]
    Taken(PathBuf),
    /// Nobody can tell whether another process has it.
    #[error("{0}: {1}")]
    Lock(PathBuf, io::Error),
}

impl Store {
    /// Opens the log in `folder`, and tells what is there from before. Requests that were running
    /// then are lost. A damaged database is put aside for a new one.
    pub(super) async fn open(folder: &Path, bound: u64) -> Result<(Self, Past), StoreError> {
        let lock = Arc::new(lock(folder).await?);
        match Self::open_locked(folder, bound, &lock).await {
            Err(error) if is_damage(&error) => {
                let Ok(aside) = damage::put_aside(folder, SCHEMA.file) else {
                    return Err(error);
                };
                let (store, past) = Self::open_locked(folder, bound, &lock).await?;
                let aside = Some(aside);
                Ok((store, Past { aside, ..past }))
            }
            opened => opened,
        }
    }

    async fn open_locked(
        folder: &Path,
        bound: u64,
        lock: &Arc<File>,
    ) -> Result<(Self, Past), StoreError> {
        // Both in pages. What was written is moved to its place often enough that a small log has
        // no large file beside it.
        let apart = (bound / 16 / PAGE).clamp(64, 4096);
        let options = sqlite::options()
            // Whoever else looks into it is not to hold up those who watch.
            .busy_timeout(BUSY_TIMEOUT)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .page_size(u32::try_from(PAGE).unwrap_or_default())
            .pragma("wal_autocheckpoint", apart.to_string())
            .pragma("journal_size_limit", (apart * PAGE).to_string());
        let options = sqlite::prepare(folder, &SCHEMA, options).await?;
        let connections = |most| {
            SqlitePoolOptions::new()
                .max_connections(most)
                .test_before_acquire(false)
                .connect_lazy_with(options.clone())
        };
        let store = Self {
            pool: connections(CONNECTIONS),
            writer: connections(1),
            bound,
            lock: Some(Arc::clone(lock)),
        };
        match store.past().await {
            Ok(past) => Ok((store, past)),
            Err(error) => {
                // Nobody is to have the file open while it is put aside.
                store.close_connections().await;
                Err(StoreError::Database(error))
            }
        }
    }

    /// A log that is gone with the process.
    pub(super) fn in_memory() -> Self {
        let options = sqlite::options()
            .in_memory(true)
            .auto_vacuum(SqliteAutoVacuum::Incremental);
        // The database lives and dies with its one connection.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    SCHEMA.upgrade(connection).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(options);
        Self {
            writer: pool.clone(),
            pool,
            bound: MEMORY,
            lock: None,
        }
    }

    /// Waits for what is under way and closes the database. Everything fails from then on.
    pub(super) async fn close(&self) {
        self.close_connections().await;
        if let Some(lock) = &self.lock {
            // If that fails, the end of the process does it.
            let _ = lock.unlock();
        }
    }

    /// The one that writes goes last: it tidies up.
    async fn close_connections(&self) {
        self.pool.close().await;
        self.writer.close().await;
    }

    async fn past(&self) -> Result<Past, sqlx::Error> {
        sqlx::query(
            "UPDATE requests SET
                state = 'lost',
                json = iif(json_valid(json), json_set(json, '$.state', 'lost'), json)
                WHERE state = 'running'",
        )
        .execute(&self.writer)
        .await?;
        let last: i64 = sqlx::query_scalar(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'records'",
        )
        .fetch_one(&self.writer)
        .await?;
        let rate_limits = sqlx::query_scalar(
            "SELECT json FROM records WHERE seq > ? AND type = 'rate_limits'
                ORDER BY seq DESC LIMIT 1",
        )
        .bind(last - LIMITS_WITHIN)
        .fetch_optional(&self.writer)
        .await?;
        Ok(Past {
            last: from_sql(last),
            rate_limits,
            aside: None,
        })
    }
}

/// Gets hold of the log in `folder`.
async fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    let failed = |error| StoreError::Lock(path.clone(), error);
    private_dir(folder).map_err(failed)?;
    for attempt in 0..LOCK_ATTEMPTS {
        if attempt > 0 {
            sleep(LOCK_PAUSE).await;
        }
        if let Some(file) = lock_file(&path).map_err(failed)? {
            return Ok(file);
        }
    }
    Err(StoreError::Taken(folder.to_owned()))
}

/// The text that a search looks for, as the database holds it.
fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// Whether the database is of no use, now and later.
fn is_damage(error: &StoreError) -> bool {
    match error {
        StoreError::Open(OpenError::Database(_, error)) => damage::is_of_damage(error),
        StoreError::Database(error) => damage::is_beyond_use(error),
        _ => false,
    }
}
