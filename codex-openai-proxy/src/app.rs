//! Wiring: a configuration and an engine become a running service. Prints nothing.

#[cfg(feature = "codex")]
pub mod engines;
pub mod logging;

use crate::{
    config::Config,
    conversation::{
        ResponseStore,
        responses::{MOST_BYTES, RETENTION},
    },
    engine::{
        Engine, Readiness,
        upstream::{UpstreamError, Upstreams},
    },
    http::{AppState, Server, state::unix_seconds},
    traffic::{Inbox, Traffic},
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How often to look for responses whose time is over.
const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// How long what is being written may take when everything else has stopped.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// A service whose socket is bound.
pub struct App {
    server: Server,
    state: Arc<AppState>,
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
        let state = AppState::new(config, engine, traffic)?
            .with_upstreams(upstreams)
            .with_responses(responses);
        let state = Arc::new(state);
        Ok(Self { server, state })
    }

    /// The address that was bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Serves until `shutdown` is done and running replies have ended or had their time.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        if let Readiness::NotReady(reason) = self.state.engine.readiness() {
            tracing::warn!(reason, "engine_not_ready");
        }
        if self.state.config.api_keys.is_empty() {
            tracing::info!("PROXY_API_KEY is not set: only direct loopback requests are served");
        }
        let state = Arc::clone(&self.state);
        tokio::select! {
            () = self.server.serve(self.state, shutdown) => {}
            () = prune(&state) => {}
        }
        state.tasks.close();
        if timeout(LAST_WRITES, state.tasks.wait()).await.is_err() {
            tracing::warn!(count = state.tasks.len(), "responses_not_stored");
        }
        state.traffic.close().await;
        state.responses.close().await;
    }
}

/// Deletes what is too old, again and again. Never ends.
async fn prune(state: &AppState) {
    let mut due = tokio::time::interval(PRUNE_EVERY);
    loop {
        due.tick().await;
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
