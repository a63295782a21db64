//! Tells those who try out keys that they have shown too many.

use super::{Refusal, counters::Counters};
use crate::http::admission::ClientAddress;
use std::{fmt, num::NonZeroU32, sync::Arc};

/// How many wrong keys may come from an address in a minute.
const PER_MINUTE: NonZeroU32 = match NonZeroU32::new(10) {
    Some(number) => number,
    None => NonZeroU32::MIN,
};

/// Counts wrong keys. Whoever shows too many of them is told so, which a client that has lost its key
/// understands better than one refusal after the other. None of them is held up: what makes keys hard to
/// guess is their length. The right key is always let in, because behind a tunnel everybody has the same
/// address; and addresses share counters. A cheap handle.
#[derive(Clone)]
pub struct Guesses(Arc<Counters>);

impl Default for Guesses {
    fn default() -> Self {
        Self(Arc::new(Counters::per_minute(PER_MINUTE)))
    }
}

impl Guesses {
    /// What becomes of a refusal of this client.
    #[must_use]
    pub fn count(&self, refusal: Refusal, client: ClientAddress) -> Refusal {
        if refusal != Refusal::WrongKey {
            return refusal;
        }
        match self.0.count(client) {
            Ok(()) => refusal,
            Err(retry_after) => Refusal::TooManyWrongKeys { retry_after },
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
    fn the_eleventh_wrong_key_of_a_minute_is_told_when_the_next_counts() {
        let guesses = Guesses::default();
        for _ in 0..10 {
            let refusal = guesses.count(Refusal::WrongKey, client(1));
            assert_eq!(refusal, Refusal::WrongKey);
        }
        let Refusal::TooManyWrongKeys { retry_after } = guesses.count(Refusal::WrongKey, client(1))
        else {
            panic!("one too many");
        };
        let wait = Duration::from_secs(5)..=Duration::from_secs(6);
        assert!(wait.contains(&retry_after), "{retry_after:?}");
        // Whoever does not guess is told what is wrong.
        for refusal in [Refusal::NoKey, Refusal::ForeignPage] {
            assert_eq!(guesses.count(refusal, client(1)), refusal);
        }
    }

    #[test]
    fn other_addresses_are_not_told_so() {
        let guesses = Guesses::default();
        for _ in 0..100 {
            let _ = guesses.count(Refusal::WrongKey, client(1));
        }
        let others = (2..=100).map(|last| guesses.count(Refusal::WrongKey, client(last)));
        // One of them may share its counter.
        let waiting = others.filter(|refusal| is_told_to_wait(*refusal)).count();
        assert!(waiting < 5, "{waiting}");
    }
}
