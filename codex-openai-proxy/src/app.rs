//! Wiring: a configuration and an engine become a running service. Prints nothing.

#[cfg(feature = "codex")]
pub mod engines;
pub mod logging;

use crate::{
    config::Config,
    conversation::ResponseStore,
    engine::{
        Engine, Readiness,
        upstream::{UpstreamError, Upstreams},
    },
    http::{AppState, Server},
    traffic::{Inbox, Traffic},
};
use std::{io, net::SocketAddr, sync::Arc};

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
        let traffic = self.state.traffic.clone();
        let responses = self.state.responses.clone();
        self.server.serve(self.state, shutdown).await;
        traffic.close().await;
        responses.close().await;
    }
}
