//! Databases that fail, are damaged or belong to somebody else, and clocks that were wrong.

use super::{keeping::noise, *};
use crate::traffic::{
    store::{Line, Store},
    summary::State,
};
use futures_util::StreamExt as _;
use sqlx::{SqliteConnection, sqlite::SqliteConnectOptions};
use std::{fs, sync::Arc};

/// A connection of somebody else's to the log in `folder`.
async fn other(folder: &Path) -> SqliteConnection {
    let other = SqliteConnectOptions::new().filename(folder.join("logs.sqlite3"));
    sqlx::ConnectOptions::connect(&other).await.unwrap()
}

async fn run(connection: &mut SqliteConnection, statements: &'static str) {
    let run = sqlx::raw_sql(statements);
    run.execute(connection).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_written_is_written_later() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let log = request(&traffic, "r1", "chat-1");
    log.publish(incoming("gpt-5.2"));
    assert_eq!(types(&traffic, all()).await.len(), 1);
    let mut other = other(home.path()).await;
    run(&mut other, "BEGIN IMMEDIATE").await;
    log.publish(response());
    log.body(BodyKind::Request, "{}".into());
    let running = traffic.requests(&all_requests()).await.unwrap();
    assert_eq!(parsed(&running)[0]["state"], "running");
    tokio::time::sleep(Duration::from_millis(700)).await;
    run(&mut other, "COMMIT").await;
    let detail = traffic.request("r1").await.unwrap().unwrap();
    assert_eq!(detail.request.state, State::Done);
    assert_eq!(detail.records.len(), 2);
    assert_eq!(detail.bodies.len(), 1);
    let hello = traffic.watch(Some(2)).next().await.unwrap();
    let hello: Value = serde_json::from_slice(&hello).unwrap();
    assert_eq!(hello["stats"]["unsaved_records"], 0);
}

#[tokio::test]
async fn watching_goes_on_while_the_database_fails() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let log = request(&traffic, "r1", "chat-1");
    log.publish(incoming("gpt-5.2"));
    assert_eq!(types(&traffic, all()).await.len(), 1);
    run(&mut other(home.path()).await, "DROP TABLE records").await;
    log.publish(first_token(1));
    assert!(traffic.records(&all()).await.is_err());
    let hello = traffic.watch(Some(1)).next().await.unwrap();
    let hello: Value = serde_json::from_slice(&hello).unwrap();
    assert_eq!(hello["records"][0]["type"], "first_token");
    // Nobody has to wait for what cannot be written.
    tokio::time::timeout(Duration::from_secs(10), traffic.close())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_damaged_database_is_put_aside_for_a_new_one() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("logs.sqlite3");
    fs::write(&file, "no database".repeat(1000)).unwrap();
    let traffic = start(home.path()).await;
    let warning = &parsed(&traffic.records(&all()).await.unwrap())[0];
    assert_eq!(warning["what"], "logs_damaged");
    request(&traffic, "r1", "chat-1").publish(incoming("gpt-5.2"));
    traffic.close().await;
    let traffic = start(home.path()).await;
    assert_eq!(ids(&traffic, all_requests()).await, ["r1"]);
    let names = fs::read_dir(home.path()).unwrap();
    let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
    let aside: Vec<_> = names
        .filter(|name| name.starts_with("logs.sqlite3.damaged-"))
        .collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    let aside = fs::read(home.path().join(&aside[0])).unwrap();
    assert!(aside.starts_with(b"no database"));
}

#[tokio::test]
async fn one_damaged_row_does_not_end_the_log() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    for id in ["r1", "r2"] {
        request(&traffic, id, "chat-1").publish(incoming("gpt-5.2"));
    }
    assert_eq!(types(&traffic, all()).await.len(), 2);
    traffic.close().await;
    run(
        &mut other(home.path()).await,
        "UPDATE requests SET json = '{' WHERE id = 'r1'",
    )
    .await;
    let traffic = start(home.path()).await;
    assert_eq!(types(&traffic, all()).await.len(), 2);
    let request = traffic.request("r2").await.unwrap().unwrap().request;
    assert_eq!(request.state, State::Lost);
}

/// Records at the given seconds, numbered from 1 on.
async fn write(store: &Store, seconds: &[u64]) {
    let lines: Vec<_> = (1..)
        .zip(seconds)
        .map(|(seq, second)| Line::new(Arc::new(record(seq, *second, response()))).unwrap())
        .collect();
    store.write(&lines, &[]).await.unwrap();
}

#[tokio::test]
async fn a_record_from_the_future_does_not_keep_what_is_too_old() {
    let store = Store::in_memory();
    let second = |second: u64| Timestamp(second * 1_000_000);
    write(&store, &[9000, 10, 20, 1000, 30]).await;
    while store
        .trim(second(500), second(2000), u64::MAX)
        .await
        .unwrap()
    {}
    let left = store.records(&all()).await.unwrap();
    let left: Vec<_> = parsed(&left)
        .iter()
        .map(|record| record["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(left, [5, 4]);
}

#[tokio::test]
async fn a_database_that_gives_nothing_back_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(home.path(), 1024 * 1024).await.unwrap();
    store.close().await;
    let mut connection = other(home.path()).await;
    run(
        &mut connection,
        "PRAGMA journal_mode = DELETE;
         PRAGMA auto_vacuum = NONE;
         VACUUM;
         CREATE TABLE filler (data BLOB);
         INSERT INTO filler VALUES (zeroblob(2000000));
         DROP TABLE filler;",
    )
    .await;
    drop(connection);
    let (store, _) = Store::open(home.path(), 1024 * 1024).await.unwrap();
    let now = Timestamp::now();
    assert!(!store.trim(Timestamp(0), now, u64::MAX).await.unwrap());
}

#[tokio::test]
async fn what_is_being_answered_stays_while_others_can_go() {
    let home = tempfile::tempdir().unwrap();
    let settings = LogSettings {
        max_bytes: 2 * 1024 * 1024,
        ..LogSettings::default()
    };
    let traffic = start_with(home.path(), &settings).await;
    let running = request(&traffic, "running", "chat-1");
    running.publish(incoming("gpt-5.2"));
    running.body(BodyKind::Request, noise(1, 1000).into());
    for number in 0..200 {
        let log = request(&traffic, &format!("r{number}"), "chat-2");
        log.publish(incoming("gpt-5.2"));
        log.body(BodyKind::Request, noise(number, 40_000).into());
        log.publish(response());
        traffic.request("r0").await.unwrap();
    }
    assert!(traffic.request("r0").await.unwrap().is_none());
    let detail = traffic.request("running").await.unwrap().unwrap();
    assert_eq!((detail.records.len(), detail.bodies.len()), (1, 1));
}

#[tokio::test]
async fn nobody_waits_for_the_bodies_of_others() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let large: bytes::Bytes = noise(1, 1_100_000).into();
    for number in 0..7 {
        let log = request(&traffic, &format!("r{number}"), "chat-1");
        log.publish(incoming("gpt-5.2"));
        log.body(BodyKind::Stream, large.clone());
    }
    let log = request(&traffic, "small", "chat-1");
    log.publish(incoming("gpt-5.2"));
    log.body(BodyKind::Request, "{}".into());
    let detail = traffic.request("small").await.unwrap().unwrap();
    assert_eq!(detail.bodies.len(), 1);
    // Its body went before most of the others.
    let written: i64 = sqlx::query_scalar("SELECT count(*) FROM bodies")
        .fetch_one(&mut other(home.path()).await)
        .await
        .unwrap();
    assert!(written < 8, "{written}");
}
