//! A reply to a request that holds a place.

mod watchdog;

pub use watchdog::Watchdog;

use super::{Broken, Polled, ReplyBody};
use crate::http::admission::gate::Permit;
use http_body::{Body, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};
use tokio::time::Instant;
use watchdog::Watch;

/// A reply that holds a place until it has been read to its end.
///
/// Nobody looks at a reply while its client reads nothing, so that its own deadline does not end it then.
/// Somebody else has to.
pub struct Held {
    place: Arc<Place>,
    /// Ends it when its time has long passed.
    _watch: Option<Watch>,
    /// Whether it was read to its end.
    ended: bool,
}

/// `None` once the reply has ended.
struct Place(Mutex<Option<Taken>>);

struct Taken {
    reply: ReplyBody,
    _permit: Permit,
}

impl Held {
    /// `end` is when it is taken away from a client that has not read it by then, and by whom.
    pub(super) fn new(reply: ReplyBody, permit: Permit, end: Option<(Instant, &Watchdog)>) -> Self {
        let taken = Taken {
            reply,
            _permit: permit,
        };
        let place = Arc::new(Place(Mutex::new(Some(taken))));
        Self {
            _watch: end.map(|(at, watchdog)| watchdog.watch(&place, at)),
            place,
            ended: false,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Polled {
        if self.ended {
            return Poll::Ready(None);
        }
        let polled = match self.place.taken().as_mut() {
            Some(taken) => Pin::new(&mut taken.reply).poll_frame(cx),
            None => Poll::Ready(Some(Err(Broken))),
        };
        // Whoever waits need not wait until the client has heard of the end.
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.ended = true;
            self.place.give_back();
        }
        polled
    }

    pub(super) fn is_end_stream(&self) -> bool {
        let taken = self.place.taken();
        self.ended
            || taken
                .as_ref()
                .is_some_and(|taken| taken.reply.is_end_stream())
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let taken = self.place.taken();
        taken
            .as_ref()
            .map_or_else(SizeHint::default, |taken| taken.reply.size_hint())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The watchdog may hold the place at this moment.
        self.place.give_back();
    }
}

impl Place {
    /// Ends the reply; false where it had ended.
    fn give_back(&self) -> bool {
        // Dropped when the lock is free: that ends the turn.
        let taken = self.taken().take();
        taken.is_some()
    }

    /// Panics of the reply are caught before they come here.
    fn taken(&self) -> MutexGuard<'_, Option<Taken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
