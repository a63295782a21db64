//! The secret of this installation that cookies of the log viewer are signed with.

use crate::{
    config::keys::random,
    files::{private_dir, write_private},
};
use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// Its file in the state folder.
const FILE: &str = "session.key";

/// The file beside it that tells who has logged out of the log viewer before their time.
pub const LOGOUTS: &str = "session.closed";

/// The secret: 32 random bytes.
pub type SessionKey = [u8; 32];

/// The secret that the state folder `home` holds, which is made where it is missing. `None` where it can
/// neither be read nor be kept there: then logins last as long as this process.
#[must_use]
pub fn open(home: &Path) -> Option<SessionKey> {
    let opened = read(home).and_then(|key| match key {
        Some(key) => Ok(key),
        None => make(home),
    });
    opened
        .inspect_err(|error| {
            let file = home.join(FILE);
            tracing::warn!(%error, file = %file.display(), "session_key_not_kept");
        })
        .ok()
}

/// What the file holds; nothing where it is missing, or not what we write.
fn read(home: &Path) -> io::Result<Option<SessionKey>> {
    let file = match File::open(home.join(FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    shut_out_others(&file)?;
    let mut bytes = Vec::new();
    let longer_than_ours = size_of::<SessionKey>() + 1;
    file.take(longer_than_ours as u64).read_to_end(&mut bytes)?;
    Ok(bytes.try_into().ok())
}

/// Takes away what a copy or a backup may have given to others.
fn shut_out_others(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mut permissions = file.metadata()?.permissions();
        if permissions.mode() & 0o077 != 0 {
            permissions.set_mode(0o600);
            file.set_permissions(permissions)?;
        }
    }
    Ok(())
}

/// Makes a new one.
fn make(home: &Path) -> io::Result<SessionKey> {
    let key = random().map_err(|error| io::Error::other(error.to_string()))?;
    private_dir(home)?;
    write_private(&home.join(FILE), &key)?;
    Ok(key)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_secret_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("state");
        let key = open(&home).unwrap();
        assert_eq!(open(&home), Some(key));
        assert_eq!(fs::read(home.join(FILE)).unwrap(), key);
        assert_eq!(mode(&home), 0o700);
        assert_eq!(mode(&home.join(FILE)), 0o600);
        assert_eq!(fs::read_dir(&home).unwrap().count(), 1);
        let elsewhere = tempfile::tempdir().unwrap();
        assert_ne!(open(elsewhere.path()), Some(key));
    }

    #[test]
    fn a_secret_that_others_could_read_is_closed_to_them() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(FILE);
        fs::write(&file, [7; 32]).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(open(home.path()), Some([7; 32]));
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn a_file_that_is_none_of_ours_is_replaced() {
        for content in [&[][..], &[7; 31], &[7; 33]] {
            let home = tempfile::tempdir().unwrap();
            let file = home.path().join(FILE);
            fs::write(&file, content).unwrap();
            let key = open(home.path()).unwrap();
            assert_eq!(fs::read(&file).unwrap(), key);
        }
    }

    #[test]
    fn without_a_place_for_it_there_is_none_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        // A file where the folder should be, and a folder where the file should be.
        let home = folder.path().join("file");
        fs::write(&home, "").unwrap();
        assert_eq!(open(&home), None);
        let home = folder.path().join("state");
        fs::create_dir_all(home.join(FILE)).unwrap();
        assert_eq!(open(&home), None);
        assert_eq!(fs::read_dir(&home).unwrap().count(), 1);
    }
}
