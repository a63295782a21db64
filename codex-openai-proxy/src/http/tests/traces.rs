//! The trace that a request belongs to, from its client to whoever is asked.

use super::*;
use crate::{
    config::{UpstreamSettings, WireApi},
    engine::upstream::tests::server::{Answer, Seen, Server as Provider},
};
use std::io;
use tracing::Level;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A service that knows a provider which speaks `wire_api` as `near`.
async fn service(wire_api: WireApi) -> (Provider, Service) {
    let provider = Provider::new(|_| Answer::json("{}")).await;
    let mut settings = UpstreamSettings::new("near", provider.url("v1"));
    settings.wire_api = wire_api;
    settings.retries = 0;
    let service = Service::start_with(|config| config.upstreams = vec![settings]).await;
    (provider, service)
}

fn traced(request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    request
        .header("traceparent", PARENT)
        .header("tracestate", "vendor=1")
}

/// That a provider was told of the same trace, with a parent of our own.
fn assert_child(seen: &Seen) {
    let parent = seen.headers["traceparent"].to_str().unwrap();
    let fields: Vec<&str> = parent.split('-').collect();
    let ["00", TRACE, span, "01"] = fields.as_slice() else {
        panic!("{parent}");
    };
    assert_eq!(span.len(), 16);
    assert_ne!(*span, "00f067aa0ba902b7");
    assert_eq!(seen.headers["tracestate"], "vendor=1");
}

#[tokio::test]
async fn providers_are_told_of_it_whether_their_request_is_relayed_or_translated() {
    for wire_api in [WireApi::Chat, WireApi::Responses] {
        let (provider, service) = service(wire_api).await;
        for _ in 0..2 {
            let sent = traced(service.chat(&request("near/llama3", false)));
            sent.send().await.unwrap();
        }
        let seen = provider.seen();
        seen.iter().for_each(assert_child);
        let [one, other] = seen.as_slice() else {
            panic!("{seen:?}");
        };
        assert_ne!(one.headers["traceparent"], other.headers["traceparent"]);
    }
}

#[tokio::test]
async fn the_engine_and_the_log_are_told_of_it() {
    let mut service = Service::start().await;
    let sent = traced(service.chat(&request("gpt-5.2", false)));
    let response = tokio::spawn(sent.send());
    let turn = service.turn().await;
    let context = turn.request.trace.clone().unwrap();
    assert_eq!(context.id().to_string(), TRACE);
    assert_eq!(context.state(), Some("vendor=1"));
    turn.finish().await;
    response.await.unwrap().unwrap();
    let records = service.get("/logs/api/records").send().await.unwrap();
    let records: Value = records.json().await.unwrap();
    let records = records["records"].as_array().unwrap();
    assert!(records.len() > 1, "{records:?}");
    assert!(records.iter().all(|record| record["trace"] == TRACE));
}

#[tokio::test]
async fn what_is_no_trace_goes_nowhere() {
    let (provider, service) = service(WireApi::Chat).await;
    for parent in ["00-1-2-03", &format!("{PARENT}-x"), ""] {
        let sent = service.chat(&request("near/llama3", false));
        let sent = sent
            .header("traceparent", parent)
            .header("tracestate", "a=1");
        sent.send().await.unwrap();
    }
    let seen = provider.seen();
    assert_eq!(seen.len(), 3);
    for Seen { headers, .. } in seen {
        assert!(!headers.contains_key("traceparent"));
        assert!(!headers.contains_key("tracestate"));
    }
    let records = service.get("/logs/api/records").send().await.unwrap();
    let records = records.text().await.unwrap();
    assert!(!records.contains("\"trace\""), "{records}");
}

/// Lines of the log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Those that tell of replies.
    fn responses(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &Value| line["message"] == "response")
            .collect()
    }
}

#[tokio::test]
async fn lines_of_the_log_tell_the_request_its_conversation_and_its_trace() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    // The whole service runs on this thread.
    let _logging = tracing::subscriber::set_default(subscriber);
    let mut service = Service::start().await;
    let sent = traced(service.chat(&request("gpt-5.2", false))).header("x-request-id", "mine");
    let response = tokio::spawn(sent.send());
    service.turn().await.finish().await;
    response.await.unwrap().unwrap();
    service.get("/v1/models").send().await.unwrap();
    let told = lines.responses();
    let [chat, models] = told.as_slice() else {
        panic!("{told:?}");
    };
    let records = service.get("/logs/api/records").send().await.unwrap();
    let records: Value = records.json().await.unwrap();
    let mut records = records["records"].as_array().unwrap().iter();
    let incoming = records.find(|record| record["client_id"] == "mine");
    assert_eq!(chat["span"]["request"], incoming.unwrap()["request"]);
    assert_eq!(chat["span"]["conversation"], MADE_UP);
    assert_eq!(chat["span"]["trace"], TRACE);
    assert!(models["span"]["request"].is_string());
    assert!(models["span"].get("trace").is_none(), "{models}");
    assert!(models["span"].get("conversation").is_none(), "{models}");
}

#[test]
fn the_id_of_a_trace_is_no_secret() {
    let line = format!("request{{trace={TRACE}}} \"trace\":\"{TRACE}\"");
    assert_eq!(crate::traffic::redact::text(&line), line);
}
