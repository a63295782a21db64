//! The JSON of records, which users and the page rely on.

use super::*;
use crate::turn::FinishReason;
use serde_json::{Value, json};

fn record(event: Event) -> Value {
    serde_json::to_value(Record {
        seq: 7,
        time: Timestamp(1_763_694_245_123_456),
        request: Some("r1".into()),
        conversation: ConversationId::new("chat-1"),
        trace: None,
        event,
    })
    .unwrap()
}

#[test]
fn a_record_is_one_flat_object() {
    let event = Event::FirstToken {
        after: Duration::from_micros(1500),
        kind: TokenKind::ToolCall,
    };
    assert_eq!(
        record(event),
        json!({
            "seq": 7,
            "time": "2025-11-21T03:04:05.123456Z",
            "request": "r1",
            "conversation": "chat-1",
            "type": "first_token",
            "after_ms": 1.5,
            "kind": "tool_call",
        })
    );
}

#[test]
fn what_came_in_and_what_it_asks_for_are_one_object_too() {
    let mut incoming = IncomingRequest {
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        route: Some("chat_completions"),
        bytes: 12,
        ..IncomingRequest::default()
    };
    let refused = record(Event::IncomingRequest(Box::new(incoming.clone())));
    assert_eq!(refused["type"], "incoming_request");
    assert_eq!(refused["read_ms"], 0.0);
    assert!(refused.get("model").is_none(), "{refused}");
    assert!(refused.get("peer").is_none(), "{refused}");
    incoming.asks = Some(Asks {
        model: "xedoc-2.5-tpg".into(),
        dropped: vec!["temperature".into()],
        ..Asks::default()
    });
    let read = record(Event::IncomingRequest(Box::new(incoming)));
    assert_eq!(read["model"], "xedoc-2.5-tpg");
    assert_eq!(read["dropped"], json!(["temperature"]));
    assert_eq!(read["stream"], false);
}

#[test]
fn replies_tell_their_usage_and_the_share_of_the_cache() {
    let usage = Usage {
        input: 1000,
        cached: 250,
        output: 3,
        reasoning: 1,
    };
    let reply = record(Event::CursorResponse(CursorResponse {
        status: 200,
        finish_reason: Some(FinishReason::ToolCalls.as_str()),
        usage: Some(usage.into()),
        cached_share: cached_share(&usage),
        duration: Duration::from_secs(2),
        ..CursorResponse::default()
    }));
    assert_eq!(
        reply["usage"],
        json!({ "input": 1000, "cached": 250, "output": 3, "reasoning": 1 })
    );
    assert_eq!(reply["cached_share"], 0.25);
    assert_eq!(reply["finish_reason"], "tool_calls");
    assert_eq!(reply["duration_ms"], 2000.0);
    assert!(reply.get("first_token_ms").is_none(), "{reply}");
    assert_eq!(cached_share(&Usage::default()), None);
}

/// One event of each type.
fn all() -> Vec<Event> {
    let id = || ConversationId::new("chat-1").unwrap();
    let text = || "x".to_owned();
    let no_time = Duration::ZERO;
    vec![
        Event::IncomingRequest(Box::default()),
        Event::CodexForward {
            mapped_model: text(),
            effort: None,
            provider: text(),
            thread: text(),
            turn: None,
        },
        Event::UpstreamForward {
            mapped_model: text(),
            provider: text(),
            wire_api: "chat",
            relayed: false,
            attempt: 1,
        },
        Event::ThreadStarted {
            thread: text(),
            took: no_time,
            items: 0,
        },
        Event::Resumed {
            thread: text(),
            turn: None,
            results: 1,
            waited: no_time,
        },
        Event::Rebuilt {
            thread: text(),
            reason: RebuildReason::Edited,
            kept: 1,
            of: 2,
        },
        Event::FirstToken {
            after: no_time,
            kind: TokenKind::Text,
        },
        Event::ReasoningDetected { summary_count: 1 },
        Event::ToolCallForwarded {
            name: text(),
            call_id: text(),
            kind: "function",
            bytes: 1,
        },
        Event::Parked {
            thread: text(),
            turn: None,
            calls: vec![text()],
        },
        Event::ToolResultReceived {
            call_id: text(),
            name: None,
            bytes: 1,
        },
        Event::CursorResponse(CursorResponse::default()),
        Event::RequestFailed(Box::default()),
        Event::ClientDisconnected {
            first_token: None,
            duration: no_time,
        },
        Event::StreamCodexError {
            message: text(),
            retrying: true,
        },
        Event::RateLimits {
            limit: None,
            plan: None,
            windows: Vec::new(),
        },
        Event::Expired {
            reason: ExpiryReason::TooMany,
        },
        Event::Forked { from: id() },
        Event::ConversationDeleted,
        Event::Warning {
            what: "x",
            detail: text(),
        },
        Event::ConfigReloaded {
            changes: vec![text()],
        },
        Event::ConfigNotReloaded {
            mistakes: vec![text()],
        },
    ]
}

#[test]
fn types_are_those_of_the_list_and_of_the_json() {
    let kinds: Vec<_> = all().iter().map(Event::kind).collect();
    assert_eq!(kinds, Event::TYPES);
    for event in all() {
        let kind = event.kind();
        assert_eq!(record(event)["type"], kind);
    }
}
