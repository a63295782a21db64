//! A database that cannot be read any more: put aside, so that a new one can take its place.

use super::{SCHEMA, StoreError};
use crate::{sqlite::OpenError, traffic::record::Timestamp};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What SQLite puts beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// `SQLITE_ERROR`: tables or columns are missing.
const MISSING: i32 = 1;

/// `SQLITE_CORRUPT`
const CORRUPT: i32 = 11;

/// `SQLITE_NOTADB`
const NO_DATABASE: i32 = 26;

/// Whether the database is of no use, now and later.
pub(super) fn is_damage(error: &StoreError) -> bool {
    match error {
        StoreError::Open(OpenError::Database(_, error)) => {
            matches!(code(error), Some(CORRUPT | NO_DATABASE))
        }
        StoreError::Database(error) => {
            matches!(code(error), Some(MISSING | CORRUPT | NO_DATABASE))
        }
        _ => false,
    }
}

/// Gives the database in `folder` another name, which it tells. Nobody may have it open.
pub(super) fn put_aside(folder: &Path) -> io::Result<PathBuf> {
    let name = |seconds: u64, end| format!("{}.damaged-{seconds}{end}", SCHEMA.file);
    let seconds = Timestamp::now().0 / 1_000_000;
    let aside = folder.join(name(seconds, ""));
    let database = folder.join(SCHEMA.file);
    make_private(&database)?;
    fs::rename(&database, &aside)?;
    for end in BESIDE {
        let beside = folder.join(format!("{}{end}", SCHEMA.file));
        match fs::rename(beside, folder.join(name(seconds, end))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// Whoever put the file there may have let others read it.
#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

/// SQLite's code for an error, without the reason beside it.
fn code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    Some(code.parse::<i32>().ok()? & 0xff)
}
