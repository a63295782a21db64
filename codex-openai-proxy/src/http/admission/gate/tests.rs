//! Who gets in when.

use super::*;
use std::pin::pin;
use tokio::{sync::mpsc, time::timeout};

const SOON: Duration = Duration::from_secs(5);

fn gate(size: usize) -> Gate {
    Gate::new(NonZeroUsize::new(size))
}

fn patience(queue: usize, wait: Duration) -> Patience {
    let until = Instant::now() + wait;
    Patience { queue, until }
}

async fn enter(gate: &Gate) -> Result<Permit, Turned> {
    let entered = gate.enter(patience(100, SOON)).await;
    entered.map(|(permit, _)| permit)
}

/// Whether there is a place right now.
async fn has_place(gate: &Gate) -> bool {
    gate.enter(patience(0, SOON)).await.is_ok()
}

#[tokio::test]
async fn places_are_given_in_the_order_of_arrival() {
    let gate = gate(2);
    let first = [enter(&gate).await.unwrap(), enter(&gate).await.unwrap()];
    let (entered, mut order) = mpsc::unbounded_channel();
    let mut tasks = Vec::new();
    for number in 0..50 {
        let (gate, entered) = (gate.clone(), entered.clone());
        tasks.push(tokio::spawn({
            let gate = gate.clone();
            async move {
                let permit = enter(&gate).await.unwrap();
                entered.send(number).unwrap();
                tokio::task::yield_now().await;
                drop(permit);
            }
        }));
        while gate.waiting() <= number {
            tokio::task::yield_now().await;
        }
    }
    drop(first);
    for task in tasks {
        timeout(SOON, task).await.unwrap().unwrap();
    }
    drop(entered);
    let mut numbers = Vec::new();
    while let Some(number) = order.recv().await {
        numbers.push(number);
    }
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    assert_eq!(gate.waiting(), 0);
}

#[tokio::test]
async fn beyond_the_queue_there_is_no_waiting() {
    let gate = gate(1);
    let permit = enter(&gate).await.unwrap();
    assert_eq!(
        gate.enter(patience(0, SOON)).await.err(),
        Some(Turned::Full)
    );
    let short = patience(1, Duration::from_millis(20));
    assert_eq!(gate.enter(short).await.err(), Some(Turned::Late));
    assert_eq!(gate.waiting(), 0);
    drop(permit);
    assert!(has_place(&gate).await);
}

#[tokio::test]
async fn who_leaves_the_queue_leaves_no_trace() {
    let gate = gate(1);
    let permit = enter(&gate).await.unwrap();
    {
        let mut leaving = pin!(enter(&gate));
        let waits = timeout(Duration::from_millis(20), &mut leaving).await;
        assert!(waits.is_err());
        assert_eq!(gate.waiting(), 1);
    }
    assert_eq!(gate.waiting(), 0);
    drop(permit);
    assert!(has_place(&gate).await);
}

#[tokio::test]
async fn a_wait_is_told() {
    let gate = gate(1);
    let (permit, wait) = gate.enter(patience(1, SOON)).await.unwrap();
    assert_eq!(wait, Duration::ZERO);
    let next = tokio::spawn({
        let gate = gate.clone();
        async move { gate.enter(patience(1, SOON)).await.unwrap().1 }
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    drop(permit);
    assert!(next.await.unwrap() >= Duration::from_millis(25));
}

#[tokio::test]
async fn a_gate_made_smaller_waits_for_those_inside() {
    let gate = gate(3);
    let mut inside = Vec::new();
    for _ in 0..3 {
        inside.push(enter(&gate).await.unwrap());
    }
    gate.resize(NonZeroUsize::new(1));
    inside.pop();
    assert!(!has_place(&gate).await);
    inside.pop();
    assert!(!has_place(&gate).await);
    inside.pop();
    let one = enter(&gate).await.unwrap();
    assert!(!has_place(&gate).await);
    drop(one);
    assert!(has_place(&gate).await);
}

#[tokio::test]
async fn a_gate_made_larger_lets_in_who_waits() {
    let gate = gate(2);
    let inside = [enter(&gate).await.unwrap(), enter(&gate).await.unwrap()];
    gate.resize(NonZeroUsize::new(1));
    let waiting = tokio::spawn({
        let gate = gate.clone();
        async move { enter(&gate).await.is_ok() }
    });
    while gate.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    // As large as it was: all places are taken.
    gate.resize(NonZeroUsize::new(2));
    assert!(!has_place(&gate).await);
    gate.resize(None);
    assert!(timeout(SOON, waiting).await.unwrap().unwrap());
    // And back again, with two inside.
    gate.resize(NonZeroUsize::new(2));
    assert!(!has_place(&gate).await);
    drop(inside);
    assert!(has_place(&gate).await);
}
