//! How long a request may take.

use super::*;
use crate::config::{UpstreamSettings, WireApi};
use crate::engine::upstream::tests::server::{Answer, Server as Provider};
use std::num::NonZeroUsize;

const LIMIT: Duration = Duration::from_millis(500);

async fn start() -> Service {
    Service::start_with(|config| config.limits.request = Some(LIMIT)).await
}

#[tokio::test]
async fn a_reply_that_takes_too_long_is_a_504_and_its_turn_is_interrupted() {
    let mut service = start().await;
    for stream in [true, false] {
        let begun = Instant::now();
        let (response, turn) = service.ask(&request("gpt-5.2", stream)).await;
        let response = response.await.unwrap();
        assert!(begun.elapsed() >= LIMIT);
        assert_eq!(response.status(), 504);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "request_timeout");
        assert_eq!(body["error"]["type"], "server_error");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains("500ms"), "{message}");
        assert!(turn.is_interrupted().await);
    }
}

#[tokio::test]
async fn a_body_that_drips_counts_too() {
    let service = start().await;
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-length: 1000\r\n\r\n",
        service.addr
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let begun = Instant::now();
    let dripping = tokio::spawn(async move {
        while write.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut reply = [0; 12];
    let answered = timeout(SOON, read.read_exact(&mut reply)).await.unwrap();
    answered.unwrap();
    assert_eq!(&reply, b"HTTP/1.1 504");
    assert!(begun.elapsed() >= LIMIT);
    drop(read);
    timeout(SOON, dripping).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_that_takes_too_long_ends_with_the_error() {
    let mut service = start().await;
    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    let mut said = tokio::spawn({
        let reply = turn.reply.clone();
        async move {
            // Busy to the end: it is the whole that counts.
            while reply.send(Ok(TurnEvent::Text("x".into()))).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    let events = Events {
        response: response.await.unwrap(),
    };
    let stream = events.rest().await;
    let last = data(&stream).pop().unwrap();
    let error: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(error["error"]["code"], "request_timeout");
    assert!(timeout(SOON, &mut said).await.is_ok());
    drop(turn);
    let page = service.get("/logs/api/requests").send().await.unwrap();
    let page: Value = page.json().await.unwrap();
    assert_eq!(page["requests"][0]["state"], "failed", "{page}");
}

#[tokio::test]
async fn a_response_that_takes_too_long_fails() {
    let mut service = start().await;
    let body = json!({"model": "gpt-5.2", "stream": true, "input": "Hi"});
    let request = service.respond(&body).send();
    let response = tokio::spawn(async { request.await.unwrap() });
    let turn = service.turn().await;
    turn.text("Hello").await;
    let events = Events {
        response: response.await.unwrap(),
    };
    let stream = events.rest().await;
    assert!(stream.contains("took longer than 500ms"), "{stream}");
    assert!(stream.contains("event: response.failed"), "{stream}");
    assert!(!stream.contains("event: response.completed"), "{stream}");
    assert!(turn.is_interrupted().await);
}

#[tokio::test]
async fn waiting_for_a_place_counts() {
    let mut service = Service::start_with(|config| {
        config.limits.request = Some(LIMIT);
        config.admission.max_parallel = NonZeroUsize::new(1);
    })
    .await;
    let (first, _turn) = service.ask(&request("gpt-5.2", false)).await;
    tokio::time::sleep(LIMIT / 2).await;
    let (second, _turn) = service.ask(&request("gpt-5.2", false)).await;
    let third = service.chat(&request("gpt-5.2", false)).send().await;
    for response in [first.await.unwrap(), second.await.unwrap(), third.unwrap()] {
        assert_eq!(response.status(), 504);
        assert_eq!(code_of(response).await, "request_timeout");
    }
}

#[tokio::test]
async fn a_provider_that_takes_too_long_is_hung_up_on() {
    for stream in [true, false] {
        for begins in [true, false] {
            let (streams, mut begun) = mpsc::unbounded_channel();
            let provider = Provider::new(move |_| {
                let (chunks, answer) = Answer::stream();
                streams.send(chunks).unwrap();
                answer
            })
            .await;
            let mut settings = UpstreamSettings::new("near", provider.url("v1"));
            settings.wire_api = WireApi::Chat;
            let service = Service::start_with(|config| {
                config.limits.request = Some(LIMIT);
                config.limits.keep_alive = LIMIT / 8;
                config.upstreams = vec![settings];
            })
            .await;
            let response = service.chat(&request("near/llama3", stream)).send();
            let response = tokio::spawn(async { response.await.unwrap() });
            let chunks = begun.recv().await.unwrap();
            if begins {
                let hello = r#"data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}"#;
                chunks
                    .send(Ok(format!("{hello}\n\n").into()))
                    .await
                    .unwrap();
            }
            let response = timeout(SOON, response).await.unwrap().unwrap();
            let status = response.status();
            let text = response.text().await.unwrap();
            assert!(text.contains("request_timeout"), "{text}");
            assert!(!text.contains("[DONE]"), "{text}");
            // What has begun as a stream cannot have another status.
            assert_eq!(status, if stream { 200 } else { 504 });
            assert!(timeout(SOON, chunks.closed()).await.is_ok());
        }
    }
}
