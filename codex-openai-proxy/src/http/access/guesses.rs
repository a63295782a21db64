//! Slows down those who try out keys.

use super::Refusal;
use crate::http::admission::ClientAddress;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    sync::Arc,
    time::Instant,
};

/// How many wrong keys may come from an address in a minute.
const PER_MINUTE: NonZeroU32 = match NonZeroU32::new(10) {
    Some(number) => number,
    None => NonZeroU32::MIN,
};

/// How many counters there are. Addresses share them: that costs one who shows wrong keys a little
/// patience at worst, and nobody can make us remember more.
const COUNTERS: u64 = 1024;

type Counter = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<Instant>>;

/// Counts wrong keys. Whoever shows too many of them is told so, which a client that has lost its key
/// understands better than one refusal after the other. The right key is always let in: behind a
/// tunnel, everybody has the same address. A cheap handle.
#[derive(Clone)]
pub struct Guesses(Arc<Shared>);

struct Shared {
    counters: Box<[Counter]>,
    /// Nobody can choose with whom to share a counter.
    hasher: RandomState,
}

impl Default for Guesses {
    fn default() -> Self {
        let counter =
            || RateLimiter::direct_with_clock(Quota::per_minute(PER_MINUTE), MonotonicClock);
        Self(Arc::new(Shared {
            counters: (0..COUNTERS).map(|_| counter()).collect(),
            hasher: RandomState::new(),
        }))
    }
}

impl Guesses {
    /// What becomes of a refusal of this client.
    #[must_use]
    pub fn slow(&self, refusal: Refusal, client: ClientAddress) -> Refusal {
        if refusal != Refusal::WrongKey {
            return refusal;
        }
        let Shared { counters, hasher } = &*self.0;
        let index = hasher.hash_one(client) % COUNTERS;
        match counters[usize::try_from(index).unwrap_or_default()].check() {
            Ok(()) => refusal,
            Err(not_until) => Refusal::TooManyWrongKeys {
                retry_after: not_until.wait_time_from(MonotonicClock.now()),
            },
        }
    }
}

impl fmt::Debug for Guesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guesses").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::Ipv4Addr, time::Duration};

    fn client(last: u8) -> ClientAddress {
        ClientAddress::from(std::net::IpAddr::from(Ipv4Addr::new(192, 0, 2, last)))
    }

    fn is_told_to_wait(refusal: Refusal) -> bool {
        matches!(refusal, Refusal::TooManyWrongKeys { .. })
    }

    #[test]
    fn the_eleventh_wrong_key_of_a_minute_has_to_wait_its_share_of_it() {
        let guesses = Guesses::default();
        for _ in 0..10 {
            let refusal = guesses.slow(Refusal::WrongKey, client(1));
            assert_eq!(refusal, Refusal::WrongKey);
        }
        let Refusal::TooManyWrongKeys { retry_after } = guesses.slow(Refusal::WrongKey, client(1))
        else {
            panic!("one too many");
        };
        let wait = Duration::from_secs(5)..=Duration::from_secs(6);
        assert!(wait.contains(&retry_after), "{retry_after:?}");
        // Whoever does not guess is told what is wrong.
        for refusal in [Refusal::NoKey, Refusal::ForeignPage] {
            assert_eq!(guesses.slow(refusal, client(1)), refusal);
        }
    }

    #[test]
    fn other_addresses_do_not_wait_for_it() {
        let guesses = Guesses::default();
        for _ in 0..100 {
            let _ = guesses.slow(Refusal::WrongKey, client(1));
        }
        let others = (2..=100).map(|last| guesses.slow(Refusal::WrongKey, client(last)));
        // One of them may share its counter.
        let waiting = others.filter(|refusal| is_told_to_wait(*refusal)).count();
        assert!(waiting < 5, "{waiting}");
    }
}
