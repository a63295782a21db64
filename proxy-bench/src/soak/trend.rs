//! Tells a trend from noise.
//!
//! The run is divided into quarters of equal load. The first is the warm-up and does not count. A
//! figure has a trend where two estimates of its growth over the other three both exceed what it is
//! allowed: the distance of the medians of the second quarter and the last, and the slope of
//! Theil and Sen, which is the median of the slopes between all pairs of samples. Neither is moved
//! by a few samples that are far off, and a single step, such as a cache that is filled, is half
//! forgiven by the second.

use std::time::Duration;

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Since the run's beginning.
    pub at: Duration,
    /// In whatever unit.
    pub value: f64,
}

/// How much a figure may grow between the warm-up and the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// As a share of the second quarter's median.
    pub share: f64,
    /// And this much besides, in the figure's unit: what one run differs from another.
    pub slack: f64,
}

/// What a figure did in a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// The median of each quarter.
    pub quarters: [f64; 4],
    /// How much it grew from the warm-up's end to the run's, by its slope.
    pub growth: f64,
    /// How much it may have grown.
    pub allowed: f64,
}

impl Trend {
    /// How many samples each quarter needs.
    const FEW: usize = 3;

    /// Judges the samples of a run that took `run`; `None` where there are too few of them.
    pub fn new(samples: &[Sample], run: Duration, allowance: Allowance) -> Option<Self> {
        let quarter = run / 4;
        let mut values = [const { Vec::new() }; 4];
        for sample in samples {
            let index = (0..3).find(|index| sample.at < quarter * (index + 1));
            values[index.unwrap_or(3) as usize].push(sample.value);
        }
        if values.iter().any(|values| values.len() < Self::FEW) {
            return None;
        }
        let quarters = values.map(|mut values| median(&mut values));
        let warm: Vec<_> = samples.iter().filter(|s| s.at >= quarter).collect();
        Some(Self {
            quarters,
            growth: slope(&warm) * (quarter * 3).as_secs_f64(),
            allowed: quarters[1].abs() * allowance.share + allowance.slack,
        })
    }

    /// How much it grew from the warm-up's end to the run's, by the medians: two quarters lie
    /// between the middles of the second and the last.
    pub fn growth_of_medians(&self) -> f64 {
        (self.quarters[3] - self.quarters[1]) * 1.5
    }

    /// Whether it grows.
    pub fn is_growing(&self) -> bool {
        self.growth > self.allowed && self.growth_of_medians() > self.allowed
    }
}

/// The slope of Theil and Sen, per second.
fn slope(samples: &[&Sample]) -> f64 {
    let mut slopes = Vec::with_capacity(samples.len() * samples.len() / 2);
    for (index, early) in samples.iter().enumerate() {
        for late in &samples[index + 1..] {
            let time = late.at.saturating_sub(early.at).as_secs_f64();
            if time > 0.0 {
                slopes.push((late.value - early.value) / time);
            }
        }
    }
    median(&mut slopes)
}

/// The median, the lower of two; 0 where there is nothing.
fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    const RUN: Duration = Duration::from_mins(30);
    const ALLOWANCE: Allowance = Allowance {
        share: 0.10,
        slack: 8.0,
    };

    /// A sample in every five seconds, of which each is up to 8 % off, and one in fifty by half.
    fn samples(seed: u64, value: impl Fn(f64) -> f64) -> Vec<Sample> {
        let mut dice = StdRng::seed_from_u64(seed);
        let times = (0..360).map(|index| Duration::from_secs(index * 5));
        let sample = |at: Duration| {
            let noise = dice.random_range(-0.08..0.08) + f64::from(dice.random_ratio(1, 50)) / 2.0;
            Sample {
                at,
                value: value(at.as_secs_f64() / 60.0) * (1.0 + noise),
            }
        };
        times.map(sample).collect()
    }

    fn is_growing(samples: &[Sample]) -> bool {
        Trend::new(samples, RUN, ALLOWANCE).unwrap().is_growing()
    }

    #[test]
    fn a_leak_of_one_percent_in_a_minute_is_found_in_noise() {
        for seed in 0..20 {
            let leak = samples(seed, |minute| 120.0 * (1.0 + 0.01 * minute));
            assert!(is_growing(&leak), "seed {seed}");
        }
    }

    #[test]
    fn noise_alone_is_no_trend_and_neither_is_a_warm_up_or_a_decline() {
        for seed in 0..20 {
            assert!(!is_growing(&samples(seed, |_| 120.0)), "seed {seed}");
            let warm_up = samples(seed, |minute| 120.0 - 80.0 * (-minute).exp());
            assert!(!is_growing(&warm_up), "seed {seed}");
            let decline = samples(seed, |minute| 120.0 - minute);
            assert!(!is_growing(&decline), "seed {seed}");
        }
    }

    #[test]
    fn a_load_that_is_the_same_in_each_quarter_is_no_trend() {
        let curve = |minute: f64| 120.0 + 60.0 * (minute / 7.5 * std::f64::consts::TAU).sin();
        assert!(!is_growing(&samples(1, curve)));
        assert!(is_growing(
            &samples(1, |minute| curve(minute) + 3.0 * minute)
        ));
    }

    #[test]
    fn growth_is_told_in_the_unit_of_the_samples() {
        let line: Vec<_> = (0..400)
            .map(|second| Sample {
                at: Duration::from_secs(second),
                value: f64::from(u32::try_from(second).unwrap()) * 2.0,
            })
            .collect();
        let trend = Trend::new(&line, Duration::from_secs(400), ALLOWANCE).unwrap();
        assert!((trend.growth - 600.0).abs() < 1e-6, "{trend:?}");
        assert!(
            (trend.growth_of_medians() - 600.0).abs() < 1e-6,
            "{trend:?}"
        );
        assert_eq!(
            Trend::new(&line[..250], Duration::from_secs(400), ALLOWANCE),
            None
        );
    }

    #[test]
    fn the_median_is_the_middle_value() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&mut [4.0, 1.0, 2.0, 3.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(&mut []).abs() < f64::EPSILON);
    }
}
