//! What is kept, for how long, and what comes back after a restart.

use super::*;
use crate::traffic::{query::StatusFilter, summary::State};
use serde_json::json;
use std::fs;

/// The size of the database and what is beside it, in bytes.
fn on_disk(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum()
}

/// Text that hardly compresses.
pub(super) fn noise(seed: u64, length: usize) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(&seed.to_le_bytes());
    let mut bytes = vec![0; length];
    hash.finalize_xof().fill(&mut bytes);
    bytes
        .iter()
        .map(|byte| char::from(b'a' + byte % 16))
        .collect()
}

#[tokio::test]
async fn numbers_go_on_after_a_restart_and_what_ran_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    request(&traffic, "r1", "chat-1").publish(incoming("gpt-5.2"));
    let log = request(&traffic, "r2", "chat-1");
    log.publish(incoming("gpt-5.2"));
    log.publish(response());
    traffic.close().await;

    let traffic = start(home.path()).await;
    request(&traffic, "r3", "chat-1").publish(incoming("gpt-5.2"));
    let page = traffic.requests(&all_requests()).await.unwrap();
    let told: Vec<_> = parsed(&page)
        .iter()
        .map(|request| (request["seq"].clone(), request["state"].clone()))
        .collect();
    assert_eq!(
        json!(told),
        json!([[4, "running"], [2, "done"], [1, "lost"]])
    );
    let lost = traffic.request("r1").await.unwrap().unwrap().request;
    assert_eq!(lost.state, State::Lost);
    assert_eq!(lost.model.as_deref(), Some("gpt-5.2"));
}

#[tokio::test]
async fn what_a_killed_process_wrote_is_there() {
    let home = tempfile::tempdir().unwrap();
    let dead = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    request(&traffic, "r1", "chat-1").publish(incoming("gpt-5.2"));
    assert_eq!(types(&traffic, all()).await.len(), 1);
    for file in fs::read_dir(home.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), dead.path().join(file.file_name())).unwrap();
    }
    let after = start(dead.path()).await;
    assert_eq!(types(&after, all()).await, ["incoming_request"]);
}

#[tokio::test]
async fn numbers_are_not_given_twice_even_if_all_is_deleted() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let log = request(&traffic, "r1", "chat-1");
    log.publish(incoming("gpt-5.2"));
    log.publish(response());
    assert_eq!(traffic.clear().await.unwrap(), 2);
    assert_eq!(types(&traffic, all()).await, [""; 0]);
    assert_eq!(ids(&traffic, all_requests()).await, [""; 0]);
    // What straggles in behind does not bring the request back as one that runs.
    log.publish(first_token(1));
    assert_eq!(ids(&traffic, all_requests()).await, [""; 0]);
    assert_eq!(traffic.clear().await.unwrap(), 1);
    traffic.close().await;
    let traffic = start(home.path()).await;
    request(&traffic, "r2", "chat-1").publish(incoming("gpt-5.2"));
    let page = traffic.records(&all()).await.unwrap();
    assert_eq!(parsed(&page)[0]["seq"], 4);
}

#[tokio::test]
async fn a_request_that_runs_outlives_deletion() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let log = request(&traffic, "r1", "chat-1");
    log.publish(incoming("gpt-5.2"));
    log.body(BodyKind::Request, noise(1, 4_000_000).into());
    traffic.clear().await.unwrap();
    log.publish(response());
    let detail = traffic.request("r1").await.unwrap().unwrap();
    assert_eq!(detail.request.model.as_deref(), Some("gpt-5.2"));
    assert_eq!(detail.request.state, State::Done);
    assert_eq!(detail.records.len(), 1);
    assert!(detail.bodies.is_empty());
}

#[tokio::test]
async fn deletion_makes_the_file_small() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    for number in 0..40 {
        let log = request(&traffic, &format!("r{number}"), "chat-1");
        log.publish(incoming("gpt-5.2"));
        log.body(BodyKind::Request, noise(number, 200_000).into());
        traffic.request("r0").await.unwrap();
    }
    let before = on_disk(home.path());
    assert!(before > 3_000_000, "{before}");
    traffic.clear().await.unwrap();
    let after = on_disk(home.path());
    assert!(after < 200_000, "{after}");
}

#[tokio::test]
async fn the_oldest_go_when_it_is_too_much() {
    const BOUND: u64 = 4 * 1024 * 1024;
    let home = tempfile::tempdir().unwrap();
    let settings = LogSettings {
        max_bytes: BOUND,
        ..LogSettings::default()
    };
    let traffic = start_with(home.path(), &settings).await;
    let mut most = 0;
    for number in 0..600 {
        let log = request(&traffic, &format!("r{number}"), "chat-1");
        log.publish(incoming("gpt-5.2"));
        log.body(BodyKind::Request, noise(number, 40_000).into());
        log.publish(response());
        traffic
            .channel()
            .publish(&chat("chat-1"), Event::ConversationDeleted);
        if number % 10 == 0 {
            traffic.request(&format!("r{number}")).await.unwrap();
            most = most.max(on_disk(home.path()));
        }
    }
    // 12 MB were written.
    assert!(most > BOUND / 2, "{most}");
    assert!(most < BOUND + BOUND / 4, "{most}");
    assert!(traffic.request("r0").await.unwrap().is_none());
    let last = traffic.request("r599").await.unwrap().unwrap();
    assert_eq!(last.bodies.len(), 1);
    assert_eq!(last.records.len(), 2);
    // Whoever is listed is there with all that it has, unless it goes just then.
    let oldest = loop {
        let ids = ids(&traffic, all_requests()).await;
        assert!(ids.len() > 20, "{}", ids.len());
        if let Some(oldest) = traffic.request(ids.last().unwrap()).await.unwrap() {
            break oldest;
        }
    };
    assert_eq!((oldest.bodies.len(), oldest.records.len()), (1, 2));
}

#[tokio::test]
async fn what_is_too_old_goes_at_start() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    for number in 0..100 {
        request(&traffic, &format!("r{number}"), "chat-1").publish(incoming("gpt-5.2"));
    }
    assert_eq!(types(&traffic, all()).await.len(), 100);
    traffic.close().await;
    let settings = LogSettings {
        max_age: Duration::from_millis(1),
        ..LogSettings::default()
    };
    tokio::time::sleep(Duration::from_millis(5)).await;
    let traffic = start_with(home.path(), &settings).await;
    let gone = async {
        while !types(&traffic, all()).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .unwrap();
    assert_eq!(ids(&traffic, all_requests()).await, [""; 0]);
}

#[tokio::test]
async fn another_process_keeps_its_log_in_memory_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let first = start(home.path()).await;
    request(&first, "r1", "chat-1").publish(incoming("gpt-5.2"));
    let second = start(home.path()).await;
    request(&second, "r2", "chat-1").publish(incoming("gpt-5.2"));
    let page = second.records(&all()).await.unwrap();
    let records = parsed(&page);
    assert_eq!(records[0]["request"], "r2");
    assert_eq!(records[1]["type"], "warning");
    assert_eq!(records[1]["what"], "logs_not_kept");
    assert_eq!(ids(&second, all_requests()).await, ["r2"]);
    // That the first one's request ran was none of its business.
    let request = first.request("r1").await.unwrap().unwrap().request;
    assert_eq!(request.state, State::Running);
    first.close().await;
    // Now there is room for another one.
    let third = start(home.path()).await;
    assert_eq!(ids(&third, all_requests()).await, ["r1"]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_and_no_bound_both_mean_memory() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "no folder").unwrap();
    let traffic = start(&file).await;
    assert_eq!(types(&traffic, all()).await, ["warning"]);
    let settings = LogSettings {
        max_bytes: 0,
        ..LogSettings::default()
    };
    let folder = home.path().join("logs");
    let traffic = start_with(&folder, &settings).await;
    let log = request(&traffic, "r1", "chat-1");
    log.publish(incoming("gpt-5.2"));
    log.body(BodyKind::Request, "{}".into());
    let detail = traffic.request("r1").await.unwrap().unwrap();
    assert_eq!(detail.bodies.len(), 1);
    assert_eq!(traffic.clear().await.unwrap(), 1);
    assert!(!folder.exists());
}

#[tokio::test]
async fn records_are_found_by_what_they_tell() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let log = request(&traffic, "r1", "chat-1");
    log.publish(incoming("gpt-5.2"));
    log.publish(Event::StreamCodexError {
        message: "Überlastet 100%_".into(),
        retrying: true,
    });
    request(&traffic, "r2", "chat-2").publish(incoming("claude"));
    traffic
        .channel()
        .publish(&chat("chat-2"), Event::ConversationDeleted);
    let find = async |filter: RecordFilter| types(&traffic, filter).await;
    let text = |q: &str| RecordFilter {
        q: Some(q.into()),
        ..all()
    };
    assert_eq!(find(text("überLASTET 100%_")).await, ["stream_codex_error"]);
    assert_eq!(find(text("100__")).await, [""; 0]);
    assert_eq!(find(text("please rename")).await.len(), 2);
    assert_eq!(find(text("CLAUDE")).await, ["incoming_request"]);
    // The names of fields are not what they tell.
    assert_eq!(find(text("retrying")).await, [""; 0]);
    assert_eq!(find(text("r2")).await, ["incoming_request"]);
    let filter = RecordFilter {
        request: Some("r1".into()),
        ..all()
    };
    assert_eq!(
        find(filter).await,
        ["stream_codex_error", "incoming_request"]
    );
    let filter = RecordFilter {
        conversation: Some("chat-2".into()),
        types: vec!["conversation_deleted".into(), "expired".into()],
        ..all()
    };
    assert_eq!(find(filter).await, ["conversation_deleted"]);
    let filter = RecordFilter {
        after: Some(1),
        before: Some(4),
        ..all()
    };
    assert_eq!(
        find(filter).await,
        ["incoming_request", "stream_codex_error"]
    );
}

#[tokio::test]
async fn pages_tell_whether_there_is_more() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    for number in 1..=5 {
        request(&traffic, "r1", "chat-1").publish(first_token(number));
    }
    let page = |before| RecordFilter {
        limit: 2,
        before,
        ..RecordFilter::default()
    };
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let found = traffic.records(&page(before)).await.unwrap();
        let json: Value = serde_json::from_str(&found.to_json("records")).unwrap();
        let records = json["records"].as_array().unwrap();
        seen.extend(records.iter().map(|record| record["seq"].as_u64().unwrap()));
        before = seen.last().copied();
        if json["more"] == false {
            break;
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn requests_are_found_by_how_they_went() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let ends = [
        None,
        Some(response()),
        Some(Event::RequestFailed(Box::new(
            crate::traffic::record::RequestFailed {
                status: 429,
                error_type: "rate_limit_error".to_owned(),
                message: "Slow down".into(),
                ..Default::default()
            },
        ))),
        Some(Event::ClientDisconnected {
            first_token: None,
            duration: Duration::from_secs(1),
        }),
    ];
    for (number, end) in ends.into_iter().enumerate() {
        let log = request(&traffic, &format!("r{number}"), "chat-1");
        log.publish(incoming("xedoc-2.5-tpg"));
        log.publish(Event::CodexForward {
            mapped_model: "gpt-5.2-codex".into(),
            effort: None,
            provider: "openai".into(),
            thread: "thread-1".into(),
            turn: None,
        });
        if let Some(end) = end {
            log.publish(end);
        }
    }
    let status = async |word: &str| {
        let filter = RequestFilter {
            status: Some(word.parse::<StatusFilter>().unwrap()),
            ..all_requests()
        };
        ids(&traffic, filter).await
    };
    assert_eq!(status("running").await, ["r0"]);
    assert_eq!(status("ok").await, ["r1"]);
    assert_eq!(status("error").await, ["r2"]);
    assert_eq!(status("429").await, ["r2"]);
    assert_eq!(status("left").await, ["r3"]);
    assert!("fine".parse::<StatusFilter>().is_err());
    let model = async |model: &str| {
        let filter = RequestFilter {
            model: Some(model.into()),
            limit: 1,
            ..RequestFilter::default()
        };
        ids(&traffic, filter).await
    };
    assert_eq!(model("XEDOC").await, ["r3"]);
    assert_eq!(model("5.2-codex").await, ["r3"]);
    assert_eq!(model("gpt-4").await, [""; 0]);
    let filter = RequestFilter {
        q: Some("slow DOWN".into()),
        conversation: Some("chat-1".into()),
        ..all_requests()
    };
    assert_eq!(ids(&traffic, filter).await, ["r2"]);
    let filter = RequestFilter {
        before: Some(3),
        ..all_requests()
    };
    assert_eq!(ids(&traffic, filter).await, ["r0"]);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_user_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state");
    let traffic = start(&folder).await;
    request(&traffic, "r1", "chat-1").publish(incoming("gpt-5.2"));
    assert_eq!(types(&traffic, all()).await.len(), 1);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file:?}");
    }
}
