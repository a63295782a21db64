//! What every handler sees.

use super::{
    access::{Arrival, Credentials, Guesses, Refusal, Refusals, Told},
    admission::{Admission, ClientAddress},
    body::Watchdog,
    phase::CurrentPhase,
    routes::Routes,
    running::Running,
    service::cors,
    session::Sessions,
};
use crate::{
    config::Config,
    conversation::ResponseStore,
    engine::{Engine, upstream::Upstreams},
    metrics::Metrics,
    traffic::Traffic,
};
use arc_swap::ArcSwap;
use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use tokio_util::task::TaskTracker;
use tower_http::cors::CorsLayer;

/// The state of the service, shared by all requests that began with one configuration. A cheap
/// handle on everything but that.
pub struct AppState {
    /// Answers the turns.
    pub engine: Arc<dyn Engine>,
    /// The configuration.
    pub config: Config,
    /// How many requests are taken.
    pub admission: Admission,
    /// Takes replies away that are not read.
    pub watchdog: Watchdog,
    /// What is counted and measured.
    pub metrics: Metrics,
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
    /// Whether the service starts, serves or stops. The server sets it.
    pub phase: CurrentPhase,
    /// Those who have logged in to the log viewer.
    pub sessions: Sessions,
    /// Wrong keys that were shown.
    pub guesses: Guesses,
    /// Requests that were not let in.
    pub refusals: Refusals,
    /// What pages of other origins may do, as `config` has it.
    pub cors: CorsLayer,
    /// The route table.
    pub routes: Arc<Routes>,
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
            admission: Admission::new(&config.admission).fitting(config.limits.max_body_bytes),
            watchdog: Watchdog::default(),
            cors: cors(&config.cors),
            engine,
            config,
            traffic,
            upstreams: Upstreams::default(),
            responses: ResponseStore::unusable(),
            running: Running::default(),
            sockets: TaskTracker::new(),
            tasks: TaskTracker::new(),
            sessions: Sessions::of_this_process(),
            guesses: Guesses::default(),
            refusals: Refusals::default(),
            routes: Arc::new(Routes::new()?),
            metrics: Metrics::default(),
            phase: CurrentPhase::default(),
            started: unix_seconds(),
        })
    }

    /// The same with another configuration and other providers, and all else shared.
    #[must_use]
    pub fn reconfigured(&self, config: Config, upstreams: Upstreams) -> Self {
        Self {
            admission: self
                .admission
                .reconfigured(&config.admission)
                .fitting(config.limits.max_body_bytes),
            watchdog: self.watchdog.clone(),
            cors: cors(&config.cors),
            engine: Arc::clone(&self.engine),
            config,
            metrics: self.metrics.clone(),
            phase: self.phase.clone(),
            traffic: self.traffic.clone(),
            upstreams,
            responses: self.responses.clone(),
            running: self.running.clone(),
            sockets: self.sockets.clone(),
            tasks: self.tasks.clone(),
            sessions: self.sessions.clone(),
            guesses: self.guesses.clone(),
            refusals: self.refusals.clone(),
            routes: Arc::clone(&self.routes),
            started: self.started,
        }
    }

    /// The same, with these providers.
    #[must_use]
    pub fn with_upstreams(mut self, upstreams: Upstreams) -> Self {
        self.upstreams = upstreams;
        self
    }

    /// The same, with these logins.
    #[must_use]
    pub fn with_sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = sessions;
        self
    }

    /// What opens the service now.
    #[must_use]
    pub fn credentials(&self) -> Credentials<'_> {
        Credentials {
            keys: &self.config.api_keys,
            sessions: &self.sessions,
            now: unix_seconds(),
        }
    }

    /// Whom a request is counted for.
    #[must_use]
    pub fn client(&self, arrival: &Arrival<'_>) -> ClientAddress {
        let header = self.config.admission.address_header.as_deref();
        ClientAddress::of(arrival.peer, arrival.headers, header)
    }

    /// What becomes of a refusal of this request: whoever has shown too many wrong keys is told so.
    #[must_use]
    pub fn counted(&self, refusal: Refusal, arrival: &Arrival<'_>) -> Refusal {
        self.guesses.count(refusal, self.client(arrival))
    }

    /// Whether the log is to be told that this request is refused. Strangers are not to fill it: beyond so
    /// many a minute, only their number is told.
    #[must_use]
    pub fn tells_refusal(&self, arrival: &Arrival<'_>) -> bool {
        let client = self.client(arrival);
        match self.refusals.count(client, Instant::now()) {
            Told::Whole => true,
            Told::Summary(count) => {
                let detail = format!(
                    "requests that were not let in, and of which nothing else is told: {count}; the \
                     last from {client}"
                );
                self.traffic.channel().warn("refused", detail);
                false
            }
            Told::Nothing => false,
        }
    }

    /// The same, but that it stores responses there.
    #[must_use]
    pub fn with_responses(mut self, responses: ResponseStore) -> Self {
        self.responses = responses;
        self
    }
}

/// The state that requests which arrive now are answered with. A request keeps the one that it began
/// with to its end.
pub type CurrentState = ArcSwap<AppState>;

/// Now, in seconds since 1970; 0 on a clock that stands before that.
#[must_use]
pub fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
