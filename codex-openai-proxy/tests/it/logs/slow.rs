//! Viewers that do not read, and many of them: nobody else is to notice.
#![cfg(target_os = "linux")]

use crate::{
    harness::{
        Client, Homes,
        codex::Setup,
        run,
        running::{End, Running},
        viewer::{Viewer, Way, reads_nothing},
    },
    upstream::Upstream,
};
use futures_util::{StreamExt, stream};
use std::time::{Duration, Instant};

const REQUESTS: usize = 2_200;

/// Requests at once.
const AT_ONCE: usize = 8;

/// The length of a path, so that viewers are sent more than their connections can hold.
const PATH: usize = 1_000;

/// Viewers that do not read.
const IDLE: usize = 10;

/// How long the end may take.
const SOON: Duration = Duration::from_secs(5);

async fn hurry(running: &Running) {
    let client = Client::new(running.client.address()).without_keeping_replies();
    let path = format!("/v1/{}", "long/".repeat(PATH / 5));
    let answers = stream::iter(0..REQUESTS).map(async |_| client.get(&path).await);
    let mut answers = answers.buffer_unordered(AT_ONCE);
    while let Some(answer) = answers.next().await {
        assert_eq!(answer.status, 404);
    }
}

#[test]
fn a_viewer_that_does_not_read_holds_up_nobody_and_holds_nothing() {
    run(async {
        let upstream = Upstream::start().await;
        let (_, homes): (_, Homes) = Setup::new(&upstream).write();
        let running = Running::start(&homes).await;
        // The first of everything takes memory that stays.
        running.client.get("/v1/models").await.ok();
        let mut viewer = Viewer::open(Way::Socket, &running.client).await;
        let begins_at = viewer.hello_seq();
        let before = running.program.memory();
        let mut idle = Vec::new();
        for _ in 0..IDLE {
            idle.push(reads_nothing(&running.client).await);
        }
        let all = |viewer: &Viewer| viewer.records.len() == 2 * REQUESTS;
        let watching = viewer.until("every record", all);
        futures_util::future::join(hurry(&running), watching).await;
        let held = running.program.memory().saturating_sub(before);
        let unread = (IDLE * viewer.bytes / 1024) as u64;
        assert!(held < unread * 2 / 3, "{held} of {unread} KiB");
        assert_eq!(viewer.hellos.len(), 1, "it has kept up");
        assert_eq!(viewer.stats["dropped_records"], 0, "{}", viewer.stats);
        let done = |viewer: &Viewer| viewer.requests.values().all(|one| one["state"] == "failed");
        viewer.until("every end", done).await;
        assert_eq!(viewer.requests.len(), REQUESTS);

        // More than is kept in memory has happened since: who asks for it is told to look it up.
        let late = Viewer::open_after(Way::Stream, &running.client, begins_at).await;
        assert!(late.has_gap());
        drop((viewer, late));
        let asked = Instant::now();
        running.end(End::Asked, &homes).await;
        assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
        drop(idle);
    });
}
