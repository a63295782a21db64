//! The stored responses on a real disk.

use super::*;
use crate::conversation::{Row, Store, Transcript};
use serde_json::json;
use std::fs;
use tempfile::TempDir;

/// Now, in Unix seconds.
const NOW: u64 = 1_800_000_000;

const DAY: u64 = 24 * 60 * 60;

/// A response of that name, made now, that follows another one.
fn response(id: &str, previous: Option<&str>) -> StoredResponse {
    StoredResponse {
        id: id.to_owned(),
        conversation: None,
        previous: previous.map(str::to_owned),
        model: "gpt-5.2".to_owned(),
        created: NOW,
        status: "completed".to_owned(),
        input: json!([{ "id": format!("in of {id}"), "number": 1.5 }]).to_string(),
        response: json!({ "id": id, "output": [{ "id": format!("out of {id}") }] }).to_string(),
    }
}

fn aged(id: &str, previous: Option<&str>, days: u64) -> StoredResponse {
    StoredResponse {
        created: NOW - days * DAY,
        ..response(id, previous)
    }
}

async fn store_with(home: &TempDir, responses: &[StoredResponse]) -> ResponseStore {
    let store = ResponseStore::open(home.path()).await;
    for response in responses {
        store.put(response).await.unwrap();
    }
    store
}

/// The ids of the items of a chain.
fn ids(chain: &Chain) -> Vec<&str> {
    let ids = chain.items.iter().map(|item| item["id"].as_str());
    ids.map(Option::unwrap).collect()
}

async fn has(store: &ResponseStore, id: &str) -> bool {
    store.get(id).await.unwrap().is_some()
}

#[tokio::test]
async fn responses_come_back_as_they_were_after_a_restart() {
    let home = TempDir::new().unwrap();
    let first = StoredResponse {
        conversation: ConversationId::new("chat-1"),
        ..response("resp_1", Some("resp_0"))
    };
    let second = response("resp_2", None);
    let store = store_with(&home, &[first.clone(), second.clone()]).await;
    store.close().await;

    let store = ResponseStore::open(home.path()).await;
    assert_eq!(store.get("resp_1").await.unwrap(), Some(first));
    assert_eq!(store.get("resp_2").await.unwrap(), Some(second));
    assert_eq!(store.get("resp_3").await.unwrap(), None);
}

#[tokio::test]
async fn putting_again_replaces_and_deleting_tells_whether_there_was_one() {
    let home = TempDir::new().unwrap();
    let store = store_with(&home, &[response("resp_1", None)]).await;
    let other = StoredResponse {
        status: "failed".to_owned(),
        ..response("resp_1", None)
    };
    store.put(&other).await.unwrap();
    assert_eq!(store.get("resp_1").await.unwrap(), Some(other));
    assert!(store.delete("resp_1").await.unwrap());
    assert!(!store.delete("resp_1").await.unwrap());
    assert!(!has(&store, "resp_1").await);
}

#[tokio::test]
async fn a_chain_tells_what_was_said_in_its_order() {
    let home = TempDir::new().unwrap();
    let in_chat = |response| StoredResponse {
        conversation: ConversationId::new("chat-1"),
        ..response
    };
    let store = store_with(
        &home,
        &[
            response("resp_1", None),
            in_chat(response("resp_2", Some("resp_1"))),
            response("resp_2b", Some("resp_1")),
            in_chat(response("resp_3", Some("resp_2"))),
            response("another", None),
        ],
    )
    .await;
    let chain = store.chain("resp_3").await.unwrap().unwrap();
    let expected = [
        "in of resp_1",
        "out of resp_1",
        "in of resp_2",
        "out of resp_2",
        "in of resp_3",
        "out of resp_3",
    ];
    assert_eq!(ids(&chain), expected);
    assert_eq!(chain.items[0]["number"], json!(1.5));
    assert_eq!(chain.conversation, ConversationId::new("chat-1"));
    assert_eq!(chain.missing, None);

    // The other branch knows nothing of the first.
    let chain = store.chain("resp_2b").await.unwrap().unwrap();
    assert_eq!(ids(&chain)[2..], ["in of resp_2b", "out of resp_2b"]);
    assert_eq!((chain.items.len(), chain.conversation), (4, None));
    assert_eq!(store.chain("resp_4").await.unwrap(), None);
}

#[tokio::test]
async fn a_chain_whose_beginning_was_deleted_says_so() {
    let home = TempDir::new().unwrap();
    let store = store_with(
        &home,
        &[
            response("resp_1", None),
            response("resp_2", Some("resp_1")),
            response("resp_3", Some("resp_2")),
        ],
    )
    .await;
    store.delete("resp_1").await.unwrap();
    let chain = store.chain("resp_3").await.unwrap().unwrap();
    assert_eq!(chain.missing.as_deref(), Some("resp_1"));
    assert_eq!(ids(&chain)[..2], ["in of resp_2", "out of resp_2"]);
}

#[tokio::test]
async fn a_chain_that_is_too_long_or_runs_in_a_circle_has_an_end() {
    let home = TempDir::new().unwrap();
    let store = store_with(&home, &[response("circle", Some("circle"))]).await;
    let chain = store.chain("circle").await.unwrap().unwrap();
    assert_eq!(chain.items.len(), 2 * LONGEST_CHAIN as usize);
    assert_eq!(chain.missing.as_deref(), Some("circle"));
}

#[tokio::test]
async fn old_responses_go_unless_younger_ones_follow_them() {
    let home = TempDir::new().unwrap();
    let store = store_with(
        &home,
        &[
            aged("old", None, 31),
            aged("old end", Some("old"), 31),
            aged("followed", None, 40),
            aged("follows", Some("followed"), 29),
            aged("young", None, 29),
        ],
    )
    .await;
    let gone = store.prune(RETENTION, MOST_BYTES, NOW).await.unwrap();
    assert_eq!(gone.count, 2);
    for (id, expected) in [
        ("old", false),
        ("old end", false),
        ("followed", true),
        ("follows", true),
        ("young", true),
    ] {
        assert_eq!(has(&store, id).await, expected, "{id}");
    }
}

#[tokio::test]
async fn the_oldest_go_where_there_are_too_many() {
    let home = TempDir::new().unwrap();
    let all = ["resp_1", "resp_2", "resp_3"].map(|id| StoredResponse {
        input: json!([{ "id": "x", "text": "你好".repeat(100) }]).to_string(),
        ..response(id, None)
    });
    let size = all[0].input.len() + all[0].response.len();
    let store = store_with(&home, &all).await;
    let room = u64::try_from(2 * size + size / 2).unwrap();
    assert_eq!(store.prune(RETENTION, room, NOW).await.unwrap().count, 1);
    assert!(!has(&store, "resp_1").await);
    assert!(has(&store, "resp_2").await && has(&store, "resp_3").await);
    assert_eq!(store.prune(RETENTION, room, NOW).await.unwrap().count, 0);
}

#[tokio::test]
async fn what_is_said_last_in_a_conversation_is_what_ended_well() {
    let home = TempDir::new().unwrap();
    let chat = ConversationId::new("chat-1").unwrap();
    let of = |id, status: &str| StoredResponse {
        conversation: Some(chat.clone()),
        status: status.to_owned(),
        ..response(id, None)
    };
    let all = [of("resp_1", "completed"), of("resp_2", "cancelled")];
    let store = store_with(&home, &all).await;
    let latest = store.latest(&chat).await.unwrap();
    assert_eq!(latest.as_deref(), Some("resp_1"));
    assert_eq!(
        store.place("resp_2").await.unwrap(),
        Some(Placed(Some(chat)))
    );
    assert_eq!(store.place("resp_3").await.unwrap(), None);
}

#[tokio::test]
async fn conversations_of_ours_go_stale_when_nobody_uses_them_and_no_response_is_left() {
    let home = TempDir::new().unwrap();
    let ours = |number| ConversationId::made_up(Uuid::from_u128(number));
    let theirs = ConversationId::new("chat-1").unwrap();
    let conversations = Store::open(home.path()).await.unwrap();
    for (id, days) in [(ours(1), 31), (ours(2), 31), (ours(3), 29), (theirs, 31)] {
        let row = Row {
            thread: "t".to_owned(),
            rollout: home.path().join("r"),
            model: "m".to_owned(),
            turns: 1,
            items: 0,
            transcript: Transcript::default(),
            hidden: Vec::new(),
            created: 0,
            used: NOW - days * DAY,
            id,
        };
        conversations.put(&row).await.unwrap();
    }
    let followed = StoredResponse {
        conversation: Some(ours(2)),
        ..response("resp_1", None)
    };
    let store = store_with(&home, &[followed]).await;
    let gone = store.prune(RETENTION, MOST_BYTES, NOW).await.unwrap();
    assert_eq!(gone.stale, [ours(1)]);
}

#[tokio::test]
async fn a_damaged_response_is_named_and_hides_no_other() {
    let home = TempDir::new().unwrap();
    let damaged = StoredResponse {
        input: "[{".to_owned(),
        ..response("damaged", None)
    };
    let store = store_with(&home, &[damaged, response("whole", None)]).await;
    let error = store.chain("damaged").await.unwrap_err();
    assert!(error.to_string().contains("'damaged'"), "{error}");
    assert!(matches!(TurnError::from(error), TurnError::Internal { .. }));
    assert!(store.chain("whole").await.unwrap().is_some());
}

#[tokio::test]
async fn a_database_that_cannot_be_used_stops_nobody() {
    let home = TempDir::new().unwrap();
    fs::write(
        home.path().join(SCHEMA.file),
        "This is no database. ".repeat(50),
    )
    .unwrap();
    let store = ResponseStore::open(home.path()).await;
    assert!(!store.is_usable());
    let put = store.put(&response("resp_1", None)).await;
    assert!(matches!(put, Err(ResponseStoreError::Unusable)), "{put:?}");
    let error = TurnError::from(store.chain("resp_1").await.unwrap_err());
    assert!(matches!(error, TurnError::Unavailable { .. }), "{error}");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_store_at_once() {
    let home = TempDir::new().unwrap();
    let writers = (0..8).map(|writer| {
        let folder = home.path().to_owned();
        tokio::spawn(async move {
            let store = ResponseStore::open(&folder).await;
            for number in 0..10 {
                let id = format!("{writer}-{number}");
                store.put(&response(&id, None)).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let store = ResponseStore::open(home.path()).await;
    for writer in 0..8 {
        assert!(has(&store, &format!("{writer}-9")).await);
    }
}
