//! The database of the conversations: damaged, of another version, in somebody else's hands.

use super::{refused, told};
use crate::{
    harness::{
        codex::{Setup, ask},
        run_within,
        running::{End, Running},
        talk::{Talk, said},
    },
    upstream::{Reply, Upstream},
};
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use std::{fs, path::Path, time::Duration};

const FILE: &str = "conversations.sqlite3";

const PATIENCE: Duration = Duration::from_mins(2);

async fn open(state: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(state.join(FILE))
        .journal_mode(SqliteJournalMode::Wal);
    SqliteConnection::connect_with(&options).await.unwrap()
}

#[test]
fn a_damaged_database_is_put_aside_and_chats_go_on_from_their_history() {
    run_within(PATIENCE, async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Yes."]));
        let (_, homes) = Setup::new(&upstream).write();
        let running = Running::start(&homes).await;
        let mut talk = Talk::about("One.").with("conversation_id", "chat-1");
        talk.send(&running.client).await;
        running.end(End::Asked, &homes).await;

        let database = homes.state().join(FILE);
        fs::write(&database, "this is no database".repeat(1000)).unwrap();
        let running = Running::start(&homes).await;
        told(&homes, "conversations_damaged").await;
        talk.say("Two.");
        assert_eq!(said(&talk.send(&running.client).await), "Yes.");
        let lines = ["user: One.", "assistant: Yes.", "user: Two."];
        assert_eq!(upstream.last_request().lines(), lines);
        let aside = fs::read_dir(homes.state())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("conversations.sqlite3.damaged-"))
            .count();
        assert_eq!(aside, 1);
        running.end(End::Asked, &homes).await;

        // What was said since is kept again.
        let running = Running::start(&homes).await;
        talk.say("Three.");
        assert_eq!(said(&talk.send_news(&running.client).await), "Yes.");
        assert_eq!(upstream.last_request().lines().len(), 5);
        running.end(End::Asked, &homes).await;
    });
}

#[test]
fn what_a_later_version_wrote_is_left_alone_and_named() {
    run_within(PATIENCE, async {
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream).write();
        Running::start(&homes).await.end(End::Asked, &homes).await;
        let mut database = open(&homes.state()).await;
        sqlx::raw_sql("PRAGMA user_version = 99")
            .execute(&mut database)
            .await
            .unwrap();
        database.close().await.unwrap();
        let said = refused(&homes).await;
        assert!(
            said.contains("conversations.sqlite3 has version 99"),
            "{said}"
        );
    });
}

#[test]
fn a_database_in_somebody_elses_hands_costs_no_request() {
    run_within(PATIENCE, async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Yes."]));
        let (_, homes) = Setup::new(&upstream).write();
        let running = Running::start(&homes).await;
        let mut other = open(&homes.state()).await;
        let held = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
        let mut talk = Talk::about("One.").with("conversation_id", "chat-1");
        assert_eq!(said(&talk.send(&running.client).await), "Yes.");
        told(&homes, "conversation_not_kept").await;
        running.client.chat(&ask("And without a name?")).await.ok();
        held.rollback().await.unwrap();

        talk.say("Two.");
        assert_eq!(said(&talk.send(&running.client).await), "Yes.");
        running.end(End::Killed, &homes).await;
        let running = Running::start(&homes).await;
        talk.say("Three.");
        assert_eq!(said(&talk.send_news(&running.client).await), "Yes.");
        assert_eq!(upstream.last_request().lines().len(), 5);
        running.end(End::Asked, &homes).await;
    });
}
