//! A task that wakes itself is polled again at once.

use futures_util::task::AtomicWaker;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{
            AtomicU8,
            Ordering::{AcqRel, Acquire},
        },
    },
    task::{Context, Poll, Wake, Waker},
};
use tokio::task::coop::has_budget_remaining;

/// How often a future is polled before others have their turn.
const MOST_POLLS: usize = 8;

/// Nobody polls.
const AT_REST: u8 = 0;
/// It is being polled.
const POLLED: u8 = 1;
/// It was woken since its poll began.
const WOKEN: u8 = 2;

/// A future that is polled again when it was woken while it was polled.
///
/// hyper wakes a connection from within it, twice for each body that a request has: its reader and its
/// handler are one task. For the runtime such a task yields. It goes behind all others, and another thread
/// is woken to take work off this one, which costs more than the poll.
pub(super) struct Eager<F> {
    future: Pin<Box<F>>,
    own: Arc<Own>,
    /// The same, as the future gets to see it.
    waker: Waker,
}

/// What wakes the future.
struct Own {
    state: AtomicU8,
    /// Who polls it.
    task: AtomicWaker,
}

impl<F: Future> Eager<F> {
    /// The same future.
    pub(super) fn new(future: F) -> Self {
        let own = Arc::new(Own {
            state: AtomicU8::new(AT_REST),
            task: AtomicWaker::new(),
        });
        Self {
            future: Box::pin(future),
            waker: Waker::from(Arc::clone(&own)),
            own,
        }
    }
}

impl<F: Future> Future for Eager<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, own, waker } = self.get_mut();
        own.task.register(cx.waker());
        for _ in 0..MOST_POLLS {
            own.state.swap(POLLED, AcqRel);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(waker)) {
                return Poll::Ready(output);
            }
            if own
                .state
                .compare_exchange(POLLED, AT_REST, AcqRel, Acquire)
                .is_ok()
            {
                return Poll::Pending;
            }
            // What it asks for would be denied.
            if !has_budget_remaining() {
                break;
            }
        }
        own.state.swap(AT_REST, AcqRel);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wake for Own {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let polled = self
            .state
            .fetch_update(AcqRel, Acquire, |state| (state != AT_REST).then_some(WOKEN));
        if polled.is_err() {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker;
    use std::{
        future::poll_fn,
        sync::{Mutex, atomic::AtomicUsize, atomic::Ordering::Relaxed},
    };

    /// Counts how often a task is woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn what_wakes_itself_goes_on_without_its_task() {
        let mut polls = 0;
        let mut eager = Eager::new(poll_fn(|cx| {
            polls += 1;
            if polls == 5 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        let task = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&task));
        let polled = Pin::new(&mut eager).poll(&mut Context::from_waker(&waker));
        assert_eq!(polled, Poll::Ready(()));
        assert_eq!(task.0.load(Relaxed), 0);
    }

    #[test]
    fn what_never_stops_lets_others_have_their_turn() {
        let mut eager = Eager::new(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let task = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&task));
        for turn in 1..4 {
            assert!(
                Pin::new(&mut eager)
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            assert_eq!(task.0.load(Relaxed), turn);
        }
    }

    #[test]
    fn whoever_polled_last_is_woken_from_outside() {
        let kept = Arc::new(Mutex::new(noop_waker()));
        let mut eager = Eager::new(poll_fn({
            let kept = Arc::clone(&kept);
            move |cx| {
                kept.lock().unwrap().clone_from(cx.waker());
                Poll::<()>::Pending
            }
        }));
        let tasks: [Arc<Count>; 2] = Default::default();
        for task in &tasks {
            let waker = Waker::from(Arc::clone(task));
            let mut cx = Context::from_waker(&waker);
            assert!(Pin::new(&mut eager).poll(&mut cx).is_pending());
        }
        kept.lock().unwrap().wake_by_ref();
        let woken = tasks.map(|task| task.0.load(Relaxed));
        assert_eq!(woken, [0, 1]);
    }

    /// From another thread, at any time of a poll: no wake is lost.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_is_lost() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let reader = tokio::spawn(Eager::new(async move {
            let mut sum = 0_u64;
            while let Some(number) = receiver.recv().await {
                sum += number;
            }
            sum
        }));
        for number in 0..50_000 {
            sender.send(number).await.unwrap();
        }
        drop(sender);
        let sum = tokio::time::timeout(std::time::Duration::from_secs(30), reader).await;
        assert_eq!(sum.unwrap().unwrap(), 49_999 * 50_000 / 2);
    }
}
