//! Measures what a proxy adds to replies that stream, and holds it under load.
//!
//! Everything runs on loopback: an upstream that is never the limit, the proxies to be measured,
//! and the clients, which know from marks in the text when each chunk was sent.

mod account;
mod chaos;
mod client;
mod clock;
mod dice;
mod figures;
mod listen;
mod load;
mod pattern;
mod process;
mod proxy;
mod relay;
mod run;
mod scene;
mod soak;
mod stats;
mod subject;
mod upstream;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures what a proxy adds to replies that stream, and holds it under load.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves replies as prompts order them.
    Upstream(upstream::Options),
    /// Copies requests and replies, and does nothing else.
    Relay(relay::Options),
    /// Measures what the product adds, beside a bare relay and others.
    Run(run::Options),
    /// Asks each engine for many streams at once.
    Load(load::Options),
    /// Misuses the product, fails it, kills it, and looks at what is left.
    Chaos(chaos::Options),
    /// Has the product work as in a day, and looks for what grows.
    Soak(soak::Options),
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Upstream(options) => upstream::run(&options).await,
        Command::Relay(options) => relay::run(&options).await,
        Command::Run(options) => run::run(&options).await,
        Command::Load(options) => load::run(&options).await,
        Command::Chaos(options) => chaos::run(&options).await,
        Command::Soak(options) => soak::run(&options).await,
    }
}
