//! Requests to providers that speak the client's API, and their replies.

use super::*;
use crate::{
    config::{UpstreamSettings, WireApi},
    engine::upstream::tests::server::{Answer, Broken, Chunks, Server as Provider},
};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const HELLO: &str = r#"data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hello"}}],"model":"llama3","x_new":1.0}"#;
const STOP: &str = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2},"model":"llama3"}"#;

/// What the client gets in their place.
const OUR_HELLO: &str = r#"data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hello"}}],"model":"near/llama3","x_new":1.0}"#;
const OUR_STOP: &str = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2},"model":"near/llama3"}"#;

/// A service that knows `provider` as `near`, and asks it once.
async fn service(provider: &Provider, wire_api: WireApi) -> Service {
    let mut settings = UpstreamSettings::new("near", provider.url("v1"));
    settings.wire_api = wire_api;
    settings.retries = 0;
    Service::start_with(|config| {
        config.upstreams = vec![settings];
        config.limits.first_event = Duration::from_millis(100);
        config.limits.keep_alive = Duration::from_millis(50);
    })
    .await
}

/// A provider whose streams the test writes itself, one after the other.
async fn by_hand() -> (Provider, mpsc::UnboundedReceiver<Chunks>) {
    let (streams, begun) = mpsc::unbounded_channel();
    let provider = Provider::new(move |_| {
        let (chunks, answer) = Answer::stream();
        streams.send(chunks).unwrap();
        answer.header("x-ratelimit-remaining-requests", "7")
    });
    (provider.await, begun)
}

fn streamed() -> Value {
    request("near/llama3", true)
}

fn responses(service: &Service, stream: bool) -> reqwest::RequestBuilder {
    let body = json!({"model": "near/llama3", "input": "Hi", "stream": stream});
    service
        .client
        .post(service.url("/v1/responses"))
        .json(&body)
}

async fn events(request: reqwest::RequestBuilder) -> Events {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    Events { response }
}

async fn send(chunks: &Chunks, text: &str) {
    chunks.send(Ok(text.to_owned().into())).await.unwrap();
}

/// The stream without the comments in it.
fn without_comments(stream: &str) -> String {
    stream.replace(keep_alive(), "")
}

/// The one request that the log has.
async fn logged(service: &Service) -> Value {
    let page = service.get("/logs/api/requests").send().await.unwrap();
    let mut page: Value = page.json().await.unwrap();
    assert_eq!(page["requests"].as_array().unwrap().len(), 1, "{page}");
    page["requests"][0].take()
}

#[tokio::test]
async fn a_request_goes_on_as_it_is_but_for_our_names() {
    let provider = Provider::new(|_| Answer::json(r#"{"model":"llama3","choices":[]}"#)).await;
    let service = service(&provider, WireApi::Chat).await;
    let body = r#"{ "conversation_id":"c1", "model" : "near/llama3","messages":[{"role":"x_new"}], "seed":1.50 }"#;
    let sent = service.client.post(service.url("/v1/chat/completions"));
    let reply = sent.body(body).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(
        reply.text().await.unwrap(),
        r#"{"model":"near/llama3","choices":[]}"#
    );
    let seen = provider.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].path, "/v1/chat/completions");
    assert_eq!(seen[0].headers["accept"], "application/json");
    assert_eq!(
        seen[0].body,
        r#"{  "model" : "llama3","messages":[{"role":"x_new"}], "seed":1.50 }"#
    );
}

#[tokio::test]
async fn each_chunk_leaves_before_the_next_comes() {
    let (provider, mut begun) = by_hand().await;
    let service = service(&provider, WireApi::Chat).await;
    let mut events = events(service.chat(&streamed())).await;
    assert_eq!(
        events.response.headers()["x-ratelimit-remaining-requests"],
        "7"
    );
    let chunks = begun.recv().await.unwrap();
    let (first, second) = HELLO.split_at(20);
    send(&chunks, first).await;
    send(&chunks, &format!("{second}\n\n")).await;
    let hello = events.until(|text| text.contains("Hello")).await;
    assert_eq!(without_comments(&hello), format!("{OUR_HELLO}\n\n"));
    send(&chunks, &format!("{STOP}\n\ndata: [DONE]\n\n")).await;
    drop(chunks);
    let rest = events.rest().await;
    assert_eq!(
        without_comments(&rest),
        format!("{OUR_STOP}\n\ndata: [DONE]\n\n")
    );
    let logged = logged(&service).await;
    assert_eq!(logged["state"], "done");
    assert_eq!(logged["status"], 200);
    assert_eq!(logged["usage"]["input"], 5);
}

#[tokio::test]
async fn a_reply_in_one_piece_is_told_to_the_log() {
    let provider = Provider::new(|_| {
        Answer::json(
            r#"{"model":"llama3","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Hello"}]}],"usage":{"input_tokens":5,"output_tokens":2}}"#,
        )
    })
    .await;
    let service = service(&provider, WireApi::Responses).await;
    let reply = responses(&service, false).send().await.unwrap();
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["model"], "near/llama3");
    assert_eq!(provider.seen()[0].path, "/v1/responses");
    let logged = logged(&service).await;
    assert_eq!(logged["state"], "done");
    assert_eq!(logged["usage"]["output"], 2);
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_says_when_to_come_back() {
    let provider = Provider::new(|_| {
        Answer::new(429, r#"{"error":{"message":"too fast","x":1}}"#)
            .header("content-type", "application/json")
            .header("retry-after", "3")
    })
    .await;
    let service = service(&provider, WireApi::Chat).await;
    for stream in [true, false] {
        let reply = service.chat(&request("near/llama3", stream)).send();
        let reply = reply.await.unwrap();
        assert_eq!(reply.status(), 429);
        assert_eq!(reply.headers()["retry-after"], "3");
        let reply: Value = reply.json().await.unwrap();
        assert_eq!(reply, json!({"error": {"message": "too fast", "x": 1}}));
    }
}

#[tokio::test]
async fn a_provider_that_thinks_for_long_is_waited_for_with_comments() {
    let provider = Provider::new(|number| {
        let late = Duration::from_millis(300);
        match number {
            0 => Answer::events(&format!("{HELLO}\n\n{STOP}\n\n")).after(late),
            _ => Answer::new(500, "down").after(late),
        }
    });
    let provider = provider.await;
    let service = service(&provider, WireApi::Chat).await;
    let stream = events(service.chat(&streamed())).await.rest().await;
    assert!(stream.starts_with(keep_alive()), "{stream}");
    assert_eq!(
        without_comments(&stream),
        format!("{OUR_HELLO}\n\n{OUR_STOP}\n\ndata: [DONE]\n\n")
    );

    let stream = events(service.chat(&streamed())).await.rest().await;
    let [error] = &*data(&stream) else {
        panic!("{stream}");
    };
    let error: Value = serde_json::from_str(error).unwrap();
    assert_eq!(error["error"]["message"], "down");
}

#[tokio::test]
async fn a_stream_that_breaks_ends_in_an_error() {
    let (provider, mut begun) = by_hand().await;
    let service = service(&provider, WireApi::Chat).await;
    let mut events = events(service.chat(&streamed())).await;
    let chunks = begun.recv().await.unwrap();
    send(&chunks, &format!("{HELLO}\n\n")).await;
    events.until(|text| text.contains("Hello")).await;
    chunks.send(Err(Broken)).await.unwrap();
    let rest = events.rest().await;
    let [error] = &*data(&rest) else {
        panic!("{rest}");
    };
    let error: Value = serde_json::from_str(error).unwrap();
    assert_eq!(error["error"]["code"], "upstream_error");
    assert_eq!(logged(&service).await["state"], "failed");
}

/// What a provider says when a response begins.
const CREATED: &str = concat!(
    "event: response.created\n",
    r#"data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_theirs","model":"llama3"}}"#,
    "\n\n"
);

/// The response that failed, in the only event of this text.
fn failed(stream: &str) -> Value {
    let [failed] = &*data(stream) else {
        panic!("{stream}");
    };
    assert!(stream.contains("event: response.failed\n"), "{stream}");
    let mut failed: Value = serde_json::from_str(failed).unwrap();
    assert_eq!(failed["type"], "response.failed");
    assert_eq!(failed["response"]["status"], "failed");
    assert_eq!(failed["response"]["model"], "near/llama3");
    failed["response"].take()
}

#[tokio::test]
async fn a_response_that_failed_takes_the_place_of_an_error() {
    let (provider, mut begun) = by_hand().await;
    let service = service(&provider, WireApi::Responses).await;
    let error = "event: error\ndata: {\"type\":\"error\",\"message\":\"too hot\"}\n\n";
    let theirs = "data: {\"type\":\"response.failed\"}\n\n";
    for follows in [Some(theirs), None] {
        let mut events = events(responses(&service, true)).await;
        let chunks = begun.recv().await.unwrap();
        send(&chunks, CREATED).await;
        let created = events.until(|text| text.contains("created")).await;
        assert!(created.contains(r#""model":"near/llama3""#), "{created}");
        send(&chunks, error).await;
        if let Some(failed) = follows {
            send(&chunks, failed).await;
        }
        let rest = without_comments(&events.rest().await);
        if follows.is_some() {
            assert_eq!(rest, theirs);
        } else {
            let response = failed(&rest);
            assert_eq!(response["id"], "resp_theirs");
            assert_eq!(response["error"]["message"], "too hot");
        }
    }
    let page = service.get("/logs/api/requests").send().await.unwrap();
    let page: Value = page.json().await.unwrap();
    for request in page["requests"].as_array().unwrap() {
        assert_eq!(request["state"], "failed");
    }
}

#[tokio::test]
async fn a_response_that_breaks_ends_as_the_one_that_failed() {
    let (provider, mut begun) = by_hand().await;
    let service = service(&provider, WireApi::Responses).await;
    let mut events = events(responses(&service, true)).await;
    let chunks = begun.recv().await.unwrap();
    send(&chunks, CREATED).await;
    events.until(|text| text.contains("created")).await;
    chunks.send(Err(Broken)).await.unwrap();
    let response = failed(&events.rest().await);
    assert_eq!(response["id"], "resp_theirs");
    assert_eq!(response["error"]["code"], "server_error");
}

#[tokio::test]
async fn a_refusal_of_a_response_that_comes_late_is_a_response_that_failed() {
    let late = Duration::from_millis(300);
    let body = r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#;
    let provider = Provider::new(move |_| {
        let refusal = Answer::new(429, body).header("content-type", "application/json");
        refusal.after(late)
    });
    let provider = provider.await;
    let service = service(&provider, WireApi::Responses).await;
    let stream = events(responses(&service, true)).await.rest().await;
    let events: Vec<Value> = data(&stream)
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let kinds: Vec<_> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.failed"
        ]
    );
    let error = &events[2]["response"]["error"];
    let expected = json!({"code": "rate_limit_exceeded", "message": "slow down"});
    assert_eq!(*error, expected);
}

#[tokio::test]
async fn a_reply_in_one_piece_that_comes_late_becomes_a_stream() {
    let late = Duration::from_millis(300);
    let provider = Provider::new(move |number| {
        let body = match number {
            0 => {
                r#"{"model":"llama3","choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}"#
            }
            _ => r#"{"error":{"message":"too hot"}}"#,
        };
        Answer::json(body).after(late)
    });
    let provider = provider.await;
    let service = service(&provider, WireApi::Chat).await;
    let stream = events(service.chat(&streamed())).await.rest().await;
    let [chunk, done] = &*data(&stream) else {
        panic!("{stream}");
    };
    assert_eq!(*done, "[DONE]");
    let chunk: Value = serde_json::from_str(chunk).unwrap();
    assert_eq!(chunk["choices"][0]["delta"]["content"], "Hello");
    assert_eq!(chunk["model"], "near/llama3");
    assert_eq!(logged(&service).await["state"], "done");

    let stream = events(service.chat(&streamed())).await.rest().await;
    let [error] = &*data(&stream) else {
        panic!("{stream}");
    };
    let error: Value = serde_json::from_str(error).unwrap();
    assert_eq!(error["error"]["message"], "too hot");
}

#[tokio::test]
async fn a_failure_under_a_success_is_logged_as_the_client_gets_it() {
    let provider = Provider::new(|_| Answer::json(r#"{"error":{"message":"too hot"}}"#)).await;
    let service = service(&provider, WireApi::Chat).await;
    let reply = service.chat(&request("near/llama3", false)).send();
    assert_eq!(reply.await.unwrap().status(), 200);
    let logged = logged(&service).await;
    assert_eq!(logged["state"], "failed");
    assert_eq!(logged["status"], 200);
}

#[tokio::test]
async fn a_response_in_the_background_is_refused() {
    let provider = Provider::new(|_| Answer::json("{}")).await;
    let service = service(&provider, WireApi::Responses).await;
    let body = json!({"model": "near/llama3", "input": "Hi", "background": true});
    let sent = service.client.post(service.url("/v1/responses"));
    let reply = sent.json(&body).send().await.unwrap();
    assert_eq!(reply.status(), 400);
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["error"]["param"], "background");
    assert_eq!(reply["error"]["code"], "unsupported_parameter");
    assert_eq!(provider.seen().len(), 0);
}

#[tokio::test]
async fn only_headers_that_mean_something_to_a_provider_go_on() {
    let provider = Provider::new(|_| Answer::json(r#"{"choices":[]}"#)).await;
    let service = service(&provider, WireApi::Chat).await;
    let sent = service.chat(&request("near/llama3", false));
    let sent = sent
        .header("idempotency-key", "once")
        .header("cookie", "a=b");
    assert_eq!(sent.send().await.unwrap().status(), 200);
    let headers = &provider.seen()[0].headers;
    assert_eq!(headers["idempotency-key"], "once");
    assert!(!headers.contains_key("cookie"));
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_call() {
    let (provider, mut begun) = by_hand().await;
    let service = service(&provider, WireApi::Chat).await;
    let mut events = events(service.chat(&streamed())).await;
    let chunks = begun.recv().await.unwrap();
    send(&chunks, &format!("{HELLO}\n\n")).await;
    events.until(|text| text.contains("Hello")).await;
    drop(events);
    timeout(SOON, chunks.closed()).await.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_before_the_provider_answers_ends_the_call_too() {
    let provider = Provider::new(|_| Answer::events("").after(10 * SOON)).await;
    let service = service(&provider, WireApi::Chat).await;
    let events = events(service.chat(&streamed())).await;
    drop(events);
    let left = async {
        while logged(&service).await["state"] != "left" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, left).await.unwrap();
}

#[tokio::test]
async fn streams_share_a_connection() {
    let provider =
        Provider::new(|_| Answer::events(&format!("{HELLO}\n\n{STOP}\n\ndata: [DONE]\n\n")));
    let provider = provider.await;
    let service = service(&provider, WireApi::Chat).await;
    for _ in 0..3 {
        let stream = events(service.chat(&streamed())).await.rest().await;
        assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
    }
    assert_eq!(provider.seen().len(), 3);
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn a_provider_that_does_not_stream_is_passed_on_as_what_it_is() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let provider = Provider::new(move |_| {
        counted.fetch_add(1, SeqCst);
        Answer::json(r#"{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}"#)
    });
    let provider = provider.await;
    let service = service(&provider, WireApi::Chat).await;
    let reply = service.chat(&streamed()).send().await.unwrap();
    assert_eq!(reply.headers()["content-type"], "application/json");
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["model"], "near/llama3");
    assert_eq!(asked.load(SeqCst), 1);
}

#[tokio::test]
async fn what_is_no_reply_is_an_error() {
    let page = || Answer::new(200, "<html>Sign in").header("content-type", "text/html");
    let provider = Provider::new(move |_| page()).await;
    let service = service(&provider, WireApi::Chat).await;
    for stream in [true, false] {
        let reply = service.chat(&request("near/llama3", stream)).send();
        let reply = reply.await.unwrap();
        assert_eq!(reply.status(), 502);
        let reply: Value = reply.json().await.unwrap();
        assert_eq!(reply["error"]["code"], "upstream_error");
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains("text/html"), "{message}");
    }
}

#[tokio::test]
async fn a_response_of_the_providers_is_followed_there_whatever_it_is_called() {
    let provider = Provider::new(|_| Answer::json(r#"{"model":"llama3","output":[]}"#)).await;
    let service = service(&provider, WireApi::Responses).await;
    for id in ["resp_0123456789abcdef0123456789abcdef", "resp_theirs"] {
        let body = json!({"model": "near/llama3", "input": "Hi", "previous_response_id": id});
        let response = service.respond(&body).send().await.unwrap();
        assert_eq!(response.status(), 200, "{id}");
        let seen = provider.seen().pop().unwrap();
        let sent: Value = serde_json::from_slice(&seen.body).unwrap();
        assert_eq!(sent["previous_response_id"], id);
        assert_eq!(sent["model"], "llama3");
    }
}
