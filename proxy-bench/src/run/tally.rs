//! What came of one subject's replies.

use crate::{client::Failure, stats::Samples};
use std::{collections::BTreeMap, time::Duration};

/// Times of replies that stream.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// To the first token.
    pub first: Samples,
    /// How long the other deltas were under way.
    pub chunks: Samples,
}

/// Replies at full speed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Speed {
    /// How many.
    pub replies: u64,
    /// In this time.
    pub elapsed: Duration,
    /// At the cost of this processor time of the subject's process, where it is known.
    pub cpu: Option<Duration>,
}

/// Everything about a subject.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// One request at a time.
    pub alone: Times,
    /// The paced pattern, by the number of streams.
    pub levels: BTreeMap<usize, Times>,
    /// At full speed.
    pub speed: Speed,
    /// Replies that were not what was ordered, by what they were instead.
    pub failures: BTreeMap<String, u64>,
}

impl Times {
    /// Adds replies: the time to each one's first token, and how many nanoseconds each of their
    /// other deltas was under way.
    pub fn extend(&mut self, first: &[Duration], chunks: &[u64]) {
        for &time in first {
            self.first.record(time);
        }
        for &delay in chunks {
            self.chunks.record_ns(delay);
        }
    }

    /// Adds those of another turn.
    pub fn merge(&mut self, other: &Self) {
        self.first.merge(&other.first);
        self.chunks.merge(&other.chunks);
    }
}

impl Speed {
    /// Adds a slice.
    pub fn add(&mut self, other: Self) {
        self.cpu = match (self.replies, self.cpu, other.cpu) {
            (0, _, cpu) => cpu,
            (_, Some(before), Some(more)) => Some(before + more),
            _ => None,
        };
        self.replies += other.replies;
        self.elapsed += other.elapsed;
    }

    /// Replies per second; `None` of none.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵² replies")]
    pub fn per_second(&self) -> Option<f64> {
        (self.replies > 0).then(|| self.replies as f64 / self.elapsed.as_secs_f64())
    }

    /// Processor time per reply, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2⁵² replies")]
    pub fn cpu_us(&self) -> Option<f64> {
        let cpu = self.cpu.filter(|_| self.replies > 0)?;
        Some(cpu.as_secs_f64() * 1e6 / self.replies as f64)
    }
}

impl Tally {
    /// Counts a failure.
    pub fn fail(&mut self, failure: &Failure) {
        // Those of one kind differ in numbers of streams, ids and the like.
        let text: String = failure.to_string();
        let text = match failure {
            Failure::Mixed { .. } => "a mark of another stream".to_owned(),
            Failure::Lost { .. } => "marks or calls missing".to_owned(),
            Failure::Broken { .. } => "broken off before its end".to_owned(),
            _ => text.chars().take(160).collect(),
        };
        *self.failures.entry(text).or_default() += 1;
    }

    /// How many failures there were.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speed(replies: u64, cpu: Option<u64>) -> Speed {
        Speed {
            replies,
            elapsed: Duration::from_secs(1),
            cpu: cpu.map(Duration::from_millis),
        }
    }

    #[test]
    fn slices_add_up_to_a_rate_and_a_cost() {
        let mut all = Speed::default();
        assert_eq!(all.per_second(), None);
        all.add(speed(300, Some(30)));
        all.add(speed(100, Some(50)));
        assert_eq!(all.per_second(), Some(200.0));
        assert_eq!(all.cpu_us(), Some(200.0));
        all.add(speed(1, None));
        assert_eq!(all.cpu_us(), None);
    }

    #[test]
    fn failures_of_one_kind_are_counted_together() {
        let mut tally = Tally::default();
        tally.fail(&Failure::Lost {
            expected: 64,
            got: 3,
        });
        tally.fail(&Failure::Lost {
            expected: 64,
            got: 9,
        });
        tally.fail(&Failure::Timeout);
        assert_eq!(tally.failed(), 3);
        assert_eq!(tally.failures.len(), 2);
    }
}
