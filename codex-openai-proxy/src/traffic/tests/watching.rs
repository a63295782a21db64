//! Who watches, and what they see.

use super::*;
use crate::traffic::Watcher;
use futures_util::StreamExt as _;
use std::time::Instant;
use tokio::time::{sleep, timeout};

async fn frame(watcher: &mut Watcher) -> Value {
    let frame = timeout(Duration::from_secs(5), watcher.next()).await;
    serde_json::from_slice(&frame.unwrap().unwrap()).unwrap()
}

/// The next frame that tells of records.
async fn records(watcher: &mut Watcher) -> Value {
    loop {
        let frame = frame(watcher).await;
        if frame.get("records").is_some() {
            return frame;
        }
    }
}

fn numbers(frame: &Value) -> Vec<u64> {
    let records = frame["records"].as_array().unwrap();
    let seq = |record: &Value| record["seq"].as_u64().unwrap();
    records.iter().map(seq).collect()
}

#[tokio::test]
async fn a_viewer_is_greeted_and_sees_what_happens() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    request(&traffic, "r0", "chat-1").publish(incoming("gpt-5.2"));
    let mut watcher = traffic.watch(None);
    let hello = frame(&mut watcher).await;
    assert_eq!(hello["hello"]["seq"], 1);
    assert_eq!(hello["hello"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(hello["hello"]["bodies"], "redacted");
    assert_eq!(hello["hello"]["gap"], false);
    assert_eq!(hello["stats"]["viewers"], 1);
    assert_eq!(hello["stats"]["running"], 1);
    assert!(hello.get("records").is_none(), "{hello}");

    let log = request(&traffic, "r1", "chat-1");
    log.publish(incoming("gpt-5.2"));
    let begun = Instant::now();
    let first = records(&mut watcher).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(numbers(&first), [2]);
    assert_eq!(first["requests"][0]["id"], "r1");
    assert_eq!(first["requests"][0]["state"], "running");

    log.publish(first_token(3));
    log.publish(response());
    let mut seen = Vec::new();
    let mut last = Value::Null;
    while seen.len() < 2 {
        let frame = records(&mut watcher).await;
        seen.extend(numbers(&frame));
        last = frame["requests"][0].clone();
    }
    assert_eq!(seen, [3, 4]);
    assert_eq!(last["state"], "done");
}

#[tokio::test]
async fn frames_are_few_however_much_happens() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let mut watcher = traffic.watch(None);
    frame(&mut watcher).await;
    let log = request(&traffic, "r1", "chat-1");
    let publisher = tokio::spawn(async move {
        for number in 0..500 {
            log.publish(first_token(number));
            sleep(Duration::from_millis(1)).await;
        }
    });
    let begun = Instant::now();
    let (mut frames, mut seen) = (0_u32, Vec::new());
    while seen.len() < 500 {
        seen.extend(numbers(&records(&mut watcher).await));
        frames += 1;
    }
    publisher.await.unwrap();
    assert!(seen.is_sorted());
    let possible = begun.elapsed().as_millis() / 100 + 2;
    assert!(u128::from(frames) <= possible, "{frames} of {possible}");
}

#[tokio::test]
async fn who_comes_back_gets_what_it_missed() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let log = request(&traffic, "r1", "chat-1");
    log.publish(incoming("gpt-5.2"));
    request(&traffic, "r2", "chat-1").publish(incoming("gpt-5.2"));
    log.publish(response());
    let back = frame(&mut traffic.watch(Some(2))).await;
    assert_eq!(back["hello"]["gap"], false);
    assert_eq!(numbers(&back), [3]);
    assert_eq!(back["requests"].as_array().unwrap().len(), 1);
    assert_eq!(back["requests"][0]["state"], "done");
    let current = frame(&mut traffic.watch(Some(3))).await;
    assert_eq!(current["hello"]["gap"], false);
    assert!(current.get("records").is_none(), "{current}");
    // From another log than this one.
    let ahead = frame(&mut traffic.watch(Some(9))).await;
    assert_eq!(ahead["hello"]["gap"], true);
}

#[tokio::test]
async fn who_was_away_for_too_long_is_told() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let log = request(&traffic, "r1", "chat-1");
    for number in 0..5000 {
        log.publish(first_token(number));
    }
    let hello = frame(&mut traffic.watch(Some(5))).await;
    assert_eq!(hello["hello"]["gap"], true);
    assert!(hello.get("records").is_none());
    let hello = frame(&mut traffic.watch(Some(904))).await;
    assert_eq!(hello["hello"]["gap"], false);
    assert_eq!(numbers(&hello).len(), 4096);
    assert_eq!(traffic.channel().dropped(), 0);
}

#[tokio::test]
async fn a_restart_is_no_gap_to_who_saw_everything() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    request(&traffic, "r1", "chat-1").publish(Event::RateLimits {
        limit: None,
        plan: Some("plus".into()),
        windows: Vec::new(),
    });
    traffic.close().await;
    let traffic = start(home.path()).await;
    let hello = frame(&mut traffic.watch(Some(1))).await;
    assert_eq!(hello["hello"]["gap"], false);
    assert_eq!(hello["hello"]["seq"], 1);
    // What was known of the limits is still worth showing.
    let limits = &hello["stats"]["rate_limits"];
    assert_eq!(limits["plan"], "plus");
    assert!(limits["time"].is_string() && limits.get("seq").is_none());
    let hello = frame(&mut traffic.watch(Some(0))).await;
    assert_eq!(hello["hello"]["gap"], true);
}

#[tokio::test]
async fn a_slow_viewer_is_greeted_again_and_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let mut slow = traffic.watch(None);
    frame(&mut slow).await;
    let log = request(&traffic, "r1", "chat-1");
    // Each new viewer is a reason to send what waits at once.
    for number in 0..100 {
        log.publish(first_token(number));
        frame(&mut traffic.watch(None)).await;
    }
    let hello = frame(&mut slow).await;
    assert_eq!(hello["hello"]["gap"], true);
    assert_eq!(hello["hello"]["seq"], 100);
    log.publish(response());
    assert_eq!(numbers(&records(&mut slow).await), [101]);
}

#[tokio::test]
async fn deletion_is_told() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let log = request(&traffic, "r1", "chat-1");
    log.publish(incoming("gpt-5.2"));
    let mut watcher = traffic.watch(None);
    frame(&mut watcher).await;
    traffic.clear().await.unwrap();
    loop {
        let frame = frame(&mut watcher).await;
        if frame["cleared"] == true {
            break;
        }
    }
    assert_eq!(
        frame(&mut traffic.watch(Some(0))).await["hello"]["gap"],
        true
    );
}

#[tokio::test]
async fn numbers_are_told_when_they_change() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let mut watcher = traffic.watch(None);
    frame(&mut watcher).await;
    request(&traffic, "r1", "chat-1").publish(incoming("gpt-5.2"));
    loop {
        let frame = frame(&mut watcher).await;
        if frame["stats"]["requests_per_minute"] == 1 {
            assert_eq!(frame["stats"]["running"], 1);
            assert_eq!(frame["stats"]["error_rate"], Value::Null);
            break;
        }
    }
    // And not again where nothing has changed.
    let silence = timeout(Duration::from_millis(1500), watcher.next()).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test]
async fn watching_ends_with_the_log() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let mut watcher = traffic.watch(None);
    frame(&mut watcher).await;
    traffic.close_watchers();
    let end = timeout(Duration::from_secs(5), async {
        while watcher.next().await.is_some() {}
    });
    end.await.unwrap();
    assert!(traffic.watch(None).next().await.is_none());
    // Others can still read.
    assert!(traffic.records(&all()).await.is_ok());
    traffic.close().await;
    assert!(traffic.watch(Some(1)).next().await.is_none());
}
