//! `conversations list` and `conversations delete`, with and without a server beside them.

use crate::harness::{
    Homes,
    process::{Program, command, log},
    run,
};
use codex_openai_proxy::{
    conversation::{Row, Store, Transcript},
    turn::ConversationId,
};
use std::fs;

/// Runs the command: its exit code and what it said on standard output.
fn conversations(arguments: &[&str], homes: &Homes) -> (Option<i32>, String) {
    let arguments = [&["conversations"], arguments].concat();
    let output = command(&arguments, homes).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

/// Keeps conversations of these names, the last one used last.
async fn keep(store: &Store, homes: &Homes, names: &[&str]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (used, name) in (1..).zip(names) {
        let row = Row {
            id: ConversationId::new(name).unwrap(),
            thread: format!("thread-of-{name}"),
            rollout: homes.state().join(format!("{name}.jsonl")),
            model: "gpt-5.2".to_owned(),
            turns: used + 6,
            items: 2,
            transcript: Transcript::default(),
            hidden: Vec::new(),
            created: 1,
            used,
        };
        fs::write(&row.rollout, "what was said\n").unwrap();
        store.put(&row).await.unwrap();
        rows.push(row);
    }
    rows
}

#[test]
fn nothing_is_made_where_nothing_was_kept() {
    run(async {
        let homes = Homes::new();
        let none = (Some(0), "no conversations\n".to_owned());
        assert_eq!(conversations(&[], &homes), none);
        assert_eq!(conversations(&["delete", "--all"], &homes), none);
        let (code, told) = conversations(&["delete", "mine"], &homes);
        assert_eq!((code, told.as_str()), (Some(1), ""));
        assert!(log(&homes).contains("no such conversation: mine"));
        assert!(!homes.state().exists());
    });
}

#[test]
fn what_is_kept_is_listed_and_deleted_with_its_file() {
    run(async {
        let homes = Homes::new();
        let store = Store::open(&homes.state()).await.unwrap();
        let rows = keep(&store, &homes, &["first", "second", "third"]).await;

        let (code, told) = conversations(&["list"], &homes);
        assert_eq!(code, Some(0), "{}", log(&homes));
        let cells: Vec<Vec<&str>> = told
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().take(3).collect())
            .collect();
        let expected = [
            ["third", "gpt-5.2", "9"],
            ["second", "gpt-5.2", "8"],
            ["first", "gpt-5.2", "7"],
        ];
        assert_eq!(cells, expected);
        assert!(!told.contains("thread-of"), "{told}");
        assert_eq!(conversations(&[], &homes), (code, told));

        let (code, told) = conversations(&["delete", "second", "nobody's", "first"], &homes);
        assert_eq!(code, Some(1));
        assert_eq!(told, "deleted second\ndeleted first\n");
        let error = log(&homes);
        assert!(error.contains("no such conversation: nobody's"), "{error}");
        assert_eq!(store.list().await.unwrap(), rows[2..]);
        let left = rows.iter().map(|row| row.rollout.exists());
        assert_eq!(left.collect::<Vec<_>>(), [false, false, true]);

        let told = (Some(0), "deleted third\n".to_owned());
        assert_eq!(conversations(&["delete", "--all"], &homes), told);
        assert!(!rows[2].rollout.exists());
        let none = (Some(0), "no conversations\n".to_owned());
        assert_eq!(conversations(&[], &homes), none);
    });
}

#[test]
fn a_file_that_is_gone_does_not_keep_a_conversation() {
    run(async {
        let homes = Homes::new();
        let store = Store::open(&homes.state()).await.unwrap();
        let rows = keep(&store, &homes, &["mine"]).await;
        fs::remove_file(&rows[0].rollout).unwrap();
        let told = (Some(0), "deleted mine\n".to_owned());
        assert_eq!(conversations(&["delete", "mine"], &homes), told);
        assert_eq!(store.list().await.unwrap(), []);
    });
}

#[test]
fn the_command_works_beside_a_server() {
    run(async {
        let homes = Homes::new();
        let mut program = Program::start(command(&["serve"], &homes));
        let client = program.client(&homes).await;
        let store = Store::open(&homes.state()).await.unwrap();
        keep(&store, &homes, &["mine"]).await;
        let told = (Some(0), "deleted mine\n".to_owned());
        assert_eq!(conversations(&["delete", "mine"], &homes), told);
        assert_eq!(client.get("/health").await.status, 200);
    });
}
