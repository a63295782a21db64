//! What is not taken up, and what is taken up beside providers.

use super::{A_WHILE, Served, file_of, provider};
use crate::{
    harness::{
        Homes,
        process::{Program, command, log},
        run,
    },
    provider::chat,
};
use serde_json::Value;
use std::fs;

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
            let lines = served.tells("config_not_reloaded", times).await;
            assert!(
                lines.iter().all(|line| line.contains(" ERROR ")),
                "{lines:?}"
            );
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
fn the_log_page_tells_what_was_taken_up_and_what_was_refused() {
    run(async {
        let near = provider("near").await;
        let served = Served::with(&file_of(&near)).await;
        let quick = "[server]\ndrain_seconds = 5\n[codex]\nuser_agent = \"me\"\n";
        served.replace(&format!("{quick}{}", file_of(&near)));
        let changes = served.recorded("config_reloaded", "changes").await;
        let expected = [
            "server.drain_seconds: 30 → 5",
            "codex.user_agent: set to \"me\" (after a restart)",
        ];
        assert_eq!(changes, [expected]);
        // A key in the wrong place is a mistake that does not tell it.
        served.replace("[auth.keys]\nme = \"a-key-in-clear\"\n[server]\ndrain_second = 5\n");
        let mistakes = served.recorded("config_not_reloaded", "mistakes").await;
        let [mistakes] = mistakes.as_slice() else {
            panic!("{mistakes:?}");
        };
        let check = command(&["config", "check"], &served.homes)
            .output()
            .unwrap();
        assert_eq!(check.status.code(), Some(2));
        let checked = log(&served.homes);
        for mistake in mistakes {
            assert!(checked.contains(mistake), "{mistake}: {checked}");
            assert!(!mistake.contains("in-clear"), "{mistake}");
        }
        assert!(mistakes[0].contains("auth.keys.me: "), "{mistakes:?}");
        assert!(mistakes[1].contains("server.drain_second"), "{mistakes:?}");
        assert_eq!(mistakes.len(), 2);
        // None of it is a warning.
        assert!(served.client.records("type=warning").await.is_empty());
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
            "codex.user_agent: set to \\\"me\\\" (after a restart)",
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
fn a_key_that_can_be_guessed_is_told_when_it_is_taken_up() {
    run(async {
        let near = provider("near").await;
        let homes = Homes::new();
        fs::create_dir_all(homes.state()).unwrap();
        fs::write(homes.state().join("config.toml"), file_of(&near)).unwrap();
        let mut serve = command(&["serve"], &homes);
        serve.env("MY_KEY", "s3cret").env("API_KEYS", "s4cret");
        let mut program = Program::start(serve);
        let client = program.client(&homes).await;
        let served = Served {
            homes,
            program,
            client,
        };
        let warnings = || {
            let log = log(&served.homes);
            assert!(!log.contains("s3cret") && !log.contains("s4cret"), "{log}");
            log.matches("can be guessed").count()
        };
        // At the start, and once of each.
        assert_eq!(warnings(), 1);
        let file = format!(
            "[auth.keys]\nme = {{ env = \"MY_KEY\" }}\n{}",
            file_of(&near)
        );
        served.replace(&file);
        served.tells("config_reloaded", 1).await;
        assert_eq!(warnings(), 2);
        served.replace(&format!("{file}timeout_seconds = 9\n"));
        served.tells("config_reloaded", 2).await;
        // Its line has moved nowhere.
        assert_eq!(warnings(), 2);
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
