//! A proxy whose configuration names providers, read as a user's file and environment are.

use super::Provider;
use crate::harness::{Homes, Proxy};
use codex_openai_proxy::{
    config::{Config, Flags},
    engine::unavailable::UnavailableEngine,
};
use std::{collections::HashMap, fmt::Write, fs, sync::Arc};

type Change = Box<dyn FnOnce(&mut Config) + Send + Sync>;

/// What a test can change before the proxy starts.
pub struct Setup {
    file: String,
    env: HashMap<String, String>,
    changes: Vec<Change>,
    /// The proxy's folders.
    pub homes: Homes,
}

impl Setup {
    /// A configuration that says nothing.
    pub fn new() -> Self {
        Self {
            file: String::new(),
            env: HashMap::new(),
            changes: Vec::new(),
            homes: Homes::new(),
        }
    }

    /// `provider` for every model, never asked twice.
    pub fn of(provider: &Provider) -> Self {
        Self::new().provider("near", provider, "models = [\"*\"]\nretries = 0\n")
    }

    /// Adds lines to the file. Tables of other sections go before the first provider.
    pub fn lines(mut self, lines: &str) -> Self {
        self.file.push_str(lines);
        self
    }

    /// Adds a provider by that name, with more keys than it must have.
    pub fn provider(self, name: &str, provider: &Provider, keys: &str) -> Self {
        self.at(name, provider.wire_api(), &provider.base_url(), keys)
    }

    /// The same for one that is elsewhere.
    pub fn at(mut self, name: &str, wire_api: &str, base_url: &str, keys: &str) -> Self {
        write!(
            self.file,
            "[[upstreams]]\nname = \"{name}\"\nwire_api = \"{wire_api}\"\n\
             base_url = \"{base_url}\"\n{keys}\n"
        )
        .unwrap();
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Changes what was read: for times that are too short for the file.
    pub fn change(mut self, change: impl FnOnce(&mut Config) + Send + Sync + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Writes the file to where the program looks for it.
    pub fn write(&self) {
        fs::create_dir_all(self.homes.state()).unwrap();
        fs::write(self.homes.state().join("config.toml"), &self.file).unwrap();
    }

    /// What the proxy understands of it.
    fn config(&mut self) -> Config {
        self.write();
        let state = self.homes.state();
        let codex = self.homes.codex();
        let env = |name: &str| match name {
            "CODEX_OPENAI_PROXY_ADDR" => Some("127.0.0.1:0".to_owned()),
            "CODEX_OPENAI_PROXY_HOME" => Some(state.to_str()?.to_owned()),
            "CODEX_HOME" => Some(codex.to_str()?.to_owned()),
            name => self.env.get(name).cloned(),
        };
        let mut config = Config::load(&env, &Flags::default())
            .unwrap_or_else(|error| panic!("{error}\n{}", self.file));
        for change in self.changes.drain(..) {
            change(&mut config);
        }
        config
    }

    /// Starts the proxy. Nothing but providers answers in it.
    pub async fn start(mut self) -> Proxy {
        let config = self.config();
        let engine = Arc::new(UnavailableEngine::new("there are providers alone"));
        Proxy::start(config, engine, self.homes).await
    }
}
