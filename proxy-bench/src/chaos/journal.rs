//! What happened last, so that what went wrong can be found again.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::time::Instant;

/// How many events of a client are told.
const LAST: usize = 20;

/// The last events of a client.
#[derive(Debug)]
pub struct Journal {
    start: Instant,
    events: VecDeque<String>,
}

/// Something that must not happen.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Whose step it was.
    pub client: u64,
    /// Its number.
    pub step: u64,
    /// What was wrong.
    pub what: String,
    /// What the client did before.
    pub events: Vec<String>,
}

/// What all clients together came to.
#[derive(Debug, Default)]
pub struct Results {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tally: Tally,
    findings: Vec<Finding>,
}

/// How many requests came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Complete replies.
    pub complete: u64,
    /// Replies that failed and said so, or could not.
    pub failed: u64,
    /// Replies that the client left.
    pub left: u64,
    /// Garbage that was refused.
    pub garbage: u64,
    /// Accounts of conversations, each of which held what it had to.
    pub accounts: u64,
}

impl Journal {
    /// Nothing has happened since `start`.
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            events: VecDeque::with_capacity(LAST),
        }
    }

    /// Something happens.
    pub fn note(&mut self, what: impl fmt::Display) {
        if self.events.len() == LAST {
            self.events.pop_front();
        }
        let at = self.start.elapsed().as_secs_f64();
        self.events.push_back(format!("{at:9.3} s  {what}"));
    }

    /// What happened last.
    pub fn last(&self) -> Vec<String> {
        self.events.iter().cloned().collect()
    }
}

impl Results {
    /// Adds to the tally.
    pub fn count(&self, add: impl FnOnce(&mut Tally)) {
        add(&mut self.inner().tally);
    }

    /// Adds a finding.
    pub fn found(&self, finding: Finding) {
        self.inner().findings.push(finding);
    }

    /// What there is so far.
    pub fn take(&self) -> (Tally, Vec<Finding>) {
        let mut inner = self.inner();
        (inner.tally, std::mem::take(&mut inner.findings))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            client, step, what, ..
        } = self;
        write!(f, "client {client}, step {step}: {what}")?;
        for event in &self.events {
            write!(f, "\n    {event}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_tells_its_client_its_step_and_the_last_events() {
        let mut journal = Journal::new(Instant::now());
        for event in 0..30 {
            journal.note(event);
        }
        let finding = Finding {
            client: 3,
            step: 19,
            what: "lost".to_owned(),
            events: journal.last(),
        };
        let text = finding.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 1 + LAST);
        assert_eq!(lines[0], "client 3, step 19: lost");
        assert!(lines[1].ends_with(" s  10"), "{text}");
        assert!(lines[LAST].ends_with(" s  29"), "{text}");
    }
}
