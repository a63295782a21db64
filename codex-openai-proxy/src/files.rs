//! Files and folders that only the user can look into.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process,
};

/// Makes sure that the folder `path` is there. What has to be made for it, only the user can look
/// into; a folder of the user's own making stays as it is.
///
/// # Errors
///
/// When it cannot be made.
pub fn private_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Options with which a file that has to be made is the user's alone.
#[must_use]
pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes `content` what the file `path` holds, which is the user's alone. Whoever reads it finds all of it,
/// or all that was there before.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", process::id()));
    let unfinished = PathBuf::from(unfinished);
    let mut options = private_file();
    options.write(true).create(true).truncate(true);
    let written = options
        .open(&unfinished)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        // What is left of it is of no use to anybody.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    Ok(())
}

/// Locks the file `path` for as long as what is given back is open; it is made where it is missing.
/// `None` where somebody else has it locked.
///
/// # Errors
///
/// When it cannot be opened or locked.
pub fn lock_file(path: &Path) -> io::Result<Option<File>> {
    let file = private_file().append(true).create(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn folders_that_are_made_are_private_and_others_stay() {
        let home = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let inner = home.path().join("state/codex");
        private_dir(&inner).unwrap();
        private_dir(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        assert_eq!(mode(inner.parent().unwrap()), 0o700);
        assert_eq!(mode(home.path()), 0o755);
    }
}
