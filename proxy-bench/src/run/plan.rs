//! How much of everything a run does.

use crate::subject::Kind;
use std::time::Duration;

/// Between two deltas of the published pattern.
pub const GAP: Duration = Duration::from_millis(20);
/// Deltas of the published pattern.
pub const DELTAS: u32 = 64;
/// Connections at full speed.
pub const CONNECTIONS: usize = 32;
/// Streams whose memory is told.
pub const MANY: usize = 1000;

/// The amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How often the product is started, for the median.
    pub starts: usize,
    /// How long it rests before its memory at rest is read.
    pub settle: Duration,
    /// Replies of each subject that do not count.
    pub warm_up: u32,
    /// Replies of each subject, one at a time, at most.
    pub rounds: u32,
    /// How long these may take.
    pub rounds_end: Duration,
    /// The paced pattern.
    pub levels: Vec<Level>,
    /// Who takes no part in that.
    pub unpaced: &'static [Kind],
    /// Slices of each subject at full speed.
    pub slices: u32,
    /// How long these take together, over all subjects.
    pub slices_end: Duration,
    /// How long the product has rested when its memory afterwards is read; `None` where nobody waits
    /// for that.
    pub rest: Option<Duration>,
    /// When the whole must be over: memory is only looked at while there is time for it.
    pub end: Option<Duration>,
}

/// Streams at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// How many.
    pub concurrency: usize,
    /// How often each subject has its turn.
    pub rounds: u32,
    /// Replies of each stream in a turn, one after the other.
    pub replies: u32,
}

impl Plan {
    /// All of it: some ten minutes.
    pub fn full(concurrency: Option<&[usize]>) -> Self {
        let level = |&concurrency: &usize| Level {
            concurrency,
            rounds: match concurrency {
                0..=8 => 5,
                9..=512 => 2,
                _ => 1,
            },
            replies: 2,
        };
        Self {
            starts: 5,
            settle: Duration::from_secs(2),
            warm_up: 50,
            rounds: 1000,
            rounds_end: Duration::from_mins(2),
            levels: concurrency
                .unwrap_or(&[1, 64, 256, 1000])
                .iter()
                .map(level)
                .collect(),
            unpaced: &[],
            slices: 5,
            slices_end: Duration::from_secs(70),
            rest: Some(Duration::from_mins(1)),
            end: None,
        }
    }

    /// What says something and ends within 45 s.
    pub fn quick(concurrency: Option<&[usize]>) -> Self {
        let level = |&concurrency: &usize| Level {
            concurrency,
            rounds: 1,
            replies: 1,
        };
        Self {
            starts: 3,
            settle: Duration::from_millis(300),
            warm_up: 5,
            rounds: 400,
            rounds_end: Duration::from_millis(2800),
            levels: concurrency.unwrap_or(&[64]).iter().map(level).collect(),
            unpaced: &[Kind::CodexTools],
            slices: 3,
            slices_end: Duration::from_millis(3200),
            rest: None,
            end: Some(Duration::from_secs(44)),
        }
    }

    /// How long one slice at full speed takes where so many subjects have theirs.
    pub fn slice(&self, subjects: usize) -> Duration {
        let all = u32::try_from(subjects).unwrap_or(u32::MAX);
        self.slices_end / all.saturating_mul(self.slices).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_run_leaves_room_for_memory_in_its_45_seconds() {
        let plan = Plan::quick(None);
        let reply = GAP * DELTAS;
        // Six subjects and two peers stream, their workers begin over one reply's length.
        let paced: Duration = plan
            .levels
            .iter()
            .map(|level| reply * 2 * level.rounds * 8)
            .sum();
        let fixed = plan.rounds_end + plan.slices_end + paced;
        assert!(fixed < Duration::from_secs(32), "{fixed:?}");
        assert!(plan.end.unwrap() <= Duration::from_secs(45));
        assert_eq!(plan.rest, None);
    }

    #[test]
    fn a_full_run_has_enough_samples_for_the_99th_of_a_hundred() {
        let plan = Plan::full(None);
        assert!(plan.rounds >= 400);
        for level in &plan.levels {
            let replies = level.rounds * level.replies;
            assert!(replies >= if level.concurrency < 512 { 3 } else { 1 });
        }
        let named = Plan::full(Some(&[7]));
        assert_eq!(named.levels.len(), 1);
        assert_eq!(named.levels[0].concurrency, 7);
    }

    #[test]
    fn slices_share_their_time() {
        let plan = Plan::quick(None);
        // As many as there are of our own.
        assert!(plan.slice(7) * plan.slices * 7 <= plan.slices_end);
        assert!(plan.slice(7) > Duration::from_millis(150));
        assert!(plan.slice(0) <= plan.slices_end);
    }
}
