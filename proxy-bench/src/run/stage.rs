//! Everything that a run starts, and who can be asked there.

use super::plan::Plan;
use crate::{
    client::{Api, Target},
    process::{Process, Stderr},
    proxy::{Engine, Proxy, Setup},
    subject::{Kind, Subject},
};
use anyhow::{Context, Result};
use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::process::Command;

/// No log channel and no metrics.
const QUIET: &str = "[logs]\nrequests = false\n[metrics]\nenabled = false\n";
/// A thousand clients can each have a thread that stays between their turns.
const LIVE: &str = "[conversations]\nmax_live = 2000\n";

/// The processes of a run. They end with it.
#[derive(Debug)]
pub struct Stage {
    binary: PathBuf,
    folder: TempDir,
    upstream: (Process, SocketAddr),
    relay: Option<(Process, SocketAddr)>,
    bridge: Option<Product>,
    quiet: Option<Product>,
    codex: Option<Product>,
}

/// The product, and how it was right after its start.
#[derive(Debug)]
pub struct Product {
    /// The process.
    pub proxy: Proxy,
    /// From start to `listening`: the median.
    pub start: Duration,
    /// Resident memory at rest, in bytes.
    pub idle: u64,
}

impl Stage {
    /// Starts what the kinds need.
    ///
    /// # Errors
    /// Where one of the processes does not come up.
    pub async fn start(
        plan: &Plan,
        binary: PathBuf,
        listen: SocketAddr,
        kinds: &[Kind],
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let ourselves = env::current_exe()?;
        let mut command = Command::new(&ourselves);
        command.args(["upstream", "--listen", &listen.to_string()]);
        let upstream = Process::start(command, Stderr::Inherit)
            .await
            .context("the upstream")?;
        let wanted = |some: &[Kind]| kinds.iter().any(|kind| some.contains(kind));
        let relay = if wanted(&[Kind::Relay]) {
            let mut command = Command::new(&ourselves);
            command.args(["relay", "--to", &format!("http://{}", upstream.1)]);
            let relay = Process::start(command, Stderr::Inherit).await;
            Some(relay.context("the relay")?)
        } else {
            None
        };
        let mut stage = Self {
            binary,
            folder,
            upstream,
            relay,
            bridge: None,
            quiet: None,
            codex: None,
        };
        if wanted(&[Kind::Bridge, Kind::BridgeResponses]) {
            let setup = stage.setup("bridge")?;
            stage.bridge = Some(Product::start(plan, &setup).await?);
        }
        if wanted(&[Kind::Codex, Kind::CodexLive, Kind::CodexTools]) {
            let setup = stage.setup("codex")?.settings(LIVE);
            stage.codex = Some(Product::start(plan, &setup).await?);
        }
        if wanted(&[Kind::Quiet]) {
            let setup = stage.setup("quiet")?.settings(QUIET);
            let once = Plan {
                starts: 1,
                settle: Duration::ZERO,
                ..plan.clone()
            };
            stage.quiet = Some(Product::start(&once, &setup).await?);
        }
        Ok(stage)
    }

    /// The row of a kind that this program itself knows; `None` where it was not started.
    pub fn subject(&self, kind: Kind) -> Option<Subject> {
        let plain = |address: SocketAddr, api: Api| Target {
            address,
            prefix: "/v1".to_owned(),
            api,
            model: "bench".to_owned(),
            key: None,
        };
        let target = match kind {
            Kind::Direct => plain(self.upstream.1, Api::Chat),
            Kind::DirectResponses => plain(self.upstream.1, Api::Responses),
            Kind::Relay => plain(self.relay.as_ref()?.1, Api::Chat),
            Kind::Bridge => self.bridge.as_ref()?.target(Engine::Bridge, Api::Chat),
            Kind::BridgeResponses => self.bridge.as_ref()?.target(Engine::Bridge, Api::Responses),
            Kind::Quiet => self.quiet.as_ref()?.target(Engine::Bridge, Api::Chat),
            Kind::Codex | Kind::CodexLive | Kind::CodexTools => {
                self.codex.as_ref()?.target(Engine::Codex, Api::Chat)
            }
            Kind::Peer => return None,
        };
        Some(Subject::own(kind, target))
    }

    /// The process that answers a kind, where it is one of ours.
    pub fn process(&self, kind: Kind) -> Option<&Process> {
        match kind {
            Kind::Direct | Kind::DirectResponses => Some(&self.upstream.0),
            Kind::Relay => self.relay.as_ref().map(|(process, _)| process),
            Kind::Bridge | Kind::BridgeResponses => self.bridge.as_ref().map(Product::process),
            Kind::Quiet => self.quiet.as_ref().map(Product::process),
            Kind::Codex | Kind::CodexLive | Kind::CodexTools => {
                self.codex.as_ref().map(Product::process)
            }
            Kind::Peer => None,
        }
    }

    /// The product that serves the bridge, or the one that serves Codex.
    pub fn product(&self, engine: Engine) -> Option<&Product> {
        match engine {
            Engine::Bridge => self.bridge.as_ref(),
            Engine::Codex => self.codex.as_ref(),
        }
    }

    /// One more product, which has answered nothing yet.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn fresh(&self, engine: Engine) -> Result<(Proxy, Subject)> {
        let (setup, kind) = match engine {
            Engine::Bridge => (self.setup("fresh-bridge")?, Kind::Bridge),
            Engine::Codex => (self.setup("fresh-codex")?, Kind::Codex),
        };
        let proxy = Proxy::start(&setup).await?;
        let subject = Subject::own(kind, proxy.target(engine, Api::Chat));
        Ok((proxy, subject))
    }

    /// A product with a folder of its own.
    fn setup(&self, name: &str) -> Result<Setup> {
        let home: &Path = &self.folder.path().join(name);
        fs::create_dir_all(home)?;
        Ok(Setup::new(&self.binary, self.upstream.1, home))
    }
}

impl Product {
    /// Starts it several times, and leaves the last one running.
    async fn start(plan: &Plan, setup: &Setup) -> Result<Self> {
        let mut proxy = Proxy::start(setup).await?;
        let mut starts = vec![proxy.process().start_time()];
        for _ in 1..plan.starts {
            proxy.into_process().terminate().await?;
            proxy = Proxy::start(setup).await?;
            starts.push(proxy.process().start_time());
        }
        starts.sort_unstable();
        tokio::time::sleep(plan.settle).await;
        Ok(Self {
            idle: proxy.process().usage()?.resident_bytes,
            start: starts[starts.len() / 2],
            proxy,
        })
    }

    fn process(&self) -> &Process {
        self.proxy.process()
    }

    fn target(&self, engine: Engine, api: Api) -> Target {
        self.proxy.target(engine, api)
    }
}
