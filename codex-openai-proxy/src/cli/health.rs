//! `health`: asks a server how it is, for whoever watches over it.

use super::{CliError, reachable};
use crate::config::Sources;
use clap::Args;
use reqwest::{Client, Url};
use std::time::Duration;

/// How long the answer may take. Less than what a container's health check allows.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of an answer is shown, in characters.
const SHOWN: usize = 500;

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct Asked {
    /// Ask this server, and not the one of the configuration; with a path, ask that
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// Ask whether the process lives, and not whether it can answer requests
    #[arg(long)]
    live: bool,
}

/// Why a server is not well.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// Its port is known to nobody but itself.
    #[error("the server takes a free port: name it with --url")]
    AnyPort,
    /// It does not answer.
    #[error("{0} does not answer: {1}")]
    Silent(Url, String),
    /// It says so itself.
    #[error("{url} answers {status}: {said}")]
    Unwell {
        /// What was asked.
        url: Url,
        /// The status of the answer.
        status: u16,
        /// The beginning of the answer.
        said: String,
    },
}

/// Does nothing where the server is well.
pub(super) async fn run(asked: Asked, sources: &Sources) -> Result<(), CliError> {
    let mut url = match asked.url {
        Some(url) => url,
        None => configured(sources)?,
    };
    if url.path() == "/" {
        url.set_path(if asked.live {
            "/health/live"
        } else {
            "/health/ready"
        });
    }
    Ok(ask(url).await?)
}

/// Where the server listens that this configuration is for.
fn configured(sources: &Sources) -> Result<Url, CliError> {
    let addr = match sources.load() {
        Ok(loaded) => loaded.config.addr,
        // A file that somebody is editing says nothing against a server that goes on with what was there
        // before, if its address does not come from that.
        Err(error) => sources.addr_without_file().ok_or(error)?,
    };
    let addr = reachable(addr);
    let url = Url::parse(&format!("http://{addr}/"));
    match url {
        Ok(url) if addr.port() != 0 => Ok(url),
        _ => Err(HealthError::AnyPort.into()),
    }
}

async fn ask(url: Url) -> Result<(), HealthError> {
    // The environment's proxy is for the world outside.
    let client = Client::builder().no_proxy().timeout(PATIENCE).build();
    let shown = without_login(url.clone());
    let silent = |error: reqwest::Error| {
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        HealthError::Silent(shown.clone(), cause.to_string())
    };
    let answer = client
        .map_err(silent)?
        .get(url)
        .send()
        .await
        .map_err(silent)?;
    let status = answer.status();
    if status == 200 {
        return Ok(());
    }
    let said = answer.text().await.unwrap_or_default();
    Err(HealthError::Unwell {
        url: shown,
        status: status.as_u16(),
        said: said
            .chars()
            .filter(|letter| !letter.is_control())
            .take(SHOWN)
            .collect(),
    })
}

/// The same address, without a name and a password in it.
fn without_login(mut url: Url) -> Url {
    // An address that cannot have them has none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;
    use std::{fs, net::TcpListener, sync::Arc};

    /// A port on which nobody listens.
    fn free_port() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    }

    /// What is told of a server that does not answer.
    async fn told(url: Option<&str>, sources: &Sources) -> String {
        let url = url.map(|url| url.parse().unwrap());
        let asked = Asked { url, live: false };
        run(asked, sources).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn the_login_in_an_address_is_not_shown() {
        let port = free_port();
        let sources = Sources::of_process(Flags::default());
        let url = format!("http://me:SECRET@127.0.0.1:{port}/");
        let told = told(Some(&url), &sources).await;
        let expected = format!("http://127.0.0.1:{port}/health/ready does not answer");
        assert!(told.starts_with(&expected), "{told}");
        assert!(!told.contains("SECRET") && !told.contains("me:"), "{told}");
    }

    #[tokio::test]
    async fn beside_a_broken_file_the_environment_says_where_to_ask() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.toml"), "broken = true\n").unwrap();
        let port = free_port();
        for variable in ["CODEX_OPENAI_PROXY_ADDR", "PORT"] {
            let home = folder.path().display().to_string();
            let env = move |name: &str| match name {
                "CODEX_OPENAI_PROXY_HOME" | "CODEX_HOME" => Some(home.clone()),
                "PORT" if variable == "PORT" => Some(port.to_string()),
                "CODEX_OPENAI_PROXY_ADDR" if variable == name => Some(format!("127.0.0.1:{port}")),
                _ => None,
            };
            let sources = Sources {
                env: Arc::new(env),
                names: Vec::new(),
                flags: Flags::default(),
            };
            let told = told(None, &sources).await;
            let expected = format!("http://127.0.0.1:{port}/health/ready does not answer");
            assert!(told.starts_with(&expected), "{variable}: {told}");
        }
    }
}
