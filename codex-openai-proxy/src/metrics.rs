//! Figures about the service, for Prometheus.
//!
//! What is counted as it happens is kept in [`Metrics`]. What somebody else knows anyway, such as how
//! many threads there are, is asked for when somebody looks: a [`Snapshot`].

mod models;
mod process;
mod request;
mod snapshot;
#[cfg(test)]
pub(crate) mod tests;
mod text;

pub use models::MOST_MODELS;
pub use request::{RequestMeter, Tokens};
pub use snapshot::{Breaker, ProviderFigures, Snapshot, ThreadFigures, WindowFigures};
pub use text::Form;

use models::{ModelFigures, Models};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use request::{RequestLabels, RouteLabels};
use std::{fmt, sync::Arc, time::Duration};

/// What the names of our own figures begin with.
const PREFIX: &str = "codex_proxy";

/// Bounds of the time that a whole request takes, in seconds.
const DURATIONS: [f64; 15] = [
    0.01, 0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
];

/// Bounds of the time in which nothing happens that the client gets to see, in seconds.
const WAITS: [f64; 14] = [
    0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0,
];

/// Bounds of a share.
const SHARES: [f64; 8] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0];

/// What is counted and measured. A cheap handle.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    in_flight: Family<RouteLabels, Gauge>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    queue: Histogram,
    models: Models,
    errors: Family<ErrorLabels, Counter>,
    connections: Gauge,
}

/// One connection, for as long as it lasts.
#[derive(Debug)]
#[must_use = "the connection counts for as long as this lives"]
pub struct Connection(Gauge);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    provider: String,
    kind: &'static str,
}

impl Metrics {
    /// None so far.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::default();
        registry.register(
            "requests",
            "Requests that have ended, by what they asked for, status and model; 499 where the client left",
            requests.clone(),
        );
        let in_flight = Family::default();
        registry.register(
            "requests_in_flight",
            "Requests that are being answered",
            in_flight.clone(),
        );
        let durations =
            Family::new_with_constructor((|| Histogram::new(DURATIONS)) as fn() -> Histogram);
        registry.register_with_unit(
            "request_duration",
            "From the arrival of a request to the end of its reply",
            Unit::Seconds,
            durations.clone(),
        );
        let queue = Histogram::new(WAITS);
        registry.register_with_unit(
            "queue_wait",
            "How long requests for replies wait for their turn, or until that takes too long",
            Unit::Seconds,
            queue.clone(),
        );
        let models = Models::registered_in(&mut registry);
        let errors = Family::default();
        registry.register(
            "upstream_errors",
            "Requests that ended with a failure of whoever was asked, by kind",
            errors.clone(),
        );
        let connections = Gauge::default();
        registry.register("connections", "Open connections", connections.clone());
        Self(Arc::new(Inner {
            registry,
            requests,
            in_flight,
            durations,
            queue,
            models,
            errors,
            connections,
        }))
    }

    /// A request has come, for what `route` names. The words must be of a fixed set.
    pub fn request(&self, route: &'static str) -> RequestMeter {
        RequestMeter::begin(self.clone(), route)
    }

    /// A request has waited this long for its turn, be it in vain.
    pub fn queued(&self, wait: Duration) {
        self.0.queue.observe(wait.as_secs_f64());
    }

    /// One connection more, until what is returned is dropped.
    pub fn connection(&self) -> Connection {
        let connections = self.0.connections.clone();
        connections.inc();
        Connection(connections)
    }

    /// All of it, and what `snapshot` tells, in one of the forms that scrapers read.
    ///
    /// # Errors
    ///
    /// None that is known: text is written into memory.
    pub fn write(&self, snapshot: &Snapshot, form: Form) -> Result<String, fmt::Error> {
        text::write(
            &[
                &self.0.registry,
                &snapshot.registry(),
                &process::registry(snapshot.started),
                &process::runtime(),
            ],
            form,
        )
    }

    /// A request has ended because somebody upstream failed. `kind` is of a fixed set.
    fn upstream_failed(&self, provider: &str, kind: &'static str) {
        let provider = provider.to_owned();
        let labels = ErrorLabels { provider, kind };
        self.0.errors.get_or_create(&labels).inc();
    }

    /// The figures of a model, if there is room for it.
    fn model(&self, name: Option<&str>) -> Arc<ModelFigures> {
        self.0.models.figures(name)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
