//! When the proxy was not there, and why.

use super::verdict::Outage;
use crate::dice::dice;
use rand::RngExt;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// The number of the fleet where clients have theirs.
const FLEET: u64 = u64::MAX;

/// One time without a proxy.
#[derive(Debug, Clone, Copy)]
struct Gap {
    kind: Outage,
    /// Just before the signal.
    from: Instant,
    /// When the next one listened.
    to: Option<Instant>,
}

/// All times without a proxy so far, for those who judge what clients saw.
#[derive(Debug)]
pub struct Outages {
    gaps: Mutex<Vec<Gap>>,
    is_up: watch::Sender<bool>,
}

/// When the proxy ends in a storm of that length: once in a while, at least once, and one of these
/// times by SIGTERM.
pub fn plan(seed: u64, storm: Duration) -> Vec<(Duration, Outage)> {
    let mut dice = dice(seed, FLEET, 0);
    let mut times = Vec::new();
    let mut at = storm / 4;
    while at < storm || times.is_empty() {
        times.push(at);
        at += Duration::from_millis(dice.random_range(4_000..20_000));
    }
    let polite = dice.random_range(0..times.len());
    let kind = |index| {
        if index == polite && times.len() > 1 {
            Outage::Stopped
        } else {
            Outage::Killed
        }
    };
    let times = times.iter().enumerate();
    times.map(|(index, at)| (*at, kind(index))).collect()
}

impl Outages {
    /// None so far: the proxy listens.
    pub fn new() -> Self {
        Self {
            gaps: Mutex::default(),
            is_up: watch::Sender::new(true),
        }
    }

    /// The proxy is about to end.
    pub fn begin(&self, kind: Outage) {
        self.is_up.send_replace(false);
        self.gaps().push(Gap {
            kind,
            from: Instant::now(),
            to: None,
        });
    }

    /// The next one listens.
    pub fn end(&self) {
        if let Some(gap) = self.gaps().last_mut() {
            gap.to = Some(Instant::now());
        }
        self.is_up.send_replace(true);
    }

    /// How many there have been.
    pub fn count(&self) -> usize {
        self.gaps().len()
    }

    /// What happened between two times; the worse where it was both.
    pub fn between(&self, begin: Instant, end: Instant) -> Option<Outage> {
        let gaps = self.gaps();
        let met = gaps
            .iter()
            .filter(|gap| gap.from <= end && gap.to.is_none_or(|to| begin <= to));
        met.map(|gap| gap.kind)
            .max_by_key(|kind| *kind == Outage::Killed)
    }

    /// Waits until the proxy listens.
    pub async fn up(&self) {
        // The sender lives as long as this does.
        let _ = self.is_up.subscribe().wait_for(|is_up| *is_up).await;
    }

    fn gaps(&self) -> MutexGuard<'_, Vec<Gap>> {
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_has_kills_and_one_polite_end_at_the_same_times_for_the_same_seed() {
        for seed in 0..20 {
            let storm = Duration::from_mins(2);
            let times = plan(seed, storm);
            assert_eq!(times, plan(seed, storm));
            assert!(times.len() >= 4, "{times:?}");
            assert!(times.is_sorted_by_key(|(at, _)| *at));
            assert!(times.iter().all(|(at, _)| *at < storm));
            let polite = times.iter().filter(|(_, kind)| *kind == Outage::Stopped);
            assert_eq!(polite.count(), 1);
        }
        let short = plan(1, Duration::from_secs(1));
        assert_eq!(short, [(Duration::from_millis(250), Outage::Killed)]);
    }

    #[tokio::test]
    async fn only_what_was_under_way_meets_an_outage() {
        let outages = Outages::new();
        let moment = || tokio::time::sleep(Duration::from_millis(2));
        let before = Instant::now();
        moment().await;
        outages.begin(Outage::Stopped);
        let down = Instant::now();
        assert_eq!(outages.between(before, down), Some(Outage::Stopped));
        moment().await;
        outages.end();
        outages.up().await;
        moment().await;
        outages.begin(Outage::Killed);
        let after = Instant::now();
        assert_eq!(outages.between(before, before), None);
        assert_eq!(outages.between(down, down), Some(Outage::Stopped));
        assert_eq!(outages.between(before, after), Some(Outage::Killed));
        assert_eq!(outages.count(), 2);
    }
}
