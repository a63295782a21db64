//! The log, on standard error.

mod records;

use crate::config::{Config, LogFormat};
use records::Records;
use std::io;
use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, ParseError, filter_fn},
    fmt::{self, format::JsonFields},
    layer::SubscriberExt,
    registry::Registry,
    reload,
    util::{SubscriberInitExt, TryInitError},
};

/// Crates that write tokens and whole prompts at debug level. `codex_` stands for all of Codex.
const TALKATIVE: [&str; 9] = [
    "codex_",
    "h2",
    "hyper",
    "reqwest",
    "rmcp",
    "rustls",
    "tokio_tungstenite",
    "tower_http",
    "tungstenite",
];

/// Why logging does not begin.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// What to log makes no sense, wherever it was said.
    #[error("what to log: {0}")]
    Filter(#[from] ParseError),
    /// Somebody else logs already.
    #[error("logging: {0}")]
    Taken(#[from] TryInitError),
    /// Nothing is logged any more.
    #[error("logging: {0}")]
    Over(#[from] reload::Error),
}

/// Lines that may wait for a slow terminal or pipe. Those that do not fit are dropped and counted.
const WAITING_LINES: usize = 8192;

/// Writes the lines. When it is dropped, the last of them are out.
pub struct Writer {
    filter: Filter,
    dropped: ErrorCounter,
    _guard: WorkerGuard,
}

/// Decides what is logged. A cheap handle.
#[derive(Clone)]
pub struct Filter {
    handle: reload::Handle<EnvFilter, Registry>,
    default: &'static str,
}

impl Writer {
    /// What decides about the lines.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }
}

impl Filter {
    /// What this means, which reads as `RUST_LOG` does; without it, what is logged when nobody says
    /// anything. Nothing changes.
    ///
    /// # Errors
    ///
    /// [`LoggingError::Filter`].
    pub fn read(&self, filter: Option<&str>) -> Result<EnvFilter, LoggingError> {
        Ok(EnvFilter::builder().parse(filter.unwrap_or(self.default))?)
    }

    /// From now on this is logged.
    ///
    /// # Errors
    ///
    /// [`LoggingError::Over`].
    pub fn set(&self, filter: EnvFilter) -> Result<(), LoggingError> {
        Ok(self.handle.reload(filter)?)
    }
}

#[cfg(test)]
impl Filter {
    /// One of a log that is over.
    pub(super) fn of_nothing() -> Self {
        let (_, handle) = reload::Layer::new(EnvFilter::default());
        Self {
            handle,
            default: "off",
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let dropped = self.dropped.dropped_lines();
        if dropped > 0 {
            tracing::warn!(dropped, "lines of this log were dropped");
        }
    }
}

/// Begins to log what the configuration asks for; `default_filter` where it does not say. Lines are
/// written by a thread of their own, so that nobody waits for a terminal or a pipe.
///
/// # Errors
///
/// See [`LoggingError`].
pub fn init(config: &Config, default_filter: &'static str) -> Result<Writer, LoggingError> {
    let filter = config.log_filter.as_deref().unwrap_or(default_filter);
    let filter = EnvFilter::builder().parse(filter)?;
    let (filter, handle) = reload::Layer::new(filter);
    let filter = filter.and(filter_fn(is_safe).with_max_level_hint(LevelFilter::TRACE));
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .finish(io::stderr());
    let guard = Writer {
        filter: Filter {
            handle,
            default: default_filter,
        },
        dropped: writer.error_counter(),
        _guard: guard,
    };
    let lines = fmt::layer().with_writer(writer);
    let output = match config.log_format {
        LogFormat::Pretty => {
            let ansi = io::IsTerminal::is_terminal(&io::stderr());
            lines
                .with_ansi(ansi)
                .event_format(Records::as_text(fmt::format()))
                .with_filter(filter)
                .boxed()
        }
        LogFormat::Json => lines
            .fmt_fields(JsonFields::new())
            .event_format(Records::as_json(fmt::format().json().flatten_event(true)))
            .with_filter(filter)
            .boxed(),
    };
    let registry = tracing_subscriber::registry().with(output);
    #[cfg(feature = "codex")]
    let registry = registry.with(crate::engine::codex::telemetry_layer());
    registry.try_init()?;
    Ok(guard)
}

/// Never logged: telemetry of Codex, which says nothing that its log does not, but names the account;
/// the place where it tells each tool call with all that the model wrote into it; and those where it tells
/// errors of the upstream with all that they say, which may be the key. The log channel tells them without.
const UNLOGGED: [&str; 5] = [
    "codex_otel",
    "feedback_tags",
    "codex_core::responses_retry",
    "codex_core::session::turn",
    "codex_core::stream_events_utils",
];

/// Whether something may be logged at all, whatever `RUST_LOG` says.
fn is_safe(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    if UNLOGGED.iter().any(|name| target.starts_with(name)) {
        return false;
    }
    let ours = target
        .strip_prefix(env!("CARGO_CRATE_NAME"))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    *metadata.level() <= Level::INFO
        || ours
        || !TALKATIVE.iter().any(|name| target.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// The targets and levels that pass when everything is asked for.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl<S: tracing::Subscriber> Layer<S> for Seen {
        fn on_event(
            &self,
            event: &tracing::Event<'_>,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            let metadata = event.metadata();
            let line = format!("{} {}", metadata.level(), metadata.target());
            self.0.lock().unwrap().push(line);
        }
    }

    #[test]
    fn what_prints_tokens_is_capped_and_we_are_not() {
        let seen = Seen::default();
        let layer = seen.clone().with_filter(filter_fn(is_safe));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "codex_core::client", "");
            tracing::warn!(target: "codex_otel.log_only", "");
            tracing::info!(target: "codex_core::stream_events_utils", "");
            tracing::info!(target: "codex_core::session::turn", "");
            tracing::warn!(target: "codex_core::responses_retry", "");
            tracing::debug!(target: "codex_core::client", "");
            tracing::trace!(target: "hyper_util::client", "");
            tracing::debug!(target: "reqwest::connect", "");
            tracing::trace!(target: "tungstenite::handshake", "");
            tracing::debug!(target: "codex_openai_proxy_other", "");
            tracing::trace!(target: "codex_openai_proxy::http::server", "");
            tracing::debug!(target: "codex_openai_proxy", "");
            tracing::debug!(target: "mio::poll", "");
        });
        assert_eq!(
            *seen.0.lock().unwrap(),
            [
                "INFO codex_core::client",
                "TRACE codex_openai_proxy::http::server",
                "DEBUG codex_openai_proxy",
                "DEBUG mio::poll",
            ]
        );
    }
}
