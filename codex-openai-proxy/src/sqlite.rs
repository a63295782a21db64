//! Databases of our own in the state folder: private, with a log of what is written beside them, and
//! of a version that this program knows.

pub mod damage;

use crate::files::{private_dir, private_file};
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};
use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How long to wait for another process to finish writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait between two attempts, where SQLite itself does not wait.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// What a database holds.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The name of its file.
    pub file: &'static str,
    /// The statements that bring a database from each version to the next, the first of them a new one
    /// to version 1. Each sets `user_version` too. They are only ever added to.
    pub steps: &'static [&'static str],
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or the file cannot be made.
    #[error("{0}: {1}")]
    Folder(PathBuf, io::Error),
    /// The database refuses.
    #[error("{0}: {1}")]
    Database(&'static str, sqlx::Error),
    /// A later version of this program wrote it.
    #[error("{file} has version {found}, but this program knows up to {known}")]
    Newer {
        /// The name of its file.
        file: &'static str,
        /// Its version.
        found: i64,
        /// The version that this program would make.
        known: i64,
    },
}

impl Schema {
    /// `user_version` of a database with all that this program knows of.
    #[must_use]
    pub const fn version(&self) -> i64 {
        // There are a handful of steps.
        self.steps.len().cast_signed() as i64
    }

    /// Takes the steps that a database has not taken yet, and tells its version then. One that a later
    /// version of this program wrote is left as it is.
    ///
    /// # Errors
    ///
    /// When the database refuses. Steps may have been taken by then.
    pub async fn upgrade(&self, connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
        let found: i64 = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&mut *connection)
            .await?;
        let taken = usize::try_from(found).unwrap_or(usize::MAX);
        let Some(missing) = self.steps.get(taken..) else {
            return Ok(found);
        };
        for step in missing {
            sqlx::raw_sql(*step).execute(&mut *connection).await?;
        }
        Ok(self.version())
    }
}

/// How connections to a database of ours behave.
#[must_use]
pub fn options() -> SqliteConnectOptions {
    use sqlx::ConnectOptions as _;
    SqliteConnectOptions::new()
        .busy_timeout(BUSY_TIMEOUT)
        // What was committed survives the death of this process, if not a power cut.
        .synchronous(SqliteSynchronous::Normal)
        .disable_statement_logging()
}

/// Makes what is missing of the folder and of the database in it, brings an older one up to date, and
/// leaves it ready for connections with `options`, whose file name is set.
///
/// # Errors
///
/// See [`OpenError`].
pub async fn prepare(
    folder: &Path,
    schema: &Schema,
    options: SqliteConnectOptions,
) -> Result<SqliteConnectOptions, OpenError> {
    let path = folder.join(schema.file);
    make_private(folder, &path).map_err(|error| OpenError::Folder(path.clone(), error))?;
    let options = options.filename(&path);
    let failed = |error| OpenError::Database(schema.file, error);
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(failed)?;
    keep_log(&mut connection).await.map_err(failed)?;
    let found = make_tables(&mut connection, schema).await.map_err(failed)?;
    connection.close().await.map_err(failed)?;
    if found == schema.version() {
        Ok(options)
    } else {
        Err(OpenError::Newer {
            file: schema.file,
            found,
            known: schema.version(),
        })
    }
}

/// SQLite's integers are signed; no count and no time of ours comes near the difference.
#[must_use]
pub fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The other way.
#[must_use]
pub fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Makes what is missing of the folder and the file. SQLite would make the file readable to everyone;
/// it gives the files that it puts beside it the same mode.
fn make_private(folder: &Path, file: &Path) -> io::Result<()> {
    private_dir(folder)?;
    private_file().append(true).create(true).open(file)?;
    Ok(())
}

/// Lets the database keep a log of what is written, so that readers do not wait for writers.
async fn keep_log(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let begun = Instant::now();
    loop {
        let done = sqlx::query("PRAGMA journal_mode = WAL")
            .execute(&mut *connection)
            .await;
        match done {
            Ok(_) => return Ok(()),
            // Unlike all others, this statement does not wait by itself.
            Err(error) if is_busy(&error) && begun.elapsed() < BUSY_TIMEOUT => {
                sleep(BUSY_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Makes the tables that are missing, all of them or none, and tells the version of what is there then.
async fn make_tables(
    connection: &mut SqliteConnection,
    schema: &Schema,
) -> Result<i64, sqlx::Error> {
    // Another process may be about to do the same.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let version = schema.upgrade(&mut transaction).await?;
    transaction.commit().await?;
    Ok(version)
}

/// Whether the database is locked by somebody else: `SQLITE_BUSY`, with whatever reason beside it.
fn is_busy(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == 5)
}
