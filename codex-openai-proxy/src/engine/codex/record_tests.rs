//! What a record makes of requests and replies.

use super::*;
use crate::{
    conversation::{Alignment, align},
    turn::{Part, Sends, ToolCall, ToolKind},
};
use serde_json::{Value, json};

fn raw(value: Value) -> ResponseItem {
    serde_json::from_value(value).unwrap()
}

fn user(text: &str) -> ResponseItem {
    raw(json!({"type": "message", "role": "user",
        "content": [{"type": "input_text", "text": text}]}))
}

fn thought() -> ResponseItem {
    raw(json!({"type": "reasoning", "summary": [], "encrypted_content": "sealed"}))
}

fn answer(text: &str) -> ResponseItem {
    raw(json!({"type": "message", "role": "assistant",
        "content": [{"type": "output_text", "text": text}]}))
}

fn call(id: &str) -> ResponseItem {
    raw(json!({"type": "function_call", "call_id": id, "name": "grep", "arguments": "{}"}))
}

fn result(id: &str) -> ResponseItem {
    raw(json!({"type": "function_call_output", "call_id": id, "output": "found"}))
}

fn said(role: Role, text: &str) -> Item {
    Item::Message {
        role,
        content: vec![Part::Text(text.into())],
    }
}

fn called(id: &str) -> Item {
    Item::ToolCall(ToolCall {
        id: id.into(),
        name: "grep".into(),
        kind: ToolKind::Function,
        arguments: "{}".into(),
    })
}

/// Adds a request of those items.
fn settle(record: &mut Record, asked: &[Item], recorded: Vec<ResponseItem>) {
    settle_hiding(record, asked, recorded, []);
}

/// The same, with calls at those places of which no client hears.
fn settle_hiding<const N: usize>(
    record: &mut Record,
    asked: &[Item],
    recorded: Vec<ResponseItem>,
    hidden: [usize; N],
) {
    record
        .settle(Exchange {
            keep: record.transcript().len(),
            asked: &blocks(asked),
            from: 0,
            recorded,
            hidden: HashSet::from(hidden),
        })
        .unwrap();
}

/// What a client that sends everything has to add.
fn appended(record: &Record, items: &[Item]) -> Option<usize> {
    match align(record.transcript(), &blocks(items), Sends::Whole) {
        Alignment::Append { from } => Some(from),
        Alignment::Rewrite { .. } => None,
    }
}

fn tool_loop() -> (Record, Vec<Item>) {
    let mut record = Record::new();
    settle(
        &mut record,
        &[said(Role::User, "look")],
        vec![user("look"), thought(), call("1"), call("2")],
    );
    assert_eq!(record.open_calls(), ["1", "2"]);
    assert!(record.ends_in_reply());
    let results = ["1", "2"].map(|id| Item::ToolResult {
        call_id: id.into(),
        output: vec![Part::Text("found".into())],
        param: String::new(),
    });
    settle(
        &mut record,
        &results,
        vec![result("1"), result("2"), thought(), answer("There.")],
    );
    let [first, second] = results;
    let history = vec![
        said(Role::User, "look"),
        called("1"),
        called("2"),
        first,
        second,
        said(Role::Assistant, "There."),
    ];
    (record, history)
}

#[test]
fn a_client_that_repeats_everything_is_known() {
    let (record, mut history) = tool_loop();
    assert_eq!(record.open_calls(), [""; 0]);
    assert_eq!(appended(&record, &history), Some(6));
    history.push(said(Role::User, "more"));
    assert_eq!(appended(&record, &history), Some(6));
    history[0] = said(Role::User, "look there");
    assert_eq!(appended(&record, &history), None);
}

fn remains(record: &Record) -> Remains {
    Remains {
        instructions: String::new(),
        items: record.items().to_vec(),
        transcript: record.transcript().clone(),
        hidden: record.hidden().collect(),
    }
}

#[test]
fn a_record_from_disk_is_the_same() {
    let (record, history) = tool_loop();
    let kept = remains(&record);
    // Also where nothing tells how the client saw it.
    let bare = Remains {
        items: record.items().to_vec(),
        ..Remains::default()
    };
    for remains in [kept, bare] {
        let restored = Record::restore(record.thread, remains);
        assert_eq!(restored.transcript(), record.transcript());
        assert_eq!(appended(&restored, &history), Some(6));
    }
}

#[test]
fn what_is_changed_goes_with_its_reasoning_when_the_change_was_answered() {
    let (mut record, history) = tool_loop();
    assert_eq!(record.items_of(1), [user("look")]);
    let kept = [user("look"), thought(), call("1"), call("2")];
    assert_eq!(record.items_of(2), kept);
    assert_eq!(record.items().len(), 8);
    record
        .settle(Exchange {
            keep: 2,
            asked: &blocks(&history)[2..3],
            from: 3,
            recorded: vec![result("1"), result("2"), answer("Here.")],
            hidden: HashSet::new(),
        })
        .unwrap();
    assert_eq!(record.items().len(), 7);
    assert_eq!(record.items()[..4], kept);
    assert_eq!(appended(&record, &history), None);
}

#[test]
fn calls_that_core_answered_are_no_part_of_what_the_client_saw() {
    let mut record = Record::new();
    let asked = [said(Role::User, "look")];
    settle_hiding(
        &mut record,
        &asked,
        vec![user("look"), call("x"), result("x"), answer("So.")],
        [1],
    );
    let history = [asked[0].clone(), said(Role::Assistant, "So.")];
    assert_eq!(appended(&record, &history), Some(2));
    assert_eq!(record.items().len(), 4);
}

#[test]
fn an_answer_of_cores_may_come_between_those_of_the_client() {
    let mut record = Record::new();
    let asked = [said(Role::User, "look")];
    settle_hiding(
        &mut record,
        &asked,
        vec![user("look"), call("1"), call("x"), call("2")],
        [2],
    );
    assert_eq!(record.open_calls(), ["1", "2"]);
    let (_, history) = tool_loop();
    settle(
        &mut record,
        &history[3..5],
        vec![result("1"), result("x"), result("2"), answer("There.")],
    );
    assert_eq!(appended(&record, &history), Some(6));
    assert_eq!(record.items().len(), 8);
    assert_eq!(record.items_of(3).len(), 7);
    let restored = Record::restore(record.thread, remains(&record));
    assert_eq!(appended(&restored, &history), Some(6));
}

#[test]
fn what_core_says_while_the_client_works_is_recorded_and_hidden() {
    let mut record = Record::new();
    let asked = [said(Role::User, "look")];
    settle_hiding(
        &mut record,
        &asked,
        vec![user("look"), call("x"), call("1")],
        [1],
    );
    record.push_hidden(result("x"));
    record.push_hidden(result("x"));
    record.push_hidden(result("stranger"));
    assert_eq!(record.items().len(), 4);
    assert!(record.ends_in_reply());
    let restored = Record::restore(record.thread, remains(&record));
    assert_eq!(restored.open_calls(), ["1"]);
}

#[test]
fn ids_of_calls_may_come_again() {
    let mut record = Record::new();
    let mut items = Vec::new();
    for _ in 0..2 {
        items.extend([
            user("look"),
            call("call_0"),
            result("call_0"),
            answer("There."),
        ]);
    }
    items.push(call("call_0"));
    let remains = Remains {
        items,
        ..Remains::default()
    };
    record = Record::restore(record.thread, remains);
    assert_eq!(record.open_calls(), ["call_0"]);
}

#[test]
fn an_input_that_core_did_not_record_is_a_fault() {
    let mut record = Record::new();
    let exchange = Exchange {
        keep: 0,
        asked: &blocks(&[said(Role::User, "a"), said(Role::User, "b")]),
        from: 0,
        recorded: vec![user("a")],
        hidden: HashSet::new(),
    };
    assert!(record.settle(exchange).is_err());
    assert_eq!(record.items(), []);
    assert!(record.transcript().is_empty());
}

#[test]
fn an_id_that_was_hidden_once_can_be_the_clients_later() {
    let mut record = Record::new();
    let look = [said(Role::User, "look")];
    settle_hiding(
        &mut record,
        &look,
        vec![
            user("look"),
            call("call_0"),
            result("call_0"),
            call("call_0"),
        ],
        [1],
    );
    assert_eq!(record.open_calls(), ["call_0"]);
    let (_, mut history) = tool_loop();
    history.truncate(4);
    history.remove(2);
    for item in &mut history {
        match item {
            Item::ToolCall(call) => call.id = "call_0".into(),
            Item::ToolResult { call_id, .. } => *call_id = "call_0".into(),
            Item::Message { .. } | Item::Reasoning(_) => {}
        }
    }
    settle(
        &mut record,
        &history[2..],
        vec![result("call_0"), answer("There.")],
    );
    history.push(said(Role::Assistant, "There."));
    assert_eq!(appended(&record, &history), Some(4));
    let restored = Record::restore(record.thread, remains(&record));
    assert_eq!(appended(&restored, &history), Some(4));
    assert_eq!(restored.open_calls(), [""; 0]);
}

#[test]
fn ids_that_are_too_long_are_short_in_the_record() {
    let long = "x".repeat(80);
    let mut record = Record::new();
    settle(
        &mut record,
        &[said(Role::User, "look")],
        vec![user("look"), call(&long)],
    );
    let short = record.open_calls()[0].clone();
    assert!(short.len() <= 64, "{short}");
    assert_eq!(record.items()[1], call(&short));
}
