//! An engine that answers nothing and says why: what is left of the product when it was built
//! without codex-core.

use super::{Engine, Readiness, TurnStream};
use crate::turn::{Catalog, TurnError, TurnRequest};
use futures_util::future::{BoxFuture, FutureExt, ready};
use std::sync::Arc;

/// Refuses every turn with the same reason.
#[derive(Debug, Clone)]
pub struct UnavailableEngine {
    reason: String,
}

impl UnavailableEngine {
    /// Refuses with `reason`, which is shown to clients.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl Engine for UnavailableEngine {
    fn catalog(&self) -> Arc<Catalog> {
        Arc::default()
    }

    fn readiness(&self) -> Readiness {
        Readiness::NotReady(self.reason.clone())
    }

    fn start(&self, _request: TurnRequest) -> BoxFuture<'_, Result<TurnStream, TurnError>> {
        ready(Err(TurnError::Unavailable {
            message: self.reason.clone(),
        }))
        .boxed()
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}
