//! A panic costs one request.

use super::*;

#[tokio::test]
async fn a_panic_in_a_stream_ends_it_with_an_error() {
    let service = Service::start().await;
    let chat = service.chat(&request("panic-later", true));
    let respond = service.respond(&json!({"model": "panic-later", "stream": true, "input": "Hi"}));
    for request in [chat, respond] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let stream = Events { response }.rest().await;
        assert!(stream.contains("Hello"), "{stream}");
        assert!(stream.contains("internal error of the proxy"), "{stream}");
        assert!(!stream.contains("as asked"), "{stream}");
        assert!(!stream.contains("[DONE]"), "{stream}");
        assert!(!stream.contains("response.completed"), "{stream}");
    }
    let page = service.get("/logs/api/requests").send().await.unwrap();
    let page: Value = page.json().await.unwrap();
    for request in page["requests"].as_array().unwrap() {
        assert_eq!(request["state"], "failed", "{page}");
    }
}

#[tokio::test]
async fn a_panic_leaves_the_other_requests_of_its_connection_alone() {
    let mut service = Service::start().await;
    for http2 in [false, true] {
        let client = client(|builder| {
            if http2 {
                builder.http2_prior_knowledge()
            } else {
                builder
            }
        });
        let chat = |body: Value| client.post(service.url("/v1/chat/completions")).json(&body);
        let running = chat(request("gpt-5.2", true)).send();
        let running = tokio::spawn(async { running.await.unwrap() });
        let panics = [
            chat(request("panic", true)),
            chat(request("panic", false)),
            chat(request("panic-later", false)),
            chat(request("panic-later", true)),
        ];
        let turn = service.turn().await;
        turn.text("Hel").await;
        let mut events = Events {
            response: running.await.unwrap(),
        };
        events.next().await.unwrap();
        for (request, status) in panics.into_iter().zip([500, 500, 500, 200]) {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status);
            assert!(!response.headers()["x-request-id"].is_empty());
            let text = response.text().await.unwrap();
            assert!(text.contains("internal_error"), "{text}");
        }
        turn.text("lo").await;
        turn.finish().await;
        let rest = events.rest().await;
        assert_eq!(data(&rest).last().unwrap(), "[DONE]");
    }
}
