//! Event streams: when their parts leave, how they fail, and what ends them.

use super::*;
use crate::config::ReasoningSetting;

#[tokio::test]
async fn every_delta_leaves_before_the_next_is_made() {
    let mut service = Service::start().await;
    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    turn.text("Hel").await;
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(header("cache-control"), "no-cache, no-transform");
    assert_eq!(header("x-accel-buffering"), "no");
    assert_eq!(header("access-control-allow-origin"), "*");
    assert!(!header("x-request-id").is_empty());

    let mut events = Events { response };
    let first = events.next().await.unwrap();
    let expected = [
        json!({"role": "assistant", "content": ""}),
        json!({"content": "Hel"}),
    ];
    assert_eq!(deltas(&first), expected);
    turn.text("lo").await;
    let second = events.next().await.unwrap();
    assert_eq!(deltas(&second), [json!({"content": "lo"})]);
    turn.finish().await;
    let rest = data(&events.rest().await);
    let [finish, usage, done] = rest.as_slice() else {
        panic!("{rest:?}");
    };
    let finish: Value = serde_json::from_str(finish).unwrap();
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(finish["model"], "gpt-5.2");
    assert!(finish["id"].as_str().unwrap().starts_with("chatcmpl-"));
    let usage: Value = serde_json::from_str(usage).unwrap();
    assert_eq!(usage["usage"]["total_tokens"], 13);
    assert_eq!(done, "[DONE]");
}

#[tokio::test]
async fn the_status_waits_for_the_first_event() {
    let mut service = Service::start().await;
    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!response.is_finished());
    turn.fail(TurnError::RateLimited {
        message: "come back later".to_owned(),
        retry_after: Some(Duration::from_millis(61_500)),
        quota: true,
    })
    .await;
    let response = response.await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "62");
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "usage_limit_reached");
    assert_eq!(body["error"]["message"], "come back later");
}

#[tokio::test]
async fn a_turn_that_does_not_start_has_its_status() {
    let service = Service::start().await;
    for stream in [true, false] {
        let response = service.chat(&request("logged-out", stream)).send();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 401);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "not_logged_in");
    }
}

#[tokio::test]
async fn silence_is_broken_by_comments() {
    let mut service = Service::start_with(|config| {
        config.limits.first_event = Duration::from_millis(50);
        config.limits.keep_alive = Duration::from_millis(50);
    })
    .await;
    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    let response = timeout(SOON, response).await.unwrap().unwrap();
    assert_eq!(response.status(), 200);
    let mut events = Events { response };
    let silence = events
        .until(|text| text.matches(keep_alive()).count() > 1)
        .await;
    assert!(data(&silence).is_empty(), "{silence}");
    turn.text("Hello").await;
    let speech = events.until(|text| text.contains("Hello")).await;
    assert_eq!(deltas(&speech)[1], json!({"content": "Hello"}));
    let silence = events.until(|text| text.contains(keep_alive())).await;
    assert!(data(&silence).is_empty(), "{silence}");
    turn.finish().await;
    assert_eq!(data(&events.rest().await).last().unwrap(), "[DONE]");
}

#[tokio::test]
async fn a_late_error_ends_the_stream_and_nothing_follows() {
    let mut service = Service::start().await;
    for broken_off in [false, true] {
        let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
        turn.text("Hello").await;
        let mut events = Events {
            response: response.await.unwrap(),
        };
        events.next().await.unwrap();
        if broken_off {
            drop(turn);
        } else {
            turn.fail(TurnError::internal("secret detail")).await;
        }
        let rest = data(&events.rest().await);
        let [error] = rest.as_slice() else {
            panic!("{rest:?}");
        };
        let error: Value = serde_json::from_str(error).unwrap();
        let code = if broken_off {
            "upstream_error"
        } else {
            "internal_error"
        };
        assert_eq!(error["error"]["code"], code);
        assert!(!error.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn a_client_that_goes_interrupts_its_turn() {
    let mut service = Service::start().await;
    // While the stream runs.
    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    turn.text("Hello").await;
    drop(response.await.unwrap());
    assert!(turn.is_interrupted().await);
    // While the status is held back, and while a reply in one piece is made.
    for stream in [true, false] {
        let (response, turn) = service.ask(&request("gpt-5.2", stream)).await;
        response.abort();
        assert!(turn.is_interrupted().await, "stream: {stream}");
    }
}

#[tokio::test]
async fn reasoning_is_shown_as_the_name_or_the_setting_says() {
    use ReasoningSetting::{Auto, Content, Off, Think};
    let content = |text: &str| json!({"content": text});
    let shown = json!({"reasoning_content": "Hm."});
    let think: String = "<think>".to_owned();
    for (setting, model, expected) in [
        (Auto, "gpt-5.2", vec![shown.clone(), content("Yes")]),
        (Content, "2.5-tpg", vec![shown.clone(), content("Yes")]),
        (Off, "2.5-tpg", vec![content("Yes")]),
        (Auto, "2.5-tpg", vec![content(&think)]),
        (Think, "gpt-5.2", vec![content(&think)]),
    ] {
        let mut service = Service::start_with(|config| config.reasoning = setting).await;
        let (response, turn) = service.ask(&request(model, true)).await;
        assert_eq!(turn.request.model, "gpt-5.2");
        turn.reasoning("Hm.").await;
        turn.text("Yes").await;
        turn.finish().await;
        let response = response.await.unwrap();
        let stream = Events { response }.rest().await;
        let deltas: Vec<Value> = deltas(&stream)
            .into_iter()
            .filter(|delta| delta.get("role").is_none() && delta != &json!({}))
            .collect();
        if expected == [content(&think)] {
            let text: String = deltas
                .iter()
                .map(|delta| delta["content"].as_str().unwrap())
                .collect();
            let (thought, answer) = text.split_once("</think>").unwrap();
            assert!(thought.starts_with("<think>"), "{text}");
            assert!(thought.contains("Hm."), "{text}");
            assert_eq!(answer.trim(), "Yes");
        } else {
            assert_eq!(deltas, expected, "{setting:?} {model}");
        }
    }
}

#[tokio::test]
async fn http2_streams_too() {
    let mut service = Service::start().await;
    service.client = client(reqwest::ClientBuilder::http2_prior_knowledge);
    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    turn.text("Hel").await;
    let response = response.await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    let mut events = Events { response };
    let first = events.next().await.unwrap();
    assert_eq!(deltas(&first).last().unwrap(), &json!({"content": "Hel"}));
    turn.finish().await;
    assert_eq!(data(&events.rest().await).last().unwrap(), "[DONE]");

    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    turn.text("Hel").await;
    drop(response.await.unwrap());
    assert!(turn.is_interrupted().await);
}
