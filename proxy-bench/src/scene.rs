//! What load, chaos and soak start: an upstream, and a folder for the product in front of it.

use crate::{
    client::{Api, Client, Target},
    listen::raise_limits,
    process::{Process, Stderr},
    proxy::{self, Setup},
};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::{env, net::SocketAddr, path::PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

/// An upstream and a folder, which both go when this is dropped.
#[derive(Debug)]
pub struct Scene {
    /// How the product is started; in the same folder each time.
    pub setup: Setup,
    upstream: SocketAddr,
    _process: Process,
    _folder: TempDir,
}

/// The part of the upstream's `/stats` that must come back to rest.
#[derive(Deserialize)]
struct Stats {
    open: u64,
}

impl Scene {
    /// Starts an upstream. The product is `binary`, or the one beside this program.
    ///
    /// # Errors
    /// Where the upstream does not come up, or there is no such product.
    pub async fn new(binary: Option<PathBuf>) -> Result<Self> {
        raise_limits();
        let binary = binary.map_or_else(proxy::beside_us, Ok)?;
        let mut command = Command::new(env::current_exe()?);
        command.arg("upstream");
        let started = Process::start(command, Stderr::Inherit).await;
        let (process, upstream) = started.context("the upstream")?;
        let folder = tempfile::tempdir()?;
        Ok(Self {
            setup: Setup::new(&binary, upstream, folder.path()),
            upstream,
            _process: process,
            _folder: folder,
        })
    }

    /// Where the upstream listens.
    pub fn upstream(&self) -> SocketAddr {
        self.upstream
    }

    /// How many replies the upstream has under way.
    ///
    /// # Errors
    /// Where it does not tell.
    pub async fn open(&self) -> Result<u64> {
        let target = Target {
            address: self.upstream,
            prefix: String::new(),
            api: Api::Chat,
            model: String::new(),
            key: None,
        };
        let answer = Client::connect(&target).await?.get("/stats").await?;
        let stats: Stats = serde_json::from_slice(&answer.body).context("/stats")?;
        Ok(stats.open)
    }
}
