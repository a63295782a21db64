//! A queue that any number of threads push to and pop from.
//!
//! codex-core gives each thread a channel for 512 submissions of some 650 bytes, of which one or two ever
//! wait. The published crate of this name, on which async-channel is built, makes room for all of them at
//! once and touches it: 320 KiB a thread, nearly half of what a thread takes. This one grows as it is used,
//! behind a lock that is held for a move and no longer.

use std::{
    collections::VecDeque,
    error, fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What an empty queue keeps room for.
const KEPT: usize = 32;

/// A queue, first in, first out. It may be bounded, and closed.
pub struct ConcurrentQueue<T> {
    state: Mutex<State<T>>,
    capacity: Option<usize>,
}

struct State<T> {
    values: VecDeque<T>,
    is_closed: bool,
}

impl<T> ConcurrentQueue<T> {
    /// A queue for so many values.
    ///
    /// # Panics
    ///
    /// Where it is for none.
    #[must_use]
    pub const fn bounded(capacity: usize) -> Self {
        assert!(capacity > 0, "capacity must be positive");
        Self::new(Some(capacity))
    }

    /// A queue for any number of values.
    #[must_use]
    pub const fn unbounded() -> Self {
        Self::new(None)
    }

    const fn new(capacity: Option<usize>) -> Self {
        Self {
            state: Mutex::new(State {
                values: VecDeque::new(),
                is_closed: false,
            }),
            capacity,
        }
    }

    /// Adds a value.
    ///
    /// # Errors
    ///
    /// With the value, where the queue is closed or full.
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        let mut state = self.state();
        if state.is_closed {
            return Err(PushError::Closed(value));
        }
        if self.is_reached(state.values.len()) {
            return Err(PushError::Full(value));
        }
        state.values.push_back(value);
        Ok(())
    }

    /// Adds a value. Where the queue is full, the oldest makes way for it and is returned.
    ///
    /// # Errors
    ///
    /// With the value, where the queue is closed.
    pub fn force_push(&self, value: T) -> Result<Option<T>, ForcePushError<T>> {
        let mut state = self.state();
        if state.is_closed {
            return Err(ForcePushError(value));
        }
        let oldest = if self.is_reached(state.values.len()) {
            state.values.pop_front()
        } else {
            None
        };
        state.values.push_back(value);
        Ok(oldest)
    }

    /// Takes the oldest value. A closed queue still gives what it has.
    ///
    /// # Errors
    ///
    /// Where it has none.
    pub fn pop(&self) -> Result<T, PopError> {
        let mut state = self.state();
        let Some(value) = state.values.pop_front() else {
            return Err(if state.is_closed {
                PopError::Closed
            } else {
                PopError::Empty
            });
        };
        if state.values.is_empty() && state.values.capacity() > KEPT {
            state.values = VecDeque::new();
        }
        Ok(value)
    }

    /// Takes values until there are none.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { queue: self }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it takes no more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_reached(self.len())
    }

    /// How many values it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().values.len()
    }

    /// How many it may have, where that is bounded.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.capacity
    }

    /// From now on it takes no value. Whether it did before.
    pub fn close(&self) -> bool {
        let mut state = self.state();
        !std::mem::replace(&mut state.is_closed, true)
    }

    /// Whether it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    fn is_reached(&self, number: usize) -> bool {
        self.capacity.is_some_and(|capacity| number >= capacity)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // What is under it is whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for ConcurrentQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrentQueue")
            .field("len", &self.len())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// Takes the values of a queue, one after another.
#[derive(Debug, Clone)]
pub struct TryIter<'a, T> {
    queue: &'a ConcurrentQueue<T>,
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.queue.pop().ok()
    }
}

/// Why nothing was popped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PopError {
    /// There is nothing now.
    Empty,
    /// There is nothing, and will not be.
    Closed,
}

impl PopError {
    /// Whether there is nothing now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Whether there will be nothing.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::Closed => "the queue is empty and closed",
        })
    }
}

impl error::Error for PopError {}

/// Why something was not pushed, and what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PushError<T> {
    /// There is no room.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

impl<T> PushError<T> {
    /// What was to be pushed.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }

    /// Whether there was no room.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the queue was closed.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

impl<T: fmt::Debug> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(value) => f.debug_tuple("Full").field(value).finish(),
            Self::Closed(value) => f.debug_tuple("Closed").field(value).finish(),
        }
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::Closed(_) => "the queue is closed",
        })
    }
}

impl<T: fmt::Debug> error::Error for PushError<T> {}

/// What was not pushed, because the queue is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForcePushError<T>(pub T);

impl<T> ForcePushError<T> {
    /// What was to be pushed.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Display for ForcePushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is closed")
    }
}

impl<T: fmt::Debug> error::Error for ForcePushError<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{thread, vec::Vec};

    #[test]
    fn values_come_in_their_order_until_it_is_full() {
        let queue = ConcurrentQueue::bounded(2);
        assert_eq!(queue.capacity(), Some(2));
        assert_eq!(queue.pop(), Err(PopError::Empty));
        assert_eq!(queue.push(1), Ok(()));
        assert!(!queue.is_full());
        assert_eq!(queue.push(2), Ok(()));
        assert!(queue.is_full());
        assert_eq!(queue.push(3), Err(PushError::Full(3)));
        assert_eq!(queue.force_push(4), Ok(Some(1)));
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.try_iter().collect::<Vec<_>>(), [2, 4]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_closed_queue_gives_what_it_has_and_takes_nothing() {
        let queue = ConcurrentQueue::unbounded();
        assert_eq!(queue.capacity(), None);
        assert_eq!(queue.push("a"), Ok(()));
        assert!(queue.close());
        assert!(!queue.close());
        assert!(queue.is_closed());
        assert_eq!(queue.push("b"), Err(PushError::Closed("b")));
        assert_eq!(queue.force_push("c"), Err(ForcePushError("c")));
        assert_eq!(queue.pop(), Ok("a"));
        assert_eq!(queue.pop(), Err(PopError::Closed));
    }

    #[test]
    fn it_takes_room_as_it_is_used_and_gives_it_back() {
        let queue = ConcurrentQueue::bounded(512);
        let room = || queue.state().values.capacity();
        assert_eq!(room(), 0);
        for value in 0..512 {
            queue.push([value; 80]).unwrap();
        }
        assert!(room() >= 512);
        assert_eq!(queue.try_iter().count(), 512);
        assert!(room() <= KEPT);
    }

    #[test]
    fn nothing_is_lost_or_doubled_among_threads() {
        const EACH: usize = 10_000;
        let queue = ConcurrentQueue::bounded(16);
        let mut popped: Vec<usize> = thread::scope(|scope| {
            let pushers: Vec<_> = (0..2)
                .map(|pusher| {
                    let queue = &queue;
                    scope.spawn(move || {
                        for value in 0..EACH {
                            let mut value = pusher * EACH + value;
                            while let Err(error) = queue.push(value) {
                                value = error.into_inner();
                                thread::yield_now();
                            }
                        }
                    })
                })
                .collect();
            let poppers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let mut popped = Vec::new();
                        loop {
                            match queue.pop() {
                                Ok(value) => popped.push(value),
                                Err(PopError::Empty) => thread::yield_now(),
                                Err(PopError::Closed) => return popped,
                            }
                        }
                    })
                })
                .collect();
            for pusher in pushers {
                pusher.join().unwrap();
            }
            queue.close();
            let popped = poppers.into_iter().map(|popper| popper.join().unwrap());
            popped.flatten().collect()
        });
        popped.sort_unstable();
        assert!(popped.into_iter().eq(0..2 * EACH));
    }
}
