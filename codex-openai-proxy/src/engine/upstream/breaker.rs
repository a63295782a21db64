//! When a provider that keeps failing is left alone, and when it is tried again.
//!
//! Of our own, since the kept crates (`failsafe`, `recloser`) let everybody through at once when a
//! pause ends, and cannot tell how much of it is left, which clients are told in `Retry-After`.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Failures in a row after which a provider is left alone.
const FAILURES: u32 = 5;

/// How long at first.
const FIRST_PAUSE: Duration = Duration::from_secs(30);

/// How long at most: each probe that fails doubles the pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// How soon to come back while a probe is under way.
const WHILE_PROBING: Duration = Duration::from_secs(5);

/// Lets calls through to a provider while it lives. Times are arguments.
#[derive(Debug)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// All calls go through; so many have failed in a row.
    Closed { failures: u32 },
    /// None does, until then.
    Open { until: Instant, pause: Duration },
    /// One does, and its outcome decides.
    Probing { pause: Duration },
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The provider answered, be it with a refusal.
    Alive,
    /// It did not, or with a failure of its own.
    Failed,
}

/// How a provider's state changed, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is left alone for so long.
    Down(Duration),
    /// It is back.
    Up,
}

/// The leave to make one call. Dropped without a [`Permit::report`], it says that the call was given
/// up before anything was known.
#[derive(Debug)]
#[must_use = "a permit has to be told what became of its call"]
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    kind: Kind,
    since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Usual,
    /// The call that tells whether the provider is back.
    Probe,
    Reported,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::Closed { failures: 0 }))
    }

    /// The leave to make a call now.
    ///
    /// # Errors
    ///
    /// How long until it makes sense to ask again.
    pub(super) fn admit(&self, now: Instant) -> Result<Permit<'_>, Duration> {
        let mut state = self.state();
        let kind = match *state {
            State::Closed { .. } => Kind::Usual,
            State::Open { until, .. } if now < until => {
                return Err(until.duration_since(now));
            }
            State::Open { pause, .. } => {
                *state = State::Probing { pause };
                Kind::Probe
            }
            State::Probing { .. } => return Err(WHILE_PROBING),
        };
        Ok(Permit {
            breaker: self,
            kind,
            since: now,
        })
    }

    /// Whether calls go through without question.
    pub(super) fn is_closed(&self) -> bool {
        matches!(*self.state(), State::Closed { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is a plain value: a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Tells what became of the call, at this time.
    pub(super) fn report(mut self, outcome: Outcome, now: Instant) -> Option<Change> {
        let kind = std::mem::replace(&mut self.kind, Kind::Reported);
        let mut state = self.breaker.state();
        let pause = match (outcome, *state) {
            (Outcome::Alive, before) => {
                *state = State::Closed { failures: 0 };
                return (!matches!(before, State::Closed { .. })).then_some(Change::Up);
            }
            (Outcome::Failed, State::Closed { failures }) if failures + 1 < FAILURES => {
                *state = State::Closed {
                    failures: failures + 1,
                };
                return None;
            }
            (Outcome::Failed, State::Closed { .. }) => FIRST_PAUSE,
            (Outcome::Failed, State::Probing { pause }) if kind == Kind::Probe => {
                (pause * 2).min(LONGEST_PAUSE)
            }
            // A call from before the pause: nothing new.
            (Outcome::Failed, State::Open { .. } | State::Probing { .. }) => return None,
        };
        *state = State::Open {
            until: now + pause,
            pause,
        };
        Some(Change::Down(pause))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // The client left while the probe was under way: the next call probes.
        if self.kind == Kind::Probe {
            let mut state = self.breaker.state();
            if let State::Probing { pause } = *state {
                *state = State::Open {
                    until: self.since,
                    pause,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Alive, Failed};

    /// A breaker, and a clock that begins at 0.
    struct Bench {
        breaker: Breaker,
        zero: Instant,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                breaker: Breaker::new(),
                zero: Instant::now(),
            }
        }

        fn at(&self, second: u64) -> Instant {
            self.zero + Duration::from_secs(second)
        }

        fn admit(&self, second: u64) -> Result<Permit<'_>, u64> {
            let admitted = self.breaker.admit(self.at(second));
            admitted.map_err(|wait| wait.as_secs())
        }

        fn call(&self, second: u64, outcome: Outcome) -> Option<Change> {
            let permit = self.admit(second).unwrap();
            permit.report(outcome, self.at(second))
        }

        /// Fails until it is left alone.
        fn break_at(&self, second: u64) {
            for _ in 1..FAILURES {
                assert_eq!(self.call(second, Failed), None);
            }
            assert_eq!(self.call(second, Failed), Some(Change::Down(FIRST_PAUSE)));
        }
    }

    #[test]
    fn only_failures_in_a_row_count() {
        let bench = Bench::new();
        for second in 0..50 {
            let outcome = if second % 5 == 4 { Alive } else { Failed };
            assert_eq!(bench.call(second, outcome), None);
        }
        bench.break_at(50);
        assert!(!bench.breaker.is_closed());
    }

    #[test]
    fn one_probe_decides_after_the_pause() {
        let bench = Bench::new();
        bench.break_at(0);
        assert_eq!(bench.admit(10).unwrap_err(), 20);
        let probe = bench.admit(30).unwrap();
        assert_eq!(bench.admit(31).unwrap_err(), WHILE_PROBING.as_secs());
        assert_eq!(probe.report(Alive, bench.at(32)), Some(Change::Up));
        assert!(bench.breaker.is_closed());
        bench.break_at(33);
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let bench = Bench::new();
        bench.break_at(0);
        let mut now = 30;
        for pause in [60, 120, 240, 300, 300] {
            let down = Some(Change::Down(Duration::from_secs(pause)));
            assert_eq!(bench.call(now, Failed), down);
            assert_eq!(bench.admit(now).unwrap_err(), pause);
            now += pause;
        }
    }

    #[test]
    fn a_probe_that_was_given_up_leaves_its_place_to_the_next() {
        let bench = Bench::new();
        bench.break_at(0);
        drop(bench.admit(30).unwrap());
        assert_eq!(bench.call(31, Alive), Some(Change::Up));
    }

    #[test]
    fn calls_from_before_the_pause_bring_good_news_only() {
        let bench = Bench::new();
        let (old, older) = (bench.admit(0).unwrap(), bench.admit(0).unwrap());
        bench.break_at(0);
        assert_eq!(old.report(Failed, bench.at(1)), None);
        assert_eq!(bench.admit(1).unwrap_err(), 29);
        assert_eq!(older.report(Alive, bench.at(2)), Some(Change::Up));
        assert!(bench.breaker.is_closed());
    }
}
