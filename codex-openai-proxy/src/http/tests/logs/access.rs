//! Who may look at the log.

use super::*;
use reqwest::header::HeaderMap;

const RECORDS: &str = "/logs/api/records";

async fn login(service: &Service, body: &'static str) -> reqwest::Response {
    let login = service.client.post(service.url("/logs/login")).body(body);
    login.send().await.unwrap()
}

/// The cookie that a reply sets, as it is sent back.
fn cookie(headers: &HeaderMap) -> String {
    let set = headers["set-cookie"].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_buys_a_cookie_that_opens_the_log_and_nothing_else() {
    let service = Service::start_with(key).await;
    assert_eq!(service.get(RECORDS).send().await.unwrap().status(), 401);
    let response = login(&service, r#"{"key": "secret"}"#).await;
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let cookie = cookie(response.headers());
    let status = async |path: &str, name: &str, value: &str| {
        let request = service
            .get(path)
            .header("cookie", &cookie)
            .header(name, value);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(RECORDS, "accept", "*/*").await, 200);
    let ours = format!("http://{}", service.addr);
    assert_eq!(status(RECORDS, "origin", &ours).await, 200);
    assert_eq!(status(RECORDS, "origin", "https://evil.example").await, 403);
    assert_eq!(status(RECORDS, "sec-fetch-site", "cross-site").await, 403);
    assert_eq!(status("/v1/models", "accept", "*/*").await, 401);

    let logout = service.client.post(service.url("/logs/logout"));
    let response = logout.header("cookie", &cookie).send().await.unwrap();
    assert_eq!(response.status(), 204);
    let gone = response.headers()["set-cookie"].to_str().unwrap();
    assert!(
        gone.contains("logs=; ") && gone.contains("Max-Age=0"),
        "{gone}"
    );
    assert_eq!(status(RECORDS, "accept", "*/*").await, 401);
}

#[tokio::test]
async fn wrong_keys_buy_nothing() {
    let service = Service::start_with(key).await;
    for (body, status, code) in [
        (r#"{"key": "wrong"}"#, 401, json!("invalid_api_key")),
        (r#"{"key": ""}"#, 401, json!("invalid_api_key")),
        (r#"{"key": 1}"#, 400, Value::Null),
        ("secret", 400, Value::Null),
        ("", 400, Value::Null),
    ] {
        let response = login(&service, body).await;
        assert_eq!(response.status(), status, "{body}");
        assert!(!response.headers().contains_key("set-cookie"), "{body}");
        let reply: Value = response.json().await.unwrap();
        assert_eq!(reply["error"]["code"], code, "{body}");
    }
    let long = service.client.post(service.url("/logs/login"));
    let response = long.body("x".repeat(5000)).send().await.unwrap();
    assert_eq!(response.status(), 413);
    let foreign = service
        .client
        .post(service.url("/logs/login"))
        .header("origin", "null");
    let response = foreign.body(r#"{"key": "secret"}"#).send().await.unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn whoever_tries_out_keys_is_seen() {
    let service = Service::start_with(key).await;
    login(&service, r#"{"key": "guessed"}"#).await;
    for key in ["Bearer guessed", "Bearer secret"] {
        let request = service
            .get("/logs/api/records")
            .header("authorization", key);
        let response = request.send().await.unwrap();
        if key == "Bearer secret" {
            let page: Value = response.json().await.unwrap();
            let types = each(&page["records"], "type");
            let one = [json!("request_failed"), json!("incoming_request")];
            assert_eq!(types, [&one[0], &one[1], &one[0], &one[1]]);
            assert_eq!(page["records"][1]["path"], "/logs/api/records");
            assert_eq!(page["records"][3]["path"], "/logs/login");
        }
    }
    // Who shows none only looks whether one is needed.
    service.get("/logs/api/records").send().await.unwrap();
    let request = service.get("/logs/api/records?type=request_failed");
    let response = request.header("authorization", "Bearer secret");
    let page: Value = response.send().await.unwrap().json().await.unwrap();
    assert_eq!(page["records"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn without_a_key_nobody_needs_a_cookie() {
    let service = Service::start().await;
    let response = login(&service, "").await;
    assert_eq!(response.status(), 204);
    assert!(!response.headers().contains_key("set-cookie"));
    assert_eq!(service.get(RECORDS).send().await.unwrap().status(), 200);
    for (name, value, status) in [
        ("cf-ray", "1", 401),
        ("host", "evil.example", 401),
        ("origin", "http://localhost:3000", 403),
    ] {
        let response = service
            .get(RECORDS)
            .header(name, value)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{name}");
    }
}

#[tokio::test]
async fn other_pages_are_not_allowed_to_read_the_log() {
    let service = Service::start_with(key).await;
    for path in [RECORDS, "/logs", "/logs/api/none", "/logs/assets/logs.js"] {
        for method in [reqwest::Method::GET, reqwest::Method::OPTIONS] {
            let request = service.client.request(method, service.url(path));
            let request = request
                .bearer_auth("secret")
                .header("origin", "https://evil.example")
                .header("access-control-request-method", "DELETE");
            let response = request.send().await.unwrap();
            let allowance: Vec<_> = response
                .headers()
                .keys()
                .filter(|name| name.as_str().starts_with("access-control-"))
                .collect();
            assert!(allowance.is_empty(), "{path}: {allowance:?}");
        }
    }
    // The API goes on as before.
    let models = service.get("/v1/models").bearer_auth("secret");
    let response = models
        .header("origin", "https://app.example")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
}
