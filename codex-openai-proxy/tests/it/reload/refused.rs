//! What is not taken up, and what is taken up beside providers.

use super::{A_WHILE, Served, file_of, provider};
use crate::{
    harness::{process::log, run},
    provider::chat,
};
use serde_json::Value;

#[test]
fn mistakes_are_all_told_with_their_lines_and_nothing_changes() {
    run(async {
        let (near, other) = (provider("near").await, provider("other").await);
        let served = Served::with(&file_of(&near)).await;
        let mut times = 0;
        for (text, places) in [
            (
                format!(
                    "[server]\ndrain_second = 5\nkeep_alive_seconds = 0\n{}",
                    file_of(&other)
                ),
                &["config.toml:2", "drain_seconds", "config.toml:3"][..],
            ),
            (format!("[server\n{}", file_of(&other)), &["config.toml:1"]),
        ] {
            times += 1;
            served.replace(&text);
            served.tells("config_not_reloaded", times).await;
            let told = served.told().join("\n");
            for place in places {
                assert!(told.contains(place), "{place}: {told}");
            }
            assert_eq!(told.matches("config.toml:3").count(), 1, "{told}");
            assert_eq!(served.text().await, "near");
        }
        served.replace(&file_of(&other));
        served.tells("config_reloaded", 1).await;
        assert_eq!(served.text().await, "other");
    });
}

#[test]
fn what_needs_a_restart_is_told_and_waits_for_it_while_the_rest_is_taken_up() {
    run(async {
        let (near, other) = (provider("near").await, provider("other").await);
        let served = Served::with(&file_of(&near)).await;
        served.replace(&format!(
            "[codex]\nuser_agent = \"me\"\n[logs]\nformat = \"json\"\n{}",
            file_of(&other)
        ));
        let told = served.tells("config_reloaded", 1).await;
        for part in [
            "codex.user_agent: set to \"me\" (after a restart)",
            "(after a restart)",
            "upstreams.near.base_url",
        ] {
            assert!(told[0].contains(part), "{part}: {}", told[0]);
        }
        assert_eq!(served.text().await, "other");
        let log = log(&served.homes);
        let last = log.lines().last().unwrap();
        assert!(serde_json::from_str::<Value>(last).is_err(), "{last}");
    });
}

#[test]
fn a_key_that_is_added_closes_the_door_and_its_absence_opens_it() {
    run(async {
        let near = provider("near").await;
        let served = Served::with(&file_of(&near)).await;
        let key = "a-key-of-somebody";
        let digest = {
            use sha2::Digest as _;
            let digest: [u8; 32] = sha2::Sha256::digest(key).into();
            digest.map(|byte| format!("{byte:02x}")).concat()
        };
        served.replace(&format!(
            "[auth.keys]\nme = \"sha256:{digest}\"\n{}",
            file_of(&near)
        ));
        served.tells("config_reloaded", 1).await;
        served.client.chat(&chat("llama3", "Hi")).await.error(401);
        let request = served
            .client
            .request(reqwest::Method::POST, "/v1/chat/completions")
            .bearer_auth(key)
            .json(&chat("llama3", "Hi"));
        assert_eq!(request.send().await.unwrap().status(), 200);
        served.replace(&file_of(&near));
        served.tells("config_reloaded", 2).await;
        assert_eq!(served.text().await, "near");
        let log = log(&served.homes);
        assert!(!log.contains(key) && !log.contains(&digest), "{log}");
    });
}

#[test]
fn the_level_of_the_log_is_taken_up() {
    run(async {
        let near = provider("near").await;
        let served = Served::with(&file_of(&near)).await;
        let lines = || log(&served.homes).matches("incoming_request").count();
        served.text().await;
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(lines(), 1);
        let quiet = format!("[logs]\nlevel = \"warn\"\n{}", file_of(&near));
        served.replace(&quiet);
        tokio::time::sleep(A_WHILE).await;
        // What is told of a mistake is told at this level too, and comes after the change.
        served.replace(&format!("broken = true\n{quiet}"));
        served.tells("config_not_reloaded", 1).await;
        served.text().await;
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(lines(), 1);
        served.replace(&file_of(&near));
        served.tells("config_reloaded", 1).await;
        served.text().await;
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(lines(), 2);
    });
}

#[test]
fn the_longest_body_is_taken_up() {
    run(async {
        let near = provider("near").await;
        let served = Served::with(&file_of(&near)).await;
        let body = chat("llama3", &"x".repeat(10_000));
        served.client.chat(&body).await.ok();
        served.replace(&format!("[server]\nmax_body = \"1kb\"\n{}", file_of(&near)));
        served.tells("config_reloaded", 1).await;
        served.client.chat(&body).await.error(413);
    });
}
