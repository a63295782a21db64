//! The Codex engine for a configuration, and for the demo.

use crate::{
    config::{CodexSettings, Config, KeptBodies},
    engine::{
        Engine,
        codex::{CodexEngine, EngineError, Folders},
        demo::{self, DemoModel},
    },
    files::private_dir,
    traffic::{self, LogChannel},
};
use std::{fs, io, path::Path, sync::Arc};

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The Codex engine does not start.
    #[error("the Codex engine does not start: {0}")]
    Codex(#[from] EngineError),
    /// The demo's model or its folder cannot be set up.
    #[error("the demo cannot be set up: {0}")]
    Demo(#[from] io::Error),
}

/// The user's own: their login, provider and models.
///
/// # Errors
///
/// When Codex's configuration cannot be used. A missing login is no error here.
pub async fn codex(config: &Config) -> Result<Arc<dyn Engine>, StartError> {
    let folders = user_folders(config);
    // Nothing happens that somebody would look for in the log.
    let (channel, _) = traffic::channel(KeptBodies::Off);
    let engine = CodexEngine::new(&config.codex, config.conversations, folders, &channel);
    Ok(engine.await?)
}

/// The same, as the one that serves from the state folder. `channel` hears what happens.
///
/// # Errors
///
/// As for [`codex`], and when another process serves from that folder.
pub async fn serving(config: &Config, channel: &LogChannel) -> Result<Arc<dyn Engine>, StartError> {
    let folders = user_folders(config);
    let engine = || CodexEngine::new(&config.codex, config.conversations, folders, channel);
    let engine = match engine().await {
        Err(EngineError::Store(error)) if error.is_of_damage() => {
            let aside = CodexEngine::put_damaged_store_aside(folders)?;
            let detail = format!(
                "{error}; it is in {} now, and a new one was begun: chats with a name go on if their \
                 clients send the whole history",
                aside.display()
            );
            channel.warn("conversations_damaged", detail);
            engine().await?
        }
        engine => engine?,
    };
    engine.claim(folders).await?;
    Ok(engine)
}

fn user_folders(config: &Config) -> Folders<'_> {
    Folders {
        codex_home: &config.codex_home,
        state: &config.home,
    }
}

/// The same engine before a model of our own on loopback: no login, no network, nothing of the
/// user's. The model lives as long as what is returned beside the engine.
///
/// # Errors
///
/// When no port or folder can be had.
pub async fn for_demo(
    config: &Config,
    channel: &LogChannel,
) -> Result<(Arc<dyn Engine>, DemoModel), StartError> {
    let model = DemoModel::bind().await?;
    let state = &config.home;
    let codex_home = state.join("codex-home");
    write_codex_config(&codex_home, &model.base_url())?;
    let settings = CodexSettings {
        only_model: Some(demo::MODEL.to_owned()),
        ..config.codex.clone()
    };
    let folders = Folders {
        codex_home: &codex_home,
        state,
    };
    let engine = CodexEngine::new(&settings, config.conversations, folders, channel).await?;
    engine.claim(folders).await?;
    Ok((engine, model))
}

/// A Codex home that knows one provider: the demo's model.
fn write_codex_config(codex_home: &Path, base_url: &str) -> io::Result<()> {
    let name = demo::MODEL;
    let base_url = toml::Value::from(base_url);
    private_dir(codex_home)?;
    fs::write(
        codex_home.join("config.toml"),
        format!(
            "model = \"{name}\"\n\
             model_provider = \"{name}\"\n\
             \n\
             [model_providers.{name}]\n\
             name = \"{name}\"\n\
             base_url = {base_url}\n\
             wire_api = \"responses\"\n"
        ),
    )
}
