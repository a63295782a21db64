//! The log, as its page and scripts see it.

mod access;
mod api;
mod live;
mod page;

use super::*;

/// JSON from a URL that has some.
async fn json(service: &Service, path: &str) -> Value {
    let response = service.get(path).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
    response.json().await.unwrap()
}

/// Sends a request and has it answered with `Hello`.
async fn answered(service: &mut Service, body: &Value) {
    let (response, turn) = service.ask(body).await;
    turn.reasoning("hm").await;
    turn.text("Hello").await;
    turn.finish().await;
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    response.bytes().await.unwrap();
}

/// One member of each object in a list.
fn each<'a>(list: &'a Value, member: &str) -> Vec<&'a Value> {
    let list = list.as_array().unwrap();
    list.iter().map(|object| &object[member]).collect()
}
