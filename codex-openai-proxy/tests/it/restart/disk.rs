//! What of chats is on disk, when, and for whom.

use crate::{
    harness::{
        codex::Setup,
        disk::{files, files_with, log_no_bodies},
        process::{Program, command},
        run,
        running::{End, Running},
        talk::Talk,
    },
    upstream::{Reply, Upstream},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

#[test]
fn what_was_answered_is_on_disk_when_the_answer_ends() {
    run(async {
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream).write();
        let mut lines: Vec<String> = Vec::new();
        let mut talk = Talk::new().with("conversation_id", "chat-1");
        // Killed at once each time, in the hope of being there before somebody's last write.
        for number in 0..5 {
            let running = Running::start(&homes).await;
            let answer = format!("Answer {number}, {}", "and so on, ".repeat(10_000));
            upstream.reply(
                Reply::stream()
                    .thought(&format!("sealed-{number}"))
                    .message(&[&answer])
                    .completed(),
            );
            talk.say(&format!("Question {number}."));
            lines.push(format!("user: Question {number}."));
            talk.send_news(&running.client).await;
            running.end(End::Killed, &homes).await;
            assert!(
                upstream.last_request().lines() == lines,
                "question {number}"
            );
            lines.push(format!("reasoning: sealed-{number}"));
            lines.push(format!("assistant: {answer}"));
        }
    });
}

#[test]
fn a_chat_can_be_deleted_beside_the_process_that_holds_it() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Yes."]));
        let (_, homes) = Setup::new(&upstream).write();
        log_no_bodies(&homes);
        let running = Running::start(&homes).await;
        let mut talk = Talk::about("Secret.").with("conversation_id", "chat-1");
        talk.send(&running.client).await;
        let delete = command(&["conversations", "delete", "chat-1"], &homes);
        let mut delete = Program::start(delete);
        let told = delete.line().await.expect("what was deleted");
        assert!(told.contains("chat-1"), "{told}");
        assert_eq!(delete.ended().await.code(), Some(0));
        talk.say("Hi.");
        talk.send_news(&running.client).await;
        let request = upstream.last_request();
        assert_eq!(request.lines(), ["user: Hi."]);
        // And the new one is kept.
        let running = running.again(End::Killed, &homes).await;
        talk.say("Again.");
        talk.send_news(&running.client).await;
        assert_eq!(
            upstream.last_request().lines(),
            ["user: Hi.", "assistant: Yes.", "user: Again."]
        );
        assert_eq!(files_with(&homes.state(), "Secret."), Vec::<PathBuf>::new());
        running.end(End::Asked, &homes).await;
    });
}

#[test]
fn only_named_chats_are_written_down_and_only_for_their_user() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["An answer to keep."]));
        let (_, homes) = Setup::new(&upstream).write();
        log_no_bodies(&homes);
        let running = Running::start(&homes).await;
        let mut named = Talk::about("A question to keep.").with("conversation_id", "chat-1");
        named.send(&running.client).await;
        Talk::about("A question to forget.")
            .send(&running.client)
            .await;
        let state = homes.state();
        assert_eq!(files_with(&state, "A question to keep.").len(), 1);
        assert_eq!(
            files_with(&state, "A question to forget."),
            Vec::<PathBuf>::new()
        );

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state), 0o700);
        let databases: Vec<_> = files(&state)
            .into_iter()
            .filter(|path| path.to_string_lossy().contains("conversations.sqlite3"))
            .collect();
        assert!(!databases.is_empty());
        for path in databases {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        assert!(
            files(&homes.codex()).len() == 1,
            "only the user's config.toml"
        );

        let deleted = running.client.delete("/v1/conversations/chat-1").await;
        assert_eq!(deleted.ok()["deleted"], true);
        for text in ["A question to keep.", "An answer to keep.", "chat-1"] {
            // Freed pages of a database are its own business; the log is not the conversation's.
            let left: Vec<_> = files_with(&state, text)
                .into_iter()
                .filter(|path| !path.to_string_lossy().contains(".sqlite"))
                .collect();
            assert_eq!(left, Vec::<PathBuf>::new(), "{text}");
        }
        let running = running.again(End::Asked, &homes).await;
        named.say("And now?");
        named.send_news(&running.client).await;
        assert_eq!(upstream.last_request().lines(), ["user: And now?"]);
        running.end(End::Asked, &homes).await;
    });
}
