//! What a request adds to the figures.

use super::Watch;
use crate::{
    engine::upstream::Route,
    http::AppState,
    metrics::{Metrics, Tokens},
    traffic::Event,
    turn::Usage,
};

/// The status of a request whose client left before it had one: nginx's word for it.
const LEFT: u16 = 499;

impl Watch {
    /// The same, counted among the requests for the API.
    #[must_use]
    pub fn counted(mut self, metrics: &Metrics) -> Self {
        self.meter = Some(metrics.request(self.route.unwrap_or("unknown")));
        self
    }

    /// Sees that the engine will be asked for a reply of this model.
    pub fn on_engine(&mut self, state: &AppState, model: &str) {
        let Some(meter) = &mut self.meter else { return };
        let catalog = state.engine.catalog();
        let known = catalog.get(model);
        let provider = known.or_else(|| catalog.models.first());
        let provider = provider.map_or("codex", |model| model.provider.as_str());
        let mut aliased = state.config.aliases.iter();
        let is_known = known.is_some() || aliased.any(|(_, target)| target == model);
        meter.on_asked(provider, is_known.then_some(model));
    }

    /// Sees that an HTTP provider will be asked for a reply.
    pub fn on_provider(&mut self, route: &Route) {
        let Some(meter) = &mut self.meter else { return };
        let Route {
            provider, model, ..
        } = route;
        let known = provider.knows(model).then_some(model.as_str());
        meter.on_asked(provider.name(), known);
    }

    /// Takes the end of the request into the figures.
    pub(super) fn measure_end(&mut self, event: &Event) {
        let Some(meter) = self.meter.take() else {
            return;
        };
        let (status, duration) = match event {
            Event::CursorResponse(reply) => (reply.status, reply.duration),
            Event::RequestFailed(failed) => (failed.status, failed.duration),
            _ => (LEFT, self.begun.elapsed()),
        };
        meter.end(status, duration);
    }
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        let Usage {
            input,
            cached,
            output,
            reasoning,
        } = usage;
        Self {
            input,
            cached,
            output,
            reasoning,
        }
    }
}
