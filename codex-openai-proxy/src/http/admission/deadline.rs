//! How long a request may take.

use crate::turn::TurnError;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// When a request has to be over, its reply included.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Option<Due>);

#[derive(Debug, Clone, Copy)]
struct Due {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// So much time from now; `None` is as long as it takes.
    #[must_use]
    pub fn after(limit: Option<Duration>) -> Self {
        let due = limit.and_then(|limit| {
            // What lies beyond the clock's end never comes.
            let at = Instant::now().checked_add(limit)?;
            Some(Due { at, limit })
        });
        Self(due)
    }

    /// When that is, where it ever is.
    #[must_use]
    pub fn at(self) -> Option<Instant> {
        self.0.map(|due| due.at)
    }

    /// The earlier of the two.
    #[must_use]
    pub fn or_at(self, at: Instant) -> Instant {
        self.at().map_or(at, |due| due.min(at))
    }

    /// Whether that was.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.at().is_some_and(|at| at <= Instant::now())
    }

    /// What the client is told then.
    #[must_use]
    pub fn error(self) -> TurnError {
        TurnError::OutOfTime {
            limit: self.0.map_or(Duration::MAX, |due| due.limit),
        }
    }

    /// Does something, unless it takes too long.
    ///
    /// # Errors
    ///
    /// [`TurnError::OutOfTime`] where it does. It is dropped by then.
    pub async fn cover<T>(self, work: impl Future<Output = T>) -> Result<T, TurnError> {
        match self.0 {
            Some(due) => timeout_at(due.at, work).await.map_err(|_| self.error()),
            None => Ok(work.await),
        }
    }
}
