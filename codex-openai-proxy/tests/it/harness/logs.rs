//! What `/logs/api` tells of a proxy.
#![cfg_attr(
    not(feature = "codex"),
    allow(dead_code, reason = "the real engine's tests look closer")
)]

use super::{Client, chat::Answer};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;

/// How long a test waits for what should be in the log soon.
const PATIENCE: Duration = Duration::from_secs(15);

/// The records with which requests end.
pub const ENDS: [&str; 3] = ["cursor_response", "request_failed", "client_disconnected"];

/// All that is known of one request.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The request in short.
    pub request: Value,
    /// Its records, oldest first.
    pub records: Vec<Value>,
    pub bodies: Vec<Value>,
    pub tool_calls: Vec<Value>,
}

impl Client {
    /// A chat request that has not been sent, with an id of its client's.
    pub fn chat_as(&self, id: &str, body: &Value) -> RequestBuilder {
        let request = self.request(Method::POST, "/v1/chat/completions");
        request.header("x-request-id", id).json(body)
    }

    /// The records that fit `query`, oldest first. There must be no more than fit one page.
    pub async fn records(&self, query: &str) -> Vec<Value> {
        let path = format!("/logs/api/records?limit=1000&{query}");
        whole_page(self.get(&path).await, "records")
    }

    /// The same once there is one of this type.
    pub async fn records_with(&self, query: &str, kind: &str) -> Vec<Value> {
        let found = async {
            loop {
                let records = self.records(query).await;
                if kinds(&records).contains(&kind) {
                    return records;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("no {kind} for {query}"))
    }

    /// The requests that fit `query`, in short, oldest first.
    pub async fn summaries(&self, query: &str) -> Vec<Value> {
        let path = format!("/logs/api/requests?limit=1000&{query}");
        whole_page(self.get(&path).await, "requests")
    }

    /// All requests in short, oldest first, once there are `count` and none runs.
    pub async fn settled(&self, count: usize) -> Vec<Value> {
        let settled = async {
            loop {
                let all = self.summaries("").await;
                if all.len() >= count && all.iter().all(|one| one["state"] != "running") {
                    return all;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let settled = tokio::time::timeout(PATIENCE, settled).await;
        let settled = settled.expect("every request has an end");
        assert_eq!(settled.len(), count, "{settled:#?}");
        settled
    }

    /// All of one request, by our id or its client's.
    pub async fn detail(&self, id: &str) -> Detail {
        let answer = self.get(&format!("/logs/api/requests/{id}")).await;
        let mut detail = answer.ok();
        let mut list = |name: &str| match detail[name].take() {
            Value::Array(list) => list,
            other => panic!("{name}: {other}"),
        };
        Detail {
            records: list("records"),
            bodies: list("bodies"),
            tool_calls: list("tool_calls"),
            request: detail["request"].take(),
        }
    }

    /// All of the only request so far, once it has ended.
    pub async fn only_request(&self) -> Detail {
        let settled = self.settled(1).await;
        self.detail(text(&settled[0]["id"])).await
    }

    /// The text that the log's API answers with.
    pub async fn log_text(&self, path: &str) -> String {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }
}

impl Detail {
    /// Asserts what every request must hold to: it comes in once and first, and ends once, here with
    /// a record of this type, which it gives.
    #[track_caller]
    pub fn ended_with(&self, kind: &str) -> &Value {
        let kinds = kinds(&self.records);
        assert_eq!(kinds.first(), Some(&"incoming_request"), "{kinds:?}");
        let count = |one: &str| kinds.iter().filter(|kind| **kind == one).count();
        assert_eq!(count("incoming_request"), 1, "{kinds:?}");
        let ends: Vec<_> = kinds.iter().filter(|kind| ENDS.contains(kind)).collect();
        assert_eq!(ends, [&kind], "{:#?}", self.records);
        self.record(kind)
    }

    /// The only record of this type.
    #[track_caller]
    pub fn record(&self, kind: &str) -> &Value {
        only(&self.records, kind)
    }

    /// What is kept of a body.
    pub fn body(&self, kind: &str) -> Option<&Value> {
        self.bodies.iter().find(|body| body["kind"] == kind)
    }

    /// The text that is kept of a body.
    #[track_caller]
    pub fn text(&self, kind: &str) -> &str {
        text(&self.body(kind).expect(kind)["text"])
    }

    /// The JSON that is kept of a body.
    #[track_caller]
    pub fn json(&self, kind: &str) -> Value {
        serde_json::from_str(self.text(kind)).expect("JSON")
    }
}

/// The types of records.
pub fn kinds(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| text(&record["type"])).collect()
}

/// The only record of this type.
#[track_caller]
pub fn only<'a>(records: &'a [Value], kind: &str) -> &'a Value {
    let mut found = records.iter().filter(|record| record["type"] == kind);
    match (found.next(), found.next()) {
        (Some(one), None) => one,
        _ => panic!("one {kind} among {records:#?}"),
    }
}

/// What a record says besides when and of what it is told. Durations, which must be there, are left
/// out.
#[track_caller]
pub fn told(record: &Value, durations: &[&str]) -> Value {
    let mut record = record.clone();
    let fields = record.as_object_mut().expect("a record");
    for name in durations {
        let duration = fields.shift_remove(*name).unwrap_or_default();
        let millis = duration.as_f64().unwrap_or(-1.0);
        assert!((0.0..60_000.0).contains(&millis), "{name}: {duration}");
    }
    for name in ["seq", "time", "request", "conversation", "type"] {
        assert!(fields.shift_remove(name).is_some(), "{name}: {fields:?}");
    }
    record
}

/// Asserts that records of these types come in this order, whatever stands between them.
#[track_caller]
pub fn in_order(records: &[Value], order: &[&str]) {
    let all = kinds(records);
    let mut rest = all.iter();
    for kind in order {
        assert!(rest.any(|one| one == kind), "{kind} is late: {all:?}");
    }
}

/// A string.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a string: {value}"))
}

/// The items of a page which holds everything, oldest first.
#[track_caller]
fn whole_page(answer: Answer, name: &str) -> Vec<Value> {
    let mut page = answer.ok();
    assert_eq!(page["more"], false);
    match page[name].take() {
        Value::Array(mut items) => {
            items.reverse();
            items
        }
        other => panic!("{name}: {other}"),
    }
}
