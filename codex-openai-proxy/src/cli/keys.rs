//! `key`: keys of the API, and what the configuration knows of them.

use super::{CliError, print};
use crate::config::keys;
use clap::Subcommand;
use std::io::{self, Read};

/// The longest input that is read, in bytes: more than any key has.
const LONGEST: u64 = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum Action {
    /// Make a fresh key
    ///
    /// Prints the key, which is shown this once. With a name, also the line that lets it in, for the
    /// section `[auth.keys]` of config.toml. Without one, the key is for `PROXY_API_KEY`.
    New {
        /// What the key is called in logs, metrics and limits: letters, digits, `-`, `_` and `.`
        name: Option<String>,
    },
    /// Print the line of config.toml for a key that there is
    ///
    /// Reads the key from standard input. The line belongs into the section `[auth.keys]`; the key
    /// cannot be read from it.
    Hash {
        /// What the key is called in logs, metrics and limits: letters, digits, `-`, `_` and `.`
        #[arg(default_value = "default")]
        name: String,
    },
}

/// Why there is no key, or no line for it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system has no randomness to give.
    #[error("no key can be made: {0}")]
    Random(#[from] getrandom::Error),
    /// A key may not be called so.
    #[error("{0:?} is no name for a key: take up to 64 ASCII letters, digits, `-`, `_` and `.`")]
    Name(String),
    /// What was read cannot be sent in a header.
    #[error(
        "that is no key: it is made of visible ASCII characters, at most {} of them",
        keys::LONGEST
    )]
    Key,
}

pub(super) fn run(action: Action) -> Result<(), CliError> {
    let text = match action {
        Action::New { name: None } => format!("{}\n", fresh()?),
        Action::New { name: Some(name) } => {
            let key = fresh()?;
            let line = line(name, &key)?;
            format!("{key}\n\n[auth.keys]\n{line}\n")
        }
        Action::Hash { name } => {
            let mut input = String::new();
            let stdin = io::stdin().lock();
            stdin.take(LONGEST).read_to_string(&mut input)?;
            // A line ends with a line feed that is no part of the key; nor is what Windows adds.
            let key = input.trim_end_matches(['\r', '\n']);
            format!("{}\n", line(name, key)?)
        }
    };
    print(&text)?;
    Ok(())
}

fn fresh() -> Result<String, CliError> {
    Ok(keys::fresh().map_err(KeyError::from)?)
}

fn line(name: String, key: &str) -> Result<String, KeyError> {
    if !keys::is_name(&name) {
        return Err(KeyError::Name(name));
    }
    keys::line(&name, key).ok_or(KeyError::Key)
}
