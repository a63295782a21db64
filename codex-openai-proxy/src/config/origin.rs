//! Where a setting comes from, and what is in force.

use super::keys::random;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is what holds unless told otherwise.
    Default,
    /// In the file.
    File {
        /// The file.
        path: PathBuf,
        /// The line of its key, from 1.
        line: usize,
    },
    /// In a profile of the file.
    Profile {
        /// The profile's name.
        name: String,
        /// The file.
        path: PathBuf,
        /// The line of its key, from 1.
        line: usize,
    },
    /// In this variable.
    Environment(String),
    /// By this flag of the command line.
    Flag(String),
    /// There, to no effect: another setting says the same thing otherwise.
    Overruled {
        /// Where it was set.
        origin: Box<Origin>,
        /// Where the other one was.
        by: Box<Origin>,
    },
}

impl Origin {
    /// A line of `path`, of the profile that is in force where `profile` names one.
    pub(super) fn line(path: &Path, profile: Option<&str>, line: usize) -> Self {
        let path = path.to_owned();
        match profile {
            None => Self::File { path, line },
            Some(name) => Self::Profile {
                name: name.to_owned(),
                path,
                line,
            },
        }
    }

    /// The stronger one wins.
    pub(super) fn strength(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { .. } => 1,
            Self::Profile { .. } => 2,
            Self::Environment(_) => 3,
            Self::Flag(_) => 4,
            Self::Overruled { origin, .. } => origin.strength(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Profile { name, path, line } => {
                write!(f, "{}:{line} (profile {name})", path.display())
            }
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
            Self::Overruled { origin, by } => write!(f, "{origin}, but {by} wins"),
        }
    }
}

/// Whether a running process takes up a new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// It does; requests that have begun go on with the old one.
    Live,
    /// It keeps the value that it began with.
    Restart,
}

/// A setting that is in force.
#[derive(Clone, PartialEq, Eq)]
pub struct Effective {
    /// Its key in the file, such as `server.addr`; of providers and API keys with their name, such as
    /// `upstreams.ollama.base_url`.
    pub key: String,
    /// Its value as TOML. `"…"` stands for a secret; nothing at all for what has no value.
    pub value: String,
    /// Where it was set.
    pub origin: Origin,
    /// Whether a running process takes up another.
    pub reload: Reload,
    /// What tells secrets apart, which its `value` does not.
    pub(super) secret: Option<Fingerprint>,
}

/// The digest of a secret, under a key that only this process has: nobody can try secrets against it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(blake3::Hash);

impl Fingerprint {
    pub(super) fn of(secret: &str) -> Self {
        // A system without randomness leaves the digest without a key. It is shown to nobody either way.
        static KEY: LazyLock<[u8; 32]> = LazyLock::new(|| random().unwrap_or_default());
        Self(blake3::keyed_hash(&KEY, secret.as_bytes()))
    }
}

impl fmt::Debug for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effective")
            .field("key", &self.key)
            .field("value", &self.value)
            .field("origin", &self.origin)
            .field("reload", &self.reload)
            .finish_non_exhaustive()
    }
}

impl Effective {
    /// Whether both have the same value, wherever it was set. Tells secrets apart, too.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value && self.secret == other.secret
    }
}
