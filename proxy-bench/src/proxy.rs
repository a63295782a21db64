//! The product as a child process in front of the upstream.
//!
//! One process serves both engines: the model [`BRIDGE_MODEL`] belongs to an HTTP provider that
//! speaks Chat Completions, every other goes to Codex, whose provider is the same upstream.

use crate::{
    client::{Api, Client, Target},
    process::{Process, Stderr},
};
use anyhow::{Context, Result, ensure};
use std::{
    env, fs,
    net::SocketAddr,
    path::{self, Path, PathBuf},
};
use tokio::process::Command;

/// The model that the HTTP provider answers.
pub const BRIDGE_MODEL: &str = "bench";
/// A model that Codex answers.
pub const CODEX_MODEL: &str = "gpt-5.2";

/// Who answers a model inside the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// An HTTP provider that speaks Chat Completions: passed on for Chat clients, translated for
    /// those of Responses.
    Bridge,
    /// codex-core.
    Codex,
}

/// How the product is started.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The program.
    pub binary: PathBuf,
    /// What it asks, on this machine.
    pub upstream: SocketAddr,
    /// The folder of everything it reads and writes. A second start in the same folder finds the
    /// conversations of the first.
    pub home: PathBuf,
    /// More of `config.toml`: whole sections, of which `[[upstreams]]` is the only one taken.
    pub settings: String,
    /// More of the provider in Codex's `config.toml`.
    pub provider: String,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
}

/// A running product. Killed when dropped.
#[derive(Debug)]
pub struct Proxy {
    process: Process,
    address: SocketAddr,
}

impl Setup {
    /// Everything as it is by default, on a free port.
    pub fn new(binary: &Path, upstream: SocketAddr, home: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            upstream,
            home: home.to_owned(),
            settings: String::new(),
            provider: String::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }

    /// Adds sections to `config.toml`.
    #[must_use]
    pub fn settings(mut self, toml: &str) -> Self {
        self.settings.push_str(toml);
        self.settings.push('\n');
        self
    }

    /// Our `config.toml`.
    fn config(&self) -> String {
        format!(
            "{}\n[[upstreams]]\nname = \"bench\"\nbase_url = \"http://{}/v1\"\n\
             models = [\"{BRIDGE_MODEL}\"]\nretries = 0\n",
            self.settings, self.upstream
        )
    }

    /// Codex's `config.toml`.
    fn codex_config(&self) -> String {
        format!(
            "model_provider = \"bench\"\n[model_providers.bench]\nname = \"bench\"\n\
             base_url = \"http://{}/v1\"\nwire_api = \"responses\"\n\
             request_max_retries = 0\nstream_max_retries = 0\n{}\n",
            self.upstream, self.provider
        )
    }

    /// Writes both files and gives the command. It sees no environment but its folders.
    fn command(&self) -> Result<Command> {
        let state = self.home.join("state");
        let codex = self.home.join("codex");
        for (folder, config) in [(&state, self.config()), (&codex, self.codex_config())] {
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(folder.join("config.toml"), config))
                .with_context(|| format!("cannot write config.toml in {}", folder.display()))?;
        }
        let mut command = Command::new(path::absolute(&self.binary)?);
        command
            .env_clear()
            .env("HOME", &self.home)
            .env("CODEX_HOME", codex)
            .env("CODEX_OPENAI_PROXY_HOME", state)
            .env("CODEX_OPENAI_PROXY_ADDR", self.listen.to_string())
            .current_dir(&self.home);
        Ok(command)
    }
}

impl Proxy {
    /// Starts the program and waits until it listens. What it says goes to `log` in its folder.
    ///
    /// # Errors
    /// Where the files cannot be written, or the program is not there or ends at once.
    pub async fn start(setup: &Setup) -> Result<Self> {
        let log = setup.home.join("log");
        let started = Process::start(setup.command()?, Stderr::File(&log)).await;
        let (process, address) = started.with_context(|| {
            // The folder may be gone when this is read.
            let said = fs::read_to_string(&log).unwrap_or_default();
            format!("cannot start {}: {}", setup.binary.display(), said.trim())
        })?;
        Ok(Self { process, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a client asks to reach `engine` by `api`.
    pub fn target(&self, engine: Engine, api: Api) -> Target {
        let model = match engine {
            Engine::Bridge => BRIDGE_MODEL,
            Engine::Codex => CODEX_MODEL,
        };
        Target {
            address: self.address,
            prefix: "/v1".to_owned(),
            api,
            model: model.to_owned(),
            key: None,
        }
    }

    /// The process, for its memory, its processor time and its end.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The same, to end it, by either signal.
    pub fn into_process(self) -> Process {
        self.process
    }

    /// The text of `/metrics`.
    ///
    /// # Errors
    /// Where it is not given within half a minute.
    pub async fn metrics(&self) -> Result<String> {
        let target = self.target(Engine::Bridge, Api::Chat);
        let answer = Client::connect(&target).await?.get("/metrics").await?;
        ensure!(answer.status == 200, "/metrics answers {}", answer.status);
        Ok(String::from_utf8(answer.body.into())?)
    }
}

/// The program that is measured unless another is named: the one beside this program.
///
/// # Errors
/// Where there is none.
pub fn beside_us() -> Result<PathBuf> {
    let path = env::current_exe()?.with_file_name("codex-openai-proxy");
    ensure!(
        path.exists(),
        "{} is not there: build it, or name another with --proxy",
        path.display()
    );
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_are_pointed_at_the_upstream_and_nothing_is_repeated() {
        let home = tempfile::tempdir().unwrap();
        let upstream = "127.0.0.1:4321".parse().unwrap();
        let setup = Setup::new(Path::new("/bin/true"), upstream, home.path())
            .settings("[logs]\nbodies = \"off\"");
        let command = setup.command().unwrap();
        let read = |path: &str| fs::read_to_string(home.path().join(path)).unwrap();
        let config = read("state/config.toml");
        assert!(config.starts_with("[logs]\nbodies = \"off\"\n"), "{config}");
        let codex = read("codex/config.toml");
        for text in [&config, &codex] {
            assert!(text.contains("base_url = \"http://127.0.0.1:4321/v1\"\n"));
            assert!(text.contains("retries = 0\n"));
        }
        let names: Vec<_> = command.as_std().get_envs().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 4, "{names:?}");
    }
}
