//! Wiring: a configuration and an engine become a running service. Prints nothing.

#[cfg(feature = "codex")]
pub mod engines;
pub mod logging;
pub mod reload;
mod session_key;

use crate::{
    config::{Config, Loaded, Sources},
    conversation::{
        ResponseStore,
        responses::{MOST_BYTES, RETENTION},
    },
    engine::{
        Engine, Readiness,
        upstream::{UpstreamError, Upstreams},
    },
    http::{
        AppState, Server,
        session::Sessions,
        state::{CurrentState, unix_seconds},
    },
    traffic::{Inbox, Traffic},
};
use logging::Filter;
use reload::{Hangups, Reloader};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How often to look for responses whose time is over.
const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// How long what is being written may take when everything else has stopped.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// A service whose socket is bound.
pub struct App {
    server: Server,
    current: Arc<CurrentState>,
}

/// Why a service cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address cannot be had.
    #[error("cannot listen on {0}: {1}")]
    Address(SocketAddr, #[source] io::Error),
    /// A provider cannot be set up.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The route table contradicts itself.
    #[error("route table: {0}")]
    Routes(#[from] matchit::InsertError),
}

impl App {
    /// Binds the socket, and begins to record what `inbox` brings. Port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// See [`BindError`].
    pub async fn bind(
        config: Config,
        engine: Arc<dyn Engine>,
        inbox: Inbox,
    ) -> Result<Self, BindError> {
        let addr = config.addr;
        let server = Server::bind(addr)
            .await
            .map_err(|error| BindError::Address(addr, error))?;
        let upstreams = Upstreams::new(&config.upstreams)?;
        let responses = ResponseStore::open(&config.home).await;
        let traffic = Traffic::start(inbox, &config.home, &config.logs).await;
        let sessions = match session_key::open(&config.home) {
            Some(key) => {
                let logouts = config.home.join(session_key::LOGOUTS);
                Sessions::kept(key, &logouts, unix_seconds())
            }
            None => Sessions::of_this_process(),
        };
        let state = AppState::new(config, engine, traffic)?
            .with_sessions(sessions)
            .with_upstreams(upstreams)
            .with_responses(responses);
        let current = Arc::new(CurrentState::from_pointee(state));
        Ok(Self { server, current })
    }

    /// The address that was bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// What takes up changes of the configuration while the service runs, if it is run beside it.
    /// `loaded` is the configuration that the service was begun with; at each of `hangups`, it is read
    /// again.
    #[must_use]
    pub fn reloader(
        &self,
        sources: Sources,
        loaded: Loaded,
        filter: Filter,
        hangups: Hangups,
    ) -> Reloader {
        let current = Arc::clone(&self.current);
        Reloader::new(sources, loaded, filter, current, hangups)
    }

    /// Serves until `shutdown` is done and running replies have ended or had their time.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Self { server, current } = self;
        tell_what_is_missing(&current.load());
        tokio::select! {
            () = server.serve(Arc::clone(&current), shutdown) => {}
            () = prune(&current) => {}
        }
        let state = current.load_full();
        state.tasks.close();
        if timeout(LAST_WRITES, state.tasks.wait()).await.is_err() {
            tracing::warn!(count = state.tasks.len(), "responses_not_stored");
        }
        state.traffic.close().await;
        state.responses.close().await;
    }
}

fn tell_what_is_missing(state: &AppState) {
    if let Readiness::NotReady(reason) = state.engine.readiness() {
        tracing::warn!(reason, "engine_not_ready");
    }
    if state.config.api_keys.is_empty() {
        tell_of_no_keys();
    }
    if !state.config.logs.requests {
        tracing::info!("logs.requests is off: requests are not logged, and /logs stays empty");
    }
}

fn tell_of_no_keys() {
    tracing::info!("there is no key for clients: only direct loopback requests are served");
}

/// Deletes what is too old, again and again. Never ends.
async fn prune(current: &CurrentState) {
    let mut due = tokio::time::interval(PRUNE_EVERY);
    loop {
        due.tick().await;
        let state = current.load_full();
        if !state.responses.is_usable() {
            continue;
        }
        let now = unix_seconds();
        let gone = match state.responses.prune(RETENTION, MOST_BYTES, now).await {
            Ok(gone) => gone,
            Err(error) => {
                tracing::warn!(%error, "old_responses_not_deleted");
                continue;
            }
        };
        if gone.count > 0 {
            let (count, conversations) = (gone.count, gone.stale.len());
            tracing::info!(count, conversations, "old_responses_deleted");
        }
        for id in &gone.stale {
            if let Err(error) = state.engine.delete_conversation(id).await {
                tracing::warn!(%error, conversation = %id, "conversation_not_deleted");
            }
        }
    }
}
