//! Whether those who watch the log may still do so.

use crate::http::{
    access,
    dispatch::{Peer, arrival},
    routes::Access,
    state::CurrentState,
};
use http::{Request, request::Parts};
use std::sync::Arc;

/// Somebody who was let in to watch the log, and how they came.
pub(super) struct Visitor {
    /// As they came, without what belongs to the connection alone.
    head: Parts,
    current: Arc<CurrentState>,
}

impl Visitor {
    /// Whoever sent this request. `None` where it did not come through the service.
    pub(super) fn of(head: &Parts) -> Option<Self> {
        let current = head.extensions.get::<Arc<CurrentState>>()?;
        let (mut kept, ()) = Request::new(()).into_parts();
        kept.uri = head.uri.clone();
        kept.headers = head.headers.clone();
        if let Some(peer) = head.extensions.get::<Peer>() {
            kept.extensions.insert(*peer);
        }
        Some(Self {
            head: kept,
            current: Arc::clone(current),
        })
    }

    /// Whether the same request would be let in now: its key may have been taken away since, and its
    /// login may have ended.
    pub(super) fn is_welcome(&self) -> bool {
        let state = self.current.load();
        access::check(&arrival(&self.head), Access::Viewer, &state.credentials()).is_ok()
    }
}
