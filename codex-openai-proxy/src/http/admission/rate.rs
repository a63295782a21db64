//! How many requests come with one key, or without a key from one address.

use super::ClientAddress;
use crate::config::RateLimit;
use governor::{
    Quota,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");

/// How many clients are told apart. A hundred bytes each.
const MOST_CLIENTS: usize = 50_000;

/// After how many requests to look for clients that need not be remembered.
const TIDY_EVERY: u32 = 1024;

/// Whom a request is counted for.
///
/// Not for both where there is a key. The address would let a key have its rate once from each address, or
/// throttle keys by one another: all clients of a tunnel, of an office, and of Cursor's servers share
/// addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Client {
    /// Whoever shows the key of this name, wherever they are.
    Key(Arc<str>),
    /// Whoever shows none.
    Address(ClientAddress),
}

/// Counts requests by key, and by address where there is none. Each client may spend all that it has at
/// once, and gets it back bit by bit.
#[derive(Debug)]
pub struct RateLimiter {
    limit: RateLimit,
    /// The time after which one more is to be had.
    interval: Duration,
    clients: governor::RateLimiter<
        Client,
        DefaultKeyedStateStore<Client>,
        DefaultClock,
        StateInformationMiddleware,
    >,
    clock: DefaultClock,
    counted: AtomicU32,
    /// Whether there are so many clients that addresses are not told apart for now.
    crowded: AtomicBool,
}

/// What a client has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many requests it may make.
    limit: u32,
    /// How many of them are left.
    remaining: u32,
    /// How long until it has all of them back.
    reset: Duration,
}

/// A client has spent what it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// What it has left: nothing.
    pub standing: Standing,
    /// What it may spend.
    pub limit: RateLimit,
    /// How long until it has one request back.
    pub retry_after: Duration,
}

impl RateLimiter {
    /// Nobody has spent anything.
    #[must_use]
    pub fn new(limit: RateLimit) -> Self {
        // Never zero, which is no interval.
        let interval = (limit.window / limit.requests.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(interval)
            .unwrap_or_else(|| Quota::per_second(limit.requests))
            .allow_burst(limit.requests);
        Self {
            limit,
            interval,
            clients: governor::RateLimiter::keyed(quota).with_middleware(),
            clock: DefaultClock::default(),
            counted: AtomicU32::new(0),
            crowded: AtomicBool::new(false),
        }
    }

    /// What each may spend.
    #[must_use]
    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Counts a request with this key, or without one from this address.
    ///
    /// # Errors
    ///
    /// When it has nothing left.
    pub fn check(
        &self,
        key: Option<&Arc<str>>,
        address: ClientAddress,
    ) -> Result<Standing, Exceeded> {
        if self.counted.fetch_add(1, Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.tidy();
        }
        let client = match key {
            Some(key) => Client::Key(Arc::clone(key)),
            None if self.crowded.load(Relaxed) => Client::Address(ClientAddress::ANY),
            None => Client::Address(address),
        };
        match self.clients.check_key(&client) {
            Ok(left) => Ok(self.standing(left.remaining_burst_capacity())),
            Err(not_yet) => Err(Exceeded {
                standing: self.standing(0),
                limit: self.limit,
                retry_after: not_yet.wait_time_from(self.clock.now()),
            }),
        }
    }

    fn standing(&self, remaining: u32) -> Standing {
        let limit = self.limit.requests.get();
        Standing {
            limit,
            remaining,
            reset: self.interval * limit.saturating_sub(remaining),
        }
    }

    /// Forgets the clients that have all of theirs back.
    fn tidy(&self) {
        self.clients.retain_recent();
        let is_crowded = self.clients.len() > MOST_CLIENTS;
        if self.crowded.swap(is_crowded, Relaxed) != is_crowded {
            tracing::warn!(is_crowded, "rate_limit_clients");
            self.clients.shrink_to_fit();
        }
    }
}

impl Standing {
    /// Tells it in the headers of a reply, as OpenAI does, unless they tell of a provider's limit.
    pub fn tell(self, headers: &mut HeaderMap) {
        let ours = [LIMIT, REMAINING, RESET];
        if ours.iter().any(|name| headers.contains_key(name)) {
            return;
        }
        headers.insert(LIMIT, self.limit.into());
        headers.insert(REMAINING, self.remaining.into());
        // Digits, dots and units are header text.
        if let Ok(reset) = HeaderValue::try_from(duration(self.reset)) {
            headers.insert(RESET, reset);
        }
    }
}

/// A duration as OpenAI writes it: `20ms`, `1s`, `6m0s`, `1h0m3.5s`. Rounded up to milliseconds.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let ms = duration.as_nanos().div_ceil(1_000_000);
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let (minutes, ms) = (ms / 60_000, ms % 60_000);
    let mut text = String::new();
    // Writing to a string does not fail.
    if minutes >= 60 {
        let _ = write!(text, "{}h", minutes / 60);
    }
    if minutes > 0 {
        let _ = write!(text, "{}m", minutes % 60);
    }
    let _ = write!(text, "{}", ms / 1000);
    if ms % 1000 > 0 {
        let fraction = format!("{:03}", ms % 1000);
        let _ = write!(text, ".{}", fraction.trim_end_matches('0'));
    }
    text.push('s');
    text
}

#[cfg(test)]
mod tests;
