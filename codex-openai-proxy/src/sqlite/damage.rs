//! A database that cannot be read any more: put aside, so that a new one can take its place.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// What SQLite puts beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// `SQLITE_ERROR`: tables or columns are missing.
const MISSING: i32 = 1;

/// `SQLITE_CORRUPT`
const CORRUPT: i32 = 11;

/// `SQLITE_NOTADB`
const NO_DATABASE: i32 = 26;

/// Whether an error says that the file is damaged, or no database at all.
#[must_use]
pub fn is_of_damage(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(CORRUPT | NO_DATABASE))
}

/// The same, or that its tables are not those that its version has.
#[must_use]
pub fn is_beyond_use(error: &sqlx::Error) -> bool {
    is_of_damage(error) || code(error) == Some(MISSING)
}

/// Gives the database `file` in `folder` another name, which it tells. Nobody may have it open.
///
/// # Errors
///
/// When it cannot be renamed.
pub fn put_aside(folder: &Path, file: &str) -> io::Result<PathBuf> {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let name = |end: &str| folder.join(format!("{file}.damaged-{seconds}{end}"));
    let aside = name("");
    let database = folder.join(file);
    make_private(&database)?;
    fs::rename(&database, &aside)?;
    for end in BESIDE {
        match fs::rename(folder.join(format!("{file}{end}")), name(end)) {
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
