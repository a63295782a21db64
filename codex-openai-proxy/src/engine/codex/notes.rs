//! What codex-core's events are in the log.

use crate::traffic::{Event, record::RateLimitWindow, redact};
use codex_protocol::protocol::{RateLimitSnapshot, RateLimitWindow as CoreWindow};

/// How much of the plan is used up.
pub fn rate_limits(limits: &RateLimitSnapshot) -> Event {
    let windows = [
        ("primary", &limits.primary),
        ("secondary", &limits.secondary),
    ];
    let windows = windows
        .into_iter()
        .filter_map(|(name, limit)| Some(window(name, limit.as_ref()?)));
    let plan = limits.plan_type.as_ref();
    Event::RateLimits {
        limit: limits
            .limit_name
            .clone()
            .or_else(|| limits.limit_id.clone()),
        plan: plan
            .and_then(|plan| serde_json::to_value(plan).ok())
            .and_then(|plan| plan.as_str().map(str::to_owned)),
        windows: windows.collect(),
    }
}

/// A model call that failed.
pub fn stream_error(message: &str, retrying: bool) -> Event {
    Event::StreamCodexError {
        message: redact::text(message).into_owned(),
        retrying,
    }
}

/// Anything else that somebody should know.
pub fn warning(what: &'static str, detail: &str) -> Event {
    Event::Warning {
        what,
        detail: redact::text(detail).into_owned(),
    }
}

fn window(name: &'static str, limit: &CoreWindow) -> RateLimitWindow {
    RateLimitWindow {
        name,
        used_percent: limit.used_percent,
        window_minutes: limit.window_minutes,
        resets_at: limit.resets_at,
    }
}
