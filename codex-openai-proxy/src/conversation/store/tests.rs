//! The store on a real disk.

use super::*;
use crate::{
    conversation::{ResponseStore, StoredResponse, blocks},
    turn::{Item, Part, Role},
};
use tempfile::TempDir;

fn id(name: &str) -> ConversationId {
    ConversationId::new(name).unwrap()
}

/// Blocks that end there.
fn transcript(ends: &[usize]) -> Transcript {
    let mut transcript = Transcript::default();
    for end in ends {
        let said = Item::Message {
            role: Role::User,
            content: vec![Part::Text(end.to_string())],
        };
        transcript.push(blocks(&[said])[0].digest, *end);
    }
    transcript
}

fn row(folder: &Path, name: &str) -> Row {
    Row {
        id: id(name),
        thread: format!("thread of {name}"),
        rollout: folder.join("codex/sessions").join(name),
        model: "gpt-5.2".to_owned(),
        turns: 1,
        items: 2,
        transcript: transcript(&[1, 2]),
        hidden: vec![0, 1],
        created: 100,
        used: 200,
    }
}

/// A response of this conversation.
fn response(name: &str, conversation: &str) -> StoredResponse {
    StoredResponse {
        id: name.to_owned(),
        conversation: Some(id(conversation)),
        previous: None,
        model: "gpt-5.2".to_owned(),
        // Not old for a long time.
        created: 4_000_000_000,
        status: "completed".to_owned(),
        input: "[]".to_owned(),
        response: json!({ "id": name, "output": [] }).to_string(),
    }
}

async fn names(store: &Store) -> Vec<String> {
    let rows = store.list().await.unwrap();
    rows.iter().map(|row| row.id.to_string()).collect()
}

#[tokio::test]
async fn rows_come_back_as_they_were_after_a_restart() {
    let home = TempDir::new().unwrap();
    let elsewhere = Row {
        rollout: PathBuf::from("/elsewhere/rollout.jsonl"),
        ..row(home.path(), "b")
    };
    let store = Store::open(home.path()).await.unwrap();
    store.put(&row(home.path(), "a")).await.unwrap();
    store.put(&elsewhere).await.unwrap();
    store.close().await;

    let store = Store::open(home.path()).await.unwrap();
    let found = store.get(&id("a")).await.unwrap();
    assert_eq!(found, Some(row(home.path(), "a")));
    assert_eq!(store.get(&id("b")).await.unwrap(), Some(elsewhere));
    assert_eq!(store.get(&id("c")).await.unwrap(), None);
}

#[tokio::test]
async fn the_folder_can_be_moved() {
    let home = TempDir::new().unwrap();
    let (before, after) = (home.path().join("before"), home.path().join("after"));
    let store = Store::open(&before).await.unwrap();
    store.put(&row(&before, "a")).await.unwrap();
    store.close().await;
    fs::rename(&before, &after).unwrap();
    let store = Store::open(&after).await.unwrap();
    let found = store.get(&id("a")).await.unwrap();
    assert_eq!(found, Some(row(&after, "a")));
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_is_known_behind_a_link() {
    let home = TempDir::new().unwrap();
    let (real, link) = (home.path().join("real"), home.path().join("link"));
    fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let store = Store::open(&link).await.unwrap();
    let real = real.canonicalize().unwrap();
    store.put(&row(&real, "a")).await.unwrap();
    let found = store.get(&id("a")).await.unwrap();
    assert_eq!(found, Some(row(&link, "a")));
}

#[tokio::test]
async fn the_last_used_is_listed_first() {
    let home = TempDir::new().unwrap();
    let store = Store::open(home.path()).await.unwrap();
    for (name, used) in [("old", 1), ("b", 5), ("new", 9), ("a", 5)] {
        let row = Row {
            used,
            ..row(home.path(), name)
        };
        store.put(&row).await.unwrap();
    }
    assert_eq!(names(&store).await, ["new", "a", "b", "old"]);
    let row = Row {
        used: 20,
        ..row(home.path(), "old")
    };
    assert!(store.update(&row).await.unwrap());
    assert_eq!(names(&store).await, ["old", "new", "a", "b"]);
}

#[tokio::test]
async fn a_turn_is_written_down_and_time_never_runs_back() {
    let home = TempDir::new().unwrap();
    let store = Store::open(home.path()).await.unwrap();
    store.put(&row(home.path(), "a")).await.unwrap();
    let expected = Row {
        model: "gpt-5.3".to_owned(),
        turns: 3,
        items: 8,
        transcript: transcript(&[1, 2, 5, 8]),
        hidden: Vec::new(),
        rollout: home.path().join("another.jsonl"),
        used: 300,
        ..row(home.path(), "a")
    };
    for used in [300, 250] {
        let row = Row {
            used,
            ..expected.clone()
        };
        assert!(store.update(&row).await.unwrap());
    }
    assert_eq!(store.get(&id("a")).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn putting_again_replaces() {
    let home = TempDir::new().unwrap();
    let store = Store::open(home.path()).await.unwrap();
    store.put(&row(home.path(), "a")).await.unwrap();
    let other = Row {
        thread: "another".to_owned(),
        turns: 0,
        ..row(home.path(), "a")
    };
    store.put(&other).await.unwrap();
    assert_eq!(store.list().await.unwrap(), [other]);
    // What another thread of that name still writes does not count.
    assert!(!store.update(&row(home.path(), "a")).await.unwrap());
}

#[tokio::test]
async fn two_processes_see_each_other() {
    let home = TempDir::new().unwrap();
    let serving = Store::open(home.path()).await.unwrap();
    serving.put(&row(home.path(), "a")).await.unwrap();
    let deleting = Store::open(home.path()).await.unwrap();
    let deleted = deleting.forget(&id("a")).await.unwrap();
    assert_eq!(deleted, Some(row(home.path(), "a")));
    assert_eq!(deleting.forget(&id("a")).await.unwrap(), None);
    assert_eq!(serving.get(&id("a")).await.unwrap(), None);
    assert!(!serving.update(&row(home.path(), "a")).await.unwrap());
    assert_eq!(names(&serving).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_open_a_new_store_and_write_at_once() {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("new");
    let writers = (0..8).map(|writer| {
        let folder = folder.clone();
        tokio::spawn(async move {
            let store = Store::open(&folder).await.unwrap();
            for number in 0..10 {
                let name = format!("{writer}-{number}");
                store.put(&row(&folder, &name)).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let store = Store::open(&folder).await.unwrap();
    assert_eq!(names(&store).await.len(), 80);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_not_made_by_looking() {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("none");
    assert!(Store::open_existing(&folder).await.unwrap().is_none());
    assert!(!folder.exists());
    Store::open(&folder).await.unwrap().close().await;
    assert!(Store::open_existing(&folder).await.unwrap().is_some());
}

#[tokio::test]
async fn what_a_later_version_wrote_is_left_alone() {
    let home = TempDir::new().unwrap();
    let store = Store::open(home.path()).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 7")
        .execute(&store.pool)
        .await
        .unwrap();
    store.close().await;
    let error = Store::open(home.path()).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Open(OpenError::Newer { found: 7, .. })),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let home = TempDir::new().unwrap();
    let text = "This is no database, and long enough to be seen as none. ".repeat(20);
    fs::write(home.path().join(SCHEMA.file), &text).unwrap();
    let error = Store::open(home.path()).await.unwrap_err().to_string();
    assert!(error.contains(SCHEMA.file), "{error}");
    assert_eq!(
        fs::read_to_string(home.path().join(SCHEMA.file)).unwrap(),
        text
    );
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_user_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let home = TempDir::new().unwrap();
    let folder = home.path().join("a/b");
    let store = Store::open(&folder).await.unwrap();
    store.put(&row(&folder, "a")).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(folder.parent().unwrap()), 0o700);
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.len() > 1, "a log beside the database: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_database_of_version_1_keeps_its_conversations_and_takes_responses() {
    let home = TempDir::new().unwrap();
    let path = home.path().join(SCHEMA.file);
    let options = sqlite::options().filename(&path).create_if_missing(true);
    let old = SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(SCHEMA.steps[0]).execute(&old).await.unwrap();
    let store = Store {
        pool: old,
        folder: home.path().to_owned(),
        real_folder: home.path().canonicalize().unwrap(),
    };
    for name in ["a", "b"] {
        store.put(&row(home.path(), name)).await.unwrap();
    }
    store.close().await;

    let responses = ResponseStore::open(home.path()).await;
    responses.put(&response("resp_1", "a")).await.unwrap();
    let store = Store::open(home.path()).await.unwrap();
    for name in ["a", "b"] {
        let found = store.get(&id(name)).await.unwrap();
        assert_eq!(found, Some(row(home.path(), name)));
    }
    assert!(responses.get("resp_1").await.unwrap().is_some());
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&store.pool)
        .await
        .unwrap();
    assert_eq!(version, 2);
}

#[tokio::test]
async fn forgetting_a_conversation_forgets_its_responses() {
    let home = TempDir::new().unwrap();
    let store = Store::open(home.path()).await.unwrap();
    store.put(&row(home.path(), "a")).await.unwrap();
    let responses = ResponseStore::open(home.path()).await;
    for (name, conversation) in [("resp_1", "a"), ("resp_2", "b"), ("resp_3", "not-kept")] {
        responses.put(&response(name, conversation)).await.unwrap();
    }
    assert!(store.forget(&id("a")).await.unwrap().is_some());
    assert!(responses.get("resp_1").await.unwrap().is_none());
    assert!(responses.get("resp_2").await.unwrap().is_some());
    // One that was never written down may have had some too.
    assert!(store.forget(&id("not-kept")).await.unwrap().is_none());
    assert!(responses.get("resp_3").await.unwrap().is_none());
}
