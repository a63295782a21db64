//! What is forgotten: the oldest first, each request with all that belongs to it.

use super::{PAGE, Store, from_sql, to_sql};
use crate::traffic::record::Timestamp;

/// The part of what is there that goes at once, so that nobody has to wait long.
const STEP: i64 = 64;

/// The fewest records that go at once.
const FEWEST: i64 = 32;

/// Gives all empty pages back to the disk.
const GIVE_ALL_BACK: &str = "PRAGMA incremental_vacuum";

/// Gives some of them back, so that nobody has to wait long.
const GIVE_SOME_BACK: &str = "PRAGMA incremental_vacuum(1024)";

/// What deletes whatever belongs to requests that began before `?1`, and everything else from before
/// that. Where `?2` is 1, requests that are being answered stay, with all that they have.
const FORGET: [&str; 7] = [
    "DELETE FROM records WHERE request IN
        (SELECT id FROM requests WHERE seq < ?1 AND (?2 = 0 OR state <> 'running'))",
    "DELETE FROM bodies WHERE request IN
        (SELECT id FROM requests WHERE seq < ?1 AND (?2 = 0 OR state <> 'running'))",
    "DELETE FROM tool_calls WHERE request IN
        (SELECT id FROM requests WHERE seq < ?1 AND (?2 = 0 OR state <> 'running'))",
    "DELETE FROM requests WHERE seq < ?1 AND (?2 = 0 OR state <> 'running')",
    "DELETE FROM records WHERE seq < ?1 AND (?2 = 0 OR request IS NULL
        OR request NOT IN (SELECT id FROM requests WHERE state = 'running'))",
    "DELETE FROM bodies WHERE seq < ?1
        AND NOT EXISTS (SELECT 1 FROM requests WHERE id = bodies.request)",
    "DELETE FROM tool_calls WHERE seq < ?1
        AND NOT EXISTS (SELECT 1 FROM requests WHERE id = tool_calls.request)",
];

/// Whether requests that are being answered may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Running {
    Goes,
    Stays,
}

impl Store {
    /// From now on it may hold so many bytes. In memory it keeps to its own bound, and a file is not done
    /// away with.
    pub(in crate::traffic) fn set_bound(&mut self, bound: u64) {
        if self.lock.is_some() && bound > 0 {
            self.bound = bound;
        }
    }

    /// How much may be written before the bounds are looked after again, in bytes.
    pub(in crate::traffic) fn slack(&self) -> u64 {
        self.bound / 16
    }

    /// How much may stay, in bytes: less than there may be if that is about to be reached, so that
    /// there is room for a while; otherwise everything.
    pub(in crate::traffic) async fn goal(&self) -> sqlx::Result<u64> {
        let full = self.used().await? > self.bound - self.slack();
        Ok(if full {
            self.bound - 2 * self.slack()
        } else {
            u64::MAX
        })
    }

    /// Forgets some of what is from before `expired`, or does not fit into `goal` bytes. Tells
    /// whether there may be more of that.
    pub(in crate::traffic) async fn trim(
        &self,
        expired: Timestamp,
        now: Timestamp,
        goal: u64,
    ) -> sqlx::Result<bool> {
        let ends: (Option<i64>, Option<i64>) =
            sqlx::query_as("SELECT (SELECT min(seq) FROM records), (SELECT max(seq) FROM records)")
                .fetch_one(&self.writer)
                .await?;
        let (Some(oldest), Some(newest)) = ends else {
            return self.shrink().await;
        };
        let step = FEWEST.max((newest - oldest) / STEP);
        if self.used().await? > goal {
            // What is being answered goes only when nothing else is left.
            let (first, running) = match self.oldest_at_rest().await? {
                Some(first) => (first, Running::Stays),
                None => (oldest, Running::Goes),
            };
            self.forget_before(first + step, running).await?;
        } else if let Some(last) = self.last_expired(oldest + step, expired, now).await? {
            self.forget_before(last + 1, Running::Goes).await?;
        } else {
            return self.shrink().await;
        }
        Ok(true)
    }

    /// The oldest record that is not of a request that is being answered.
    async fn oldest_at_rest(&self) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar(
            "SELECT seq FROM records WHERE request IS NULL
                OR request NOT IN (SELECT id FROM requests WHERE state = 'running')
                ORDER BY seq LIMIT 1",
        )
        .fetch_optional(&self.writer)
        .await
    }

    /// The last expired record before `before` and before whatever is to stay. Records from the
    /// future, which a clock that was wrong has left, are no reason to keep what is behind them.
    async fn last_expired(
        &self,
        before: i64,
        expired: Timestamp,
        now: Timestamp,
    ) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar(
            "SELECT max(seq) FROM records WHERE time < ?2 AND seq < coalesce(
                (SELECT min(seq) FROM records WHERE seq < ?1 AND time BETWEEN ?2 AND ?3), ?1)",
        )
        .bind(before)
        .bind(to_sql(expired.0))
        .bind(to_sql(now.0))
        .fetch_one(&self.writer)
        .await
    }

    /// Forgets everything, and tells how many records that were.
    pub(in crate::traffic) async fn clear(&self) -> sqlx::Result<u64> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let records = sqlx::query("DELETE FROM records")
            .execute(&mut *transaction)
            .await?;
        for table in [
            "DELETE FROM requests",
            "DELETE FROM bodies",
            "DELETE FROM tool_calls",
        ] {
            sqlx::query(table).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        self.give_back(GIVE_ALL_BACK).await?;
        self.shorten().await?;
        Ok(records.rows_affected())
    }

    async fn forget_before(&self, seq: i64, running: Running) -> sqlx::Result<()> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for statement in FORGET {
            sqlx::query(statement)
                .bind(seq)
                .bind(running == Running::Stays)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// Gives some of the file back to the disk, if much of it is empty. Tells whether there may be
    /// more of that.
    async fn shrink(&self) -> sqlx::Result<bool> {
        // The rest is filled soon enough.
        let is_much = |empty| empty * PAGE > self.bound / 4;
        let before = self.empty().await?;
        if !is_much(before) {
            return Ok(false);
        }
        self.give_back(GIVE_SOME_BACK).await?;
        let after = self.empty().await?;
        // A database that somebody else made may keep its pages, whatever it is asked.
        let more = is_much(after) && after < before;
        if !more {
            self.shorten().await?;
        }
        Ok(more)
    }

    /// Takes empty pages from the end of the database.
    async fn give_back(&self, pages: &'static str) -> sqlx::Result<()> {
        sqlx::query(pages).fetch_all(&self.writer).await?;
        Ok(())
    }

    /// Gives back to the disk what was taken from the database, and the log beside it.
    async fn shorten(&self) -> sqlx::Result<()> {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_all(&self.writer)
            .await?;
        Ok(())
    }

    /// How many pages are empty.
    async fn empty(&self) -> sqlx::Result<u64> {
        let empty: i64 = sqlx::query_scalar("PRAGMA freelist_count")
            .fetch_one(&self.writer)
            .await?;
        Ok(from_sql(empty))
    }

    /// How much of the file is filled, in bytes.
    async fn used(&self) -> sqlx::Result<u64> {
        let pages: i64 = sqlx::query_scalar(
            "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count",
        )
        .fetch_one(&self.writer)
        .await?;
        Ok(from_sql(pages) * PAGE)
    }
}
