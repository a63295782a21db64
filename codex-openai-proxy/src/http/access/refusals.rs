//! Keeps those who are not let in from filling the log.

use super::counters::Counters;
use crate::http::admission::ClientAddress;
use std::{
    fmt,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How many refusals of an address are told in a minute.
const PER_MINUTE: NonZeroU32 = match NonZeroU32::new(30) {
    Some(number) => number,
    None => NonZeroU32::MIN,
};

/// How many of all addresses are: whoever attacks may have many.
const IN_ALL: NonZeroU32 = match NonZeroU32::new(600) {
    Some(number) => number,
    None => NonZeroU32::MIN,
};

/// Between two summaries of those that are not told.
const SUMMARY: Duration = Duration::from_mins(1);

/// Decides which refusals are told to the log one by one. A cheap handle.
#[derive(Clone)]
pub struct Refusals(Arc<Shared>);

struct Shared {
    each: Counters,
    all: Counters,
    untold: Mutex<Untold>,
}

/// Refusals that were not told.
#[derive(Default)]
struct Untold {
    count: u64,
    /// When a summary was given last.
    summed_up: Option<Instant>,
}

/// What the log is told of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// All of it.
    Whole,
    /// Nothing but that so many were not told since the last summary.
    Summary(u64),
    /// Nothing.
    Nothing,
}

impl Default for Refusals {
    fn default() -> Self {
        Self(Arc::new(Shared {
            each: Counters::per_minute(PER_MINUTE),
            all: Counters::per_minute(IN_ALL),
            untold: Mutex::default(),
        }))
    }
}

impl Refusals {
    /// Counts a refusal of this client, at this time.
    #[must_use]
    pub fn count(&self, client: ClientAddress, now: Instant) -> Told {
        let Shared { each, all, untold } = &*self.0;
        // Those of one who has spent its own are not to spend what is left to all.
        let is_told = each.count(client).is_ok() && all.count(ClientAddress::ANY).is_ok();
        if is_told {
            return Told::Whole;
        }
        let mut untold = untold.lock().unwrap_or_else(PoisonError::into_inner);
        untold.count += 1;
        let summed_up = untold.summed_up;
        if summed_up.is_some_and(|then| now.saturating_duration_since(then) < SUMMARY) {
            return Told::Nothing;
        }
        let count = untold.count;
        *untold = Untold {
            count: 0,
            summed_up: Some(now),
        };
        Told::Summary(count)
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusals").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn client(number: u16) -> ClientAddress {
        let [high, low] = number.to_be_bytes();
        ClientAddress::from(IpAddr::from([10, 0, high, low]))
    }

    #[test]
    fn a_flood_is_told_by_its_number_once_a_minute() {
        let refusals = Refusals::default();
        let now = Instant::now();
        for _ in 0..30 {
            assert_eq!(refusals.count(client(1), now), Told::Whole);
        }
        assert_eq!(refusals.count(client(1), now), Told::Summary(1));
        for _ in 0..100 {
            assert_eq!(refusals.count(client(1), now), Told::Nothing);
        }
        let later = now + SUMMARY;
        assert_eq!(refusals.count(client(1), later), Told::Summary(101));
        assert_eq!(refusals.count(client(1), later), Told::Nothing);
    }

    #[test]
    fn many_addresses_are_told_no_more_than_all_may() {
        let refusals = Refusals::default();
        let now = Instant::now();
        let told = (0..5000).map(|number| refusals.count(client(number), now));
        let whole = told.filter(|told| *told == Told::Whole).count();
        // A few come back while it runs.
        assert!((600..650).contains(&whole), "{whole}");
    }
}
