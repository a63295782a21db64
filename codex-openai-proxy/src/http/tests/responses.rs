//! Responses that are stored or running: looked at, deleted, cancelled.

use super::*;
use crate::conversation::StoredResponse;
use bytes::Bytes;
use tempfile::TempDir;

/// A service with one stored response. The folder is to be kept.
async fn start(stored: StoredResponse) -> (TempDir, Service) {
    let home = TempDir::new().unwrap();
    let store = ResponseStore::open(home.path()).await;
    store.put(&stored).await.unwrap();
    let service = Service::start_storing(store, |_| ()).await;
    (home, service)
}

/// A stored response of that name that has ended so, to a request of three items.
fn stored(id: &str, status: &str) -> StoredResponse {
    let item = |name: &str| json!({ "id": name, "type": "message", "role": "user", "content": [] });
    StoredResponse {
        id: id.to_owned(),
        conversation: ConversationId::new(MADE_UP),
        previous: None,
        model: "gpt-5.2".to_owned(),
        created: 1_700_000_000,
        status: status.to_owned(),
        input: json!([item("a"), item("b"), item("c")]).to_string(),
        response: object(id, status).to_string(),
    }
}

fn object(id: &str, status: &str) -> Value {
    json!({ "id": id, "object": "response", "status": status, "output": [], "error": null })
}

fn bytes(object: &Value) -> Bytes {
    Bytes::from(object.to_string())
}

/// The status and the body of the reply to such a request.
async fn ask(service: &Service, method: &str, path: &str) -> (u16, Value) {
    let method = method.parse().unwrap();
    let request = service.client.request(method, service.url(path));
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Asserts that the reply is an error of that status and message.
#[track_caller]
fn assert_refused(reply: &(u16, Value), status: u16, message: &str) {
    assert_eq!(reply.0, status, "{}", reply.1);
    assert_eq!(reply.1["error"]["message"], message);
    assert_eq!(reply.1["error"]["type"], "invalid_request_error");
}

#[tokio::test]
async fn a_stored_response_is_shown_as_it_was_sent() {
    let mut response = stored("resp_1", "completed");
    // Spelt as nothing here would write it.
    response.response = "{ \"id\":\"resp_1\", \"x\": 1.50,\"output\":[] }".to_owned();
    let expected = response.response.clone();
    let (_home, service) = start(response).await;
    for path in [
        "/v1/responses/resp_1",
        "/responses/resp_1/",
        "/v1/responses/resp_1?include[]=reasoning.encrypted_content&stream=false",
    ] {
        let response = service.get(path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.text().await.unwrap(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_stored_response_is_not_streamed_again() {
    let (_home, service) = start(stored("resp_1", "completed")).await;
    let (status, body) = ask(&service, "GET", "/v1/responses/resp_1?stream=true").await;
    assert_eq!(status, 400);
    assert_eq!(body["error"]["param"], "stream");
    assert_eq!(body["error"]["code"], "unsupported_parameter");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (_home, service) = start(stored("resp_1", "completed")).await;
    for (method, path) in [
        ("GET", "/v1/responses/resp_2"),
        ("DELETE", "/v1/responses/resp_2"),
        ("GET", "/v1/responses/resp_2/input_items"),
        ("POST", "/v1/responses/resp_2/cancel"),
    ] {
        let reply = ask(&service, method, path).await;
        assert_refused(&reply, 404, "Response with id 'resp_2' not found.");
    }
}

#[tokio::test]
async fn a_deleted_response_is_gone() {
    let (_home, service) = start(stored("resp_1", "completed")).await;
    let deleted = ask(&service, "DELETE", "/v1/responses/resp_1").await;
    let expected = json!({ "id": "resp_1", "object": "response", "deleted": true });
    assert_eq!(deleted, (200, expected));
    for method in ["GET", "DELETE"] {
        let reply = ask(&service, method, "/responses/resp_1").await;
        assert_refused(&reply, 404, "Response with id 'resp_1' not found.");
    }
}

#[tokio::test]
async fn input_items_come_in_pages_the_last_first() {
    let (_home, service) = start(stored("resp_1", "completed")).await;
    let path = "/v1/responses/resp_1/input_items";
    let (status, body) = ask(&service, "GET", &format!("{path}?limit=2")).await;
    assert_eq!(status, 200);
    let item = |name: &str| json!({ "id": name, "type": "message", "role": "user", "content": [] });
    let expected = json!({
        "object": "list",
        "data": [item("c"), item("b")],
        "first_id": "c",
        "last_id": "b",
        "has_more": true,
    });
    assert_eq!(body, expected);
    let (_, body) = ask(&service, "GET", &format!("{path}?limit=2&after=b")).await;
    assert_eq!(body["data"], json!([item("a")]));
    assert_eq!(body["has_more"], false);
    let (_, body) = ask(&service, "GET", "/responses/resp_1/input_items?order=asc").await;
    assert_eq!(body["data"], json!([item("a"), item("b"), item("c")]));
    for (query, param) in [
        ("limit=101", "limit"),
        ("order=up", "order"),
        ("after=x", "after"),
    ] {
        let (status, body) = ask(&service, "GET", &format!("{path}?{query}")).await;
        assert_eq!((status, &body["error"]["param"]), (400, &json!(param)));
    }
}

#[tokio::test]
async fn a_running_response_is_shown_as_it_stands() {
    let (_home, service) = start(stored("resp_1", "completed")).await;
    let running = object("resp_2", "in_progress");
    let guard = service.running.begin("resp_2", bytes(&running));
    let reply = ask(&service, "GET", "/v1/responses/resp_2").await;
    assert_eq!(reply, (200, running));
    let message = "Response with id 'resp_2' is still in progress. Wait for its end or cancel it \
                   first.";
    for (method, path) in [
        ("DELETE", "/v1/responses/resp_2"),
        ("GET", "/v1/responses/resp_2/input_items"),
    ] {
        let reply = ask(&service, method, path).await;
        assert_refused(&reply, 400, message);
    }
    assert!(!guard.cancellation().is_cancelled());
    drop(guard);
    assert_eq!(ask(&service, "GET", "/v1/responses/resp_2").await.0, 404);
}

#[tokio::test]
async fn a_running_response_is_cancelled_and_shown_as_it_ended() {
    let (_home, service) = start(stored("resp_1", "completed")).await;
    let begun = object("resp_2", "in_progress");
    let guard = service.running.begin("resp_2", bytes(&begun));
    let mut ended = object("resp_2", "cancelled");
    ended["output"] = json!([{ "id": "msg_1", "status": "incomplete" }]);
    let last = bytes(&ended);
    let answering = tokio::spawn(async move {
        guard.cancellation().cancelled().await;
        guard.tell(last);
    });
    let reply = ask(&service, "POST", "/v1/responses/resp_2/cancel").await;
    assert_eq!(reply, (200, ended));
    answering.await.unwrap();
}

#[tokio::test]
async fn who_is_cancelled_and_says_nothing_more_counts_as_cancelled() {
    let (_home, service) = start(stored("resp_1", "completed")).await;
    let begun = object("resp_2", "in_progress");
    let guard = service.running.begin("resp_2", bytes(&begun));
    tokio::spawn(async move { guard.cancellation().cancelled().await });
    let reply = ask(&service, "POST", "/responses/resp_2/cancel").await;
    assert_eq!(reply, (200, object("resp_2", "cancelled")));
}

#[tokio::test]
async fn what_has_ended_cannot_be_cancelled_but_what_was_cancelled_can_be_again() {
    for (status, message) in [
        ("completed", "Cannot cancel a completed response."),
        ("failed", "Cannot cancel a failed response."),
        ("incomplete", "Cannot cancel an incomplete response."),
    ] {
        let (_home, service) = start(stored("resp_1", status)).await;
        let reply = ask(&service, "POST", "/v1/responses/resp_1/cancel").await;
        assert_refused(&reply, 400, message);
    }
    let (_home, service) = start(stored("resp_1", "cancelled")).await;
    let reply = ask(&service, "POST", "/v1/responses/resp_1/cancel").await;
    assert_eq!(reply, (200, object("resp_1", "cancelled")));
}

#[tokio::test]
async fn without_a_database_running_responses_can_be_cancelled_still() {
    let service = Service::start().await;
    for (method, path) in [
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
    ] {
        let (status, body) = ask(&service, method, path).await;
        assert_eq!(status, 503, "{body}");
        assert_eq!(body["error"]["code"], "service_unavailable");
    }
    let begun = object("resp_1", "in_progress");
    let guard = service.running.begin("resp_1", bytes(&begun));
    tokio::spawn(async move { guard.cancellation().cancelled().await });
    assert_eq!(
        ask(&service, "POST", "/v1/responses/resp_1/cancel").await.0,
        200
    );
}

#[tokio::test]
async fn strangers_see_no_responses() {
    let home = TempDir::new().unwrap();
    let store = ResponseStore::open(home.path()).await;
    store.put(&stored("resp_1", "completed")).await.unwrap();
    let service = Service::start_storing(store, key).await;
    for (method, path) in [
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("GET", "/responses/resp_1/input_items"),
        ("POST", "/responses/resp_1/cancel"),
    ] {
        assert_eq!(ask(&service, method, path).await.0, 401, "{method} {path}");
    }
}
