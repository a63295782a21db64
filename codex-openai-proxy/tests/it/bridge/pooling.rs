//! Connections to providers are kept.

use super::cells;
use crate::{
    harness::run,
    provider::{Provider, Script, Setup},
};
use serde_json::json;
use std::time::Duration;

const HELLO: Script = Script {
    reasoning: &[],
    text: &["Hello"],
    calls: &[],
    custom: &[],
    cut: None,
};

/// A moment between two requests. Whoever asks again before the last bytes of a reply have come needs
/// another connection for it.
const MOMENT: Duration = Duration::from_millis(10);

#[test]
fn many_requests_in_a_row_take_one_connection() {
    run(async {
        for cell in cells() {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            provider.says(HELLO);
            for _ in 0..20 {
                let body = cell.ask("llama3", "Hi", json!({}));
                let told = cell.send(&proxy, &body).await;
                assert_eq!(told.text, "Hello");
                tokio::time::sleep(MOMENT).await;
            }
            assert_eq!(provider.requests().len(), 20);
            assert_eq!(provider.connections(), 1, "{cell:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn a_reply_that_ends_after_its_last_word_keeps_its_connection() {
    run(async {
        let later = MOMENT * 5;
        for cell in cells() {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            let wire_api = cell.provider;
            provider.otherwise(move |seen| HELLO.reply(wire_api, seen).pause(later));
            for _ in 0..3 {
                let body = cell.ask("llama3", "Hi", json!({}));
                let told = cell.send(&proxy, &body).await;
                assert_eq!(told.text, "Hello");
                tokio::time::sleep(later * 2).await;
            }
            assert_eq!(provider.connections(), 1, "{cell:?}");
            proxy.stop().await;
        }
    });
}
