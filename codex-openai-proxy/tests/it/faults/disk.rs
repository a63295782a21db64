//! Disks that take nothing more, and folders that cannot be used.

use super::{refused, told};
use crate::{
    harness::{
        codex::{Setup, ask},
        process::command,
        run_within,
        running::{End, Running},
        talk::{Talk, said},
    },
    upstream::{Reply, Upstream},
};
use std::{fs, process::Command, time::Duration};

const PATIENCE: Duration = Duration::from_mins(2);

/// No file may grow beyond this many bytes. A new database has a tenth of it.
const LONGEST_FILE: usize = 512 * 1024;

/// The same command with a disk that is full as soon as a file would grow further.
fn with_full_disk(command: &Command) -> Command {
    // In units of 512 bytes, of 1024 in some shells. The signal that would end the process is ignored, so
    // that writing fails as it does on a full disk.
    let script = format!(
        "trap '' XFSZ; ulimit -f {}; exec \"$@\"",
        LONGEST_FILE / 1024
    );
    let mut limited = Command::new("sh");
    limited
        .args(["-c", &script, "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    for (name, value) in command.get_envs() {
        limited.env(name, value.unwrap_or_default());
    }
    limited
}

#[test]
fn a_full_disk_costs_no_request() {
    run_within(PATIENCE, async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Yes."]));
        let (_, homes) = Setup::new(&upstream).write();
        let whole = command(&["serve"], &homes);
        let mut limited = with_full_disk(&whole);
        limited
            .current_dir(homes.path(""))
            .stdin(std::process::Stdio::null())
            .stderr(fs::File::create(homes.path("log")).unwrap());
        let running = Running::start_as(limited, &homes).await;

        // More than fits into a file, in many words, so that it does not fit when it is packed either.
        let words: Vec<String> = (0..200_000).map(|at| format!("{:x}", at * 7919)).collect();
        let long = words.join(" ");
        assert!(long.len() > 2 * LONGEST_FILE);
        let mut talk = Talk::about(&long).with("conversation_id", "chat-1");
        assert_eq!(said(&talk.send(&running.client).await), "Yes.");
        told(&homes, "conversation_not_kept").await;
        // In memory it goes on.
        talk.say("And now?");
        assert_eq!(said(&talk.send_news(&running.client).await), "Yes.");
        assert_eq!(upstream.last_request().lines().len(), 3);
        for _ in 0..3 {
            running.client.chat(&ask(&long)).await.ok();
        }
        let shown = running.client.get("/logs/api/requests?limit=1").await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        running.end(End::Asked, &homes).await;
    });
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named() {
    run_within(PATIENCE, async {
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream).write();
        fs::write(homes.state(), "a file").unwrap();
        let said = refused(&homes).await;
        assert!(said.contains(homes.state().to_str().unwrap()), "{said}");

        fs::remove_file(homes.state()).unwrap();
        fs::create_dir(homes.state()).unwrap();
        fs::write(homes.state().join("conversations"), "a file").unwrap();
        let said = refused(&homes).await;
        assert!(said.contains("conversations"), "{said}");
    });
}

#[test]
fn a_log_that_cannot_be_kept_costs_no_request() {
    run_within(PATIENCE, async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Yes."]));
        let (_, homes) = Setup::new(&upstream).write();
        fs::create_dir_all(homes.state().join("logs.sqlite3")).unwrap();
        let running = Running::start(&homes).await;
        told(&homes, "logs_not_kept").await;
        running.client.chat(&ask("Hi")).await.ok();
        let log = running.client.get("/logs/api/requests").await;
        assert_eq!(log.status, 200);
        assert_eq!(
            log.body["requests"].as_array().map(Vec::len),
            Some(1),
            "{}",
            log.body
        );
        running.end(End::Asked, &homes).await;
    });
}
