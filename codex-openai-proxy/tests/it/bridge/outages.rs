//! Providers that are down, or seem to be: when they are left alone, and when not.

use super::{
    cells,
    failing::{hello, nobody, path},
};
use crate::{
    harness::{chat::Answer, run},
    provider::{Provider, Setup, chat},
    upstream::Reply,
};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

#[test]
fn a_provider_that_keeps_failing_is_left_alone_until_it_is_back() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        provider.otherwise(|_| Reply::error(502, "server_error", "broken", "it broke"));
        let ask = async || {
            let request = proxy.request(Method::POST, path("chat"));
            let request = request.json(&chat("llama3", "Hi"));
            Answer::read(request.send().await.unwrap()).await
        };
        let mut failures = 0;
        let answer = loop {
            let answer = ask().await;
            if answer.status == 503 {
                break answer;
            }
            assert_eq!(answer.status, 502);
            failures += 1;
            assert!(failures < 20, "it is asked for ever");
        };
        assert!(failures >= 3, "left alone after {failures}");
        assert_eq!(answer.error(503).1, Some("provider_unavailable"));
        assert!(answer.message().contains("'near'"), "{}", answer.message());
        let retry_after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=30).contains(&retry_after), "{retry_after}");
        assert_eq!(provider.requests().len(), failures);

        // Not asked before the time, then asked once, and then by everybody.
        let waited = Instant::now();
        provider.says(hello());
        let later = Duration::from_secs(retry_after - 1);
        tokio::time::sleep(later.saturating_sub(waited.elapsed())).await;
        assert_eq!(ask().await.status, 503);
        assert_eq!(provider.requests().len(), failures);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        for _ in 0..3 {
            ask().await.ok();
        }
        assert_eq!(provider.requests().len(), failures + 3);
        proxy.stop().await;
    });
}

#[test]
fn a_model_that_fails_does_not_take_its_provider_down() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        provider.otherwise(|seen| match seen.body["model"].as_str() {
            Some("broken") => Reply::error(500, "server_error", "template", "no template"),
            _ => hello().reply("chat", seen),
        });
        for _ in 0..12 {
            let answer = proxy.chat(&chat("broken", "Hi")).await;
            assert_eq!(answer.status, 500);
        }
        proxy.chat(&chat("llama3", "Hi")).await.ok();
        proxy.stop().await;
    });
}

#[test]
fn a_provider_that_starts_anew_under_load_is_noticed_by_nobody() {
    const CLIENTS: usize = 16;
    run(async {
        for cell in cells() {
            let provider = Provider::start(cell.provider).await;
            let keys = "models = [\"*\"]\nretries = 2\n";
            let setup = Setup::new().provider("near", &provider, keys);
            let proxy = setup.start().await;
            let (asked, wire_api) = (AtomicUsize::new(0), cell.provider);
            provider.otherwise(move |seen| {
                if asked.fetch_add(1, SeqCst) < CLIENTS {
                    let reply = Reply::error(503, "server_error", "starting", "not yet");
                    reply.header("retry-after-ms", "100")
                } else {
                    hello().reply(wire_api, seen)
                }
            });
            let body = cell.ask("llama3", "Hi", json!({}));
            let asking = (0..CLIENTS).map(|_| cell.send(&proxy, &body));
            for told in join_all(asking).await {
                assert_eq!(told.text, "Hello", "{cell:?}");
            }
            assert_eq!(provider.requests().len(), 2 * CLIENTS, "{cell:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn refusals_and_limits_do_not_count_as_failing() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        for status in [400, 429].repeat(8) {
            provider.reply(Reply::error(status, "invalid_request_error", "no", "no"));
            let answer = proxy.chat(&chat("llama3", "Hi")).await;
            assert_eq!(answer.status, status);
        }
        provider.says(hello());
        proxy.chat(&chat("llama3", "Hi")).await.ok();
        proxy.stop().await;
    });
}

#[test]
fn one_providers_trouble_is_not_anothers() {
    run(async {
        let well = Provider::chat().await;
        well.says(hello());
        let (dead, _socket) = nobody();
        let proxy = Setup::new()
            .at("dead", "chat", &dead, "retries = 0\n")
            .provider("well", &well, "")
            .start()
            .await;
        for _ in 0..8 {
            let answer = proxy.chat(&chat("dead/llama3", "Hi")).await;
            assert!([502, 503].contains(&answer.status.as_u16()));
        }
        proxy.chat(&chat("well/llama3", "Hi")).await.ok();
        proxy.stop().await;
    });
}
