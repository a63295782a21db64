//! When a place is free again.

use super::*;
use crate::http::admission::{
    Deadline,
    gate::{Gate, Patience},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use std::{future::poll_fn, num::NonZeroUsize, time::Duration};
use tokio::time::sleep_until;

/// A gate with one place, and a permit for it.
async fn taken() -> (Gate, Permit) {
    let gate = Gate::new(NonZeroUsize::new(1));
    let (permit, _) = gate.enter(now()).await.unwrap();
    (gate, permit)
}

/// Nobody waits.
fn now() -> Patience {
    Patience {
        queue: 0,
        until: Instant::now(),
    }
}

async fn is_free(gate: &Gate) -> bool {
    gate.enter(now()).await.is_ok()
}

#[tokio::test]
async fn a_reply_holds_its_place_until_it_is_read_to_its_end() {
    let (gate, permit) = taken().await;
    let pieces = stream::iter([Bytes::from("all")]).boxed();
    let mut reply =
        ReplyBody::from(pieces).holding(permit, Deadline::after(None), &Watchdog::default());
    assert!(!is_free(&gate).await);
    assert!(reply.frame().await.unwrap().is_ok());
    assert!(!is_free(&gate).await);
    assert!(reply.frame().await.is_none());
    assert!(is_free(&gate).await);
    assert!(reply.is_end_stream());
}

#[tokio::test]
async fn a_reply_that_is_whole_holds_no_place() {
    let (gate, permit) = taken().await;
    let reply = ReplyBody::from(Bytes::from("all"));
    let reply = reply.holding(permit, Deadline::after(None), &Watchdog::default());
    // Whether its client reads it or not.
    assert!(is_free(&gate).await);
    assert_eq!(reply.size_hint().exact(), Some(3));
}

#[tokio::test]
async fn a_reply_that_is_dropped_holds_nothing() {
    for limit in [None, Some(Duration::from_mins(1))] {
        let (gate, permit) = taken().await;
        let pieces = stream::pending().boxed();
        let reply =
            ReplyBody::from(pieces).holding(permit, Deadline::after(limit), &Watchdog::default());
        assert!(!is_free(&gate).await);
        drop(reply);
        // At once, and not when its timer has ended.
        assert!(is_free(&gate).await, "{limit:?}");
    }
}

#[tokio::test]
async fn a_reply_that_nobody_reads_is_taken_away() {
    let (gate, permit) = taken().await;
    let pieces = stream::repeat(Bytes::from("piece")).boxed();
    let end = Instant::now() + Duration::from_millis(200);
    let watchdog = Watchdog::default();
    let mut reply = Held::new(pieces.into(), permit, Some((end, &watchdog)));
    let next = async |reply: &mut Held| poll_fn(|cx| reply.poll(cx)).await;
    assert!(next(&mut reply).await.unwrap().is_ok());
    sleep_until(end - Duration::from_millis(100)).await;
    assert!(!is_free(&gate).await);
    sleep_until(end + watchdog::TICK + Duration::from_millis(50)).await;
    assert!(is_free(&gate).await);
    // Cut off, and not ended as if that were all.
    assert!(next(&mut reply).await.unwrap().is_err());
    assert!(next(&mut reply).await.is_none());
}

#[tokio::test]
async fn a_panic_cuts_a_reply_off() {
    let (gate, permit) = taken().await;
    let pieces = stream::poll_fn(|_| panic!("as asked")).boxed();
    let mut reply =
        ReplyBody::from(pieces).holding(permit, Deadline::after(None), &Watchdog::default());
    assert!(reply.frame().await.unwrap().is_err());
    assert!(reply.frame().await.is_none());
    assert!(is_free(&gate).await);
}
