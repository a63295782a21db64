//! How much is taken in, and for how long: rates by key or address, bytes and replies at once,
//! time for each.
//!
//! A request that was let in is counted ([`rate`]), then its body is read where there is room for it
//! ([`room`]), then it waits until a reply may be made ([`gate`]), and is understood, aside if it is long
//! ([`aside`]); all of that, and the reply, within its time ([`deadline`]).

mod address;
pub mod aside;
pub mod deadline;
pub mod gate;
pub mod rate;
pub mod room;

pub use address::ClientAddress;
pub use deadline::Deadline;

use crate::config::AdmissionSettings;
use aside::Aside;
use gate::Gate;
use rate::{Exceeded, RateLimiter, Standing};
use room::Room;
use std::sync::Arc;

/// What is counted of requests, shared by all of them. A cheap handle.
#[derive(Debug, Clone)]
pub struct Admission {
    rates: Option<Arc<RateLimiter>>,
    gate: Gate,
    room: Room,
    aside: Aside,
}

impl Admission {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(settings: &AdmissionSettings) -> Self {
        Self {
            rates: settings.rate.map(|rate| Arc::new(RateLimiter::new(rate))),
            gate: Gate::new(settings.max_parallel),
            room: Room::new(0),
            aside: Aside::default(),
        }
    }

    /// The same with other settings. Replies that are being made count on, and so does what came in
    /// before, unless the rate has changed.
    #[must_use]
    pub fn reconfigured(&self, settings: &AdmissionSettings) -> Self {
        self.gate.resize(settings.max_parallel);
        let same = self.rates.as_ref();
        let same = same.filter(|rates| Some(rates.limit()) == settings.rate);
        Self {
            rates: match same {
                Some(rates) => Some(Arc::clone(rates)),
                None => settings.rate.map(|rate| Arc::new(RateLimiter::new(rate))),
            },
            gate: self.gate.clone(),
            room: self.room.clone(),
            aside: self.aside.clone(),
        }
    }

    /// The same, with room for bodies of so many bytes at least.
    #[must_use]
    pub fn fitting(self, longest_body: usize) -> Self {
        self.room.fit(longest_body);
        self
    }

    /// Counts a request with this key, or without one from this address; `None` where none are counted.
    ///
    /// # Errors
    ///
    /// When it is one too many.
    pub fn count(
        &self,
        key: Option<&Arc<str>>,
        address: ClientAddress,
    ) -> Result<Option<Standing>, Exceeded> {
        let rates = self.rates.as_ref();
        rates.map(|rates| rates.check(key, address)).transpose()
    }

    /// Where requests for replies wait.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Where bodies are kept.
    #[must_use]
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Where long bodies are understood.
    #[must_use]
    pub fn aside(&self) -> &Aside {
        &self.aside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RateLimit;
    use std::{
        net::{IpAddr, Ipv4Addr},
        num::NonZeroU32,
        time::Duration,
    };

    fn settings(requests: Option<u32>) -> AdmissionSettings {
        AdmissionSettings {
            rate: requests.map(|requests| RateLimit {
                requests: NonZeroU32::new(requests).unwrap(),
                window: Duration::from_mins(1),
            }),
            ..AdmissionSettings::default()
        }
    }

    fn is_served(admission: &Admission) -> bool {
        let client = IpAddr::from(Ipv4Addr::LOCALHOST).into();
        admission.count(None, client).is_ok()
    }

    #[test]
    fn what_was_counted_is_forgotten_with_the_limit_and_not_before() {
        let admission = Admission::new(&settings(Some(1)));
        assert!(is_served(&admission));
        let same = admission.reconfigured(&settings(Some(1)));
        assert!(!is_served(&same));
        let other = same.reconfigured(&settings(Some(2)));
        assert!(is_served(&other) && is_served(&other));
        assert!(!is_served(&other));
        assert!(is_served(&other.reconfigured(&settings(None))));
        // Requests that began before go by what was set then.
        assert!(!is_served(&admission));
    }
}
