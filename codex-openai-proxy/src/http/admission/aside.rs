//! Work on long bodies, which is to hold up nobody.

use super::Deadline;
use crate::turn::TurnError;
use std::{num::NonZeroUsize, sync::Arc, thread::available_parallelism};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::Semaphore,
    task::block_in_place,
};

/// From how many bytes on a body is long: reading it takes milliseconds at least.
const LONG: usize = 1024 * 1024;

/// Where long bodies are read, beside the threads that serve everybody. A cheap handle.
///
/// As many at once as there are processors: more would not be ready sooner, and what is read of a body
/// takes a multiple of its length.
#[derive(Debug, Clone)]
pub struct Aside(Arc<Semaphore>);

impl Aside {
    /// Does something about a body of so many bytes, unless it takes too long. A short one is worth no
    /// detour.
    ///
    /// # Errors
    ///
    /// [`TurnError::OutOfTime`] where it does.
    pub async fn work<T>(
        &self,
        length: usize,
        deadline: Deadline,
        work: impl Future<Output = T>,
    ) -> Result<T, TurnError> {
        if length < LONG {
            return deadline.cover(work).await;
        }
        // It is never closed.
        let _place = deadline.cover(self.0.acquire()).await?;
        let runtime = Handle::current();
        // A runtime of one thread has no other to go on with.
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return deadline.cover(work).await;
        }
        block_in_place(|| runtime.block_on(deadline.cover(work)))
    }
}

impl Default for Aside {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        Self(Arc::new(Semaphore::new(processors)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, time::Duration};

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_long_body_leaves_the_only_worker_to_others() {
        let (sender, receiver) = mpsc::channel();
        // On the worker, as a connection is.
        let work = tokio::spawn(async move {
            let parse = async move {
                tokio::spawn(async move { sender.send(()) });
                // What blocks it ends only when the other task runs.
                receiver.recv_timeout(SOON)
            };
            let deadline = Deadline::after(None);
            Aside::default().work(LONG, deadline, parse).await
        });
        assert_eq!(work.await.unwrap().unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_reads_long_bodies_too() {
        let deadline = Deadline::after(None);
        let read = Aside::default().work(LONG, deadline, async { 1 }).await;
        assert_eq!(read.unwrap(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn work_that_waits_for_too_long_is_given_up_whatever_the_length() {
        let deadline = Deadline::after(Some(Duration::from_millis(20)));
        for length in [0, LONG] {
            let aside = Aside::default();
            let pending = std::future::pending::<()>();
            let given_up = aside.work(length, deadline, pending).await;
            assert!(matches!(given_up, Err(TurnError::OutOfTime { .. })));
            assert_eq!(
                aside.0.available_permits(),
                Aside::default().0.available_permits()
            );
        }
    }
}
