//! Panics that were caught: faults of ours, which cost one request and no other.

use std::any::Any;

/// Tells the log of one, within the span of its request.
pub fn log(panic: &(dyn Any + Send)) {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(reason = message, "panicked");
}
