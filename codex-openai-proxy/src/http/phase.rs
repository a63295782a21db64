//! How far the service is on its way from start to stop.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering::Relaxed},
};

/// A part of the service's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Connections are not accepted yet.
    Starting,
    /// Requests are answered.
    Serving,
    /// Connections are not accepted any more, and running replies end. Who comes now, on a connection
    /// that is kept, had better go elsewhere.
    Draining,
}

/// The phase that all who hold a clone of it see.
#[derive(Debug, Clone, Default)]
pub struct CurrentPhase(Arc<AtomicU8>);

impl CurrentPhase {
    /// Which it is.
    #[must_use]
    pub fn get(&self) -> Phase {
        match self.0.load(Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            _ => Phase::Draining,
        }
    }

    /// From now on it is this one.
    pub fn set(&self, phase: Phase) {
        let number = match phase {
            Phase::Starting => 0,
            Phase::Serving => 1,
            Phase::Draining => 2,
        };
        self.0.store(number, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_sees_the_same_phase() {
        let phase = CurrentPhase::default();
        let other = phase.clone();
        assert_eq!(other.get(), Phase::Starting);
        for now in [Phase::Serving, Phase::Draining, Phase::Starting] {
            phase.set(now);
            assert_eq!(other.get(), now);
        }
    }
}
