//! What codex-core's events are in the log.

use crate::traffic::{Event, record::RateLimitWindow};
use codex_protocol::protocol::{RateLimitSnapshot, RateLimitWindow as CoreWindow};

/// How much of the plan is used up, where the upstream says so.
pub fn rate_limits(limits: &RateLimitSnapshot) -> Option<Event> {
    let windows = [
        ("primary", &limits.primary),
        ("secondary", &limits.secondary),
    ];
    let windows: Vec<_> = windows
        .into_iter()
        .filter_map(|(name, limit)| Some(window(name, limit.as_ref()?)))
        .collect();
    if windows.is_empty() {
        return None;
    }
    let plan = limits.plan_type.as_ref();
    Some(Event::RateLimits {
        limit: limits
            .limit_name
            .clone()
            .or_else(|| limits.limit_id.clone()),
        plan: plan
            .and_then(|plan| serde_json::to_value(plan).ok())
            .and_then(|plan| plan.as_str().map(str::to_owned)),
        windows,
    })
}

/// A model call that failed.
pub fn stream_error(message: &str, retrying: bool) -> Event {
    Event::StreamCodexError {
        message: message.to_owned(),
        retrying,
    }
}

/// Anything else that somebody should know.
pub fn warning(what: &'static str, detail: &str) -> Event {
    Event::Warning {
        what,
        detail: detail.to_owned(),
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
