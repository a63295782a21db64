//! Routes, statuses, headers and bodies, as a client sees them.

use super::*;
use crate::turn::Aliases;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn json_of(response: reqwest::Response) -> Value {
    let type_ = &response.headers()["content-type"];
    assert_eq!(type_, "application/json");
    response.json().await.unwrap()
}

#[tokio::test]
async fn both_routes_answer_in_one_piece() {
    let mut service = Service::start().await;
    for path in [
        "/v1/chat/completions",
        "/chat/completions",
        "/v1/chat/completions/",
        "/v1/chat/completions?api-version=1",
    ] {
        let request = service
            .client
            .post(service.url(path))
            .json(&request("hgih-2.5-tpg", false))
            .send();
        let response = tokio::spawn(async { request.await.unwrap() });
        let turn = service.turn().await;
        assert_eq!(turn.request.model, "gpt-5.2");
        assert_eq!(turn.request.reasoning.effort, Some(Effort::High));
        turn.text("Hel").await;
        turn.text("lo").await;
        // The reply does not wait for the engine to let go of the turn.
        turn.finish().await;
        let response = timeout(SOON, response).await.unwrap().unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let body = json_of(response).await;
        assert_eq!(body["object"], "chat.completion");
        assert_eq!(body["model"], "hgih-2.5-tpg");
        assert_eq!(body["choices"][0]["message"]["content"], "Hello");
        assert_eq!(body["choices"][0]["finish_reason"], "stop");
        assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
        assert!(body["created"].as_u64().unwrap() > 1_700_000_000);
    }
}

#[tokio::test]
async fn a_turn_that_breaks_off_is_no_answer() {
    let mut service = Service::start().await;
    let (response, turn) = service.ask(&request("gpt-5.2", false)).await;
    turn.text("Hel").await;
    drop(turn);
    let response = response.await.unwrap();
    assert_eq!(response.status(), 502);
    let body = json_of(response).await;
    assert_eq!(body["error"]["code"], "upstream_error");
}

#[tokio::test]
async fn what_cannot_be_read_is_400_and_names_the_field() {
    let service = Service::start().await;
    let cases = [
        ("{", Value::Null),
        ("[]", Value::Null),
        (r#"{"model":"gpt-5.2","messages":[]}"#, json!("messages")),
        (
            r#"{"messages":[{"role":"user","content":"x"}]}"#,
            json!("model"),
        ),
    ];
    for (body, param) in cases {
        let request = service.client.post(service.url("/chat/completions"));
        let response = request.body(body).send().await.unwrap();
        assert_eq!(response.status(), 400, "{body}");
        let reply = json_of(response).await;
        assert_eq!(reply["error"]["type"], "invalid_request_error", "{body}");
        assert_eq!(reply["error"]["param"], param, "{body}");
    }
}

#[tokio::test]
async fn models_are_listed_and_found_by_every_spelling() {
    let service = Service::start_with(|config| {
        config.aliases = [("my/model".to_owned(), "gpt-5.2-low".to_owned())]
            .into_iter()
            .collect::<Aliases>();
    })
    .await;
    for path in ["/v1/models", "/models", "/models/"] {
        let list = json_of(service.get(path).send().await.unwrap()).await;
        assert_eq!(list["object"], "list");
        let ids: Vec<&str> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|model| model["id"].as_str().unwrap())
            .collect();
        for id in [
            "gpt-5.2",
            "2.5-tpg",
            "gpt-5.2-high",
            "hgih-2.5-tpg",
            "my/model",
        ] {
            assert!(ids.contains(&id), "{id} in {ids:?}");
        }
    }
    for id in [
        "gpt-5.2",
        "2.5-tpg",
        "gpt-5.2-high",
        "2.5-tpg-high",
        "my/model",
        "my%2Fmodel",
    ] {
        let response = service.get(&format!("/v1/models/{id}")).send().await;
        let model = json_of(response.unwrap()).await;
        assert_eq!(model["id"], id.replace("%2F", "/"));
        assert_eq!(model["object"], "model");
        assert_eq!(model["owned_by"], "stub");
    }
    let response = service.get("/models/gpt-99").send().await.unwrap();
    assert_eq!(response.status(), 404);
    let body = json_of(response).await;
    assert_eq!(body["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn health_needs_no_key_and_tells_whether_there_is_an_engine() {
    let service = Service::start_with(key).await;
    let request = service.get("/health").header("cf-ray", "1");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let body = json_of(response).await;
    assert_eq!(body["status"], "ok");
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(body["engine"], json!({"ready": false}));
}

#[tokio::test]
async fn errors_are_enveloped_and_readable_from_any_page() {
    let service = Service::start().await;
    let client = &service.client;
    for (request, status, code) in [
        (service.get("/v2/models"), 404, "unknown_url"),
        (
            service.get("/v1/chat/completions"),
            405,
            "method_not_supported",
        ),
        (
            client.post(service.url("/models")),
            405,
            "method_not_supported",
        ),
        (
            client.delete(service.url("/health")),
            405,
            "method_not_supported",
        ),
        (
            service.get("/models").header("via", "1.1 x"),
            401,
            "api_key_not_set",
        ),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        let headers = response.headers().clone();
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert!(!headers["x-request-id"].is_empty());
        assert_eq!(headers.contains_key("allow"), status == 405);
        assert_eq!(headers.contains_key("www-authenticate"), status == 401);
        let body = json_of(response).await;
        assert_eq!(body["error"]["code"], code);
        assert!(!body["error"]["message"].as_str().unwrap().is_empty());
    }
    let response = service.get("/chat/completions").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "POST, OPTIONS");
}

#[tokio::test]
async fn a_preflight_needs_no_key_and_gets_what_it_asks_for() {
    let service = Service::start_with(key).await;
    let response = service
        .client
        .request(
            reqwest::Method::OPTIONS,
            service.url("/v1/chat/completions"),
        )
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,x-stainless-os",
        )
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(headers["access-control-allow-methods"], "POST");
    assert_eq!(
        headers["access-control-allow-headers"],
        "authorization,x-stainless-os"
    );
    assert_eq!(headers["access-control-max-age"], "86400");
    assert!(!headers["x-request-id"].is_empty());

    let request = service.get("/v1/models").bearer_auth("secret");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["access-control-expose-headers"],
        "x-request-id,x-conversation-id,retry-after,x-ratelimit-limit-requests,\
         x-ratelimit-limit-tokens,x-ratelimit-remaining-requests,x-ratelimit-remaining-tokens,\
         x-ratelimit-reset-requests,x-ratelimit-reset-tokens"
    );
}

#[tokio::test]
async fn a_key_opens_every_route_and_nothing_else_does() {
    let service = Service::start_with(key).await;
    for path in ["/v1/models", "/v1/models/gpt-5.2", "/nowhere"] {
        let response = service.get(path).send().await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let body = json_of(response).await;
        assert_eq!(body["error"]["code"], "invalid_api_key");
        let request = service.get(path).header("x-api-key", "secret");
        assert_ne!(request.send().await.unwrap().status(), 401, "{path}");
    }
}

#[tokio::test]
async fn a_stranger_is_refused_before_the_body_comes() {
    let service = Service::start_with(key).await;
    let mut socket = TcpStream::connect(service.addr).await.unwrap();
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut reply = [0; 12];
    let read = socket.read_exact(&mut reply);
    timeout(Duration::from_secs(1), read)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&reply, b"HTTP/1.1 401");
}

/// Such a client looks for a reply only after its last byte.
#[tokio::test]
async fn a_refusal_reaches_a_client_that_sends_much() {
    let service = Service::start_with(|config| {
        key(config);
        config.limits.max_body_bytes = 1024;
    })
    .await;
    let body = vec![b' '; 16 * 1024 * 1024];
    for (key, status) in [("wrong", "401"), ("secret", "413")] {
        let mut socket = TcpStream::connect(service.addr).await.unwrap();
        let head = format!(
            "POST /chat/completions HTTP/1.1\r\nhost: x\r\napi-key: {key}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(&body).await.unwrap();
        let mut reply = [0; 12];
        socket.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply, format!("HTTP/1.1 {status}").as_bytes());
    }
}

#[tokio::test]
async fn a_long_body_is_refused_though_it_does_not_tell_its_length() {
    let service = Service::start_with(|config| config.limits.max_body_bytes = 10).await;
    let parts = [Ok::<_, std::io::Error>("12345"), Ok("67890"), Ok("1")];
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
    let request = service.client.post(service.url("/chat/completions"));
    let response = request.body(body).send().await.unwrap();
    assert_eq!(response.status(), 413);
    let reply = json_of(response).await;
    assert_eq!(reply["error"]["code"], "request_too_large");
}

#[tokio::test]
async fn good_request_ids_are_kept_and_bad_ones_replaced() {
    let service = Service::start().await;
    let long = "x".repeat(129);
    let just = "x".repeat(128);
    for (id, kept) in [
        ("req-1", true),
        (just.as_str(), true),
        (long.as_str(), false),
        ("two words", false),
        ("caf\u{e9}", false),
        ("", false),
    ] {
        let request = service.get("/health").header("x-request-id", id.as_bytes());
        let response = request.send().await.unwrap();
        let returned = &response.headers()["x-request-id"];
        assert_eq!(returned.as_bytes() == id.as_bytes(), kept, "{id:?}");
        assert!(!returned.is_empty());
    }
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_service_goes_on() {
    let service = Service::start().await;
    for _ in 0..2 {
        let request = service.chat(&request("panic", true));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert!(!response.headers()["x-request-id"].is_empty());
        let body = json_of(response).await;
        assert_eq!(body["error"]["code"], "internal_error");
        assert!(!body.to_string().contains("as asked"));
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    for builder in [
        (|builder| builder) as fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
        reqwest::ClientBuilder::http2_prior_knowledge,
    ] {
        let mut service = Service::start().await;
        service.client = client(builder);
        let length = service.get("/models").send().await.unwrap().headers()["content-length"]
            .to_str()
            .unwrap()
            .to_owned();
        let request = service.client.head(service.url("/models"));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-length"], length);
        assert!(response.bytes().await.unwrap().is_empty());
    }
}
