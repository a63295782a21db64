//! Takes replies away that their clients do not read.

use super::Place;
use slab::Slab;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tracing::Span;

/// How often replies are looked at, while there are any. By so much a reply may outlast its time.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// Watches over replies that hold a place. A cheap handle.
///
/// One task looks after all of them, and only while there are some: a task for each would have to be
/// started, and another thread woken for it, while the first words of its reply wait.
#[derive(Clone, Default)]
pub struct Watchdog(Arc<Mutex<Watched>>);

#[derive(Default)]
struct Watched {
    replies: Slab<Entry>,
    /// Whether the task runs.
    is_awake: bool,
}

struct Entry {
    end: Instant,
    place: Weak<Place>,
    /// Its request's, for the log.
    span: Span,
}

/// Has a reply watched over as long as it lives.
pub(super) struct Watch {
    watchdog: Watchdog,
    key: usize,
}

impl Watchdog {
    /// Takes the reply of this place away at the end, or up to [`TICK`] later.
    pub(super) fn watch(&self, place: &Arc<Place>, end: Instant) -> Watch {
        let mut watched = self.watched();
        let key = watched.replies.insert(Entry {
            end,
            place: Arc::downgrade(place),
            span: Span::current(),
        });
        if !watched.is_awake {
            watched.is_awake = true;
            tokio::spawn(self.clone().look());
        }
        Watch {
            watchdog: self.clone(),
            key,
        }
    }

    async fn look(self) {
        loop {
            sleep(TICK).await;
            let Some(late) = self.late(Instant::now()) else {
                return;
            };
            for (place, span) in late {
                if place.give_back() {
                    span.in_scope(|| tracing::warn!("reply_not_read"));
                }
            }
        }
    }

    /// Those whose time is over; `None` where there are no replies any more, and no task is needed.
    fn late(&self, now: Instant) -> Option<Vec<(Arc<Place>, Span)>> {
        let mut watched = self.watched();
        if watched.replies.is_empty() {
            watched.is_awake = false;
            return None;
        }
        let late = watched.replies.iter().filter(|(_, entry)| entry.end <= now);
        let places =
            late.filter_map(|(_, entry)| Some((entry.place.upgrade()?, entry.span.clone())));
        Some(places.collect())
    }

    /// A panic leaves it whole: nothing that may panic is done between two changes.
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replies = self.watched().replies.len();
        f.debug_struct("Watchdog")
            .field("replies", &replies)
            .finish()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Dropped when the lock is free: a span that ends may be written to the log.
        let _entry = self.watchdog.watched().replies.try_remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_task_looks_after_all_replies_and_only_while_there_are_some() {
        let tasks = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        let watchdog = Watchdog::default();
        let place = Arc::new(Place(Mutex::new(None)));
        let watch = || watchdog.watch(&place, Instant::now());
        let watches = [watch(), watch(), watch()];
        assert_eq!(tasks(), 1);
        sleep(TICK + TICK / 4).await;
        // Their time is over, but they live.
        assert_eq!(tasks(), 1);
        drop(watches);
        sleep(TICK).await;
        assert_eq!(tasks(), 0);
        assert!(watchdog.watched().replies.is_empty());
        let _watch = watch();
        assert_eq!(tasks(), 1);
    }
}
