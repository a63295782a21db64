//! Tool calls, from the reply that made them to the request that answers them.

use crate::{
    harness::{
        codex::forward,
        logs::{Detail, in_order, kinds, text, told},
        run,
        talk::{Talk, calls, said, tool},
    },
    upstream::{Reply, Upstream},
};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the client takes for its tools.
const WORK: Duration = Duration::from_millis(200);

/// What the log tells of the request that got calls of `look` and `note` for an answer.
#[track_caller]
fn check_asked(asked: &Detail, reply: &Value) {
    let mut all = kinds(&asked.records);
    all.sort_unstable();
    assert_eq!(
        all,
        [
            "codex_forward",
            "cursor_response",
            "first_token",
            "incoming_request",
            "parked",
            "thread_started",
            "tool_call_forwarded",
            "tool_call_forwarded",
        ]
    );
    let order = [
        "first_token",
        "tool_call_forwarded",
        "tool_call_forwarded",
        "cursor_response",
    ];
    in_order(&asked.records, &order);
    let first = told(asked.record("first_token"), &["after_ms"]);
    assert_eq!(first, json!({ "kind": "tool_call" }));
    let forwarded: Vec<Value> = asked
        .records
        .iter()
        .filter(|record| record["type"] == "tool_call_forwarded")
        .map(|record| told(record, &[]))
        .collect();
    assert_eq!(
        forwarded,
        [
            json!({ "name": "look", "call_id": "call_1", "kind": "function", "bytes": 8 }),
            json!({ "name": "note", "call_id": "call_2", "kind": "custom", "bytes": 6 }),
        ]
    );
    let forward = asked.record("codex_forward");
    let (thread, turn) = (&forward["thread"], &forward["turn"]);
    assert_eq!(
        told(asked.record("parked"), &[]),
        json!({ "thread": thread, "turn": turn, "calls": ["call_1", "call_2"] })
    );
    let end = asked.ended_with("cursor_response");
    assert_eq!(end["finish_reason"], "tool_calls");
    assert_eq!(asked.request["calls"], json!(["look", "note"]));
    assert_eq!(asked.request["results"], 0);
    assert_eq!(asked.request["state"], "done");
    let kept = asked.json("reply");
    let kept_calls = &kept["choices"][0]["message"]["tool_calls"];
    assert_eq!(kept_calls, &reply["choices"][0]["message"]["tool_calls"]);
}

/// What it tells of the request with their results.
#[track_caller]
fn check_answered(answered: &Detail, asked: &Detail) {
    assert_eq!(
        kinds(&answered.records),
        [
            "incoming_request",
            "tool_result_received",
            "tool_result_received",
            "resumed",
            "codex_forward",
            "first_token",
            "cursor_response",
        ]
    );
    assert_eq!(
        told(&answered.records[1], &[]),
        json!({ "call_id": "call_1", "name": "look", "bytes": 5 })
    );
    assert_eq!(
        told(&answered.records[2], &[]),
        json!({ "call_id": "call_2", "name": "note", "bytes": 5 })
    );
    let forward = asked.record("codex_forward");
    let (thread, turn) = (&forward["thread"], &forward["turn"]);
    let resumed = answered.record("resumed");
    assert_eq!(
        told(resumed, &["waited_ms"]),
        json!({ "thread": thread, "turn": turn, "results": 2 })
    );
    assert!(resumed["waited_ms"].as_f64().unwrap() >= 200.0, "{resumed}");
    assert_eq!(answered.request["results"], 2);
    assert_eq!(answered.request["origin"], "resumed");
    assert_eq!(
        answered.request["conversation"],
        asked.request["conversation"]
    );
}

#[test]
fn calls_are_followed_from_one_request_to_the_next() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(
            Reply::stream()
                .call("call_1", "look", "{\"at\":1}")
                .call("call_2", "note", "{\"input\":\"a bird\"}")
                .completed(),
        );
        upstream.reply(Reply::text(&["Seen."]));
        let custom = json!({ "type": "custom", "custom": { "name": "note" } });
        let mut talk = Talk::about("Look.").with("tools", vec![tool("look"), custom]);
        let reply = talk.send(&proxy).await;
        let conversation = talk.conversation().to_owned();
        assert_eq!(reply["choices"][0]["finish_reason"], "tool_calls");
        // Told after the reply: the turn rests only now.
        let query = format!("conversation={conversation}");
        proxy.records_with(&query, "parked").await;
        tokio::time::sleep(WORK).await;
        talk.result("call_1", "wings");
        talk.result("call_2", "noted");
        assert_eq!(said(&talk.send(&proxy).await), "Seen.");

        let rows = proxy.settled(2).await;
        let asked = proxy.detail(text(&rows[0]["id"])).await;
        let answered = proxy.detail(text(&rows[1]["id"])).await;
        check_asked(&asked, &reply);
        check_answered(&answered, &asked);
        assert_eq!(asked.request["conversation"], conversation);

        // Both requests tell of the same calls.
        assert_eq!(asked.tool_calls, answered.tool_calls);
        let followed: Vec<_> = asked
            .tool_calls
            .iter()
            .map(|call| (text(&call["call_id"]), text(&call["name"])))
            .collect();
        assert_eq!(followed, [("call_1", "look"), ("call_2", "note")]);
        for call in &asked.tool_calls {
            assert_eq!(call["request"], asked.request["id"]);
            assert_eq!(call["answered_by"], answered.request["id"]);
            assert!(text(&call["forwarded"]) < text(&call["answered"]), "{call}");
            assert!(call["waited_ms"].as_f64().unwrap() >= 200.0, "{call}");
        }
        proxy.stop().await;
    });
}

#[test]
fn a_call_that_nobody_has_answered_says_so() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(Reply::stream().call("call_1", "look", "{}").completed());
        let mut talk = Talk::about("Look.").offering(&["look"]);
        let reply = talk.send(&proxy).await;
        assert_eq!(calls(&reply).len(), 1);
        let detail = proxy.only_request().await;
        let [call] = detail.tool_calls.as_slice() else {
            panic!("one call: {:?}", detail.tool_calls);
        };
        assert_eq!(call["call_id"], "call_1");
        for name in ["answered", "answered_by", "waited_ms"] {
            assert_eq!(call.get(name), None, "{call}");
        }
        proxy.stop().await;
    });
}

#[test]
fn results_come_in_once_however_often_the_history_repeats_them() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(Reply::stream().call("call_1", "look", "{}").completed());
        upstream.otherwise(|_| Reply::text(&["Seen."]));
        let mut talk = Talk::about("Look.").offering(&["look"]);
        talk.send(&proxy).await;
        talk.result("call_1", "wings");
        talk.send(&proxy).await;
        talk.say("And now?");
        talk.send(&proxy).await;
        let received = proxy.records("type=tool_result_received").await;
        assert_eq!(received.len(), 1, "{received:#?}");
        let rows = proxy.settled(3).await;
        assert_eq!(received[0]["request"], rows[1]["id"]);
        assert_eq!(rows[2]["origin"], "continued");
        proxy.stop().await;
    });
}
