//! The responses that are being answered, so that others can look at them and cancel them.

use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Who is running. A cheap handle.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<HashMap<Arc<str>, RunningResponse>>>);

/// A running response, as others see it.
#[derive(Debug, Clone)]
pub struct RunningResponse {
    cancel: CancellationToken,
    object: watch::Receiver<Bytes>,
}

/// Held by whoever answers: as long as it is there, the response is running.
#[derive(Debug)]
pub struct RunningGuard {
    running: Running,
    id: Arc<str>,
    cancel: CancellationToken,
    object: watch::Sender<Bytes>,
}

impl Running {
    /// Announces a response. `object` is the response object as it stands now, in JSON.
    #[must_use]
    pub fn begin(&self, id: &str, object: Bytes) -> RunningGuard {
        let id: Arc<str> = id.into();
        let cancel = CancellationToken::new();
        let (sender, receiver) = watch::channel(object);
        let entry = RunningResponse {
            cancel: cancel.clone(),
            object: receiver,
        };
        self.entries().insert(Arc::clone(&id), entry);
        RunningGuard {
            running: self.clone(),
            id,
            cancel,
            object: sender,
        }
    }

    /// The response of that name, if it is running.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<RunningResponse> {
        self.entries().get(id).cloned()
    }

    /// The names of all that run.
    #[cfg(test)]
    pub fn ids(&self) -> Vec<String> {
        self.entries().keys().map(ToString::to_string).collect()
    }

    /// A panic elsewhere leaves the map whole: nothing here panics while it is changed.
    fn entries(&self) -> MutexGuard<'_, HashMap<Arc<str>, RunningResponse>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningResponse {
    /// The response object, in JSON, as it was told last.
    #[must_use]
    pub fn object(&self) -> Bytes {
        self.object.borrow().clone()
    }

    /// Asks whoever answers to stop. Cannot be taken back.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Waits until the response runs no longer.
    pub async fn ended(&mut self) {
        // An error tells that the guard is gone.
        while self.object.changed().await.is_ok() {}
    }
}

impl RunningGuard {
    /// The response's name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Tells how the response object stands now, in JSON. The last one told is what whoever cancels it
    /// gets to see.
    pub fn tell(&self, object: Bytes) {
        self.object.send_replace(object);
    }

    /// What is cancelled when somebody asks for that.
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancel
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        // Before the sender goes, so that nobody who waited for the end finds it here still.
        self.running.entries().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_response_runs_for_as_long_as_its_guard_is_there() {
        let running = Running::default();
        let first = running.begin("resp_1", Bytes::from("1"));
        let second = running.begin("resp_2", Bytes::from("2"));
        first.tell(Bytes::from("more"));
        let mut seen = running.get("resp_1").unwrap();
        assert_eq!(seen.object(), "more");
        drop(first);
        seen.ended().await;
        assert!(running.get("resp_1").is_none());
        assert_eq!(seen.object(), "more");
        assert_eq!(running.get(second.id()).unwrap().object(), "2");
    }

    #[tokio::test]
    async fn who_answers_hears_of_a_cancellation_even_before_listening() {
        let running = Running::default();
        let guards = ["resp_1", "resp_2"].map(|id| running.begin(id, Bytes::new()));
        running.get("resp_2").unwrap().cancel();
        guards[1].cancellation().cancelled().await;
        assert!(!guards[0].cancellation().is_cancelled());
    }
}
