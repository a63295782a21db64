//! The log outlives the process, however that ends.
#![cfg(unix)]

use crate::{
    harness::{
        codex::{Setup, ask},
        logs::{kinds, text},
        run,
        running::{ENDS, End, Running},
        viewer::{Viewer, Way},
    },
    upstream::{Gate, Reply, Upstream},
};
use serde_json::Value;

fn seqs(records: &[Value]) -> Vec<u64> {
    let seqs = records.iter().map(|record| record["seq"].as_u64());
    seqs.map(|seq| seq.expect("a number")).collect()
}

#[test]
fn what_was_told_is_told_in_the_next_process_too() {
    run(async {
        for end in ENDS {
            let upstream = Upstream::start().await;
            upstream.otherwise(|_| Reply::text(&["Hello"]));
            let (_, homes) = Setup::new(&upstream).write();
            let mut running = Running::start(&homes).await;
            running.client.chat(&ask("One.")).await.ok();
            let before = running.client.only_request().await;
            let id = text(&before.request["id"]).to_owned();
            let viewer = Viewer::open(Way::Socket, &running.client).await;
            let seen = viewer.hello_seq();
            let started = viewer.hellos[0]["started"].clone();
            drop(viewer);

            running = running.again(end, &homes).await;
            let after = running.client.detail(&id).await;
            assert_eq!(after.request, before.request, "{end:?}");
            assert_eq!(after.records, before.records);
            assert_eq!(after.bodies, before.bodies);
            running.client.chat(&ask("Two.")).await.ok();
            let records = running.client.records("").await;
            let seqs = seqs(&records);
            assert!(seqs.is_sorted() && seqs.len() > before.records.len());
            let asks = kinds(&records);
            let asks = asks.iter().filter(|kind| **kind == "incoming_request");
            assert_eq!(asks.count(), 2);
            assert_eq!(running.client.settled(2).await[0]["id"], *id);

            // Who watches goes on where it was, or is told that it cannot.
            let viewer = Viewer::open_after(Way::Socket, &running.client, seen).await;
            assert_ne!(viewer.hellos[0]["started"], started);
            let missed = running.client.records(&format!("after={seen}")).await;
            assert!(!missed.is_empty());
            assert!(viewer.has_gap() || viewer.records == missed, "{end:?}");
            drop(viewer);
            running.end(End::Asked, &homes).await;
        }
    });
}

#[test]
fn a_request_that_its_process_did_not_outlive_is_lost() {
    run(async {
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream).write();
        let mut running = Running::start(&homes).await;
        let never = Gate::default();
        let begun = Reply::stream().begin_message().delta("Once");
        upstream.reply(begun.wait(&never));
        let mut stream = running.client.stream(&ask("Tell me.")).await;
        assert_eq!(stream.next_text().await, "Once");
        let rows = running.client.summaries("status=running").await;
        let [row] = rows.as_slice() else {
            panic!("one that runs: {rows:#?}")
        };
        let id = text(&row["id"]).to_owned();
        running = running.again(End::Killed, &homes).await;
        let detail = running.client.detail(&id).await;
        assert_eq!(detail.request["state"], "lost");
        let kinds = kinds(&detail.records);
        assert!(kinds.contains(&"first_token"), "{kinds:?}");
        assert_eq!(running.client.summaries("status=running").await.len(), 0);
        assert_eq!(running.client.summaries("status=error").await.len(), 1);
        let viewer = Viewer::open(Way::Socket, &running.client).await;
        assert_eq!(viewer.stats["running"], 0);
        drop(viewer);
        running.end(End::Asked, &homes).await;
    });
}

#[test]
fn a_reply_that_the_stop_cuts_off_ends_in_the_log() {
    run(async {
        let upstream = Upstream::start().await;
        let setup = Setup::new(&upstream);
        let state = setup.homes.state();
        std::fs::create_dir_all(&state).unwrap();
        std::fs::write(state.join("config.toml"), "[server]\ndrain_seconds = 1\n").unwrap();
        let (_, homes) = setup.write();
        let running = Running::start(&homes).await;
        let never = Gate::default();
        let begun = Reply::stream().begin_message().delta("Once");
        upstream.reply(begun.wait(&never));
        let mut stream = running.client.stream(&ask("Tell me.")).await;
        assert_eq!(stream.next_text().await, "Once");
        let (said, running) =
            futures_util::future::join(stream.said(), running.again(End::Asked, &homes)).await;
        said.failed();
        let detail = running.client.only_request().await;
        let end = detail.ended_with("request_failed");
        assert_eq!(end["code"], "service_unavailable");
        assert_eq!(end["in_stream"], true);
        running.end(End::Asked, &homes).await;
    });
}

#[test]
fn what_was_deleted_stays_deleted() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        let (_, homes) = Setup::new(&upstream).write();
        let mut running = Running::start(&homes).await;
        running.client.chat(&ask("One.")).await.ok();
        let last = *seqs(&running.client.records("").await).last().unwrap();
        running.client.delete("/logs/api/records").await.ok();
        running = running.again(End::Killed, &homes).await;
        assert!(running.client.records("").await.is_empty());
        assert!(running.client.summaries("").await.is_empty());
        // Who has seen that record must not take another one for it.
        running.client.chat(&ask("Two.")).await.ok();
        assert!(seqs(&running.client.records("").await)[0] > last);
        running.end(End::Asked, &homes).await;
    });
}
