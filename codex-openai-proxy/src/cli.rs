//! The command line.
//!
//! Standard output is for results; the log goes to standard error.

#[cfg(feature = "codex")]
mod account;
mod conversations;
#[cfg(feature = "codex")]
mod demo;
mod health;
mod keys;
mod manual;
mod serve;
mod settings;
mod signals;
#[cfg(test)]
mod tests;

use crate::{
    app::{BindError, logging::LoggingError, reload::Hangups},
    config::{ConfigError, Flags, INFO_FILTER, Sources},
    conversation::StoreError,
};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use serve::Setup;
use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

pub use health::HealthError;
pub use keys::KeyError;

#[cfg(feature = "codex")]
use crate::app::engines::StartError;

/// Told where a build without codex-core is asked for what only codex-core does.
#[cfg(not(feature = "codex"))]
const NO_CODEX: &str =
    "this build has no Codex engine: it was compiled without the cargo feature `codex`";

/// What commands log that do not serve, unless told otherwise: their results are on the screen, and it
/// would only come between.
const QUIET: &str = "warn";

/// An OpenAI-compatible API whose answers come from Codex threads in this process.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalFlags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct GlobalFlags {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:11435]
    #[arg(long, global = true, value_name = "IP:PORT")]
    addr: Option<String>,
    /// Configuration file [default: config.toml in this program's state folder, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The section `[profiles.NAME]` of the configuration file that is laid over the rest of it
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// What is logged: error, warn, info, debug or trace; wins over `RUST_LOG`
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// The form of the log: pretty or json
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl From<GlobalFlags> for Flags {
    fn from(flags: GlobalFlags) -> Self {
        Self {
            addr: flags.addr,
            config: flags.config,
            profile: flags.profile,
            log_level: flags.log_level,
            log_format: flags.log_format,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
enum Command {
    /// Serve the API (what happens without a command)
    Serve,
    /// Serve the API before a built-in model: no login, no network
    Demo,
    /// Log in to Codex
    Login {
        /// With a code typed into a browser on another machine
        #[arg(long)]
        device_auth: bool,
    },
    /// Forget the Codex login
    Logout,
    /// Show login, plan, provider, model and address
    Status,
    /// List the models
    Models,
    /// List or delete the conversations that are kept
    Conversations {
        #[command(subcommand)]
        action: Option<conversations::Action>,
    },
    /// Show or check the configuration
    Config {
        #[command(subcommand)]
        action: settings::Action,
    },
    /// Make keys for clients
    Key {
        #[command(subcommand)]
        action: keys::Action,
    },
    /// Ask a server that is running whether it can answer requests; exits with 1 if it cannot
    Health(health::Asked),
    /// Print what makes a shell complete this program's commands and flags
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log cannot be set up.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The service cannot begin.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The terminal or the signals of this process cannot be used.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What is kept of conversations cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to delete under these names.
    #[error("no such conversation: {0}")]
    UnknownConversations(String),
    /// There is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A server is not well.
    #[error(transparent)]
    Health(#[from] HealthError),
    /// There is no engine.
    #[cfg(feature = "codex")]
    #[error(transparent)]
    Start(#[from] StartError),
    /// The Codex account cannot be used.
    #[cfg(feature = "codex")]
    #[error(transparent)]
    Account(#[from] crate::engine::codex::EngineError),
    /// The command needs codex-core.
    #[cfg(not(feature = "codex"))]
    #[error("{NO_CODEX}")]
    NoCodex,
}

impl CliError {
    /// 2 for what the user has to write differently, as clap has it; 1 for the rest.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Does what the command line asks for.
///
/// # Errors
///
/// See [`CliError`].
pub async fn run(cli: Cli) -> Result<(), CliError> {
    let sources = Sources::of_process(cli.global.into());
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            // Before anything that takes time, so that whoever asks for a reload does not end it.
            let hangups = Hangups::listen()?;
            serve::run(Setup::begin(sources, INFO_FILTER)?, hangups).await
        }
        Command::Conversations { action } => {
            let action = action.unwrap_or(conversations::Action::List);
            let setup = Setup::begin(sources, QUIET)?;
            conversations::run(setup.config(), action).await
        }
        Command::Config { action } => settings::run(action, &sources),
        Command::Key { action } => keys::run(action),
        Command::Health(asked) => health::run(asked, &sources).await,
        Command::Completions { shell } => manual::completions(shell),
        Command::Man => manual::man(),
        #[cfg(feature = "codex")]
        Command::Demo => {
            let hangups = Hangups::listen()?;
            demo::run(Setup::begin(sources, INFO_FILTER)?, hangups).await
        }
        #[cfg(feature = "codex")]
        Command::Login { device_auth } => {
            let setup = Setup::begin(sources, QUIET)?;
            if device_auth {
                account::device_login(setup.config()).await
            } else {
                account::browser_login(setup.config()).await
            }
        }
        #[cfg(feature = "codex")]
        Command::Logout => account::logout(Setup::begin(sources, QUIET)?.config()).await,
        #[cfg(feature = "codex")]
        Command::Status => account::status(Setup::begin(sources, QUIET)?.config()).await,
        #[cfg(feature = "codex")]
        Command::Models => account::models(Setup::begin(sources, QUIET)?.config()).await,
        #[cfg(not(feature = "codex"))]
        Command::Demo
        | Command::Login { .. }
        | Command::Logout
        | Command::Status
        | Command::Models => Err(CliError::NoCodex),
    }
}

/// An address at which this machine is to be had that listens on `addr`.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        addr.set_ip(match addr.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    addr
}

/// Writes a result to standard output, at once.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
