//! What is measured of one request.

use super::{Metrics, models::ModelFigures};
use prometheus_client::{encoding::EncodeLabelSet, metrics::gauge::Gauge};
use std::{sync::Arc, time::Duration};

/// Stands for the model of a request that got to none.
const NO_MODEL: &str = "none";

/// Measures one request. It counts as being answered for as long as this lives.
#[derive(Debug)]
#[must_use = "a request is counted at its end"]
pub struct RequestMeter {
    metrics: Metrics,
    route: &'static str,
    in_flight: Gauge,
    asked: Option<Asked>,
}

/// Who is asked.
#[derive(Debug)]
struct Asked {
    provider: String,
    model: Arc<ModelFigures>,
}

/// Tokens of one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens read, cached ones included.
    pub input: u64,
    /// The part of `input` that came from the prompt cache.
    pub cached: u64,
    /// Tokens written, reasoning included.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RouteLabels {
    pub(super) route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) route: &'static str,
    pub(super) status: u16,
    pub(super) model: Arc<str>,
}

impl RequestMeter {
    pub(super) fn begin(metrics: Metrics, route: &'static str) -> Self {
        let labels = RouteLabels { route };
        let in_flight = metrics.0.in_flight.get_or_create_owned(&labels);
        in_flight.inc();
        Self {
            metrics,
            route,
            in_flight,
            asked: None,
        }
    }

    /// This provider is asked for a reply of `model`, which is `None` where it is a name that, as far as is
    /// known, nobody but the client has for one.
    pub fn on_asked(&mut self, provider: &str, model: Option<&str>) {
        self.asked = Some(Asked {
            provider: provider.to_owned(),
            model: self.metrics.model(model),
        });
    }

    /// The client gets to see the first of its reply, so long after the request has come.
    pub fn on_first_token(&self, after: Duration) {
        if let Some(asked) = &self.asked {
            asked.model.first_token.observe(after.as_secs_f64());
        }
    }

    /// The reply took so many tokens.
    pub fn on_tokens(&self, tokens: Tokens) {
        let Some(Asked { model, .. }) = &self.asked else {
            return;
        };
        model.input.inc_by(tokens.input);
        model.cached_input.inc_by(tokens.cached);
        model.output.inc_by(tokens.output);
        model.reasoning.inc_by(tokens.reasoning);
        if let Some(share) = share(tokens.cached, tokens.input) {
            model.cached.observe(share);
        }
    }

    /// Whoever was asked has failed, in this way. The words must be of a fixed set.
    pub fn on_failure(&self, kind: &'static str) {
        if let Some(asked) = &self.asked {
            self.metrics.upstream_failed(&asked.provider, kind);
        }
    }

    /// The request has ended with this HTTP status, so long after it has come.
    pub fn end(self, status: u16, duration: Duration) {
        let figures = &self.metrics.0;
        let model = self
            .asked
            .as_ref()
            .map_or_else(|| NO_MODEL.into(), |asked| Arc::clone(&asked.model.name));
        let route = self.route;
        let labels = RequestLabels {
            route,
            status,
            model,
        };
        figures.requests.get_or_create(&labels).inc();
        figures
            .durations
            .get_or_create(&RouteLabels { route })
            .observe(duration.as_secs_f64());
    }
}

impl Drop for RequestMeter {
    fn drop(&mut self) {
        self.in_flight.dec();
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| (part as f64 / of as f64).min(1.0))
}
