//! The command line.
//!
//! Standard output is for results; the log goes to standard error.

#[cfg(feature = "codex")]
mod account;
mod conversations;
#[cfg(feature = "codex")]
mod demo;
mod signals;
#[cfg(test)]
mod tests;

use crate::{
    app::{
        App, BindError,
        logging::{self, LoggingError},
    },
    config::{Config, ConfigError, Flags, process_environment},
    conversation::StoreError,
    engine::Engine,
    traffic::{self, Inbox},
};
use clap::{Args, Parser, Subcommand};
use signals::StopSignals;
use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

#[cfg(feature = "codex")]
use crate::app::engines::{self, StartError};
#[cfg(not(feature = "codex"))]
use crate::engine::unavailable::UnavailableEngine;

/// Told where a build without codex-core is asked for what only codex-core does.
#[cfg(not(feature = "codex"))]
const NO_CODEX: &str =
    "this build has no Codex engine: it was compiled without the cargo feature `codex`";

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
    let flags = Flags {
        addr: cli.global.addr,
        config: cli.global.config,
    };
    let config = Config::load(&process_environment, &flags)?;
    let command = cli.command.unwrap_or(Command::Serve);
    let default_filter = match command {
        // codex-core tells each step of its threads at info.
        Command::Serve | Command::Demo => "info,codex_=warn,codex_openai_proxy=info",
        // Their results are on the screen; the log would only come between.
        _ => "warn",
    };
    // Writes what is still to be written when it is dropped.
    let _writer = logging::init(&config, default_filter)?;
    match command {
        Command::Serve => serve(config).await,
        Command::Conversations { action } => {
            let action = action.unwrap_or(conversations::Action::List);
            conversations::run(&config, action).await
        }
        #[cfg(feature = "codex")]
        Command::Demo => demo::run(config).await,
        #[cfg(feature = "codex")]
        Command::Login { device_auth } => {
            if device_auth {
                account::device_login(&config).await
            } else {
                account::browser_login(&config).await
            }
        }
        #[cfg(feature = "codex")]
        Command::Logout => account::logout(&config).await,
        #[cfg(feature = "codex")]
        Command::Status => account::status(&config).await,
        #[cfg(feature = "codex")]
        Command::Models => account::models(&config).await,
        #[cfg(not(feature = "codex"))]
        _ => Err(CliError::NoCodex),
    }
}

async fn serve(config: Config) -> Result<(), CliError> {
    let (channel, inbox) = traffic::channel(config.logs.bodies);
    #[cfg(feature = "codex")]
    let engine = engines::serving(&config, &channel).await?;
    #[cfg(not(feature = "codex"))]
    let engine = {
        drop(channel);
        Arc::new(UnavailableEngine::new(NO_CODEX))
    };
    serve_with(config, engine, inbox, |_| String::new()).await
}

/// Serves until a signal to stop, after telling on standard output where, and what `hint` makes
/// of the address.
async fn serve_with(
    config: Config,
    engine: Arc<dyn Engine>,
    inbox: Inbox,
    hint: impl FnOnce(SocketAddr) -> String,
) -> Result<(), CliError> {
    // Before anybody can know that the service is up, and send a signal.
    let signals = StopSignals::listen()?;
    let app = App::bind(config, engine, inbox).await?;
    let addr = app.local_addr();
    print(&format!("listening on http://{addr}\n{}", hint(addr)))?;
    app.serve(signals.stop()).await;
    Ok(())
}

/// Writes a result to standard output, at once.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
