//! An engine that answers nothing and says why: what is left of the product when it was built
//! without codex-core.

use super::{Engine, Readiness, TurnStream};
use crate::{
    traffic::RequestLog,
    turn::{Catalog, ConversationId, TurnError, TurnRequest},
};
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

    fn refusal(&self) -> TurnError {
        TurnError::Unavailable {
            message: self.reason.clone(),
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

    fn start(
        &self,
        _request: TurnRequest,
        _log: RequestLog,
    ) -> BoxFuture<'_, Result<TurnStream, TurnError>> {
        ready(Err(self.refusal())).boxed()
    }

    fn delete_conversation<'a>(
        &'a self,
        _id: &'a ConversationId,
    ) -> BoxFuture<'a, Result<bool, TurnError>> {
        ready(Err(self.refusal())).boxed()
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}
