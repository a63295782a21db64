//! What every handler sees.

use super::{routes::Routes, running::Running};
use crate::{
    config::Config,
    conversation::ResponseStore,
    engine::{Engine, upstream::Upstreams},
    traffic::Traffic,
};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio_util::task::TaskTracker;

/// The state of the service, shared by all requests.
pub struct AppState {
    /// Answers the turns.
    pub engine: Arc<dyn Engine>,
    /// The configuration.
    pub config: Config,
    /// What is told of requests, and what is kept of that.
    pub traffic: Traffic,
    /// HTTP providers, which answer some of the models.
    pub upstreams: Upstreams,
    /// Responses that can be asked for again.
    pub responses: ResponseStore,
    /// Responses that are being made.
    pub running: Running,
    /// Those who watch the log through a `WebSocket`. The server does not know of them any more.
    pub sockets: TaskTracker,
    /// Writes that go on when their client has left.
    pub tasks: TaskTracker,
    /// The route table.
    pub routes: Routes,
    /// When this process began to serve, in seconds since 1970: the `created` of every model.
    pub started: u64,
}

impl AppState {
    /// The state for a service that begins now, and that stores no responses.
    ///
    /// # Errors
    ///
    /// When the route table contradicts itself.
    pub fn new(
        config: Config,
        engine: Arc<dyn Engine>,
        traffic: Traffic,
    ) -> Result<Self, matchit::InsertError> {
        Ok(Self {
            engine,
            config,
            traffic,
            upstreams: Upstreams::default(),
            responses: ResponseStore::unusable(),
            running: Running::default(),
            sockets: TaskTracker::new(),
            tasks: TaskTracker::new(),
            routes: Routes::new()?,
            started: unix_seconds(),
        })
    }

    /// The same, with these providers.
    #[must_use]
    pub fn with_upstreams(mut self, upstreams: Upstreams) -> Self {
        self.upstreams = upstreams;
        self
    }

    /// The same, but that it stores responses there.
    #[must_use]
    pub fn with_responses(mut self, responses: ResponseStore) -> Self {
        self.responses = responses;
        self
    }
}

/// Now, in seconds since 1970; 0 on a clock that stands before that.
#[must_use]
pub fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
