//! Conversations: how requests name them, how replies do, and how they end.

use super::*;
use crate::turn::{Item, Sends};

/// A request whose body has these fields besides.
fn request_with(stream: bool, extra: Value) -> Value {
    let mut body = request("gpt-5.2", stream);
    let Value::Object(extra) = extra else {
        panic!("an object")
    };
    body.as_object_mut().unwrap().extend(extra);
    body
}

/// What the engine is told of the conversation when a request of this body and these headers
/// comes, and the header of the reply.
async fn named(body: Value, headers: &[(&str, &str)]) -> (Option<(String, Sends)>, String) {
    let mut service = Service::start().await;
    let mut request = service.chat(&request_with(false, body));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = tokio::spawn(async { request.send().await.unwrap() });
    let turn = service.turn().await;
    turn.finish().await;
    let named = turn.request.conversation.as_ref();
    let named = named.map(|named| (named.id.as_str().to_owned(), named.sends));
    let response = response.await.unwrap();
    let id = response.headers()["x-conversation-id"].to_str().unwrap();
    (named, id.to_owned())
}

#[tokio::test]
async fn the_body_names_the_conversation_and_then_the_headers_do() {
    let id = json!({"conversation_id": "in-body"});
    let cursor = json!({"metadata": {"cursorConversationId": "cursors"}});
    let ours = ("x-conversation-id", "in-header");
    let bad = ("x-conversation-id", "two words");
    let thread = ("thread-id", "thread");
    let session = ("session-id", "session");
    let user = json!({"user": "everyone"});
    for (body, headers, expected) in [
        (
            id.clone(),
            &[ours, thread][..],
            Some(("in-body", Sends::Either)),
        ),
        (id, &[bad], Some(("in-body", Sends::Either))),
        (cursor, &[ours], Some(("cursors", Sends::Whole))),
        (
            json!({}),
            &[session, thread, ours],
            Some(("in-header", Sends::Either)),
        ),
        (
            json!({}),
            &[session, thread],
            Some(("thread", Sends::Whole)),
        ),
        (json!({}), &[session], Some(("session", Sends::Whole))),
        (user, &[], None),
    ] {
        let (named, told) = named(body, headers).await;
        let expected = expected.map(|(id, sends)| (id.to_owned(), sends));
        assert_eq!(told, expected.as_ref().map_or(MADE_UP, |(id, _)| id));
        assert_eq!(named, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_refused() {
    let service = Service::start().await;
    let plain = request("gpt-5.2", true);
    let named = request_with(true, json!({"conversation_id": "two words"}));
    for (request, param) in [
        (
            service
                .chat(&plain)
                .header("x-conversation-id", "two words"),
            "x-conversation-id",
        ),
        (service.chat(&named), "conversation_id"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 400);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["param"], param);
    }
}

#[tokio::test]
async fn every_reply_names_its_conversation() {
    let mut service = Service::start().await;
    let body = request_with(true, json!({"conversation_id": "chat-1"}));
    let (response, turn) = service.ask(&body).await;
    turn.text("Hello").await;
    turn.finish().await;
    let response = response.await.unwrap();
    assert_eq!(response.headers()["x-conversation-id"], "chat-1");
    let mut events = data(&Events { response }.rest().await);
    assert_eq!(events.pop().unwrap(), "[DONE]");
    assert_eq!(events.len(), 4);
    for event in events {
        let chunk: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(chunk["conversation_id"], "chat-1", "{event}");
    }

    let (response, turn) = service.ask(&request("gpt-5.2", false)).await;
    turn.finish().await;
    let response = response.await.unwrap();
    assert_eq!(response.headers()["x-conversation-id"], MADE_UP);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["conversation_id"], MADE_UP);

    // So does a reply that failed.
    for stream in [true, false] {
        let (response, turn) = service.ask(&request("gpt-5.2", stream)).await;
        turn.fail(TurnError::ConversationBusy {
            id: ConversationId::new(MADE_UP).unwrap(),
        })
        .await;
        let response = response.await.unwrap();
        assert_eq!(response.status(), 409);
        assert_eq!(response.headers()["x-conversation-id"], MADE_UP);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "conversation_busy");
    }
}

#[tokio::test]
async fn the_header_comes_though_the_first_event_is_late() {
    let mut service =
        Service::start_with(|config| config.limits.first_event = Duration::from_millis(20)).await;
    let (response, _turn) = service.ask(&request("gpt-5.2", true)).await;
    let response = timeout(SOON, response).await.unwrap().unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-conversation-id"], MADE_UP);
}

#[tokio::test]
async fn a_conversation_that_is_gone_is_404() {
    let service = Service::start().await;
    let body = request_with(true, json!({"conversation_id": "gone"}));
    let response = service.chat(&body).send().await.unwrap();
    assert_eq!(response.status(), 404);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "conversation_not_found");
    assert_eq!(body["error"]["param"], "conversation_id");
}

#[tokio::test]
async fn results_may_come_without_their_calls() {
    let mut service = Service::start().await;
    let messages = json!([
        {"role": "tool", "tool_call_id": "call_1", "content": "1"},
        {"role": "user", "content": "And?"},
    ]);
    let body = request_with(false, json!({"messages": messages}));
    let (response, turn) = service.ask(&body).await;
    let [
        Item::ToolResult { call_id, param, .. },
        Item::Message { .. },
    ] = turn.request.items.as_slice()
    else {
        panic!("{:?}", turn.request.items);
    };
    assert_eq!(call_id, "call_1");
    assert_eq!(param, "messages[0].tool_call_id");
    turn.fail(TurnError::UnknownToolCall {
        call_id: call_id.clone(),
        param: param.clone(),
    })
    .await;
    let response = response.await.unwrap();
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["param"], "messages[0].tool_call_id");
}

#[tokio::test]
async fn a_conversation_is_deleted_once_it_is_known() {
    let service = Service::start_with(key).await;
    for (path, status) in [
        (format!("/v1/conversations/{MADE_UP}"), 200),
        (format!("/conversations/{MADE_UP}/"), 200),
        ("/v1/conversations/other".to_owned(), 404),
        ("/v1/conversations/two%20words".to_owned(), 404),
    ] {
        let request = service.client.delete(service.url(&path));
        let response = request.bearer_auth("secret").send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let body: Value = response.json().await.unwrap();
        if status == 200 {
            let gone = json!({"id": MADE_UP, "object": "conversation.deleted", "deleted": true});
            assert_eq!(body, gone);
        } else {
            assert_eq!(body["error"]["code"], "conversation_not_found");
        }
    }
    let path = service.url(&format!("/v1/conversations/{MADE_UP}"));
    let stranger = service.client.delete(&path).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    let reader = service.client.get(&path).bearer_auth("secret");
    let response = reader.send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "DELETE, OPTIONS");
}
