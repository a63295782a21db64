//! The responses that clients can ask for again, and that others can follow: what came in, and what
//! went out. They outlast this process.
//!
//! They are in the database of the [conversations](super::store), and in it even where no conversation
//! is: responses of HTTP providers have none.

use super::store::SCHEMA;
use crate::{
    sqlite::{self, OpenError, from_sql, to_sql},
    turn::{ConversationId, TurnError},
};
use futures_util::TryStreamExt as _;
use serde::Deserialize;
use serde_json::Value;
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqlitePoolOptions, SqliteRow},
};
use std::{path::Path, time::Duration};
use uuid::Uuid;

#[cfg(test)]
mod tests;

/// How long a response is stored, as long as no younger one follows it. OpenAI's own term, see
/// <https://platform.openai.com/docs/guides/conversation-state>.
pub const RETENTION: Duration = Duration::from_hours(30 * 24);

/// How much the stored responses and their inputs may be, in bytes.
pub const MOST_BYTES: u64 = 1024 * 1024 * 1024;

/// How many responses a chain may hold. Bounds what one request can make us read.
pub const LONGEST_CHAIN: u32 = 10_000;

/// Connections kept at most. One writes at a time; the others can read meanwhile.
const CONNECTIONS: u32 = 4;

/// The responses that are stored. A cheap handle.
#[derive(Debug, Clone)]
pub struct ResponseStore(Option<SqlitePool>);

/// A response that has ended, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// Its name, which begins with `resp_`.
    pub id: String,
    /// The conversation that it belongs to, where there is one.
    pub conversation: Option<ConversationId>,
    /// The response that it follows: the request's `previous_response_id`.
    pub previous: Option<String>,
    /// The model, as the client named it.
    pub model: String,
    /// When it began, in Unix seconds.
    pub created: u64,
    /// How it ended: `status` of the response object.
    pub status: String,
    /// The input items of its own request, without those of responses before it. A JSON array of
    /// objects that have an `id` each.
    pub input: String,
    /// The response object, in JSON, as its client got it.
    pub response: String,
}

/// A response with those before it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chain {
    /// What was said, the oldest first: input items and output items of each response in turn.
    pub items: Vec<Value>,
    /// The conversation of the last response, where it has one.
    pub conversation: Option<ConversationId>,
    /// Where the beginning is gone: the response that the first one here follows. It was deleted, or
    /// the chain is longer than [`LONGEST_CHAIN`].
    pub missing: Option<String>,
}

/// Why a stored response cannot be had, or cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum ResponseStoreError {
    /// The database could not be opened when the service began.
    #[error("this proxy cannot store responses, nor find stored ones; its log tells why")]
    Unusable,
    /// The database refuses.
    #[error("conversations.sqlite3: {0}")]
    Database(#[from] sqlx::Error),
    /// A response in the database cannot be read.
    #[error("conversations.sqlite3 is damaged at the response '{0}': {1}")]
    Damaged(String, #[source] serde_json::Error),
}

/// What was deleted, and what is to be deleted by whoever leads conversations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gone {
    /// How many responses were deleted.
    pub count: usize,
    /// Conversations whose names this proxy made up, that no response is left of, and that nobody has
    /// used for as long.
    pub stale: Vec<ConversationId>,
}

/// A response that is stored, and the conversation that it belongs to, where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed(pub Option<ConversationId>);

/// What a chain needs of a response object.
#[derive(Deserialize)]
struct Said {
    output: Vec<Value>,
}

/// Whether an id is of the form that this proxy gives to its responses: `resp_` and a UUID. Others may
/// use it too.
#[must_use]
pub fn is_made_here(id: &str) -> bool {
    id.strip_prefix("resp_")
        .is_some_and(|name| name.len() == 32 && Uuid::try_parse(name).is_ok())
}

impl ResponseStore {
    /// Opens the store of `folder`. Both are made where they are missing, private to the user. Where
    /// the database cannot be used, that is logged, and the store [is not usable](Self::is_usable):
    /// the service does without it.
    pub async fn open(folder: &Path) -> Self {
        match connect(folder).await {
            Ok(pool) => Self(Some(pool)),
            Err(error) => {
                tracing::error!(%error, "responses_not_stored");
                Self::unusable()
            }
        }
    }

    /// A store that holds nothing and takes nothing.
    #[must_use]
    pub fn unusable() -> Self {
        Self(None)
    }

    /// Whether responses can be stored.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.0.is_some()
    }

    /// Stores a response, in place of what was stored of it. Those whose time is over are deleted now
    /// and then.
    ///
    /// # Errors
    ///
    /// See [`ResponseStoreError`].
    pub async fn put(&self, response: &StoredResponse) -> Result<(), ResponseStoreError> {
        sqlx::query(
            "INSERT OR REPLACE INTO responses
                (id, conversation, previous, model, created, status, input, response)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&response.id)
        .bind(response.conversation.as_ref().map(ConversationId::as_str))
        .bind(&response.previous)
        .bind(&response.model)
        .bind(to_sql(response.created))
        .bind(&response.status)
        .bind(&response.input)
        .bind(&response.response)
        .execute(self.pool()?)
        .await?;
        Ok(())
    }

    /// The response of that name.
    ///
    /// # Errors
    ///
    /// See [`ResponseStoreError`].
    pub async fn get(&self, id: &str) -> Result<Option<StoredResponse>, ResponseStoreError> {
        let row = sqlx::query("SELECT * FROM responses WHERE id = ?")
            .bind(id)
            .fetch_optional(self.pool()?)
            .await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// Forgets a response. Says whether there was one.
    ///
    /// # Errors
    ///
    /// See [`ResponseStoreError`].
    pub async fn delete(&self, id: &str) -> Result<bool, ResponseStoreError> {
        let done = sqlx::query("DELETE FROM responses WHERE id = ?")
            .bind(id)
            .execute(self.pool()?)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The conversation that a response belongs to, if it is stored.
    ///
    /// # Errors
    ///
    /// See [`ResponseStoreError`].
    pub async fn place(&self, id: &str) -> Result<Option<Placed>, ResponseStoreError> {
        let row = sqlx::query("SELECT conversation FROM responses WHERE id = ?")
            .bind(id)
            .fetch_optional(self.pool()?)
            .await?;
        let placed = row.as_ref().map(|row| Ok(Placed(conversation(row)?)));
        placed.transpose()
    }

    /// All that was said up to the end of a response, if it is stored.
    ///
    /// # Errors
    ///
    /// See [`ResponseStoreError`].
    pub async fn chain(&self, id: &str) -> Result<Option<Chain>, ResponseStoreError> {
        let mut rows = sqlx::query(
            "WITH RECURSIVE chain (depth, id, previous) AS (
                SELECT 1, id, previous FROM responses WHERE id = ?
                UNION ALL
                SELECT depth + 1, responses.id, responses.previous
                    FROM chain JOIN responses ON responses.id = chain.previous
                    WHERE depth < ?
            )
            SELECT responses.id, responses.previous, conversation, input, response
                FROM chain JOIN responses ON responses.id = chain.id
                ORDER BY depth DESC",
        )
        .bind(id)
        .bind(LONGEST_CHAIN)
        .fetch(self.pool()?);
        let mut chain: Option<Chain> = None;
        while let Some(row) = rows.try_next().await? {
            let chain = match &mut chain {
                Some(chain) => chain,
                none => none.insert(Chain {
                    missing: row.try_get("previous")?,
                    ..Chain::default()
                }),
            };
            chain.conversation = conversation(&row)?;
            chain.add(&row)?;
        }
        Ok(chain)
    }

    /// The response of a conversation that was stored last, of those that ended well: the others left
    /// no trace in it.
    ///
    /// # Errors
    ///
    /// See [`ResponseStoreError`].
    pub async fn latest(&self, id: &ConversationId) -> Result<Option<String>, ResponseStoreError> {
        let latest = sqlx::query_scalar(
            "SELECT id FROM responses
                WHERE conversation = ? AND status IN ('completed', 'incomplete')
                ORDER BY rowid DESC LIMIT 1",
        )
        .bind(id.as_str())
        .fetch_optional(self.pool()?)
        .await?;
        Ok(latest)
    }

    /// The items that came in and went out with a response, if it is stored.
    ///
    /// # Errors
    ///
    /// See [`ResponseStoreError`].
    pub async fn items(&self, id: &str) -> Result<Option<Vec<Value>>, ResponseStoreError> {
        let row = sqlx::query("SELECT id, input, response FROM responses WHERE id = ?")
            .bind(id)
            .fetch_optional(self.pool()?)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let mut chain = Chain::default();
        chain.add(&row)?;
        Ok(Some(chain.items))
    }

    /// Deletes the responses that are older than `age`, but for those that a younger one follows, and
    /// the oldest beyond `bytes`. `now` in Unix seconds.
    ///
    /// # Errors
    ///
    /// See [`ResponseStoreError`].
    pub async fn prune(
        &self,
        age: Duration,
        bytes: u64,
        now: u64,
    ) -> Result<Gone, ResponseStoreError> {
        let pool = self.pool()?;
        let oldest = to_sql(now.saturating_sub(age.as_secs()));
        let too_old = sqlx::query(
            "WITH RECURSIVE kept (id, previous) AS (
                SELECT id, previous FROM responses WHERE created >= ?1
                UNION
                SELECT responses.id, responses.previous
                    FROM kept JOIN responses ON responses.id = kept.previous
            )
            DELETE FROM responses WHERE created < ?1 AND id NOT IN (SELECT id FROM kept)",
        )
        .bind(oldest)
        .execute(pool)
        .await?;
        // Looked for first: what only reads holds up nobody.
        let first_kept: Option<i64> = sqlx::query_scalar(
            "SELECT min(rowid) FROM (
                SELECT rowid, sum(octet_length(input) + octet_length(response))
                    OVER (ORDER BY rowid DESC) AS size
                FROM responses
            ) WHERE size <= ?",
        )
        .bind(to_sql(bytes))
        .fetch_one(pool)
        .await?;
        let too_many = sqlx::query("DELETE FROM responses WHERE rowid < ?")
            .bind(first_kept)
            .execute(pool)
            .await?;
        let stale: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM conversations WHERE used < ?
                AND NOT EXISTS (SELECT 1 FROM responses WHERE conversation = conversations.id)",
        )
        .bind(oldest)
        .fetch_all(pool)
        .await?;
        let stale = stale.iter().filter_map(|id| ConversationId::new(id));
        let count = too_old.rows_affected() + too_many.rows_affected();
        Ok(Gone {
            count: usize::try_from(count).unwrap_or(usize::MAX),
            stale: stale.filter(ConversationId::is_made_up).collect(),
        })
    }

    /// Waits for what is under way and closes the database. Other handles fail from then on.
    pub async fn close(&self) {
        if let Some(pool) = &self.0 {
            pool.close().await;
        }
    }

    fn pool(&self) -> Result<&SqlitePool, ResponseStoreError> {
        self.0.as_ref().ok_or(ResponseStoreError::Unusable)
    }
}

impl Chain {
    fn add(&mut self, row: &SqliteRow) -> Result<(), ResponseStoreError> {
        let damaged = |error| {
            let id = row.try_get("id").unwrap_or_default();
            ResponseStoreError::Damaged(id, error)
        };
        let input: Vec<Value> = serde_json::from_str(row.try_get("input")?).map_err(damaged)?;
        let said: Said = serde_json::from_str(row.try_get("response")?).map_err(damaged)?;
        self.items.extend(input);
        self.items.extend(said.output);
        Ok(())
    }
}

impl From<ResponseStoreError> for TurnError {
    fn from(error: ResponseStoreError) -> Self {
        match error {
            ResponseStoreError::Unusable => Self::Unavailable {
                message: error.to_string(),
            },
            ResponseStoreError::Database(_) | ResponseStoreError::Damaged(..) => {
                Self::internal(error)
            }
        }
    }
}

async fn connect(folder: &Path) -> Result<SqlitePool, OpenError> {
    let options = sqlite::prepare(folder, &SCHEMA, sqlite::options()).await?;
    Ok(SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .connect_lazy_with(options))
}

fn read(row: &SqliteRow) -> Result<StoredResponse, sqlx::Error> {
    Ok(StoredResponse {
        id: row.try_get("id")?,
        conversation: conversation(row)?,
        previous: row.try_get("previous")?,
        model: row.try_get("model")?,
        created: from_sql(row.try_get("created")?),
        status: row.try_get("status")?,
        input: row.try_get("input")?,
        response: row.try_get("response")?,
    })
}

fn conversation(row: &SqliteRow) -> Result<Option<ConversationId>, sqlx::Error> {
    let name: Option<&str> = row.try_get("conversation")?;
    Ok(name.and_then(ConversationId::new))
}
