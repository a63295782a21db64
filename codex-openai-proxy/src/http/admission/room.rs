//! How many bytes of request bodies are in memory at once.

use bytes::Bytes;
use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for all bodies together, in bytes, unless a single one may be longer than that.
const ROOM: usize = 512 * 1024 * 1024;

/// What room is counted in, in bytes.
const UNIT: usize = 1024;

/// Room for the bodies of requests, shared by all of them. A cheap handle.
#[derive(Debug, Clone)]
pub struct Room(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    free: Arc<Semaphore>,
    /// All units, taken or not.
    size: Mutex<usize>,
}

/// What one body takes of the room. It is free again when this is dropped, and when nobody has the bytes
/// any more that it was given to.
#[derive(Debug)]
pub struct Share {
    room: Room,
    taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Room for many bodies, of which the longest has so many bytes.
    #[must_use]
    pub fn new(longest: usize) -> Self {
        let size = units(longest.max(ROOM));
        Self(Arc::new(Shared {
            free: Arc::new(Semaphore::new(size)),
            size: Mutex::new(size),
        }))
    }

    /// Makes it large enough for a body of so many bytes. It never gets smaller: a request keeps to the bound
    /// that it began with.
    pub fn fit(&self, longest: usize) {
        let wanted = units(longest);
        // Nothing panics while it is changed.
        let mut size = self.0.size.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(more) = wanted.checked_sub(*size) {
            self.0.free.add_permits(more);
            *size = wanted;
        }
    }

    /// How many bytes more may come.
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.free.available_permits() * UNIT
    }

    /// The share of a body of which nothing has come yet.
    #[must_use]
    pub fn share(&self) -> Share {
        Share {
            room: self.clone(),
            taken: None,
        }
    }
}

impl Share {
    /// Makes it one of so many bytes, as soon as there is room for them. Who asked first comes first. Dropped
    /// before, it takes nothing more than it had.
    pub async fn grow(&mut self, bytes: usize) {
        let taken = self.taken.as_ref();
        let taken = taken.map_or(0, OwnedSemaphorePermit::num_permits);
        let more = units(bytes).saturating_sub(taken);
        if more == 0 {
            return;
        }
        // A body of four terabytes is none that is read.
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let free = Arc::clone(&self.room.0.free);
        // It is never closed.
        let Ok(more) = free.acquire_many_owned(more).await else {
            return;
        };
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
    }

    /// The same bytes, which keep their room for as long as somebody has them, be it only a slice.
    #[must_use]
    pub fn hold(mut self, bytes: Bytes) -> Bytes {
        match mem::take(&mut self.taken) {
            Some(taken) => Bytes::from_owner(Counted {
                bytes,
                _taken: taken,
            }),
            None => bytes,
        }
    }
}

/// Bytes and their room.
struct Counted {
    bytes: Bytes,
    _taken: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    /// Takes so many bytes, which are there.
    fn take(room: &Room, bytes: usize) -> Share {
        let mut share = room.share();
        share.grow(bytes).now_or_never().unwrap();
        share
    }

    #[test]
    fn there_is_room_for_one_of_the_longest_at_least() {
        let room = Room::new(1);
        assert_eq!(room.free(), ROOM);
        assert_eq!(Room::new(ROOM + 1).free(), ROOM + UNIT);
        let one = take(&room, ROOM);
        room.fit(ROOM + UNIT);
        assert_eq!(room.free(), UNIT);
        // Bodies that began before may be as long as they might.
        room.fit(1);
        drop(one);
        assert_eq!(room.free(), ROOM + UNIT);
    }

    #[test]
    fn a_share_grows_with_its_body_and_takes_no_more() {
        let room = Room::new(0);
        let mut share = room.share();
        for (bytes, taken) in [(0, 0), (1, 1), (UNIT, 1), (UNIT + 1, 2), (5 * UNIT, 5)] {
            share.grow(bytes).now_or_never().unwrap();
            assert_eq!(room.free(), ROOM - taken * UNIT, "{bytes}");
        }
    }

    #[test]
    fn room_is_taken_for_as_long_as_a_slice_is_left() {
        let room = Room::new(0);
        let body = take(&room, 3 * UNIT).hold(Bytes::from(vec![b'x'; 3 * UNIT]));
        let slice = body.slice(7..9);
        drop(body);
        assert_eq!(room.free(), ROOM - 3 * UNIT);
        assert_eq!(slice, "xx");
        drop(slice);
        assert_eq!(room.free(), ROOM);
    }

    #[test]
    fn who_asks_first_is_served_first_and_who_gives_up_gets_nothing() {
        let room = Room::new(0);
        let first = take(&room, ROOM - UNIT);
        let (mut second, mut third, mut last) = (room.share(), room.share(), room.share());
        let mut long = Box::pin(second.grow(2 * UNIT));
        let mut short = Box::pin(third.grow(UNIT));
        assert!(long.as_mut().now_or_never().is_none());
        assert!(short.as_mut().now_or_never().is_none());
        drop(long);
        assert!(short.now_or_never().is_some());
        assert!(last.grow(UNIT).now_or_never().is_none());
        drop((first, second));
        assert!(last.grow(UNIT).now_or_never().is_some());
    }
}
