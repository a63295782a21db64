//! What goes on at a connection, and for how long nothing may.

use crate::config::Limits;
use http::Version;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// What a connection does.
#[derive(Debug)]
pub(super) struct Activity {
    /// How long a client may take for the head of a request, the first one included.
    head: Duration,
    /// How long it may ask for nothing.
    idle: Duration,
    state: Mutex<State>,
    /// Whether the socket takes nothing more for now.
    is_blocked: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// How many requests are being answered.
    running: usize,
    /// Of these, those whose clients wait for us.
    working: usize,
    /// What is waited for while there are none.
    awaited: Awaited,
    /// Since when.
    since: Instant,
    /// Whether what comes in may be something else than a request.
    is_http2: bool,
}

/// What is waited for at a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The rest of a request's head, or, after the beginning, all of it.
    Head,
    /// That the client asks for something.
    Request,
    /// That it reads what was said.
    Reading,
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    activity: Arc<Activity>,
    /// Whether the client waits for us, and not we for the client.
    is_working: bool,
}

impl Activity {
    /// A connection that begins now.
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            head: limits.head,
            idle: limits.idle,
            state: Mutex::new(State {
                running: 0,
                working: 0,
                awaited: Awaited::Head,
                since: Instant::now(),
                is_http2: false,
            }),
            is_blocked: AtomicBool::new(false),
        }
    }

    /// Something has come in.
    pub(super) fn on_read(&self) {
        let mut state = self.state();
        // HTTP/2 has much to say beside requests.
        if state.running == 0 && state.awaited == Awaited::Request && !state.is_http2 {
            state.awaited = Awaited::Head;
            state.since = Instant::now();
        }
    }

    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> Running {
        let mut state = self.state();
        state.running += 1;
        state.working += 1;
        state.is_http2 = version == Version::HTTP_2;
        Running {
            activity: Arc::clone(self),
            is_working: true,
        }
    }

    /// Waits until something has taken too long.
    pub(super) async fn overdue(&self) -> Awaited {
        // Nobody tells when it changes. Looked at this often, nothing lasts longer than it may.
        let often = self.head.min(self.idle);
        loop {
            let left = match self.awaited() {
                None => often,
                Some((awaited, Duration::ZERO)) => return awaited,
                Some((_, left)) => left.min(often),
            };
            sleep(left).await;
        }
    }

    /// Something was written, or could not be because the client does not read.
    pub(super) fn on_write(&self, is_blocked: bool) {
        self.is_blocked.store(is_blocked, Relaxed);
    }

    /// Whether something that was said waits for the client to read it.
    pub(super) fn is_unread(&self) -> bool {
        self.is_blocked.load(Relaxed)
    }

    /// What is waited for, and how long it may still take.
    fn awaited(&self) -> Option<(Awaited, Duration)> {
        let state = self.state();
        let (awaited, limit) = match state.awaited {
            _ if state.working > 0 => return None,
            _ if state.running > 0 => (Awaited::Reading, self.idle),
            Awaited::Head => (Awaited::Head, self.head),
            awaited => (awaited, self.idle),
        };
        Some((awaited, limit.saturating_sub(state.since.elapsed())))
    }

    /// Nothing panics while it is changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// There is something for the client, who has to take it before it gets more.
    pub(super) fn on_ready(&mut self) {
        let mut state = self.activity.state();
        if self.is_working {
            self.is_working = false;
            state.working -= 1;
        }
        state.since = Instant::now();
    }

    /// The client has taken what there was, and waits.
    pub(super) fn on_pending(&mut self) {
        if !self.is_working {
            self.is_working = true;
            self.activity.state().working += 1;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        if self.is_working {
            state.working -= 1;
        }
        state.running -= 1;
        state.awaited = Awaited::Request;
        state.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use tokio::time::timeout;

    const HEAD: Duration = Duration::from_millis(200);
    const IDLE: Duration = Duration::from_millis(600);
    const EARLY: Duration = Duration::from_millis(150);

    fn activity() -> Arc<Activity> {
        let config = crate::config::Config::new(PathBuf::new(), PathBuf::new());
        let mut limits = config.limits;
        (limits.head, limits.idle) = (HEAD, IDLE);
        Arc::new(Activity::new(&limits))
    }

    /// What takes too long, and how long that was, as a multiple of [`EARLY`].
    async fn overdue(activity: &Activity, begun: Instant) -> (Awaited, u128) {
        let awaited = activity.overdue().await;
        let after = begun.elapsed().as_millis();
        (awaited, after / EARLY.as_millis())
    }

    #[tokio::test]
    async fn the_first_head_has_to_come_soon_whatever_comes_of_it() {
        let (activity, begun) = (activity(), Instant::now());
        sleep(EARLY).await;
        activity.on_read();
        assert_eq!(overdue(&activity, begun).await, (Awaited::Head, 1));
    }

    #[tokio::test]
    async fn between_requests_there_is_more_time_until_the_next_begins() {
        let activity = activity();
        let running = activity.begin(Version::HTTP_11);
        assert!(timeout(2 * IDLE, activity.overdue()).await.is_err());
        drop(running);
        let begun = Instant::now();
        let end = tokio::spawn({
            let activity = Arc::clone(&activity);
            async move { overdue(&activity, begun).await }
        });
        sleep(2 * EARLY).await;
        activity.on_read();
        // One byte does not buy time for another.
        sleep(EARLY).await;
        activity.on_read();
        // After 300 ms and the 200 that a head may take.
        assert_eq!(end.await.unwrap(), (Awaited::Head, 3));
    }

    #[tokio::test]
    async fn a_client_has_to_take_what_there_is_and_may_wait_for_it() {
        let activity = activity();
        let mut running = [Version::HTTP_2; 2].map(|version| activity.begin(version));
        running[0].on_ready();
        running[1].on_ready();
        running[1].on_pending();
        // One of them waits for us.
        assert!(timeout(2 * IDLE, activity.overdue()).await.is_err());
        let begun = Instant::now();
        running[1].on_ready();
        sleep(2 * EARLY).await;
        // What is taken buys time.
        running[0].on_ready();
        assert_eq!(overdue(&activity, begun).await, (Awaited::Reading, 6));
    }

    #[tokio::test]
    async fn pings_of_http2_are_no_requests() {
        let activity = activity();
        let running = [Version::HTTP_2; 2].map(|version| activity.begin(version));
        drop(running);
        let begun = Instant::now();
        sleep(EARLY).await;
        activity.on_read();
        assert_eq!(overdue(&activity, begun).await, (Awaited::Request, 4));
    }
}
