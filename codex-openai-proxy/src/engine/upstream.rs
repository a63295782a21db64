//! HTTP providers: whoever answers at an URL in one of OpenAI's two APIs.
//!
//! A [`Provider`] is called in two ways. [`Provider::start`] makes a turn of it, as the other engines
//! do. [`Provider::call`] sends a body as it is, for requests whose protocol is the provider's own:
//! they are relayed. Either way there is no task between the provider and whoever polls: nothing is
//! read ahead of the client, and dropping the reply ends the call.

mod breaker;
mod client;
mod dialect;
mod models;
mod names;
mod provider;
mod refusal;
mod reply;
mod retry;
#[cfg(test)]
pub(crate) mod tests;
mod trace;
mod turns;
mod vitals;

pub use models::ListedModel;
pub use names::{Found, Route};
pub use provider::{Call, Expects, Handling, Provider, passed_on};
pub use reply::{Form, Reply, ReplyBody};
pub use trace::of as trace_of;
pub use vitals::{Check, CheckKind, Standing};

use crate::config::UpstreamSettings;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The providers of the configuration, in its order.
#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    providers: Vec<Arc<Provider>>,
    /// What each of them was made of.
    settings: Vec<UpstreamSettings>,
    /// Ends the calls of all, also of those that a change of the configuration has left out.
    stop: CancellationToken,
}

/// A provider cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the provider '{provider}' cannot be set up: {source}")]
pub struct UpstreamError {
    /// Its name in the configuration.
    pub provider: String,
    /// Why not.
    pub source: reqwest::Error,
}

impl Upstreams {
    /// Providers of these settings. No connection is made.
    ///
    /// # Errors
    ///
    /// When an HTTP client cannot be built: the system's root certificates cannot be read.
    pub fn new(settings: &[UpstreamSettings]) -> Result<Self, UpstreamError> {
        Self::default().reconfigured(settings)
    }

    /// Providers of other settings. Those whose settings stay the same stay what they are, with their
    /// connections, their lists of models and what is known of their failures. Calls that run go on,
    /// whomever they are to.
    ///
    /// # Errors
    ///
    /// As for [`Upstreams::new`].
    pub fn reconfigured(&self, settings: &[UpstreamSettings]) -> Result<Self, UpstreamError> {
        let provider = |settings: &UpstreamSettings| {
            let same = self.settings.iter().position(|former| former == settings);
            if let Some(at) = same {
                return Ok(Arc::clone(&self.providers[at]));
            }
            match Provider::new(settings, self.stop.clone()) {
                Ok(provider) => Ok(Arc::new(provider)),
                Err(source) => Err(UpstreamError {
                    provider: settings.name.clone(),
                    source,
                }),
            }
        };
        Ok(Self {
            providers: settings.iter().map(provider).collect::<Result<_, _>>()?,
            settings: settings.to_vec(),
            stop: self.stop.clone(),
        })
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.providers.is_empty()
    }

    /// Ends every call that runs, with [`TurnError::Unavailable`](crate::turn::TurnError::Unavailable).
    pub fn shutdown(&self) {
        self.stop.cancel();
    }

    /// Each of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.iter()
    }
}
