//! Watching the log live: what viewers see, when, and how it ends.

use crate::{
    harness::{
        Client, Proxy,
        codex::{Setup, ask, forward},
        logs::{kinds, text},
        run,
        viewer::{Viewer, WAYS, Way},
    },
    upstream::{Gate, Reply, Upstream},
};
use reqwest::Method;
use std::time::{Duration, Instant};

/// A second is what a user may wait for a row; the other is for a busy machine.
const SOON: Duration = Duration::from_secs(2);

/// How often frames may come.
const PACE: Duration = Duration::from_millis(100);

/// An upstream that greets, and a proxy in front of it.
async fn greeting() -> (Upstream, Proxy) {
    let upstream = Upstream::start().await;
    upstream.otherwise(|_| Reply::text(&["Hello"]));
    let proxy = forward(&upstream).await;
    (upstream, proxy)
}

/// Makes a request that the log hears of. Gives its id.
async fn quick(client: &Client) -> String {
    let request = client.request(Method::GET, "/v1/models");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let id = answer.headers()["x-request-id"].to_str().unwrap();
    id.to_owned()
}

#[test]
fn a_request_is_seen_at_once_and_again_when_it_ends() {
    run(async {
        for way in WAYS {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            let mut viewer = Viewer::open(way, &proxy).await;
            let hello = viewer.hellos[0].clone();
            assert_eq!(hello["version"], env!("CARGO_PKG_VERSION"));
            assert_eq!(hello["bodies"], "redacted");
            assert_eq!(hello["gap"], false);
            assert_eq!(text(&hello["started"]).len(), 27, "{hello}");
            assert_eq!(viewer.hello_seq(), 0, "nothing has happened");
            assert_eq!(viewer.stats["viewers"], 1);
            assert_eq!(viewer.stats["running"], 0);
            assert!(viewer.stats["error_rate"].is_null());

            let gate = Gate::default();
            let begun = Reply::stream().begin_message().delta("Hel").wait(&gate);
            upstream.reply(begun.delta("lo").end_message().completed());
            let asked = Instant::now();
            let mut stream = proxy.stream(&ask("Hi")).await;
            let id = stream.headers()["x-request-id"]
                .to_str()
                .unwrap()
                .to_owned();
            viewer.until_record(&id, "incoming_request").await;
            assert!(asked.elapsed() < SOON, "{way:?}: {:?}", asked.elapsed());
            assert_eq!(stream.next_text().await, "Hel");
            viewer.until_record(&id, "first_token").await;
            viewer
                .until("a running request", |viewer| {
                    viewer.requests[&id]["state"] == "running" && viewer.stats["running"] == 1
                })
                .await;
            gate.open();
            let ended = Instant::now();
            stream.said().await.ended_with("stop");
            viewer.until_record(&id, "cursor_response").await;
            assert!(ended.elapsed() < SOON, "{way:?}: {:?}", ended.elapsed());
            viewer
                .until("the end in numbers", |viewer| {
                    viewer.requests[&id]["state"] == "done" && viewer.stats["running"] == 0
                })
                .await;
            assert_eq!(viewer.stats["requests_per_minute"], 1);
            assert_eq!(viewer.stats["error_rate"], 0.0);
            assert!(viewer.stats["median_first_token_ms"].as_f64() > Some(0.0));
            assert_eq!(viewer.stats["dropped_records"], 0);
            assert_eq!(viewer.stats["unsaved_records"], 0);

            // What was seen live is what the API tells.
            assert_eq!(viewer.records, proxy.records("").await);
            assert_eq!(viewer.requests[&id], proxy.detail(&id).await.request);
            proxy.stop().await;
        }
    });
}

#[test]
fn errors_count() {
    run(async {
        let (upstream, proxy) = greeting().await;
        let mut viewer = Viewer::open(Way::Socket, &proxy).await;
        for _ in 0..3 {
            proxy.chat(&ask("Hi")).await.ok();
        }
        upstream.reply(Reply::error(500, "server_error", "server_error", "Oops."));
        proxy.chat(&ask("Hi")).await.error(502);
        let quarter = |viewer: &Viewer| viewer.stats["error_rate"] == 0.25;
        viewer.until("one in four", quarter).await;
        assert_eq!(viewer.stats["requests_per_minute"], 4);
        proxy.stop().await;
    });
}

#[test]
fn frames_keep_their_pace_and_lose_nothing() {
    run(async {
        let (_upstream, proxy) = greeting().await;
        let mut viewer = Viewer::open(Way::Socket, &proxy).await;
        let begun = Instant::now();
        let mut last = String::new();
        for _ in 0..300 {
            last = quick(&proxy).await;
        }
        viewer.until_record(&last, "cursor_response").await;
        let paces = begun.elapsed().as_millis() / PACE.as_millis();
        let frames = viewer.frames as u128;
        assert!(frames <= paces + 3, "{frames} frames in {paces} times");
        assert_eq!(viewer.records.len(), 600);
        let rises = |pair: &[serde_json::Value]| pair[0]["seq"].as_u64() < pair[1]["seq"].as_u64();
        assert!(viewer.records.windows(2).all(rises));
        proxy.stop().await;
    });
}

#[test]
fn who_comes_back_gets_what_it_missed() {
    run(async {
        let (_upstream, proxy) = greeting().await;
        for way in WAYS {
            quick(&proxy).await;
            let viewer = Viewer::open(way, &proxy).await;
            assert_eq!(viewer.records.len(), 0, "what was before comes by the API");
            let seen = viewer.hello_seq();
            drop(viewer);
            let missed = [quick(&proxy).await, quick(&proxy).await];
            let mut viewer = Viewer::open_after(way, &proxy, seen).await;
            assert!(!viewer.has_gap());
            assert_eq!(viewer.frames, 1);
            let records = proxy.records(&format!("after={seen}")).await;
            assert_eq!(viewer.records, records, "all in the first frame");
            assert_eq!(kinds(&viewer.records).len(), 4);
            for id in &missed {
                viewer.until_record(id, "cursor_response").await;
            }
            let id = quick(&proxy).await;
            viewer.until_record(&id, "cursor_response").await;
            assert_eq!(viewer.records.len(), 6, "and nothing twice");
        }
        proxy.stop().await;
    });
}

#[test]
fn a_cleared_log_is_empty_for_everybody() {
    run(async {
        let (_upstream, proxy) = greeting().await;
        let (mut one, mut other) = (
            Viewer::open(Way::Socket, &proxy).await,
            Viewer::open(Way::Stream, &proxy).await,
        );
        let id = quick(&proxy).await;
        for viewer in [&mut one, &mut other] {
            viewer.until_record(&id, "cursor_response").await;
        }
        let answer = proxy.delete("/logs/api/records").await.ok();
        assert_eq!(answer["deleted"], 2);
        for viewer in [&mut one, &mut other] {
            viewer
                .until("the end of it", |viewer| viewer.cleared == 1)
                .await;
        }
        let last = one.hello_seq();
        assert!(proxy.records("").await.is_empty());
        assert!(proxy.summaries("").await.is_empty());
        proxy
            .get(&format!("/logs/api/requests/{id}"))
            .await
            .error(404);
        // Numbers go on, and so does everything else.
        let id = quick(&proxy).await;
        for viewer in [&mut one, &mut other] {
            viewer.until_record(&id, "cursor_response").await;
            assert_eq!(viewer.records.len(), 2);
            assert!(viewer.records[0]["seq"].as_u64() > Some(last + 2));
        }
        proxy.stop().await;
    });
}

#[test]
fn viewers_do_not_keep_the_proxy_from_stopping() {
    run(async {
        let (_upstream, proxy) = greeting().await;
        let mut viewers = Vec::new();
        for way in WAYS {
            viewers.push((way, Viewer::open(way, &proxy).await));
        }
        let asked = Instant::now();
        let watching = async {
            for (way, viewer) in &mut viewers {
                viewer.ended().await;
                let code = (*way == Way::Socket).then_some(1001);
                assert_eq!(viewer.closed, code, "{way:?}");
            }
        };
        futures_util::future::join(watching, proxy.stop()).await;
        assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    });
}

#[test]
fn viewers_leave_while_the_last_replies_go_on() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.limits.drain = Duration::from_secs(20);
        let proxy = setup.start().await;
        let gate = Gate::default();
        let begun = Reply::stream().begin_message().delta("Hel").wait(&gate);
        upstream.reply(begun.delta("lo").end_message().completed());
        let mut viewers = Vec::new();
        for way in WAYS {
            viewers.push(Viewer::open(way, &proxy).await);
        }
        let mut stream = proxy.stream(&ask("Hi")).await;
        assert_eq!(stream.next_text().await, "Hel");
        let asked = Instant::now();
        proxy.begin_stop();
        for viewer in &mut viewers {
            viewer.ended().await;
        }
        assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
        gate.open();
        stream.said().await.ended_with("stop");
        proxy.stop().await;
    });
}
