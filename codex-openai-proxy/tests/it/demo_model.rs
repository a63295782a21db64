//! The demo model over HTTP.

use codex_openai_proxy::{engine::demo::DemoModel, wire::sse::Decoder};
use serde_json::{Value, json};

fn hello(stream: bool) -> Value {
    json!({
        "model": "demo",
        "stream": stream,
        "input": [{
            "type": "message",
            "role": "user",
            "content": [{ "type": "input_text", "text": "Hello" }],
        }],
    })
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

#[tokio::test]
async fn streams_events_named_by_their_type() {
    let model = DemoModel::bind().await.unwrap();
    let url = format!("{}/responses", model.base_url());
    let mut response = client().post(&url).json(&hello(true)).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut events, mut pieces) = (Vec::new(), 0);
    let mut decoder = Decoder::new(1 << 20);
    while let Some(bytes) = response.chunk().await.unwrap() {
        pieces += 1;
        decoder.feed(&bytes, &mut events).unwrap();
    }
    assert!(pieces > 5, "deltas come one by one, not in {pieces} pieces");
    for event in &events {
        let data: Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!(event.event.as_deref(), data["type"].as_str());
    }
    assert_eq!(events[0].event.as_deref(), Some("response.created"));
    let last = events.last().unwrap();
    assert_eq!(last.event.as_deref(), Some("response.completed"));
    assert!(last.data.contains("You said: “Hello”"), "{}", last.data);
}

#[tokio::test]
async fn refuses_what_is_not_its_job() {
    let model = DemoModel::bind().await.unwrap();
    let base = model.base_url();
    let client = client();
    let responses = format!("{base}/responses");
    let cases = [
        (client.get(format!("{base}/models")), 404),
        (client.get(&responses), 405),
        (client.post(&responses).body("{"), 400),
        (client.post(&responses).json(&hello(false)), 400),
    ];
    for (request, status) in cases {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        let body: Value = response.json().await.unwrap();
        assert!(body["error"]["message"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn stops_when_dropped() {
    let model = DemoModel::bind().await.unwrap();
    let url = format!("{}/responses", model.base_url());
    let mut running = client().post(&url).json(&hello(true)).send().await.unwrap();
    drop(model);
    let rest = loop {
        match running.chunk().await {
            Ok(Some(_)) => {}
            rest => break rest,
        }
    };
    assert!(rest.is_err(), "a running reply is cut");
    assert!(client().post(&url).json(&hello(true)).send().await.is_err());
}
