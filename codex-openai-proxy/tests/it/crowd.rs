//! Many clients at once.

use crate::{
    harness::{
        codex::{ask, forward},
        run,
    },
    upstream::{Gate, Reply, Upstream},
};
use futures_util::future::join_all;

const CLIENTS: usize = 20;

#[test]
fn twenty_requests_at_once_each_get_their_own_text() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let gate = Gate::default();
        let held = gate.clone();
        upstream.otherwise(move |seen| {
            let mark = seen.last_text();
            Reply::stream()
                .begin_message()
                .delta("You are ")
                .wait(&held)
                .delta(mark)
                .end_message()
                .completed()
        });
        // Every other client wants its reply in one piece.
        let texts = join_all((0..CLIENTS).map(async |number| {
            let body = ask(&format!("client {number}"));
            if number % 2 == 0 {
                let said = proxy.stream(&body).await.said().await;
                said.ended_with("stop");
                said.text
            } else {
                let body = proxy.chat(&body).await.ok();
                let text = &body["choices"][0]["message"]["content"];
                text.as_str().unwrap().to_owned()
            }
        }));
        let all_running = async {
            upstream.received(CLIENTS).await;
            gate.open();
        };
        let (texts, ()) = futures_util::future::join(texts, all_running).await;
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(*text, format!("You are client {number}"));
        }
        let requests = upstream.requests();
        assert_eq!(requests.len(), CLIENTS);
        let mut keys: Vec<String> = requests
            .iter()
            .map(|seen| seen.body["prompt_cache_key"].to_string())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), CLIENTS, "each request has a thread of its own");
        proxy.stop().await;
    });
}
