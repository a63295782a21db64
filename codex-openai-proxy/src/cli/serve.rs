//! `serve`: the service, from its configuration to its end.

use super::{CliError, print, signals::StopSignals};
use crate::{
    app::{
        App,
        logging::{self, Writer},
        reload::Hangups,
    },
    config::{Config, Loaded, Sources},
    engine::Engine,
    traffic::{self, Inbox},
};
use std::{net::SocketAddr, sync::Arc};

#[cfg(feature = "codex")]
use crate::app::engines;
#[cfg(not(feature = "codex"))]
use crate::engine::unavailable::UnavailableEngine;

/// What a command works with: the configuration, and a log that goes by it.
pub(super) struct Setup {
    /// The configuration as it was read.
    pub(super) loaded: Loaded,
    /// Where to read it again.
    sources: Sources,
    log: Writer,
}

impl Setup {
    /// Reads the configuration and begins to log: `filter` where it does not say what.
    pub(super) fn begin(sources: Sources, filter: &'static str) -> Result<Self, CliError> {
        let loaded = sources.load()?;
        let log = logging::init(&loaded.config, filter)?;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        Ok(Self {
            loaded,
            sources,
            log,
        })
    }

    /// The configuration.
    pub(super) fn config(&self) -> &Config {
        &self.loaded.config
    }
}

pub(super) async fn run(setup: Setup, hangups: Hangups) -> Result<(), CliError> {
    let config = setup.config();
    let (channel, inbox) = traffic::channel(config.logs.bodies);
    #[cfg(feature = "codex")]
    let engine = engines::serving(config, &channel).await?;
    #[cfg(not(feature = "codex"))]
    let engine = {
        drop(channel);
        Arc::new(UnavailableEngine::new(super::NO_CODEX))
    };
    with(setup, hangups, engine, inbox, |_| String::new()).await
}

/// Serves until a signal to stop, after telling on standard output where, and what `hint` makes
/// of the address.
pub(super) async fn with(
    setup: Setup,
    hangups: Hangups,
    engine: Arc<dyn Engine>,
    inbox: Inbox,
    hint: impl FnOnce(SocketAddr) -> String,
) -> Result<(), CliError> {
    let Setup {
        loaded,
        sources,
        log,
    } = setup;
    // Before anybody can know that the service is up, and send a signal.
    let signals = StopSignals::listen()?;
    let app = App::bind(loaded.config.clone(), engine, inbox).await?;
    let reloader = app.reloader(sources, loaded, log.filter().clone(), hangups);
    let addr = app.local_addr();
    print(&format!("listening on http://{addr}\n{}", hint(addr)))?;
    tokio::select! {
        () = app.serve(signals.stop()) => {}
        () = reloader.run() => {}
    }
    Ok(())
}
