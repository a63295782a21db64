//! What the upstream counts, so that a run can see that nothing is left over.

use serde::Serialize;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Counters of a process.
#[derive(Debug, Default)]
pub(super) struct Counts {
    requests: AtomicU64,
    done: AtomicU64,
    left: AtomicU64,
}

/// The body of `GET /stats`.
#[derive(Debug, Serialize)]
pub(super) struct Stats {
    /// Requests for replies so far.
    requests: u64,
    /// Replies that went out as they were ordered, with whatever fault that was.
    replies_done: u64,
    /// Replies whose client went away before their end.
    replies_left: u64,
    /// Replies under way.
    open: u64,
}

/// A reply under way. Unless it was [`done`](Self::done), its client went away.
#[derive(Debug)]
pub(super) struct Running {
    counts: Arc<Counts>,
    is_done: bool,
    /// The request's number.
    pub serial: u64,
}

impl Counts {
    /// A request for a reply has come.
    pub fn begin(self: &Arc<Self>) -> Running {
        Running {
            counts: Arc::clone(self),
            is_done: false,
            serial: self.requests.fetch_add(1, Relaxed),
        }
    }

    /// The figures now.
    pub fn stats(&self) -> Stats {
        // In this order no reply that ends meanwhile makes more ends than requests.
        let (done, left) = (self.done.load(Relaxed), self.left.load(Relaxed));
        let requests = self.requests.load(Relaxed);
        Stats {
            requests,
            replies_done: done,
            replies_left: left,
            open: requests.saturating_sub(done + left),
        }
    }
}

impl Running {
    /// The reply went out as it was ordered.
    pub fn done(&mut self) {
        self.is_done = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let counter = if self.is_done {
            &self.counts.done
        } else {
            &self.counts.left
        };
        counter.fetch_add(1, Relaxed);
    }
}
