//! The clock that all processes of a run share.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the machine's monotonic clock: the same in all processes, so that a reader of a
/// chunk can tell how long ago its writer sent it.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // Neither is ever negative on this clock.
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
