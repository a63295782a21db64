//! Tells a thread's pump when the upstream's reply has failed.
//!
//! core begins to run a tool as soon as the model has called it, and when the reply then breaks off,
//! it waits for that tool before it says so. The client's tool would never answer, because the
//! client was never told that the reply is over, so both would wait for ever. The one trace of the
//! failure that leaves core at once is an event of its telemetry; this layer reads it.

use codex_protocol::ThreadId;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};
use tokio::sync::Notify;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::filter_fn,
    layer::{Context, Filter},
    registry::LookupSpan,
};

/// Threads whose replies are watched, by id. Telemetry is process-wide, and so is this.
static WATCHED: LazyLock<Mutex<HashMap<String, Arc<Notify>>>> = LazyLock::new(Mutex::default);

/// The layer that notices failed replies. Without it in the process's subscriber, a reply that
/// breaks off after a tool call leaves its client waiting.
#[must_use]
pub fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    BreakLayer.with_filter(failures())
}

/// Watches the replies of one thread until it is dropped.
#[derive(Debug)]
pub struct Watch {
    thread: String,
    failed: Arc<Notify>,
}

impl Watch {
    /// Begins to watch.
    pub fn new(thread: ThreadId) -> Self {
        let thread = thread.to_string();
        let failed = Arc::new(Notify::new());
        watched().insert(thread.clone(), Arc::clone(&failed));
        Self { thread, failed }
    }

    /// Completes when a reply of the thread has failed, once for each.
    pub async fn failed(&self) {
        self.failed.notified().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        watched().remove(&self.thread);
    }
}

fn watched() -> std::sync::MutexGuard<'static, HashMap<String, Arc<Notify>>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The few places in core's telemetry that tell of errors; no other event costs anything.
fn failures<S>() -> impl Filter<S> {
    filter_fn(|metadata: &Metadata<'_>| {
        metadata.is_event()
            && metadata.target() == "codex_otel.trace_safe"
            && metadata.fields().field(ERROR).is_some()
            && metadata.fields().field(KIND).is_some()
    })
}

const ERROR: &str = "error.message";
const KIND: &str = "event.kind";
const THREAD: &str = "conversation.id";

struct BreakLayer;

impl<S: Subscriber> Layer<S> for BreakLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut failure = Failure::default();
        event.record(&mut failure);
        if failure.of_reply
            && let Some(watch) = watched().get(&failure.thread)
        {
            watch.notify_one();
        }
    }
}

/// What such an event says.
#[derive(Default)]
struct Failure {
    /// Whether a whole reply failed, and not a single event in it.
    of_reply: bool,
    thread: String,
}

impl Visit for Failure {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            KIND => self.of_reply = format!("{value:?}") == "response.completed",
            THREAD => self.thread = format!("{value:?}"),
            _ => {}
        }
    }
}
