//! The conversations that outlast this process: what each is called, and which of codex-core's
//! threads holds it. What was said is not here but in the thread's rollout file, and in the responses
//! that [`ResponseStore`](super::ResponseStore) keeps in the same database.
//!
//! A small SQLite database in the folder of our own state. Several processes may use it at once.

use super::Transcript;
use crate::{
    sqlite::{self, OpenError, Schema, damage, from_sql, to_sql},
    turn::ConversationId,
};
use serde_json::json;
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqlitePoolOptions, SqliteRow},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

#[cfg(test)]
mod tests;

/// `id` is the client's name of the conversation, `thread` codex-core's id of the thread, `rollout`
/// the path of its file, `items` how much of that file counts, `transcript` and `hidden` how the
/// client sees that, `created` and `used` are Unix seconds.
///
/// Of a response, `conversation` and `previous` are what it belongs to and what it follows, `input` is
/// a JSON array, `response` a JSON object, `status` a word of it.
pub(super) const SCHEMA: Schema = Schema {
    file: "conversations.sqlite3",
    steps: &[
        "
        CREATE TABLE conversations (
            id TEXT PRIMARY KEY NOT NULL,
            thread TEXT NOT NULL,
            rollout TEXT NOT NULL,
            model TEXT NOT NULL,
            turns INTEGER NOT NULL,
            items INTEGER NOT NULL,
            transcript BLOB NOT NULL,
            hidden TEXT NOT NULL,
            created INTEGER NOT NULL,
            used INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        PRAGMA user_version = 1;
    ",
        "
        CREATE TABLE responses (
            id TEXT PRIMARY KEY NOT NULL,
            conversation TEXT,
            previous TEXT,
            model TEXT NOT NULL,
            created INTEGER NOT NULL,
            status TEXT NOT NULL,
            input TEXT NOT NULL,
            response TEXT NOT NULL
        ) STRICT;
        CREATE INDEX responses_by_age ON responses (created);
        CREATE INDEX responses_of_conversation ON responses (conversation)
            WHERE conversation IS NOT NULL;
        PRAGMA user_version = 2;
    ",
    ],
};

/// Connections kept at most. One writes at a time; the others can read meanwhile.
const CONNECTIONS: u32 = 4;

/// What is known of the conversations that last. A cheap handle.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    folder: PathBuf,
    /// The same without symbolic links, as codex-core may write it.
    real_folder: PathBuf,
}

/// A conversation that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub id: ConversationId,
    /// codex-core's id of the thread that holds it.
    pub thread: String,
    /// The file in which codex-core records that thread.
    pub rollout: PathBuf,
    /// The model that answered last.
    pub model: String,
    /// How many replies were finished.
    pub turns: u64,
    /// How many of the items in the file belong to them. What follows is left of a reply that was
    /// broken off.
    pub items: u64,
    /// How the client sees those items, its ends counted in them.
    pub transcript: Transcript,
    /// The places of those among them that no client has heard of.
    pub hidden: Vec<usize>,
    /// When it began, in Unix seconds.
    pub created: u64,
    /// When it was last used, in Unix seconds.
    pub used: u64,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The folder cannot be looked into.
    #[error("{0}: {1}")]
    Folder(PathBuf, io::Error),
    /// A file cannot be removed or renamed.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// The database refuses.
    #[error("conversations.sqlite3: {0}")]
    Database(#[from] sqlx::Error),
    /// A name in the database is none of a conversation.
    #[error("conversations.sqlite3 is damaged: '{0}' cannot be a conversation's name")]
    Damaged(String),
    /// A path that is not Unicode cannot be stored.
    #[error("not a Unicode path: {0}")]
    Path(PathBuf),
}

impl StoreError {
    /// Whether the database is of no use, now and later.
    #[must_use]
    pub fn is_of_damage(&self) -> bool {
        match self {
            Self::Open(OpenError::Database(_, error)) | Self::Database(error) => {
                damage::is_of_damage(error)
            }
            _ => false,
        }
    }
}

impl Store {
    /// Opens the store of `folder`. Both are made where they are missing, private to the user.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        let options = sqlite::prepare(folder, &SCHEMA, sqlite::options()).await?;
        let real_folder = folder
            .canonicalize()
            .map_err(|error| StoreError::Folder(folder.to_owned(), error))?;
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_with(options)
            .await?;
        Ok(Self {
            pool,
            folder: folder.to_owned(),
            real_folder,
        })
    }

    /// Opens the store of `folder` if there is one.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub async fn open_existing(folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = folder.join(SCHEMA.file);
        match path.try_exists() {
            Ok(true) => Self::open(folder).await.map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(StoreError::Folder(path, error)),
        }
    }

    /// Gives a store that [is damaged](StoreError::is_of_damage) another name, which it tells, so that
    /// a new one can be opened. The threads' files stay where they are. Nobody may have it open.
    ///
    /// # Errors
    ///
    /// When it cannot be renamed.
    pub fn put_aside(folder: &Path) -> Result<PathBuf, StoreError> {
        damage::put_aside(folder, SCHEMA.file)
            .map_err(|error| StoreError::File(folder.join(SCHEMA.file), error))
    }

    /// What is known of a conversation.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub async fn get(&self, id: &ConversationId) -> Result<Option<Row>, StoreError> {
        sqlx::query("SELECT * FROM conversations WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await?
            .map(|row| self.read(&row))
            .transpose()
    }

    /// Every conversation, the last used first.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub async fn list(&self) -> Result<Vec<Row>, StoreError> {
        sqlx::query("SELECT * FROM conversations ORDER BY used DESC, id")
            .fetch_all(&self.pool)
            .await?
            .iter()
            .map(|row| self.read(row))
            .collect()
    }

    /// Remembers a conversation, in place of what was known of it.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub async fn put(&self, row: &Row) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT OR REPLACE INTO conversations
                (id, thread, rollout, model, turns, items, transcript, hidden, created, used)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(row.id.as_str())
        .bind(&row.thread)
        .bind(self.stored_path(&row.rollout)?)
        .bind(&row.model)
        .bind(to_sql(row.turns))
        .bind(to_sql(row.items))
        .bind(row.transcript.to_bytes())
        .bind(json!(row.hidden).to_string())
        .bind(to_sql(row.created))
        .bind(to_sql(row.used))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Writes down how far a conversation has come. False where it is not known any more, or by
    /// another thread: another process has deleted it.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub async fn update(&self, row: &Row) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE conversations
                SET rollout = ?, model = ?, turns = ?, items = ?, transcript = ?, hidden = ?,
                    used = max(used, ?)
                WHERE id = ? AND thread = ?",
        )
        .bind(self.stored_path(&row.rollout)?)
        .bind(&row.model)
        .bind(to_sql(row.turns))
        .bind(to_sql(row.items))
        .bind(row.transcript.to_bytes())
        .bind(json!(row.hidden).to_string())
        .bind(to_sql(row.used))
        .bind(row.id.as_str())
        .bind(&row.thread)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Forgets a conversation, its rollout file and its responses included, and tells what was known of
    /// it. A file that is gone already is as good.
    ///
    /// # Errors
    ///
    /// See [`StoreError`]. A conversation whose file cannot be removed is still known, so that it can
    /// be tried again.
    pub async fn forget(&self, id: &ConversationId) -> Result<Option<Row>, StoreError> {
        let Some(row) = self.delete(id).await? else {
            return Ok(None);
        };
        match fs::remove_file(&row.rollout) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.put(&row).await?;
                Err(StoreError::File(row.rollout, error))
            }
            _ => Ok(Some(row)),
        }
    }

    async fn delete(&self, id: &ConversationId) -> Result<Option<Row>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        // A conversation that lasts no longer than this process may have some too.
        sqlx::query("DELETE FROM responses WHERE conversation = ?")
            .bind(id.as_str())
            .execute(&mut *transaction)
            .await?;
        let row = sqlx::query("DELETE FROM conversations WHERE id = ? RETURNING *")
            .bind(id.as_str())
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        row.map(|row| self.read(&row)).transpose()
    }

    /// Waits for what is under way and closes the database. Other handles fail from then on.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    fn read(&self, row: &SqliteRow) -> Result<Row, StoreError> {
        let id: String = row.try_get("id")?;
        let rollout: String = row.try_get("rollout")?;
        Ok(Row {
            id: ConversationId::new(&id).ok_or(StoreError::Damaged(id))?,
            thread: row.try_get("thread")?,
            rollout: self.folder.join(rollout),
            model: row.try_get("model")?,
            turns: from_sql(row.try_get("turns")?),
            items: from_sql(row.try_get("items")?),
            // What cannot be read is made again from the items.
            transcript: Transcript::from_bytes(row.try_get("transcript")?).unwrap_or_default(),
            hidden: serde_json::from_str(row.try_get("hidden")?).unwrap_or_default(),
            created: from_sql(row.try_get("created")?),
            used: from_sql(row.try_get("used")?),
        })
    }

    /// `path` as it is written down: relative to the folder if it is in it, so that the folder can
    /// be moved.
    fn stored_path<'a>(&self, path: &'a Path) -> Result<&'a str, StoreError> {
        path.strip_prefix(&self.folder)
            .or_else(|_| path.strip_prefix(&self.real_folder))
            .unwrap_or(path)
            .to_str()
            .ok_or_else(|| StoreError::Path(path.to_owned()))
    }
}
