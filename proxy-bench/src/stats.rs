//! Times of one kind, and what can be said of them.

use hdrhistogram::Histogram;
use std::{fmt, time::Duration};

/// Many times, from a nanosecond to ten minutes, to three digits. It takes a quarter of a megabyte,
/// however many there are: one for each figure, and not one for each stream.
#[derive(Clone)]
pub struct Samples(Histogram<u64>);

impl Samples {
    /// The longest time that is told from longer ones, in nanoseconds.
    const LONGEST: u64 = 600_000_000_000;

    /// None yet.
    pub fn new() -> Self {
        match Histogram::new_with_bounds(1, Self::LONGEST, 3) {
            Ok(histogram) => Self(histogram),
            Err(error) => unreachable!("these bounds are good: {error}"),
        }
    }

    /// Adds one.
    pub fn record(&mut self, time: Duration) {
        self.record_ns(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds one, in nanoseconds. Longer than ten minutes counts as ten minutes.
    pub fn record_ns(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds.max(1));
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: &Self) {
        // Both have the same bounds: nothing of one is out of the other's.
        let _ = self.0.add(&other.0);
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The time that this part of all (0.5, 0.99) does not exceed, in microseconds; 0 of none.
    #[expect(
        clippy::cast_precision_loss,
        reason = "ten minutes in nanoseconds are exact"
    )]
    pub fn quantile_us(&self, quantile: f64) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        self.0.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// By how much that is more than without what lies between, in microseconds. Below zero where
    /// the difference is less than what chance makes of it.
    pub fn added_us(&self, direct: &Self, quantile: f64) -> f64 {
        self.quantile_us(quantile) - direct.quantile_us(quantile)
    }
}

impl Default for Samples {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samples")
            .field("len", &self.len())
            .field("p50_us", &self.quantile_us(0.5))
            .field("p99_us", &self.quantile_us(0.99))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_us(times: impl IntoIterator<Item = u64>) -> Samples {
        let mut samples = Samples::new();
        for time in times {
            samples.record(Duration::from_micros(time));
        }
        samples
    }

    #[track_caller]
    fn near(got: f64, wanted: f64) {
        // Three digits.
        let allowed = wanted.abs() / 500.0;
        assert!((got - wanted).abs() <= allowed, "{got} is not {wanted}");
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let samples = from_us(1..=1000);
        assert_eq!(samples.len(), 1000);
        near(samples.quantile_us(0.5), 500.0);
        near(samples.quantile_us(0.99), 990.0);
        near(samples.quantile_us(1.0), 1000.0);
    }

    #[test]
    fn what_is_added_is_the_difference_of_quantiles_and_may_be_below_zero() {
        let direct = from_us(1..=1000);
        let proxied = from_us((1..=1000).map(|time| time + 300));
        near(proxied.added_us(&direct, 0.5), 300.0);
        near(direct.added_us(&proxied, 0.5), -300.0);
    }

    #[test]
    fn merged_samples_count_as_one() {
        let mut samples = from_us(1..=500);
        samples.merge(&from_us(501..=1000));
        assert_eq!(samples.len(), 1000);
        near(samples.quantile_us(0.5), 500.0);
    }

    #[test]
    fn nothing_recorded_and_times_out_of_bounds_are_no_trouble() {
        let mut samples = Samples::new();
        assert!(samples.is_empty());
        assert!(samples.quantile_us(0.99).abs() < f64::EPSILON);
        samples.record(Duration::ZERO);
        samples.record(Duration::from_hours(1));
        near(samples.quantile_us(1.0), 600_000_000.0);
    }
}
