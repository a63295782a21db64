//! Publishing, with a recorder that is slow or not there.

use super::*;
use crate::traffic::{
    record::TokenKind,
    tests::{incoming, response},
};
use std::time::Duration;

fn event() -> Event {
    Event::FirstToken {
        after: Duration::ZERO,
        kind: TokenKind::Text,
    }
}

async fn waiting(inbox: &mut Inbox) -> Vec<Entry> {
    let mut entries = Vec::new();
    inbox.next(&mut entries, usize::MAX >> 1).await;
    entries
}

#[tokio::test]
async fn what_does_not_fit_is_dropped_and_counted_and_nobody_waits() {
    let (channel, mut inbox) = channel(KeptBodies::Redacted);
    let log = channel.request("r1".into());
    for _ in 0..ENTRIES + 3 {
        log.publish(event());
    }
    assert_eq!(channel.dropped(), 3);
    let kept = waiting(&mut inbox).await;
    assert_eq!(kept.len(), ENTRIES);
    log.publish(event());
    assert_eq!(channel.dropped(), 3);
    let later = waiting(&mut inbox).await;
    // The numbers tell where records are missing.
    let Entry::Record(last) = &later[0] else {
        panic!("{later:?}");
    };
    assert_eq!(last.seq, ENTRIES as u64 + 4);
}

#[tokio::test]
async fn a_flood_leaves_room_for_how_requests_begin_and_end() {
    let (channel, mut inbox) = channel(KeptBodies::Redacted);
    let flood = channel.request("r1".into());
    for _ in 0..2 * ENTRIES {
        flood.publish(event());
    }
    let other = channel.request("r2".into());
    other.publish(incoming("gpt-5.2"));
    other.publish(response());
    assert_eq!(channel.dropped(), ENTRIES as u64);
    let kept = waiting(&mut inbox).await;
    let kept: Vec<_> = kept[ENTRIES..]
        .iter()
        .map(|entry| match entry {
            Entry::Record(record) => record.event.kind(),
            Entry::Body(body) => panic!("{body:?}"),
        })
        .collect();
    assert_eq!(kept, ["incoming_request", "cursor_response"]);
    // The reserve has an end too.
    for _ in 0..ENTRIES + RESERVE + 5 {
        other.publish(response());
    }
    assert_eq!(channel.dropped(), ENTRIES as u64 + 5);
}

#[tokio::test]
async fn in_a_flood_of_requests_some_are_told_of_to_their_end_and_others_not_at_all() {
    let (channel, mut inbox) = channel(KeptBodies::Redacted);
    let mut running = Vec::new();
    for _ in 0..2 * ENTRIES {
        let log = channel.request("r".into());
        log.publish(incoming("gpt-5.2"));
        running.push(log);
    }
    let is_silent = |log: &&RequestLog| log.is_silent();
    let silent = running.iter().filter(is_silent).count();
    assert_eq!(silent, ENTRIES - FOR_ENDS);
    assert_eq!(channel.dropped(), silent as u64);
    for log in running.iter().take(FOR_ENDS) {
        log.publish(response());
    }
    assert_eq!(channel.dropped(), silent as u64);
    assert_eq!(waiting(&mut inbox).await.len(), ENTRIES + RESERVE);
    assert!(!channel.request("r".into()).is_silent());
}

#[tokio::test]
async fn bodies_that_wait_are_bounded_by_their_bytes() {
    let (channel, mut inbox) = channel(KeptBodies::Full);
    let log = channel.request("r1".into());
    let half = Bytes::from(vec![0; BODY_BYTES / 2]);
    for _ in 0..3 {
        log.body(BodyKind::Request, half.clone());
    }
    assert_eq!(channel.dropped(), 1);
    drop(waiting(&mut inbox).await);
    log.body(BodyKind::Reply, half);
    assert_eq!(channel.dropped(), 1);
    assert_eq!(waiting(&mut inbox).await.len(), 1);
}

#[tokio::test]
async fn bodies_are_not_handed_over_where_they_are_not_kept() {
    let (channel, mut inbox) = channel(KeptBodies::Off);
    let log = channel.request("r1".into());
    log.body(BodyKind::Request, Bytes::from_static(b"{}"));
    log.publish(event());
    assert_eq!(waiting(&mut inbox).await.len(), 1);
    assert_eq!(channel.dropped(), 0);
}

#[tokio::test]
async fn records_know_their_request_and_conversation_and_go_on_counting() {
    let (channel, mut inbox) = channel(KeptBodies::Off);
    channel.go_on_after(41);
    let id = ConversationId::new("chat-1").unwrap();
    let log = channel.request("r1".into());
    log.publish(event());
    log.of(&id).publish(event());
    channel.publish(&id, event());
    RequestLog::silent().publish(event());
    let told: Vec<_> = waiting(&mut inbox)
        .await
        .into_iter()
        .map(|entry| match entry {
            Entry::Record(record) => (
                record.seq,
                record.request.clone(),
                record.conversation.clone(),
            ),
            Entry::Body(body) => panic!("{body:?}"),
        })
        .collect();
    let r1 = || Some(Arc::from("r1"));
    assert_eq!(
        told,
        [
            (42, r1(), None),
            (43, r1(), Some(id.clone())),
            (44, None, Some(id)),
        ]
    );
}

#[test]
fn what_a_body_says_is_not_shown() {
    let (channel, _inbox) = channel(KeptBodies::Full);
    let log = channel.request("r1".into());
    let body = Body {
        request: Arc::clone(log.id()),
        kind: BodyKind::Request,
        how: log.bodies(),
        bytes: Bytes::from_static(b"secret"),
        _held: Held {
            bytes: 0,
            of: Arc::default(),
        },
    };
    let shown = format!("{body:?}");
    assert!(!shown.contains("secret"), "{shown}");
}
