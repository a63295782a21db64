//! A thread for what is to be done, but is not to hold up anything.

use std::{io, thread};
use tokio::runtime;

/// Runs `work` on a thread of its own, which gets the processor time that the others leave. So do the
/// threads that it starts: those that write to the database, and those that block.
///
/// Requests are answered as if it were not there. Where nothing is left to it for long, what waits for it
/// is dropped where it does not fit any more; nothing else waits for it.
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
    thread.spawn(move || {
        step_back();
        runtime.block_on(work());
    })?;
    Ok(())
}

/// On Linux each thread has a priority of its own; elsewhere the whole process would step back.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, LOWEST) {
        tracing::debug!(%error, "the recorder keeps its priority");
    }
}

/// The least that nice(1) can ask for.
#[cfg(target_os = "linux")]
const LOWEST: i32 = 19;
