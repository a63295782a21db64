//! What is asked for when somebody looks.

use super::PREFIX;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::{Registry, Unit},
};
use std::sync::atomic::AtomicU64;

/// The most windows of a plan's limits that are told: their names are the provider's.
const MOST_WINDOWS: usize = 32;

/// What others know of themselves at this moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The version of this program.
    pub version: &'static str,
    /// When the process began to serve, in seconds since 1970.
    pub started: u64,
    /// Whether the engine could answer a turn.
    pub engine_ready: bool,
    /// The engine's threads.
    pub threads: ThreadFigures,
    /// How much of the plan is used up.
    pub windows: Vec<WindowFigures>,
    /// Those who are asked for replies.
    pub providers: Vec<ProviderFigures>,
    /// How many records and bodies the log channel has dropped.
    pub log_dropped: u64,
}

/// How many threads there are.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadFigures {
    /// Of conversations that are in memory.
    pub live: usize,
    /// Of these, those that wait for the results of tool calls.
    pub parked: usize,
    /// Requests that wait for another of their conversation.
    pub waiting: usize,
}

/// A window of a plan's limits.
#[derive(Debug, Clone)]
pub struct WindowFigures {
    /// What it is called.
    pub name: String,
    /// How much of it is used up, in percent.
    pub used_percent: f64,
    /// When it begins anew, in seconds since 1970.
    pub resets_at: Option<u64>,
}

/// Somebody who is asked for replies.
#[derive(Debug, Clone)]
pub struct ProviderFigures {
    /// The name in the configuration.
    pub name: String,
    /// Whether it is asked, where something decides on that.
    pub breaker: Option<Breaker>,
    /// How many calls were made again.
    pub retries: u64,
}

/// The state of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// All calls go through.
    Closed,
    /// One does.
    HalfOpen,
    /// None does.
    Open,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Provider {
    provider: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Window {
    window: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

impl Snapshot {
    /// The same, to be written.
    pub(super) fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix(PREFIX);
        // An `info` would not be understood in the older text form.
        let build = Family::<Build, Gauge>::default();
        let version = self.version;
        build.get_or_create(&Build { version }).set(1);
        registry.register("build_info", "The version of this program", build);
        registry.register(
            "engine_ready",
            "Whether the Codex engine could answer a turn",
            ConstGauge::new(i64::from(self.engine_ready)),
        );
        registry.register(
            "log_dropped",
            "Records and bodies that the log channel had no room for, and requests that it does not tell of",
            ConstCounter::new(self.log_dropped),
        );
        self.register_threads(&mut registry);
        self.register_providers(&mut registry);
        self.register_windows(&mut registry);
        registry
    }

    fn register_threads(&self, registry: &mut Registry) {
        let threads = Family::<State, Gauge>::default();
        let ThreadFigures {
            live,
            parked,
            waiting,
        } = self.threads;
        for (state, count) in [("live", live), ("parked", parked), ("waiting", waiting)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            threads.get_or_create(&State { state }).set(count);
        }
        registry.register(
            "threads",
            "Codex threads in memory, those that wait for tool results, and requests that wait for another",
            threads,
        );
    }

    fn register_providers(&self, registry: &mut Registry) {
        let breakers = Family::<Provider, Gauge>::default();
        let retries = Family::<Provider, Counter>::default();
        for figures in &self.providers {
            let provider = Provider {
                provider: figures.name.clone(),
            };
            retries.get_or_create(&provider).inc_by(figures.retries);
            if let Some(breaker) = figures.breaker {
                breakers.get_or_create(&provider).set(breaker.number());
            }
        }
        registry.register(
            "breaker_state",
            "Whether an HTTP provider is asked: 0 it is, 1 one call decides, 2 it is left alone",
            breakers,
        );
        registry.register(
            "upstream_retries",
            "Calls that were made again because they had failed",
            retries,
        );
    }

    fn register_windows(&self, registry: &mut Registry) {
        let used = Family::<Window, Gauge<f64, AtomicU64>>::default();
        let resets = Family::<Window, Gauge>::default();
        for figures in self.windows.iter().take(MOST_WINDOWS) {
            let window = Window {
                window: figures.name.clone(),
            };
            let share = figures.used_percent / 100.0;
            used.get_or_create(&window).set(share);
            if let Some(resets_at) = figures.resets_at {
                let resets_at = i64::try_from(resets_at).unwrap_or(i64::MAX);
                resets.get_or_create(&window).set(resets_at);
            }
        }
        registry.register_with_unit(
            "plan_used",
            "How much of a window of the plan's limits is used up, as it was told last",
            Unit::Other("ratio".to_owned()),
            used,
        );
        registry.register_with_unit(
            "plan_reset_timestamp",
            "When a window of the plan's limits begins anew",
            Unit::Seconds,
            resets,
        );
    }
}

impl Breaker {
    fn number(self) -> i64 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}
