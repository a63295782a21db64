//! Replies at once, and who waits for that.

use super::*;
use crate::config::{UpstreamSettings, WireApi};
use crate::engine::upstream::tests::server::{Answer, Server as Provider};
use std::num::NonZeroUsize;

async fn service(parallel: usize, change: impl FnOnce(&mut Config)) -> Service {
    Service::start_with(|config| {
        config.admission.max_parallel = NonZeroUsize::new(parallel);
        change(config);
    })
    .await
}

impl Service {
    /// Sends a request in the background that may have to wait.
    fn send(&self, body: &Value) -> JoinHandle<reqwest::Response> {
        let request = self.chat(body).send();
        tokio::spawn(async { request.await.unwrap() })
    }

    /// Whether no turn begins for a while.
    async fn is_full(&mut self) -> bool {
        timeout(MOMENT, self.turns.recv()).await.is_err()
    }

    /// Whether somebody who comes now is served.
    async fn has_place(&mut self) -> bool {
        let response = self.send(&request("gpt-5.2", false));
        let Ok(Some(turn)) = timeout(SOON, self.turns.recv()).await else {
            return false;
        };
        turn.finish().await;
        response.await.unwrap().status() == 200
    }
}

#[tokio::test]
async fn fifty_at_once_are_served_a_few_at_a_time() {
    let mut service = service(4, |_| ()).await;
    let requests: Vec<_> = (0..50)
        .map(|number| service.send(&request("gpt-5.2", number % 2 == 0)))
        .collect();
    let mut running = Vec::new();
    for begun in 0..50 {
        if running.len() == 4 {
            if begun < 10 {
                assert!(service.is_full().await);
            }
            let turn: Turn = running.remove(0);
            turn.finish().await;
        }
        running.push(service.turn().await);
    }
    for turn in running {
        turn.finish().await;
    }
    for request in requests {
        let response = timeout(SOON, request).await.unwrap().unwrap();
        assert_eq!(response.status(), 200);
        assert!(!response.text().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn who_comes_first_is_served_first() {
    let mut service = service(1, |_| ()).await;
    let (_first, turn) = service.ask(&request("gpt-5.2", false)).await;
    let mut waiting = Vec::new();
    for model in ["gpt-5.2-low", "gpt-5.2-high", "gpt-5.2"] {
        waiting.push(service.send(&request(model, false)));
        assert!(service.is_full().await);
    }
    turn.finish().await;
    for effort in [Some(Effort::Low), Some(Effort::High), None] {
        let turn = service.turn().await;
        assert_eq!(turn.request.reasoning.effort, effort);
        turn.finish().await;
    }
    for response in waiting {
        assert_eq!(response.await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn beyond_the_queue_there_is_a_refusal_at_once() {
    let mut service = service(1, |config| config.admission.max_queued = 1).await;
    let (first, turn) = service.ask(&request("gpt-5.2", false)).await;
    let second = service.send(&request("gpt-5.2", false));
    assert!(service.is_full().await);
    let third = service.chat(&request("gpt-5.2", true)).send();
    let third = timeout(Duration::from_secs(1), third).await.unwrap();
    let third = third.unwrap();
    assert_eq!(third.status(), 503);
    assert_eq!(third.headers()["retry-after"], "5");
    assert_eq!(code_of(third).await, "queue_full");
    // What wants no reply of a model does not wait for one.
    assert_eq!(service.get("/models").send().await.unwrap().status(), 200);
    turn.finish().await;
    service.turn().await.finish().await;
    for response in [first, second] {
        assert_eq!(response.await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn nobody_waits_for_longer_than_is_set() {
    let wait = Duration::from_millis(100);
    let mut service = service(1, |config| config.admission.queue_timeout = wait).await;
    let (_first, turn) = service.ask(&request("gpt-5.2", false)).await;
    let begun = Instant::now();
    let second = service.chat(&request("gpt-5.2", false)).send();
    let second = second.await.unwrap();
    assert!(begun.elapsed() >= wait);
    assert_eq!(second.status(), 503);
    assert_eq!(second.headers()["retry-after"], "5");
    assert_eq!(code_of(second).await, "queue_timeout");
    turn.finish().await;
    assert!(service.has_place().await);
    // The first and the last were let in, and neither had to wait. The second did, in vain.
    for (figure, expected) in [
        ("codex_proxy_queue_wait_seconds_bucket{le=\"0.01\"}", "2"),
        ("codex_proxy_queue_wait_seconds_count", "3"),
    ] {
        let waits = metric(&service, figure).await;
        assert_eq!(waits.as_deref(), Some(expected), "{figure}");
    }
    let page = service.get("/logs/api/requests").send().await.unwrap();
    let page: Value = page.json().await.unwrap();
    let requests = page["requests"].as_array().unwrap();
    let refused = requests.iter().find(|request| request["status"] == 503);
    // The log knows what was asked for, though nobody looked at it.
    assert_eq!(refused.unwrap()["model"], "gpt-5.2");
}

#[tokio::test]
async fn who_leaves_while_waiting_leaves_the_queue() {
    let mut service = service(1, |config| config.admission.max_queued = 1).await;
    let (first, turn) = service.ask(&request("gpt-5.2", false)).await;
    for _ in 0..3 {
        let leaving = service.send(&request("gpt-5.2", false));
        assert!(service.is_full().await);
        leaving.abort();
        tokio::time::sleep(MOMENT).await;
    }
    let second = service.send(&request("gpt-5.2", false));
    assert!(service.is_full().await);
    turn.finish().await;
    service.turn().await.finish().await;
    for response in [first, second] {
        assert_eq!(response.await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_place_is_free_again_however_a_reply_ends() {
    let mut service = service(1, |_| ()).await;
    // The client leaves in a stream.
    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    turn.text("Hello").await;
    let response = response.await.unwrap();
    assert!(service.get("/models").send().await.is_ok());
    drop(response);
    assert!(turn.is_interrupted().await);
    assert!(service.has_place().await);
    // It leaves before there is one.
    let (response, turn) = service.ask(&request("gpt-5.2", false)).await;
    response.abort();
    assert!(turn.is_interrupted().await);
    assert!(service.has_place().await);
    // The turn fails, in a stream and before it.
    for stream in [true, false] {
        let (response, turn) = service.ask(&request("gpt-5.2", stream)).await;
        if stream {
            turn.text("Hello").await;
        }
        turn.fail(TurnError::internal("x")).await;
        assert!(!response.await.unwrap().text().await.unwrap().is_empty());
        assert!(service.has_place().await);
    }
    // It is refused, or something panics.
    for (model, status) in [("logged-out", 401), ("panic", 500), ("panic-later", 200)] {
        let response = service.chat(&request(model, true)).send().await.unwrap();
        assert_eq!(response.status(), status, "{model}");
        response.bytes().await.unwrap();
        assert!(service.has_place().await, "{model}");
    }
    let response = service.chat(&json!({"model": 1})).send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert!(service.has_place().await);
}

#[tokio::test]
async fn a_reply_of_a_provider_holds_a_place_until_its_end() {
    let (streams, mut begun) = mpsc::unbounded_channel();
    let provider = Provider::new(move |_| {
        let (chunks, answer) = Answer::stream();
        streams.send(chunks).unwrap();
        answer
    })
    .await;
    let mut settings = UpstreamSettings::new("near", provider.url("v1"));
    settings.wire_api = WireApi::Chat;
    let mut service = service(1, |config| {
        config.limits.first_event = MOMENT;
        config.upstreams = vec![settings];
    })
    .await;
    let response = service.chat(&request("near/llama3", true)).send().await;
    let response = response.unwrap();
    let chunks = begun.recv().await.unwrap();
    let waiting = service.send(&request("gpt-5.2", false));
    assert!(service.is_full().await);
    chunks.send(Ok("data: [DONE]\n\n".into())).await.unwrap();
    drop(chunks);
    response.bytes().await.unwrap();
    service.turn().await.finish().await;
    assert_eq!(waiting.await.unwrap().status(), 200);
}
