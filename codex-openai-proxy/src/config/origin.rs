//! Where a setting comes from, and what is in force.

use std::{
    fmt,
    path::{Path, PathBuf},
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The digest of a secret, which its `value` does not tell.
    pub(super) secret: Option<blake3::Hash>,
}

impl Effective {
    /// Whether both have the same value, wherever it was set. Tells secrets apart, too.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value && self.secret == other.secret
    }
}
