//! The log from the channel to its readers.

mod configuring;
mod keeping;
mod trouble;
mod watching;

use super::{
    channel::{BodyKind, RequestLog, channel},
    handle::Traffic,
    query::{Page, RecordFilter, RequestFilter},
    record::{Asks, CursorResponse, Event, IncomingRequest, Record, Timestamp, TokenKind, Tokens},
};
use crate::{
    config::{KeptBodies, LogSettings},
    turn::ConversationId,
};
use serde_json::Value;
use std::{path::Path, time::Duration};

/// The log of a process that keeps it in `folder`.
pub(super) async fn start(folder: &Path) -> Traffic {
    start_with(folder, &LogSettings::default()).await
}

pub(super) async fn start_with(folder: &Path, settings: &LogSettings) -> Traffic {
    let (_, inbox) = channel(settings.bodies);
    Traffic::start(inbox, folder, settings).await
}

pub(super) fn chat(name: &str) -> ConversationId {
    ConversationId::new(name).unwrap()
}

/// What is published of a request of a conversation.
pub(super) fn request(traffic: &Traffic, id: &str, conversation: &str) -> RequestLog {
    traffic.channel().request(id.into()).of(&chat(conversation))
}

pub(super) fn incoming(model: &str) -> Event {
    Event::IncomingRequest(Box::new(IncomingRequest {
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        client_id: Some("from-client".into()),
        asks: Some(Asks {
            model: model.into(),
            stream: true,
            messages: 3,
            tools: 2,
            dropped: vec!["temperature".into(), "user".into()],
            preview: Some("Please RENAME the crate".into()),
        }),
        ..IncomingRequest::default()
    }))
}

pub(super) fn first_token(millis: u64) -> Event {
    Event::FirstToken {
        after: Duration::from_millis(millis),
        kind: TokenKind::Text,
    }
}

pub(super) fn response() -> Event {
    Event::CursorResponse(CursorResponse {
        status: 200,
        finish_reason: Some("stop"),
        usage: Some(Tokens {
            input: 100,
            cached: 40,
            output: 7,
            reasoning: 2,
        }),
        first_token: Some(Duration::from_millis(250)),
        duration: Duration::from_millis(1500),
        ..CursorResponse::default()
    })
}

pub(super) fn forward() -> Event {
    Event::CodexForward {
        mapped_model: "gpt-5.2-codex".into(),
        effort: None,
        provider: "openai".into(),
        thread: "thread-1".into(),
        turn: None,
    }
}

/// A record of the request `r1`, at a second.
pub(super) fn record(seq: u64, second: u64, event: Event) -> Record {
    Record {
        seq,
        time: Timestamp(second * 1_000_000),
        request: Some("r1".into()),
        conversation: None,
        trace: None,
        event,
    }
}

/// The types of all records that fit, newest first.
pub(super) async fn types(traffic: &Traffic, filter: RecordFilter) -> Vec<String> {
    let page = traffic.records(&filter).await.unwrap();
    let kind = |record: Value| record["type"].as_str().unwrap().to_owned();
    parsed(&page).into_iter().map(kind).collect()
}

/// The ids of all requests that fit, newest first.
pub(super) async fn ids(traffic: &Traffic, filter: RequestFilter) -> Vec<String> {
    let page = traffic.requests(&filter).await.unwrap();
    let id = |request: Value| request["id"].as_str().unwrap().to_owned();
    parsed(&page).into_iter().map(id).collect()
}

pub(super) fn parsed(page: &Page) -> Vec<Value> {
    let parse = |item: &String| serde_json::from_str(item).unwrap();
    page.items.iter().map(parse).collect()
}

pub(super) fn all() -> RecordFilter {
    RecordFilter {
        limit: 1000,
        ..RecordFilter::default()
    }
}

pub(super) fn all_requests() -> RequestFilter {
    RequestFilter {
        limit: 1000,
        ..RequestFilter::default()
    }
}

#[tokio::test]
async fn what_was_published_can_be_read_at_once() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let log = request(&traffic, "r1", "chat-1");
    for published in 1..=20 {
        log.publish(first_token(1));
        assert_eq!(types(&traffic, all()).await.len(), published);
    }
}

#[tokio::test]
async fn a_request_is_told_with_its_bodies_and_calls() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let asking = request(&traffic, "r1", "chat-1");
    let secret = br#"{"model":"gpt-5.2","api_key":"sk-1234567890abcdef1234567890"}"#;
    asking.body(BodyKind::Request, secret.as_slice().into());
    asking.publish(incoming("gpt-5.2"));
    asking.body(BodyKind::Headers, b"host: localhost\n".as_slice().into());
    asking.publish(Event::ToolCallForwarded {
        name: "read_file".into(),
        call_id: "call_1".into(),
        kind: "function",
        bytes: 2,
    });
    asking.publish(response());
    let answering = request(&traffic, "r2", "chat-1");
    answering.publish(incoming("gpt-5.2"));
    answering.publish(Event::ToolResultReceived {
        call_id: "call_1".into(),
        name: None,
        bytes: 5,
    });

    let detail = traffic.request("r1").await.unwrap().unwrap();
    let json: Value = serde_json::from_str(&detail.to_json().unwrap()).unwrap();
    assert_eq!(json["request"]["state"], "done");
    assert_eq!(json["request"]["calls"], serde_json::json!(["read_file"]));
    assert_eq!(json["records"].as_array().unwrap().len(), 3);
    assert_eq!(json["records"][0]["type"], "incoming_request");
    let bodies = json["bodies"].as_array().unwrap();
    assert_eq!(bodies[0]["kind"], "headers");
    assert_eq!(bodies[1]["kind"], "request");
    assert_eq!(bodies[1]["size"], secret.len());
    assert_eq!(bodies[1]["form"], "redacted");
    assert_eq!(bodies[1]["media_type"], "application/json");
    let text = bodies[1]["text"].as_str().unwrap();
    assert!(
        text.contains("gpt-5.2") && !text.contains("sk-1234"),
        "{text}"
    );
    let call = &json["tool_calls"][0];
    assert_eq!(call["name"], "read_file");
    assert_eq!(call["request"], "r1");
    assert_eq!(call["answered_by"], "r2");
    assert!(call["waited_ms"].as_f64().unwrap() >= 0.0);

    // The request that brought the result tells of the call too.
    let answering = traffic.request("r2").await.unwrap().unwrap();
    assert_eq!(answering.tool_calls, detail.tool_calls);
    // The client gave both the same id; the newer one is meant.
    let by_client = traffic.request("from-client").await.unwrap().unwrap();
    assert_eq!(by_client.request.id, "r2");
    assert!(traffic.request("r3").await.unwrap().is_none());
}

#[tokio::test]
async fn a_result_answers_the_newest_call_of_its_conversation() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let call = || Event::ToolCallForwarded {
        name: "shell".into(),
        call_id: "call_1".into(),
        kind: "function",
        bytes: 2,
    };
    let result = || Event::ToolResultReceived {
        call_id: "call_1".into(),
        name: None,
        bytes: 5,
    };
    for (id, conversation) in [("r1", "chat-1"), ("r2", "chat-1"), ("r3", "chat-2")] {
        request(&traffic, id, conversation).publish(incoming("gpt-5.2"));
        request(&traffic, id, conversation).publish(call());
    }
    let answered_by = async |id: &str| {
        let detail = traffic.request(id).await.unwrap().unwrap();
        detail.tool_calls[0].answered_by.clone()
    };
    // Results come before the conversation is known.
    let answering = traffic.channel().request("r4".into());
    answering.publish(incoming("gpt-5.2"));
    answering.publish(result());
    for id in ["r1", "r2", "r3"] {
        assert_eq!(answered_by(id).await, None);
    }
    answering.of(&chat("chat-1")).publish(forward());
    assert_eq!(answered_by("r1").await, None);
    assert_eq!(answered_by("r2").await.as_deref(), Some("r4"));
    assert_eq!(answered_by("r3").await, None);
    // Each result answers one call.
    answering.of(&chat("chat-1")).publish(forward());
    assert_eq!(answered_by("r1").await, None);

    // Where the conversation stays unknown, two calls may be meant; then one.
    let unknown = |id: &str| {
        let log = traffic.channel().request(id.into());
        log.publish(incoming("gpt-5.2"));
        log.publish(result());
        log.publish(forward());
    };
    unknown("r5");
    assert_eq!(answered_by("r1").await, None);
    assert_eq!(answered_by("r3").await, None);
    request(&traffic, "r6", "chat-2").publish(result());
    assert_eq!(answered_by("r3").await.as_deref(), Some("r6"));
    unknown("r7");
    assert_eq!(answered_by("r1").await.as_deref(), Some("r7"));
}

#[tokio::test]
async fn what_follows_the_end_of_a_request_still_counts() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let log = request(&traffic, "r1", "chat-1");
    log.publish(incoming("gpt-5.2"));
    log.publish(response());
    // Written, and out of memory.
    assert_eq!(ids(&traffic, all_requests()).await, ["r1"]);
    log.publish(Event::Parked {
        thread: "thread-1".into(),
        turn: None,
        calls: vec!["call_1".into()],
    });
    let request = traffic.request("r1").await.unwrap().unwrap().request;
    assert_eq!(request.thread.as_deref(), Some("thread-1"));
    assert_eq!(request.model.as_deref(), Some("gpt-5.2"));
    assert_eq!(request.updated, 3);
    assert!(request.has_ended());
}

#[tokio::test]
async fn full_bodies_are_kept_as_they_came() {
    let home = tempfile::tempdir().unwrap();
    let settings = LogSettings {
        bodies: KeptBodies::Full,
        ..LogSettings::default()
    };
    let traffic = start_with(home.path(), &settings).await;
    let log = request(&traffic, "r1", "chat-1");
    log.publish(incoming("gpt-5.2"));
    let stream = "data: ü\n\n".repeat(1_200_000);
    log.body(BodyKind::Stream, stream.clone().into());
    let detail = traffic.request("r1").await.unwrap().unwrap();
    let body = detail.body(BodyKind::Stream).unwrap();
    assert_eq!(body.form, "full");
    assert_eq!(body.size, stream.len() as u64);
    assert!(body.truncated);
    assert!(stream.starts_with(&body.text));
    assert!(body.text.len() > 8 * 1024 * 1024 - 4, "{}", body.text.len());
}

#[tokio::test]
async fn more_requests_than_fit_into_memory_are_added_up_all_the_same() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    for number in 0..5000 {
        request(&traffic, &format!("r{number}"), "chat-1").publish(incoming("gpt-5.2"));
    }
    assert_eq!(ids(&traffic, all_requests()).await.len(), 1000);
    for id in ["r0", "r4999"] {
        request(&traffic, id, "chat-1").publish(response());
        let request = traffic.request(id).await.unwrap().unwrap().request;
        assert_eq!(request.model.as_deref(), Some("gpt-5.2"));
        assert!(request.has_ended());
    }
}

#[tokio::test]
async fn requests_behind_records_come_one_after_the_other() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    for id in ["r1", "r2", "r3"] {
        let log = request(&traffic, id, "chat-1");
        log.publish(incoming("gpt-5.2"));
        log.publish(first_token(1));
    }
    traffic
        .channel()
        .publish(&chat("chat-1"), Event::ConversationDeleted);
    let filter = RecordFilter {
        limit: 2,
        ..RecordFilter::default()
    };
    let mut details = traffic.details(&filter).await.unwrap();
    // These two, and no more.
    for id in ["r3", "r2"] {
        let detail = details.next().await.unwrap().unwrap();
        assert_eq!(detail.request.id, id);
        assert_eq!(detail.records.len(), 2);
    }
    assert!(details.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_closed_log_says_so_and_holds_up_nobody() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    request(&traffic, "r1", "chat-1").publish(incoming("gpt-5.2"));
    traffic.close().await;
    traffic.close().await;
    assert!(traffic.records(&all()).await.is_err());
    request(&traffic, "r2", "chat-1").publish(incoming("gpt-5.2"));
    assert_eq!(traffic.channel().dropped(), 1);
}
