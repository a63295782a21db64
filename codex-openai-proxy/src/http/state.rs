//! What every handler sees.

use super::routes::Routes;
use crate::{config::Config, engine::Engine, traffic::Traffic};
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
    /// Those who watch the log through a `WebSocket`. The server does not know of them any more.
    pub sockets: TaskTracker,
    /// The route table.
    pub routes: Routes,
    /// When this process began to serve, in seconds since 1970: the `created` of every model.
    pub started: u64,
}

impl AppState {
    /// The state for a service that begins now.
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
            sockets: TaskTracker::new(),
            routes: Routes::new()?,
            started: unix_seconds(),
        })
    }
}

/// Now, in seconds since 1970; 0 on a clock that stands before that.
#[must_use]
pub fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
