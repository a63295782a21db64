//! A proxy with the real engine, in front of the fake upstream.

use super::{Homes, Proxy};
use crate::upstream::Upstream;
use codex_openai_proxy::{
    config::Config,
    engine::codex::{CodexEngine, Folders},
    traffic,
};
use serde_json::{Value, json};
use std::{fs, sync::Arc, time::Duration};

/// An unsigned token of an invented account, `user@example.com` on the plus plan, valid until 2100.
pub const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJleHAiOjQxMDI0NDQ4MDAsImVtYWlsIjoidXNlckBleGFtcGxlLmNvbSIsImh0dHBzOi8vYXBpLm9wZW5haS5jb20vYXV0aCI6eyJjaGF0Z3B0X3BsYW5fdHlwZSI6InBsdXMiLCJjaGF0Z3B0X3VzZXJfaWQiOiJ1c2VyLTEiLCJjaGF0Z3B0X2FjY291bnRfaWQiOiJhY2NvdW50LTEifX0.c2ln";

/// What a test can change before the proxy starts.
pub struct Setup {
    /// The proxy's configuration.
    pub config: Config,
    /// Keys at the top of the user's `config.toml`, beside the provider.
    pub user_config: String,
    /// Keys of the provider in the user's `config.toml`.
    pub provider: String,
    /// The proxy's folders.
    pub homes: Homes,
}

impl Setup {
    /// A provider that repeats nothing by itself, unless a test says so.
    pub fn new(upstream: &Upstream) -> Self {
        let homes = Homes::new();
        Self {
            config: homes.config(),
            user_config: "model_provider = \"fake\"\n".to_owned(),
            provider: format!(
                "[model_providers.fake]\nname = \"fake\"\nbase_url = \"{}\"\n\
                 wire_api = \"responses\"\nrequest_max_retries = 0\n",
                upstream.base_url()
            ),
            homes,
        }
    }

    /// How often core may repeat a model call that broke off: not at all unless set.
    pub fn retries(mut self, count: u32) -> Self {
        let provider = self.provider;
        self.provider = format!("{provider}stream_max_retries = {count}\n");
        self
    }

    /// The provider that is built in, in place of the fake upstream.
    pub fn built_in_provider(mut self) -> Self {
        self.user_config = String::new();
        self.provider = String::new();
        self
    }

    /// Adds a line to the top of the user's `config.toml`.
    pub fn user_config(mut self, line: &str) -> Self {
        self.user_config.push_str(line);
        self.user_config.push('\n');
        self
    }

    /// Writes a file into the user's `CODEX_HOME`.
    pub fn user_file(self, path: &str, text: &str) -> Self {
        let path = self.homes.codex().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Logs the user in to ChatGPT, as far as a file can do that.
    pub fn logged_in(self) -> Self {
        let auth = json!({
            "OPENAI_API_KEY": null,
            "tokens": {
                "id_token": TOKEN,
                "access_token": TOKEN,
                "refresh_token": "refresh-secret",
                "account_id": "account-1",
            },
            "last_refresh": "2099-01-01T00:00:00Z",
        });
        self.user_file("auth.json", &auth.to_string())
    }

    /// Writes the user's `config.toml`.
    pub fn write(self) -> (Config, Homes) {
        let setup = if self.provider.is_empty() || self.provider.contains("stream_max_retries") {
            self
        } else {
            self.retries(0)
        };
        let text = format!("{}{}", setup.user_config, setup.provider);
        fs::write(setup.homes.codex().join("config.toml"), text).unwrap();
        (setup.config, setup.homes)
    }

    /// Starts the proxy.
    pub async fn start(self) -> Proxy {
        self.start_with_engine().await.0
    }

    /// Starts the proxy, and gives its engine too.
    pub async fn start_with_engine(self) -> (Proxy, Arc<CodexEngine>) {
        let (config, homes) = self.write();
        let folders = Folders {
            codex_home: &config.codex_home,
            state: &config.home,
        };
        let (channel, inbox) = traffic::channel(config.logs.bodies);
        let engine = CodexEngine::new(&config.codex, config.conversations, folders, &channel)
            .await
            .unwrap();
        let proxy = Proxy::start_recording(config, engine.clone(), inbox, homes).await;
        (proxy, engine)
    }
}

/// A proxy in front of `upstream`, with nothing special about it.
pub async fn forward(upstream: &Upstream) -> Proxy {
    Setup::new(upstream).start().await
}

/// A request that says `text`.
pub fn ask(text: &str) -> Value {
    json!({ "model": "gpt-5.2", "messages": [{ "role": "user", "content": text }] })
}

/// Waits until at most `count` threads are left, which must be so within that time.
pub async fn shrunk_to(engine: &CodexEngine, count: usize, within: Duration) {
    let shrunk = async {
        while engine.live_threads().await > count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(within, shrunk)
        .await
        .expect("threads are put away");
}
