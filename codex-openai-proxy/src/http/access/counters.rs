//! Counts what comes from addresses, in memory that nobody can make grow.

use crate::http::admission::ClientAddress;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    time::{Duration, Instant},
};

/// How many counters there are. Addresses share them.
const COUNTERS: u64 = 1024;

type Counter = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<Instant>>;

/// So many things a minute of each address, or of several that share a counter.
pub(super) struct Counters {
    counters: Box<[Counter]>,
    /// Nobody can choose with whom to share a counter.
    hasher: RandomState,
}

impl Counters {
    pub(super) fn per_minute(most: NonZeroU32) -> Self {
        let counter = || RateLimiter::direct_with_clock(Quota::per_minute(most), MonotonicClock);
        Self {
            counters: (0..COUNTERS).map(|_| counter()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Counts one of this client.
    ///
    /// # Errors
    ///
    /// How long until it may do the next, where this is one too many.
    pub(super) fn count(&self, client: ClientAddress) -> Result<(), Duration> {
        let index = self.hasher.hash_one(client) % COUNTERS;
        self.counters[usize::try_from(index).unwrap_or_default()]
            .check()
            .map_err(|not_until| not_until.wait_time_from(MonotonicClock.now()))
    }
}
