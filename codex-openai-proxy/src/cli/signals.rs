//! The signals that stop the service.

use std::{io, process};
use tokio::signal;

/// Exit status of a process that was told twice to stop: that of one killed by Ctrl-C.
const TOLD_TWICE: i32 = 130;

/// SIGTERM and Ctrl-C, caught from the moment this is made.
#[derive(Debug)]
pub(super) struct StopSignals {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
    #[cfg(unix)]
    interrupt: signal::unix::Signal,
}

impl StopSignals {
    /// Begins to catch them.
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Self> {
        use signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Begins to catch them.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Done at the first signal. A second one ends the process on the spot.
    pub(super) async fn stop(mut self) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            process::exit(TOLD_TWICE);
        });
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        if let Err(error) = signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl-C cannot be caught");
            std::future::pending::<()>().await;
        }
    }
}
