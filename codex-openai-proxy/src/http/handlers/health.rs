//! `GET /health`: how the service is, for whoever watches it.
//!
//! Anybody may ask. Whoever may not use the API learns no more than what their requests would tell.

use crate::{
    engine::{
        Readiness, Threads,
        upstream::{Check, Provider, Standing},
    },
    http::{
        AppState,
        access::{self, Refusal},
        body::ReplyBody,
        dispatch::arrival,
        phase::Phase,
        reply,
        routes::{Access, HealthView},
        state::unix_seconds,
    },
};
use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderValue, Response, StatusCode, header, request::Parts};
use serde::Serialize;
use std::sync::Arc;

/// The report. `status` is about this process; `engine` about what it needs to answer.
#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    engine: EngineHealth,
    /// For those who may use the API.
    #[serde(flatten)]
    details: Option<Details>,
}

#[derive(Debug, Serialize)]
struct EngineHealth {
    ready: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Whom it asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<EngineProvider>,
}

#[derive(Debug, Serialize)]
struct EngineProvider {
    name: String,
    host: String,
}

#[derive(Debug, Serialize)]
struct Details {
    /// Why `/health/ready` says no; null where it says yes.
    unready: Option<&'static str>,
    /// The login of the engine, such as `chatgpt`.
    login: Option<&'static str>,
    /// The HTTP providers.
    providers: Vec<ProviderHealth>,
    threads: ThreadHealth,
}

#[derive(Debug, Serialize)]
struct ProviderHealth {
    name: String,
    wire_api: &'static str,
    /// `closed` where it is asked, `open` where it has failed too often, `half_open` in between.
    breaker: &'static str,
    /// What was seen of it last; null before it was asked for anything.
    last_check: Option<CheckHealth>,
}

#[derive(Debug, Serialize)]
struct CheckHealth {
    /// In RFC 3339.
    at: String,
    /// What it was asked for: `call` or `models`.
    by: &'static str,
    ok: bool,
    detail: Option<String>,
}

#[derive(Debug, Serialize)]
struct ThreadHealth {
    live: usize,
    parked: usize,
    waiting: usize,
}

/// What a probe is told.
#[derive(Debug, Serialize)]
struct Probe {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// For those who may use the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Why requests would not be answered.
#[derive(Debug)]
enum Unready {
    Starting,
    Draining,
    /// There is nobody who could, and this is why the engine cannot.
    NoEngine(String),
}

/// Tells how the service is. Only [`HealthView::Ready`] is ever told with another status than 200: a
/// missing login is no reason to restart the process.
#[must_use]
pub fn get(state: &AppState, view: HealthView, head: &Parts) -> Response<ReplyBody> {
    let mut response = match view {
        HealthView::Report => report(state, head),
        HealthView::Live => probe("ok"),
        HealthView::Ready => ready(state, head),
    };
    let no_store = HeaderValue::from_static("no-store");
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, no_store);
    response
}

fn report(state: &AppState, head: &Parts) -> Response<ReplyBody> {
    let readiness = state.engine.readiness();
    let mut engine = EngineHealth {
        ready: readiness == Readiness::Ready,
        reason: None,
        provider: None,
    };
    let details = may_know(state, head).then(|| {
        let report = state.engine.report();
        if let Readiness::NotReady(reason) = readiness {
            engine.reason = Some(reason);
        }
        engine.provider = report.provider.map(|provider| EngineProvider {
            name: provider.name,
            host: provider.host,
        });
        Details {
            unready: unready(state).as_ref().map(Unready::as_str),
            login: report.login,
            providers: state.upstreams.iter().map(ProviderHealth::of).collect(),
            threads: ThreadHealth::of(report.threads),
        }
    });
    let health = Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: unix_seconds().saturating_sub(state.started),
        engine,
        details,
    };
    reply::json(StatusCode::OK, &health)
}

fn ready(state: &AppState, head: &Parts) -> Response<ReplyBody> {
    let Some(unready) = unready(state) else {
        return probe("ready");
    };
    let reason = Some(unready.as_str());
    let detail = match unready {
        Unready::NoEngine(why) if may_know(state, head) => Some(why),
        _ => None,
    };
    let probe = Probe {
        status: "not_ready",
        reason,
        detail,
    };
    reply::json(StatusCode::SERVICE_UNAVAILABLE, &probe)
}

fn probe(status: &'static str) -> Response<ReplyBody> {
    let probe = Probe {
        status,
        reason: None,
        detail: None,
    };
    reply::json(StatusCode::OK, &probe)
}

/// Why requests would not be answered now, if they would not.
fn unready(state: &AppState) -> Option<Unready> {
    match state.phase.get() {
        Phase::Starting => return Some(Unready::Starting),
        Phase::Draining => return Some(Unready::Draining),
        Phase::Serving => {}
    }
    let Readiness::NotReady(why) = state.engine.readiness() else {
        return None;
    };
    // A provider that was left alone for long enough counts: only a call can find out how it is.
    let mut usable = state.upstreams.iter();
    let is_usable = usable.any(|provider| provider.standing() != Standing::Open);
    (!is_usable).then_some(Unready::NoEngine(why))
}

/// Whether whoever asks may use the API.
fn may_know(state: &AppState, head: &Parts) -> bool {
    let arrival = arrival(head);
    match access::check(&arrival, Access::Guarded, &state.credentials()) {
        Ok(_) => true,
        Err(refusal) => {
            if refusal == Refusal::WrongKey && state.tells_refusal(&arrival) {
                // Nobody is to try out keys where it is quiet.
                let peer = arrival.peer.to_canonical();
                let detail = format!("{peer} has shown a wrong key to {}", head.uri.path());
                state.traffic.channel().warn("wrong_key", detail);
            }
            false
        }
    }
}

impl Unready {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Draining => "draining",
            Self::NoEngine(_) => "no_engine",
        }
    }
}

impl ProviderHealth {
    fn of(provider: &Arc<Provider>) -> Self {
        Self {
            name: provider.name().to_owned(),
            wire_api: provider.wire_api().as_str(),
            breaker: provider.standing().as_str(),
            last_check: provider.last_check().map(CheckHealth::of),
        }
    }
}

impl CheckHealth {
    fn of(check: Check) -> Self {
        Self {
            at: DateTime::<Utc>::from(check.at).to_rfc3339_opts(SecondsFormat::Millis, true),
            by: check.kind.as_str(),
            ok: check.ok,
            detail: check.detail,
        }
    }
}

impl ThreadHealth {
    fn of(threads: Threads) -> Self {
        let Threads {
            live,
            parked,
            waiting,
        } = threads;
        Self {
            live,
            parked,
            waiting,
        }
    }
}
