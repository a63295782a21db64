//! What is written when, and who waits for it.

use super::*;
use codex_protocol::protocol::ThreadMemoryMode;
use codex_thread_store::{InMemoryThreadStore, ThreadPersistenceMetadata};
use serde_json::json;
use tokio::time::sleep;

/// A store with an open thread, and core's behind it.
async fn open() -> (Threads, Arc<InMemoryThreadStore>, ThreadId) {
    let inner = Arc::new(InMemoryThreadStore::default());
    let threads = Threads::new(Arc::clone(&inner) as Arc<dyn ThreadStore>);
    let id = ThreadId::new();
    let params = ResumeThreadParams {
        thread_id: id,
        rollout_path: None,
        history: Some(Arc::default()),
        include_archived: false,
        metadata: ThreadPersistenceMetadata {
            cwd: None,
            model_provider: "test".to_owned(),
            memory_mode: ThreadMemoryMode::Disabled,
        },
    };
    threads.resume_thread(params).await.unwrap();
    (threads, inner, id)
}

fn said(thread_id: ThreadId, text: &str) -> AppendThreadItemsParams {
    let item = json!({
        "type": "response_item",
        "payload": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        },
    });
    AppendThreadItemsParams {
        thread_id,
        items: vec![serde_json::from_value(item).unwrap()],
    }
}

/// What core's store has of the thread, as text.
async fn kept(inner: &InMemoryThreadStore, thread_id: ThreadId) -> String {
    let params = LoadThreadHistoryParams {
        thread_id,
        include_archived: false,
    };
    let history = ThreadStore::load_history(inner, params).await.unwrap();
    serde_json::to_string(&history.items).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_turn_waits_for_nothing_until_it_flushes() {
    let (threads, inner, id) = open().await;
    threads.append_items(said(id, "first")).await.unwrap();
    threads.persist_thread(id).await.unwrap();
    threads.append_items(said(id, "second")).await.unwrap();
    threads.persist_thread(id).await.unwrap();
    let calls = inner.calls().await;
    assert_eq!([calls.append_items, calls.persist_thread], [0, 0]);

    threads.flush_thread(id).await.unwrap();
    let calls = inner.calls().await;
    assert_eq!([calls.append_items, calls.persist_thread], [1, 1]);
    assert_eq!(calls.flush_thread, 1);
    let kept = kept(&inner, id).await;
    assert!(kept.find("first").unwrap() < kept.find("second").unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_is_written_soon() {
    let (threads, inner, id) = open().await;
    for _ in 0..2 {
        threads.append_items(said(id, "again")).await.unwrap();
        threads.persist_thread(id).await.unwrap();
        sleep(GATHERING * 2).await;
    }
    let calls = inner.calls().await;
    assert_eq!(calls.append_items, 2);
    assert_eq!(calls.persist_thread, 1, "the file is there");
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_is_shut_down_has_all_and_no_writer() {
    let (threads, inner, id) = open().await;
    threads.append_items(said(id, "last")).await.unwrap();
    threads.shutdown_thread(id).await.unwrap();
    assert!(kept(&inner, id).await.contains("last"));
    assert!(threads.writer(id).is_none());
    // core's own store refuses what comes after, or does not: as it likes.
    let _ = threads.append_items(said(id, "late")).await;
    assert!(threads.writer(id).is_none());
    sleep(GATHERING * 2).await;
    assert_eq!(inner.calls().await.shutdown_thread, 1);
}

#[tokio::test]
async fn nothing_is_noted_of_a_thread() {
    let (threads, inner, id) = open().await;
    let params = UpdateThreadMetadataParams {
        thread_id: id,
        patch: codex_thread_store::ThreadMetadataPatch::default(),
        include_archived: false,
    };
    threads.update_thread_metadata(params).await.unwrap();
    assert_eq!(inner.calls().await.update_thread_metadata, 0);
}
