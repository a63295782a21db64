//! Responses while they are made: signs of life, calling off, going on from what is stored.

use super::*;
use crate::turn::{Item, Part, Sends};
use tempfile::TempDir;

/// A service that stores responses, which is quick to break a silence. The folder is to be kept.
async fn start() -> (TempDir, Service) {
    let home = TempDir::new().unwrap();
    let store = ResponseStore::open(home.path()).await;
    let service = Service::start_storing(store, |config| {
        config.limits.first_event = Duration::from_millis(20);
        config.limits.keep_alive = Duration::from_millis(20);
        config.limits.sign_of_life = Duration::from_millis(100);
    })
    .await;
    (home, service)
}

impl Service {
    /// Sends a Responses request in the background and gives the turn that it starts.
    async fn begin(&mut self, body: &Value) -> (JoinHandle<reqwest::Response>, Turn) {
        let request = self.respond(body).send();
        let response = tokio::spawn(async { request.await.unwrap() });
        (response, self.turn().await)
    }

    /// Makes a response that says `answer`.
    async fn made(&mut self, body: &Value, answer: &str) -> Value {
        let (response, turn) = self.begin(body).await;
        turn.text(answer).await;
        turn.finish().await;
        response.await.unwrap().json().await.unwrap()
    }

    async fn status_of(&self, id: &str) -> u16 {
        let response = self.get(&format!("/v1/responses/{id}")).send().await;
        response.unwrap().status().as_u16()
    }
}

/// What the items of a turn say.
fn said(turn: &Turn) -> Vec<&str> {
    let items = turn.request.items.iter();
    let texts = items.filter_map(|item| match item {
        Item::Message { content, .. } => match content.as_slice() {
            [Part::Text(text)] => Some(text.as_str()),
            _ => None,
        },
        _ => None,
    });
    texts.collect()
}

#[tokio::test]
async fn long_silences_bring_events_from_the_beginning_on() {
    let (_home, mut service) = start().await;
    let body = json!({"model": "gpt-5.2", "stream": true, "input": "Hi"});
    let (response, turn) = service.begin(&body).await;
    let mut events = Events {
        response: response.await.unwrap(),
    };
    let in_progress = "event: response.in_progress";
    // First the beginning, then a sign that nothing is lost.
    let silence = events
        .until(|text| text.matches(in_progress).count() > 1)
        .await;
    assert_eq!(silence.matches("event: response.created").count(), 1);
    assert!(silence.contains(keep_alive()), "{silence}");
    turn.text("Hello").await;
    let speech = events.until(|text| text.contains("Hello")).await;
    events.until(|text| text.contains(in_progress)).await;
    turn.finish().await;
    let rest = events.rest().await;
    assert!(rest.contains("event: response.completed"), "{rest}");
    let numbers: Vec<u64> = data(&[silence, speech].concat())
        .iter()
        .map(|data| serde_json::from_str::<Value>(data).unwrap()["sequence_number"].clone())
        .map(|number| number.as_u64().unwrap())
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[tokio::test]
async fn a_response_that_is_not_streamed_can_be_called_off() {
    let (_home, mut service) = start().await;
    let (response, turn) = service
        .begin(&json!({"model": "gpt-5.2", "input": "Hi"}))
        .await;
    turn.text("Hel").await;
    let [id] = service.running.ids().try_into().unwrap();
    let cancel = service.url(&format!("/v1/responses/{id}/cancel"));
    let cancelled = service.client.post(cancel).send().await.unwrap();
    assert_eq!(cancelled.status(), 200);
    assert!(turn.is_interrupted().await);
    let response: Value = response.await.unwrap().json().await.unwrap();
    assert_eq!(response["status"], "cancelled");
    assert_eq!(response["id"], id);
    assert_eq!(service.status_of(&id).await, 200);
    assert_eq!(service.running.ids(), [""; 0]);
}

#[tokio::test]
async fn a_response_whose_conversation_is_deleted_is_not_kept() {
    let (_home, mut service) = start().await;
    let body = json!({"model": "gpt-5.2", "stream": true, "input": "Hi"});
    let (response, turn) = service.begin(&body).await;
    turn.text("Hel").await;
    let events = Events {
        response: response.await.unwrap(),
    };
    let [id] = service.running.ids().try_into().unwrap();
    turn.fail(TurnError::ConversationDeleted).await;
    let rest = events.rest().await;
    assert!(rest.contains("event: response.failed"), "{rest}");
    assert_eq!(service.status_of(&id).await, 404);
}

#[tokio::test]
async fn a_request_that_follows_a_response_has_what_was_said_before_it() {
    let (_home, mut service) = start().await;
    let first = json!({"model": "gpt-5.2", "input": "One."});
    let first = service.made(&first, "To one.").await;
    let follow = |previous: &Value, input: &str| json!({"model": "gpt-5.2", "input": input, "previous_response_id": previous["id"]});
    for input in ["Two.", "Another."] {
        let (response, turn) = service.begin(&follow(&first, input)).await;
        assert_eq!(said(&turn), ["One.", "To one.", input]);
        let named = turn.request.conversation.as_ref().unwrap();
        assert_eq!(named.sends, Sends::Whole);
        turn.finish().await;
        assert_eq!(response.await.unwrap().status(), 200);
    }
    let unknown = json!({"id": "resp_0123456789abcdef0123456789abcdef"});
    let refused = service.respond(&follow(&unknown, "Two.")).send().await;
    let refused = refused.unwrap();
    assert_eq!(refused.status(), 400);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "previous_response_not_found");
}

#[tokio::test]
async fn a_whole_history_finds_its_conversation_by_itself_and_the_conversation_lasts() {
    let (_home, mut service) = start().await;
    for (store, lasting) in [
        (Value::Null, true),
        (json!(true), true),
        (json!(false), false),
    ] {
        let body = json!({"model": "gpt-5.2", "input": "Hi", "store": store});
        let (response, turn) = service.begin(&body).await;
        assert_eq!(turn.request.conversation, None);
        assert_eq!(turn.request.lasting, lasting);
        turn.finish().await;
        let response: Value = response.await.unwrap().json().await.unwrap();
        assert_eq!(response["store"], lasting);
        let id = response["id"].as_str().unwrap();
        assert_eq!(service.status_of(id).await == 200, lasting);
    }
}

#[tokio::test]
async fn an_item_may_stand_for_one_that_was_said_before() {
    let (_home, mut service) = start().await;
    let first = json!({"model": "gpt-5.2", "input": "One."});
    let first = service.made(&first, "To one.").await;
    let reference = |id: &Value| json!({"type": "item_reference", "id": id});
    let body = json!({"model": "gpt-5.2", "input": [
        {"role": "user", "content": "One."},
        reference(&first["output"][0]["id"]),
        {"role": "user", "content": "Two."},
    ]});
    let (response, turn) = service.begin(&body).await;
    assert_eq!(said(&turn), ["One.", "To one.", "Two."]);
    turn.finish().await;
    let second: Value = response.await.unwrap().json().await.unwrap();
    // What was resolved is what is stored.
    let id = second["id"].as_str().unwrap();
    let items = service.get(&format!("/v1/responses/{id}/input_items?order=asc"));
    let items: Value = items.send().await.unwrap().json().await.unwrap();
    assert_eq!(items["data"][1]["content"][0]["text"], "To one.");

    let body = json!({"model": "gpt-5.2", "input": [reference(&json!("msg_1"))]});
    let refused = service.respond(&body).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "item_not_found");
    assert_eq!(body["error"]["param"], "input[0].id");
}
