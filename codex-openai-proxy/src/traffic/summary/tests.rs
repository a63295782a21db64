//! Folding records into summaries.

use super::*;
use crate::traffic::{
    record::TokenKind,
    tests::{first_token, incoming, record, response},
};
use serde_json::{Value, json};
use std::time::Duration;

fn folded(events: impl IntoIterator<Item = Event>) -> Summary {
    let mut events = (7..).zip(events);
    let (seq, first) = events.next().unwrap();
    let mut summary = Summary::of(&record(seq, 5, first)).unwrap();
    for (seq, event) in events {
        summary.on_record(&record(seq, 6, event));
    }
    summary
}

fn json(summary: &Summary) -> Value {
    serde_json::to_value(summary).unwrap()
}

fn forward() -> Event {
    Event::CodexForward {
        mapped_model: "gpt-5.2".into(),
        effort: Some("high".into()),
        provider: "openai".into(),
        thread: "t1".into(),
        turn: None,
    }
}

fn started() -> Event {
    Event::ThreadStarted {
        thread: "t1".into(),
        took: Duration::ZERO,
        items: 0,
    }
}

fn resumed() -> Event {
    Event::Resumed {
        thread: "t1".into(),
        turn: None,
        results: 1,
        waited: Duration::ZERO,
    }
}

fn rebuilt() -> Event {
    Event::Rebuilt {
        thread: "t2".into(),
        reason: RebuildReason::Edited,
        kept: 3,
        of: 5,
    }
}

fn parked() -> Event {
    Event::Parked {
        thread: "t1".into(),
        turn: None,
        calls: vec!["call_1".into()],
    }
}

fn failed() -> Event {
    Event::RequestFailed(Box::new(RequestFailed {
        status: 502,
        error_type: "server_error".to_owned(),
        code: Some("upstream_error".into()),
        message: "no".into(),
        duration: Duration::from_millis(20),
        ..RequestFailed::default()
    }))
}

#[test]
fn a_request_that_went_well_is_told_whole() {
    let summary = folded([
        incoming("2.5-tpg"),
        started(),
        forward(),
        Event::FirstToken {
            after: Duration::from_millis(200),
            kind: TokenKind::Reasoning,
        },
        Event::ReasoningDetected { summary_count: 2 },
        Event::ToolCallForwarded {
            name: "shell".into(),
            call_id: "call_1".into(),
            kind: "function",
            bytes: 9,
        },
        Event::StreamCodexError {
            message: "again".into(),
            retrying: true,
        },
        Event::StreamCodexError {
            message: "over".into(),
            retrying: false,
        },
        response(),
    ]);
    let expected = json!({
        "id": "r1",
        "client_id": "from-client",
        "seq": 7,
        "updated": 15,
        "time": "1970-01-01T00:00:05.000000Z",
        "method": "POST",
        "path": "/v1/chat/completions",
        "model": "2.5-tpg",
        "mapped_model": "gpt-5.2",
        "effort": "high",
        "provider": "openai",
        "thread": "t1",
        "stream": true,
        "messages": 3,
        "tools": 2,
        "preview": "Please RENAME the crate",
        "state": "done",
        "status": 200,
        "finish_reason": "stop",
        "first_token_ms": 250.0,
        "duration_ms": 1500.0,
        "usage": { "input": 100, "cached": 40, "output": 7, "reasoning": 2 },
        "calls": ["shell"],
        "results": 0,
        "reasoning": 2,
        "dropped": 2,
        "origin": "new",
        "retries": 1,
    });
    assert_eq!(json(&summary), expected);
    let again: Summary = serde_json::from_value(expected).unwrap();
    assert_eq!(again, summary);
}

#[test]
fn what_is_not_known_is_left_out() {
    let summary = json(&folded([incoming("gpt-5.2")]));
    assert_eq!(summary["state"], "running");
    for name in ["status", "usage", "reasoning", "origin", "error", "thread"] {
        assert!(summary.get(name).is_none(), "{name}: {summary}");
    }
}

#[test]
fn it_fails_with_what_the_client_was_told() {
    let summary = json(&folded([incoming("gpt-5.2"), first_token(5), failed()]));
    assert_eq!(summary["state"], "failed");
    assert_eq!(summary["status"], 502);
    let error = json!({ "type": "server_error", "code": "upstream_error", "message": "no" });
    assert_eq!(summary["error"], error);
    // What was known before the end stays.
    assert_eq!(summary["first_token_ms"], 5.0);
    assert_eq!(summary["duration_ms"], 20.0);
}

#[test]
fn the_first_end_counts_and_stragglers_add_up() {
    let left = Event::ClientDisconnected {
        first_token: None,
        duration: Duration::from_millis(9),
    };
    let summary = json(&folded([
        incoming("gpt-5.2"),
        left,
        parked(),
        failed(),
        response(),
    ]));
    assert_eq!(summary["state"], "left");
    assert_eq!(summary["duration_ms"], 9.0);
    assert_eq!(summary["thread"], "t1");
    assert_eq!(summary["updated"], 11);
    assert!(summary.get("error").is_none() && summary.get("status").is_none());
}

#[test]
fn how_it_found_its_thread_does_not_depend_on_the_order() {
    let origin = |events: Vec<Event>| json(&folded(events))["origin"].clone();
    assert_eq!(origin(vec![incoming("m"), forward()]), "continued");
    assert_eq!(origin(vec![incoming("m"), forward(), started()]), "new");
    assert_eq!(origin(vec![incoming("m"), resumed(), forward()]), "resumed");
    assert_eq!(
        origin(vec![incoming("m"), rebuilt(), started(), forward()]),
        "rebuilt"
    );
    assert_eq!(
        origin(vec![incoming("m"), forward(), started(), rebuilt()]),
        "rebuilt"
    );
    let summary = json(&folded([incoming("m"), rebuilt()]));
    assert_eq!(
        summary["rebuilt"],
        json!({ "reason": "edited", "kept": 3, "of": 5 })
    );
}

#[test]
fn results_and_conversations_are_noted() {
    let result = || Event::ToolResultReceived {
        call_id: "call_1".into(),
        name: None,
        bytes: 1,
    };
    let mut summary = folded([incoming("m"), result(), result()]);
    assert_eq!(summary.results, 2);
    assert_eq!(summary.conversation, None);
    let mut later = record(20, 6, Event::ConversationDeleted);
    later.conversation = crate::turn::ConversationId::new("chat-1");
    summary.on_record(&later);
    assert_eq!(summary.conversation.as_deref(), Some("chat-1"));
    // A record that comes late does not turn back the count.
    summary.on_record(&record(11, 6, result()));
    assert_eq!(summary.updated, 20);
}

#[test]
fn an_end_alone_makes_a_row_and_no_request_makes_none() {
    let summary = json(&folded([failed()]));
    assert_eq!(summary["state"], "failed");
    assert_eq!(summary["method"], "");
    let mut record = record(1, 1, Event::ConversationDeleted);
    record.request = None;
    assert!(Summary::of(&record).is_none());
}

#[test]
fn its_words_of_reasons_are_those_of_the_records() {
    for (reason, word) in [
        (RebuildReason::Edited, "edited"),
        (RebuildReason::Settings, "settings"),
        (RebuildReason::Input, "input"),
        (RebuildReason::Restored, "restored"),
    ] {
        assert_eq!(json!(reason), word);
    }
    for state in [
        State::Running,
        State::Done,
        State::Failed,
        State::Left,
        State::Lost,
    ] {
        assert_eq!(json!(state), state.as_str());
    }
}
