//! What the database has not taken yet: kept for a while and tried again.

use crate::traffic::store::{Line, PackedBody};
use std::time::Duration;
use tokio::time::Instant;

/// The most records that are held back; more than that, and the oldest are given up.
const MOST: usize = 8192;

/// How long to wait after a first failure. Twice as long after each further one,
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// up to this.
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// How often bodies are tried. They take too much memory to be held back for long.
const BODY_ATTEMPTS: u32 = 8;

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// Records, in order.
    pub(super) lines: Vec<Line>,
    /// Bodies.
    pub(super) bodies: Vec<PackedBody>,
    /// How often writing has failed since it went well.
    failures: u32,
    /// How often writing these bodies has failed.
    body_failures: u32,
    /// When to try again, if writing has failed.
    retry: Option<Instant>,
}

impl Unwritten {
    /// When to try again, if writing has failed.
    pub(super) fn retry(&self) -> Option<Instant> {
        self.retry
    }

    /// Whether it is not too soon to try.
    pub(super) fn may_try(&self) -> bool {
        self.retry.is_none_or(|retry| retry <= Instant::now())
    }

    /// Tries again the next time, however soon that is: somebody waits for it.
    pub(super) fn hurry(&mut self) {
        self.retry = None;
    }

    /// Takes in that the records are written.
    pub(super) fn wrote_lines(&mut self) {
        self.lines.clear();
        self.went_well();
    }

    /// Takes in that the bodies are written.
    pub(super) fn wrote_bodies(&mut self) {
        self.bodies.clear();
        self.body_failures = 0;
        self.went_well();
    }

    /// Takes in that the records could not be written. Tells how many are given up.
    pub(super) fn lines_failed(&mut self) -> usize {
        self.pause();
        let too_many = self.lines.len().saturating_sub(MOST);
        self.lines.drain(..too_many);
        too_many
    }

    /// Takes in that the bodies could not be written. Tells how many are given up.
    pub(super) fn bodies_failed(&mut self) -> usize {
        self.pause();
        self.body_failures += 1;
        if self.body_failures < BODY_ATTEMPTS {
            return 0;
        }
        self.give_up_bodies()
    }

    /// Gives the bodies up, and tells how many those are.
    pub(super) fn give_up_bodies(&mut self) -> usize {
        let number = self.bodies.len();
        self.bodies.clear();
        self.body_failures = 0;
        number
    }

    fn went_well(&mut self) {
        self.failures = 0;
        self.retry = None;
    }

    fn pause(&mut self) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16));
        self.failures += 1;
        self.retry = Some(Instant::now() + pause.min(LAST_PAUSE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::tests::{record, response};
    use std::sync::Arc;

    fn left(unwritten: &Unwritten) -> Duration {
        unwritten.retry().unwrap() - Instant::now()
    }

    #[test]
    fn the_oldest_are_given_up_where_there_are_too_many() {
        let mut unwritten = Unwritten::default();
        for seq in 0..MOST as u64 + 3 {
            let record = Arc::new(record(seq, 0, response()));
            let json = Arc::default();
            unwritten.lines.push(Line { record, json });
        }
        assert_eq!(unwritten.lines_failed(), 3);
        assert_eq!(unwritten.lines_failed(), 0);
        assert_eq!(unwritten.lines[0].record.seq, 3);
    }

    #[test]
    fn the_pauses_grow_and_end_when_it_goes_well() {
        let mut unwritten = Unwritten::default();
        assert!(unwritten.may_try());
        for millis in [100, 200, 400] {
            unwritten.lines_failed();
            assert!(!unwritten.may_try());
            assert!(left(&unwritten) > Duration::from_millis(millis / 2));
            assert!(left(&unwritten) <= Duration::from_millis(millis));
        }
        for _ in 0..40 {
            unwritten.lines_failed();
        }
        assert!(left(&unwritten) <= LAST_PAUSE);
        unwritten.wrote_lines();
        assert!(unwritten.may_try());
    }
}
