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
/// that.
const FORGET: [&str; 7] = [
    "DELETE FROM records WHERE request IN (SELECT id FROM requests WHERE seq < ?1)",
    "DELETE FROM bodies WHERE request IN (SELECT id FROM requests WHERE seq < ?1)",
    "DELETE FROM tool_calls WHERE request IN (SELECT id FROM requests WHERE seq < ?1)",
    "DELETE FROM requests WHERE seq < ?1",
    "DELETE FROM records WHERE seq < ?1",
    "DELETE FROM bodies WHERE seq < ?1
        AND NOT EXISTS (SELECT 1 FROM requests WHERE id = bodies.request)",
    "DELETE FROM tool_calls WHERE seq < ?1
        AND NOT EXISTS (SELECT 1 FROM requests WHERE id = tool_calls.request)",
];

impl Store {
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
        goal: u64,
    ) -> sqlx::Result<bool> {
        let expired = to_sql(expired.0);
        let oldest: Option<(i64, i64)> =
            sqlx::query_as("SELECT seq, time FROM records ORDER BY seq LIMIT 1")
                .fetch_optional(&self.pool)
                .await?;
        let Some((oldest, time)) = oldest else {
            return self.shrink().await;
        };
        let newest: i64 = sqlx::query_scalar("SELECT max(seq) FROM records")
            .fetch_one(&self.pool)
            .await?;
        let step = oldest + FEWEST.max((newest - oldest) / STEP);
        if self.used().await? > goal {
            self.forget_before(step).await?;
        } else if time < expired {
            let first: Option<i64> = sqlx::query_scalar(
                "SELECT seq FROM records WHERE seq < ? AND time >= ? ORDER BY seq LIMIT 1",
            )
            .bind(step)
            .bind(expired)
            .fetch_optional(&self.pool)
            .await?;
            self.forget_before(first.unwrap_or(step)).await?;
        } else {
            return self.shrink().await;
        }
        Ok(true)
    }

    /// Forgets everything, and tells how many records that were.
    pub(in crate::traffic) async fn clear(&self) -> sqlx::Result<u64> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
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
        Ok(records.rows_affected())
    }

    async fn forget_before(&self, seq: i64) -> sqlx::Result<()> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for statement in FORGET {
            sqlx::query(statement)
                .bind(seq)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// Gives some of the file back to the disk, if much of it is empty. Tells whether there may be
    /// more of that.
    async fn shrink(&self) -> sqlx::Result<bool> {
        let empty: i64 = sqlx::query_scalar("PRAGMA freelist_count")
            .fetch_one(&self.pool)
            .await?;
        // The rest is filled soon enough.
        let much = from_sql(empty) * PAGE > self.bound / 4;
        if much {
            self.give_back(GIVE_SOME_BACK).await?;
        }
        Ok(much)
    }

    /// Gives empty pages back to the disk, those of the log beside the database included.
    async fn give_back(&self, pages: &'static str) -> sqlx::Result<()> {
        sqlx::query(pages).fetch_all(&self.pool).await?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_all(&self.pool)
            .await?;
        Ok(())
    }

    /// How much of the file is filled, in bytes.
    async fn used(&self) -> sqlx::Result<u64> {
        let pages: i64 = sqlx::query_scalar(
            "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(from_sql(pages) * PAGE)
    }
}
