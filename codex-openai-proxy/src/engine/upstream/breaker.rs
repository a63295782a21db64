//! When a provider that keeps failing is left alone, and when it is tried again.
//!
//! Of our own, since the kept crates (`failsafe`, `recloser`) let everybody through at once when a
//! pause ends, and cannot tell how much of it is left, which clients are told in `Retry-After`.

use super::vitals::Standing;
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

/// How long a probe is waited for. Where none has an answer by then, another call probes too: one that
/// takes long must not keep everybody out.
const PROBE_TIME: Duration = Duration::from_secs(5);

/// Lets calls through to a provider while it lives. Times are arguments.
#[derive(Debug)]
pub(super) struct Breaker(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    state: State,
    /// How many probes there were: the number of the latest.
    probes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// All calls go through; so many have failed in a row.
    Closed { failures: u32 },
    /// None does, until then.
    Open { until: Instant, pause: Duration },
    /// One does, since then, and its outcome decides.
    Probing { since: Instant, pause: Duration },
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The provider answered, be it with a refusal.
    Alive,
    /// It cannot be reached, or says that it cannot serve.
    Failed,
    /// It failed at this request, which may be the request's fault or that of one model.
    Unclear,
}

/// How a provider's state changed, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is left alone for so long.
    Down(Duration),
    /// It is back.
    Up,
}

/// The leave to make one call, with all its repetitions. Dropped without a [`Permit::report`], it says
/// that the call was given up before anything was known.
#[derive(Debug)]
#[must_use = "a permit has to be told what became of its call"]
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    /// The number of the probe, if the call is one.
    probe: Option<u64>,
    since: Instant,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Inner {
            state: State::Closed { failures: 0 },
            probes: 0,
        }))
    }

    /// The leave to make a call now.
    ///
    /// # Errors
    ///
    /// How long until it makes sense to ask again.
    pub(super) fn admit(&self, now: Instant) -> Result<Permit<'_>, Duration> {
        let mut inner = self.lock();
        let probe = match inner.state {
            State::Closed { .. } => None,
            State::Open { until: then, .. } if now < then => {
                return Err(then.duration_since(now));
            }
            State::Probing { since, .. } if now < since + PROBE_TIME => {
                return Err((since + PROBE_TIME).duration_since(now));
            }
            State::Open { pause, .. } | State::Probing { pause, .. } => {
                inner.state = State::Probing { since: now, pause };
                inner.probes += 1;
                Some(inner.probes)
            }
        };
        Ok(Permit {
            breaker: self,
            probe,
            since: now,
        })
    }

    /// Whether calls go through. Once a pause is over, the next one does.
    pub(super) fn standing(&self, now: Instant) -> Standing {
        match self.lock().state {
            State::Closed { .. } => Standing::Closed,
            State::Open { until, .. } if now < until => Standing::Open,
            State::Open { .. } | State::Probing { .. } => Standing::HalfOpen,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The state is a plain value: a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Tells what became of the call, at this time. What it became by a repetition can be told as well.
    pub(super) fn report(&mut self, outcome: Outcome, now: Instant) -> Option<Change> {
        let probe = self.probe.take();
        let mut inner = self.breaker.lock();
        let pause = match (outcome, inner.state) {
            (Outcome::Alive, before) => {
                inner.state = State::Closed { failures: 0 };
                return (!matches!(before, State::Closed { .. })).then_some(Change::Up);
            }
            (Outcome::Unclear, _) => {
                inner.give_up(probe, now);
                return None;
            }
            (Outcome::Failed, State::Closed { failures }) if failures + 1 < FAILURES => {
                inner.state = State::Closed {
                    failures: failures + 1,
                };
                return None;
            }
            (Outcome::Failed, State::Closed { .. }) => FIRST_PAUSE,
            (Outcome::Failed, State::Probing { pause, .. }) if inner.is_latest(probe) => {
                (pause * 2).min(LONGEST_PAUSE)
            }
            // A call from before the pause, or a probe that another has followed: nothing new.
            (Outcome::Failed, State::Open { .. } | State::Probing { .. }) => return None,
        };
        inner.state = State::Open {
            until: now + pause,
            pause,
        };
        Some(Change::Down(pause))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // The client left while the probe was under way.
        if let Some(probe) = self.probe {
            self.breaker.lock().give_up(Some(probe), self.since);
        }
    }
}

impl Inner {
    fn is_latest(&self, probe: Option<u64>) -> bool {
        probe == Some(self.probes)
    }

    /// A call ended that tells nothing. If it is the probe that is waited for, the next call probes.
    fn give_up(&mut self, probe: Option<u64>, until: Instant) {
        if let State::Probing { pause, .. } = self.state
            && self.is_latest(probe)
        {
            self.state = State::Open { until, pause };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Alive, Failed, Unclear};

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
            let mut permit = self.admit(second).unwrap();
            permit.report(outcome, self.at(second))
        }

        /// Fails until it is left alone.
        fn break_at(&self, second: u64) {
            for _ in 1..FAILURES {
                assert_eq!(self.call(second, Failed), None);
            }
            assert_eq!(self.call(second, Failed), Some(Change::Down(FIRST_PAUSE)));
        }

        fn is_closed(&self) -> bool {
            matches!(self.breaker.lock().state, State::Closed { .. })
        }

        fn standing(&self, second: u64) -> Standing {
            self.breaker.standing(self.at(second))
        }
    }

    #[test]
    fn only_failures_in_a_row_count() {
        let bench = Bench::new();
        for second in 0..50 {
            assert_eq!(bench.call(second, Unclear), None);
        }
        for second in 0..50 {
            let outcome = if second % 5 == 4 { Alive } else { Failed };
            assert_eq!(bench.call(second, outcome), None);
        }
        bench.break_at(50);
        assert!(!bench.is_closed());
    }

    #[test]
    fn one_probe_decides_after_the_pause() {
        let bench = Bench::new();
        assert_eq!(bench.standing(0), Standing::Closed);
        bench.break_at(0);
        assert_eq!(bench.admit(10).unwrap_err(), 20);
        assert_eq!(bench.standing(29), Standing::Open);
        assert_eq!(bench.standing(30), Standing::HalfOpen);
        let mut probe = bench.admit(30).unwrap();
        assert_eq!(bench.admit(31).unwrap_err(), 4);
        assert_eq!(bench.standing(31), Standing::HalfOpen);
        assert_eq!(probe.report(Alive, bench.at(32)), Some(Change::Up));
        assert!(bench.is_closed());
        assert_eq!(bench.standing(32), Standing::Closed);
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
        assert_eq!(bench.call(31, Unclear), None);
        assert_eq!(bench.call(31, Alive), Some(Change::Up));
    }

    #[test]
    fn a_slow_probe_keeps_nobody_out_and_decides_nothing_for_the_next() {
        let bench = Bench::new();
        bench.break_at(0);
        let (mut slow, slower) = (bench.admit(30).unwrap(), bench.admit(35).unwrap());
        let mut latest = bench.admit(40).unwrap();
        assert_eq!(slow.report(Failed, bench.at(41)), None);
        drop(slower);
        assert_eq!(bench.admit(42).unwrap_err(), 3);
        let down = Some(Change::Down(Duration::from_mins(1)));
        assert_eq!(latest.report(Failed, bench.at(43)), down);
        assert_eq!(bench.admit(44).unwrap_err(), 59);
    }

    #[test]
    fn a_slow_probe_that_is_answered_brings_the_provider_back() {
        let bench = Bench::new();
        bench.break_at(0);
        let mut slow = bench.admit(30).unwrap();
        let _latest = bench.admit(35).unwrap();
        assert_eq!(slow.report(Alive, bench.at(36)), Some(Change::Up));
        assert!(bench.is_closed());
    }

    #[test]
    fn a_call_may_tell_that_the_provider_lives_and_then_that_it_failed() {
        let bench = Bench::new();
        bench.break_at(0);
        let mut probe = bench.admit(30).unwrap();
        assert_eq!(probe.report(Alive, bench.at(30)), Some(Change::Up));
        assert_eq!(probe.report(Failed, bench.at(31)), None);
        for second in 31..34 {
            assert_eq!(bench.call(second, Failed), None);
        }
        assert!(bench.call(34, Failed).is_some());
    }

    #[test]
    fn calls_from_before_the_pause_bring_good_news_only() {
        let bench = Bench::new();
        let (mut old, mut older) = (bench.admit(0).unwrap(), bench.admit(0).unwrap());
        bench.break_at(0);
        assert_eq!(old.report(Failed, bench.at(1)), None);
        assert_eq!(bench.admit(1).unwrap_err(), 29);
        assert_eq!(older.report(Alive, bench.at(2)), Some(Change::Up));
        assert!(bench.is_closed());
    }
}
