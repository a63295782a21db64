//! How many replies are made at once, and who waits for that.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// Lets in so many at once, the others in the order in which they came. A cheap handle.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    size: Mutex<Size>,
}

#[derive(Debug, Clone, Copy)]
struct Size {
    /// How many may be inside.
    wanted: usize,
    /// How many more are inside, since it was made smaller.
    surplus: usize,
}

/// How long to wait, and among how many.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How many others may wait already.
    pub queue: usize,
    /// How long.
    pub until: Instant,
}

/// A place inside. It is free again when this is dropped.
#[derive(Debug)]
pub struct Permit {
    /// `None` once it is given back.
    place: Option<OwnedSemaphorePermit>,
    gate: Gate,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// Too many wait already.
    Full,
    /// It took too long.
    Late,
}

impl Gate {
    /// A gate for so many at once; `None` for any number.
    #[must_use]
    pub fn new(size: Option<NonZeroUsize>) -> Self {
        let wanted = places(size);
        Self(Arc::new(Shared {
            places: Arc::new(Semaphore::new(wanted)),
            waiting: AtomicUsize::new(0),
            size: Mutex::new(Size { wanted, surplus: 0 }),
        }))
    }

    /// Lets in so many from now on. Whoever is inside stays.
    pub fn resize(&self, size: Option<NonZeroUsize>) {
        let wanted = places(size);
        let mut size = self.size();
        if let Some(fewer) = size.wanted.checked_sub(wanted) {
            let free = self.0.places.forget_permits(fewer);
            size.surplus += fewer - free;
        } else {
            let more = wanted - size.wanted;
            let kept = more.min(size.surplus);
            size.surplus -= kept;
            self.0.places.add_permits(more - kept);
        }
        size.wanted = wanted;
    }

    /// Waits for a place, and tells for how long that was. Dropped before, it waits no longer.
    ///
    /// # Errors
    ///
    /// When patience does not suffice.
    pub async fn enter(&self, patience: Patience) -> Result<(Permit, Duration), Turned> {
        if let Ok(place) = Arc::clone(&self.0.places).try_acquire_owned() {
            return Ok((self.permit(place), Duration::ZERO));
        }
        let begun = Instant::now();
        let _waiting = Waiting::begin(&self.0.waiting, patience.queue).ok_or(Turned::Full)?;
        let place = Arc::clone(&self.0.places).acquire_owned();
        match timeout_at(patience.until, place).await {
            Ok(Ok(place)) => Ok((self.permit(place), begun.elapsed())),
            // It is never closed.
            Ok(Err(_)) | Err(_) => Err(Turned::Late),
        }
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Relaxed)
    }

    fn permit(&self, place: OwnedSemaphorePermit) -> Permit {
        Permit {
            place: Some(place),
            gate: self.clone(),
        }
    }

    /// Nothing panics while it is changed.
    fn size(&self) -> MutexGuard<'_, Size> {
        self.0.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // Given back before the next change of size, which counts those inside.
        let mut size = self.gate.size();
        let Some(place) = self.place.take() else {
            return;
        };
        if size.surplus > 0 {
            size.surplus -= 1;
            place.forget();
        } else {
            drop(place);
        }
    }
}

/// One who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    /// One more, unless `most` wait already.
    fn begin(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let more = |count| (count < most).then_some(count + 1);
        let begun = waiting.fetch_update(Relaxed, Relaxed, more);
        begun.ok().map(|_| Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

fn places(size: Option<NonZeroUsize>) -> usize {
    size.map_or(Semaphore::MAX_PERMITS, |size| {
        size.get().min(Semaphore::MAX_PERMITS)
    })
}

#[cfg(test)]
mod tests;
