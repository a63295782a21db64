//! Changes of the configuration while the service runs: taken up whole, or not at all.

mod changes;
#[cfg(test)]
mod tests;
mod watch;

use super::logging::{Filter, LoggingError};
use crate::{
    config::{Config, ConfigError, Effective, Loaded, Mistake, Sources},
    engine::{ConfigureError, upstream::UpstreamError},
    http::state::CurrentState,
    traffic::Event,
};
use changes::{Change, in_force, new_order};
use std::{net::SocketAddr, path::PathBuf, sync::Arc};
use watch::{Cause, Stamp, Watch};

pub use watch::Hangups;

/// Reads the configuration again when a file of it has changed or SIGHUP comes, and puts it in the place
/// of the one before. Requests that have begun go on with what they began with.
pub struct Reloader {
    sources: Arc<Sources>,
    current: Arc<CurrentState>,
    filter: Filter,
    watch: Watch,
    /// Flags and environment say which, so they are the same ones for as long as the process runs.
    files: Vec<PathBuf>,
    /// The files when they were last read.
    stamp: Option<Stamp>,
    /// The settings that the process began with.
    first: Vec<Effective>,
    /// The settings that were read last, without mistakes.
    last: Vec<Effective>,
    warnings: Vec<Mistake>,
    /// What was wrong when it was last read, if anything was.
    refused: Option<ConfigError>,
}

/// Why a configuration without mistakes is not taken up.
#[derive(Debug, thiserror::Error)]
enum NotTakenUp {
    #[error(
        "this process listens on {0} until it is started anew, which can be reached from other machines, \
         so it needs a key until then"
    )]
    NoKey(SocketAddr),
    #[error(transparent)]
    Engine(#[from] ConfigureError),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error(transparent)]
    Logging(#[from] LoggingError),
}

impl Reloader {
    /// Watches the files of `loaded`, which `current` was made of, from now on.
    pub(super) fn new(
        sources: Sources,
        loaded: Loaded,
        filter: Filter,
        current: Arc<CurrentState>,
        hangups: Hangups,
    ) -> Self {
        Self {
            sources: Arc::new(sources),
            current,
            filter,
            watch: Watch::begin(hangups),
            files: loaded.files,
            stamp: None,
            first: loaded.effective.clone(),
            last: loaded.effective,
            warnings: loaded.warnings,
            refused: None,
        }
    }

    /// Takes up what changes, again and again. Never ends.
    pub async fn run(mut self) {
        loop {
            let cause = self.watch.next().await;
            // Before it is read, so that a change while it is being read is not missed.
            let mut stamp = Stamp::of(&self.files).await;
            if cause == Cause::Files
                && let Some(last) = &self.stamp
            {
                if *last == stamp {
                    continue;
                }
                stamp = stamp.at_rest(&self.files).await;
            }
            self.stamp = Some(stamp);
            self.reload(cause).await;
        }
    }

    async fn reload(&mut self, cause: Cause) {
        let sources = Arc::clone(&self.sources);
        // The file may lie on a disk that takes its time.
        let Ok(read) = tokio::task::spawn_blocking(move || sources.load()).await else {
            tracing::error!("the configuration cannot be read: the reading panicked");
            return;
        };
        match read {
            Ok(loaded) => self.take_up(loaded, cause).await,
            Err(error) => self.refuse(error, cause),
        }
    }

    /// Tells what is wrong. Everything stays as it is.
    fn refuse(&mut self, error: ConfigError, cause: Cause) {
        // A file that was only touched has the mistakes that it had.
        if cause == Cause::Files && self.refused.as_ref() == Some(&error) {
            return;
        }
        self.tell_mistakes(&error.mistakes);
        self.refused = Some(error);
    }

    async fn take_up(&mut self, loaded: Loaded, cause: Cause) {
        let Loaded {
            config,
            effective,
            warnings,
            ..
        } = loaded;
        for warning in &warnings {
            if !self.warnings.contains(warning) {
                tracing::warn!("{warning}");
            }
        }
        self.warnings = warnings;
        let was_refused = self.refused.take().is_some();
        let changes = Change::between(&self.last, &effective, &self.first);
        let mut changes: Vec<String> = changes.iter().map(Change::to_string).collect();
        let running = &self.current.load().config.upstreams;
        if let Some(order) = new_order(running, &config.upstreams) {
            changes.push(format!("upstreams: asked in the order {order}"));
        }
        if changes.is_empty() {
            if was_refused || cause == Cause::Signal {
                tracing::info!("config_unchanged");
            }
            return;
        }
        if let Err(error) = self.put_in_force(config).await {
            self.tell_mistakes(&[error]);
            return;
        }
        self.last = effective;
        self.tell(Event::ConfigReloaded { changes });
    }

    /// Everything that can fail comes before anything that cannot be undone.
    async fn put_in_force(&self, config: Config) -> Result<(), NotTakenUp> {
        let state = self.current.load_full();
        let config = in_force(&state.config, config);
        // Whoever wrote it may have meant another address, which has to wait for a restart.
        if config.api_keys.is_empty() && !config.addr.ip().to_canonical().is_loopback() {
            return Err(NotTakenUp::NoKey(config.addr));
        }
        let upstreams = state.upstreams.reconfigured(&config.upstreams)?;
        let filter = self.filter.read(config.log_filter.as_deref())?;
        state
            .engine
            .configure(&config.codex, config.conversations)?;
        if let Err(error) = self.filter.set(filter) {
            tracing::warn!(%error, "what is logged stays as it was");
        }
        if let Err(error) = state.traffic.configure(&config.logs).await {
            tracing::warn!(%error, "the log goes on as it was");
        }
        let is_without_keys = config.api_keys.is_empty();
        self.current
            .store(Arc::new(state.reconfigured(config, upstreams)));
        if is_without_keys && !state.config.api_keys.is_empty() {
            super::tell_of_no_keys();
        }
        Ok(())
    }

    fn tell_mistakes(&self, mistakes: &[impl ToString]) {
        let mistakes = mistakes.iter().map(ToString::to_string).collect();
        self.tell(Event::ConfigNotReloaded { mistakes });
    }

    fn tell(&self, event: Event) {
        self.current.load().traffic.channel().tell(event);
    }
}
