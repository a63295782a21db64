//! Where the configuration is read from: flags, environment, file.

use super::{Config, ConfigError, Effective, Mistake, layers::Layers, load};
use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc};

/// What looks up a variable.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the command line sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--addr`.
    pub addr: Option<String>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--log-level`.
    pub log_level: Option<String>,
    /// `--log-format`.
    pub log_format: Option<String>,
}

/// What does not change while a process runs; the file that it names may.
#[derive(Clone)]
pub struct Sources {
    /// The environment.
    pub env: Lookup,
    /// The names of all variables, where they are known: those that look like ours and are not are
    /// mistakes.
    pub names: Vec<String>,
    /// The command line.
    pub flags: Flags,
}

impl Sources {
    /// The environment of this process, with these flags.
    #[must_use]
    pub fn of_process(flags: Flags) -> Self {
        let name = |(name, _): (std::ffi::OsString, _)| name.into_string().ok();
        Self {
            env: Arc::new(process_environment),
            names: std::env::vars_os().filter_map(name).collect(),
            flags,
        }
    }

    /// Reads the configuration. A variable that is empty counts as not set.
    ///
    /// # Errors
    ///
    /// Every mistake that there is, each with its key, variable or flag, and its place in the file.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        load::read(&*self.env, &self.names, &self.flags)
    }

    /// The same for who wants every mistake to be told: those in profiles that are not in force, too.
    ///
    /// # Errors
    ///
    /// As for [`Sources::load`].
    pub fn check(&self) -> Result<Loaded, ConfigError> {
        load::check(&*self.env, &self.names, &self.flags)
    }

    /// Where to listen, if the flags and the environment say it: for whoever looks for a server while its
    /// file cannot be used. `None` too where the port is left to the file.
    #[must_use]
    pub fn addr_without_file(&self) -> Option<SocketAddr> {
        Layers::without_file(&*self.env, &self.flags).addr_with_port()
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}

/// A configuration without mistakes, and what is known of it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Every setting, with where it was set. In the order of [`super::SETTINGS`]; keys and providers have
    /// one for each of their own.
    pub effective: Vec<Effective>,
    /// The files that were read, or would be if they were there.
    pub files: Vec<PathBuf>,
    /// What is odd, and no mistake.
    pub warnings: Vec<Mistake>,
}

/// A variable of this process. Bytes that are not UTF-8 become U+FFFD, so that the value is seen
/// to be wrong and not taken for missing.
#[must_use]
pub fn process_environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}
