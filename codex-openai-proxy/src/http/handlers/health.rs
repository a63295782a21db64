//! `GET /health`: whether the service is up, for whoever watches it.

use crate::{
    engine::Readiness,
    http::{AppState, body::ReplyBody, reply},
};
use http::{Response, StatusCode};
use serde::Serialize;

/// The reply. `status` is about this process; `engine` about what it needs to answer.
#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    engine: EngineHealth,
}

#[derive(Debug, Serialize)]
struct EngineHealth {
    ready: bool,
    reason: Option<String>,
}

/// Always 200: a missing login is no reason to restart the process.
#[must_use]
pub fn get(state: &AppState) -> Response<ReplyBody> {
    let (ready, reason) = match state.engine.readiness() {
        Readiness::Ready => (true, None),
        Readiness::NotReady(reason) => (false, Some(reason)),
    };
    let health = Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        engine: EngineHealth { ready, reason },
    };
    reply::json(StatusCode::OK, &health)
}
