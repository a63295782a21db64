//! What the upstream tells of the plan, and how often its calls had to be repeated, as of now.

use crate::{
    engine::Window,
    traffic::{Event, record::RateLimitWindow},
};
use arc_swap::ArcSwap;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// The most windows that are remembered: a provider has two, and two for each limit with a name.
const MOST_WINDOWS: usize = 32;

/// Figures of an engine.
#[derive(Debug, Default)]
pub struct Figures {
    windows: ArcSwap<Vec<Window>>,
    retries: AtomicU64,
}

impl Figures {
    /// Hears what the log is told of a reply.
    pub fn on_event(&self, event: &Event) {
        match event {
            Event::RateLimits { limit, windows, .. } => {
                self.windows.rcu(|known| {
                    let told = windows.iter().map(|window| read(limit.as_deref(), window));
                    merged(known, told)
                });
            }
            Event::StreamCodexError { retrying: true, .. } => {
                self.retries.fetch_add(1, Relaxed);
            }
            _ => {}
        }
    }

    /// The windows of the plan, as they were told last.
    pub fn windows(&self) -> Arc<Vec<Window>> {
        self.windows.load_full()
    }

    /// How many model calls were repeated.
    pub fn retries(&self) -> u64 {
        self.retries.load(Relaxed)
    }
}

fn read(limit: Option<&str>, window: &RateLimitWindow) -> Window {
    let name = window.name;
    Window {
        name: limit.map_or_else(|| name.to_owned(), |limit| format!("{limit}:{name}")),
        used_percent: window.used_percent,
        resets_at: window.resets_at.and_then(|at| u64::try_from(at).ok()),
    }
}

fn merged(known: &[Window], told: impl Iterator<Item = Window>) -> Vec<Window> {
    let mut windows = known.to_vec();
    for window in told {
        if let Some(known) = windows.iter_mut().find(|known| known.name == window.name) {
            *known = window;
        } else if windows.len() < MOST_WINDOWS {
            windows.push(window);
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(limit: Option<&str>, used: f64) -> Event {
        Event::RateLimits {
            limit: limit.map(str::to_owned),
            plan: None,
            windows: vec![RateLimitWindow {
                name: "primary",
                used_percent: used,
                window_minutes: None,
                resets_at: Some(1_800_000_000),
            }],
        }
    }

    #[test]
    fn the_last_word_on_each_window_counts() {
        let figures = Figures::default();
        figures.on_event(&limits(None, 1.0));
        figures.on_event(&limits(Some("codex"), 2.0));
        figures.on_event(&limits(None, 3.5));
        let windows = figures.windows();
        let told: Vec<_> = windows
            .iter()
            .map(|window| (window.name.as_str(), window.used_percent))
            .collect();
        assert_eq!(told, [("primary", 3.5), ("codex:primary", 2.0)]);
        assert_eq!(windows[0].resets_at, Some(1_800_000_000));
        for at in 0..100 {
            figures.on_event(&limits(Some(&at.to_string()), 0.0));
        }
        assert_eq!(figures.windows().len(), MOST_WINDOWS);
    }

    #[test]
    fn repeated_calls_are_counted_and_failed_ones_are_not() {
        let figures = Figures::default();
        for retrying in [true, false, true] {
            let message = String::new();
            figures.on_event(&Event::StreamCodexError { message, retrying });
        }
        assert_eq!(figures.retries(), 2);
    }
}
