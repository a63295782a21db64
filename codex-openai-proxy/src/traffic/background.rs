//! A thread for what is to be done, but is not to hold up anything.

use std::{io, thread};
use tokio::runtime;

/// Runs `work` on a thread of its own, with a runtime of its own: none of the threads that answer requests
/// is ever busy with it, nor does anything that it waits for wake one of them.
///
/// # Errors
///
/// When the system gives no thread.
pub(super) fn run<W, F>(work: W) -> io::Result<()>
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = ()>,
{
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let thread = thread::Builder::new().name("recorder".to_owned());
    thread.spawn(move || runtime.block_on(work()))?;
    Ok(())
}
