//! The ways of Cursor: other shapes on the chat routes, Azure's paths, and what it makes of a
//! conversation that is too long.

use super::*;
use crate::{
    config::ContextOverflow,
    turn::{Item, Part, Role},
};

#[tokio::test]
async fn a_body_of_responses_is_answered_in_chunks() {
    let mut service = Service::start().await;
    let body = json!({
        "model": "hgih-2.5-tpg",
        "stream": true,
        "instructions": "Be brief.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        "store": false,
    });
    let (response, turn) = service.ask(&body).await;
    assert_eq!(turn.request.model, "gpt-5.2");
    assert_eq!(turn.request.reasoning.effort, Some(Effort::High));
    assert_eq!(turn.request.instructions.as_deref(), Some("Be brief."));
    let said = Item::Message {
        role: Role::User,
        content: vec![Part::Text("Hi".to_owned())],
    };
    assert_eq!(turn.request.items, [said]);
    assert_eq!(turn.request.tools[0].name, "f");
    turn.text("Hello").await;
    turn.finish().await;
    let response = response.await.unwrap();
    let stream = Events { response }.rest().await;
    assert!(deltas(&stream).contains(&json!({"content": "Hello"})));
    let events = data(&stream);
    let [.., usage, done] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(done, "[DONE]");
    let usage: Value = serde_json::from_str(usage).unwrap();
    assert_eq!(usage["object"], "chat.completion.chunk");
    assert_eq!(usage["model"], "hgih-2.5-tpg");
    assert_eq!(usage["usage"]["total_tokens"], 13);
}

#[tokio::test]
async fn azures_paths_name_the_model_where_the_body_does_not() {
    let mut service = Service::start_with(key).await;
    for path in [
        "/openai/deployments/2.5-tpg/chat/completions?api-version=2024-10-21",
        "/v1/openai/deployments/2.5-tpg/chat/completions",
    ] {
        for (model, sent) in [(None, "2.5-tpg"), (Some("gpt-5.2-low"), "gpt-5.2-low")] {
            let mut body = request("", false);
            body["model"] = json!(model);
            let request = service.client.post(service.url(path)).json(&body);
            let request = request.header("api-key", "secret").send();
            let response = tokio::spawn(async { request.await.unwrap() });
            let turn = service.turn().await;
            assert_eq!(turn.request.model, "gpt-5.2");
            turn.finish().await;
            let body: Value = response.await.unwrap().json().await.unwrap();
            assert_eq!(body["model"], sent, "{path}");
        }
    }
    let nameless = service.chat(&json!({"messages": [{"role": "user", "content": "Hi"}]}));
    let response = nameless.bearer_auth("secret").send().await.unwrap();
    assert_eq!(response.status(), 400);
}

fn too_long() -> TurnError {
    TurnError::ContextWindowExceeded {
        message: "too long".to_owned(),
    }
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_an_error() {
    let mut service = Service::start().await;
    for stream in [true, false] {
        let (response, turn) = service.ask(&request("gpt-5.2", stream)).await;
        turn.fail(too_long()).await;
        let response = response.await.unwrap();
        assert_eq!(response.status(), 400);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "context_length_exceeded");
    }
}

/// The whole of a stream that says nothing but an enormous usage, comments aside.
fn assert_hidden(stream: &str) {
    let events = data(stream);
    let [role, finish, usage, done] = events.as_slice() else {
        panic!("{events:?}");
    };
    let [role, finish, usage] =
        [role, finish, usage].map(|text| serde_json::from_str::<Value>(text).unwrap());
    assert_eq!(
        role["choices"][0]["delta"],
        json!({"role": "assistant", "content": ""})
    );
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(usage["usage"]["prompt_tokens"], 1_000_000);
    assert_eq!(usage["usage"]["completion_tokens"], 0);
    assert_eq!(usage["usage"]["total_tokens"], 1_000_000);
    assert_eq!(done, "[DONE]");
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_compacted_where_that_is_wanted() {
    let mut service = Service::start_with(|config| {
        config.cursor_context_overflow = ContextOverflow::Compact;
    })
    .await;
    // The usage is told though nobody asked for it.
    let mut body = request("gpt-5.2", true);
    body["stream_options"] = Value::Null;
    let (response, turn) = service.ask(&body).await;
    turn.fail(too_long()).await;
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    assert_hidden(&Events { response }.rest().await);

    let (response, turn) = service.ask(&request("gpt-5.2", false)).await;
    turn.fail(too_long()).await;
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["choices"][0]["message"]["content"], "");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["usage"]["total_tokens"], 1_000_000);
}

#[tokio::test]
async fn comments_before_the_overflow_hide_it_all_the_same_but_text_does_not() {
    let mut service = Service::start_with(|config| {
        config.cursor_context_overflow = ContextOverflow::Compact;
        config.limits.first_event = Duration::from_millis(20);
    })
    .await;
    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    let mut events = Events {
        response: response.await.unwrap(),
    };
    assert_eq!(events.next().await.unwrap(), keep_alive());
    turn.fail(too_long()).await;
    assert_hidden(&events.rest().await);

    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    turn.text("Hello").await;
    turn.fail(too_long()).await;
    let response = response.await.unwrap();
    let events = data(&Events { response }.rest().await);
    let error: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(error["error"]["code"], "context_length_exceeded");
}

#[tokio::test]
async fn other_errors_are_never_hidden() {
    let mut service = Service::start_with(|config| {
        config.cursor_context_overflow = ContextOverflow::Compact;
    })
    .await;
    for stream in [true, false] {
        let (response, turn) = service.ask(&request("gpt-5.2", stream)).await;
        turn.fail(broken()).await;
        assert_eq!(response.await.unwrap().status(), 502);
    }
}

fn broken() -> TurnError {
    TurnError::Upstream {
        message: "broken".to_owned(),
    }
}
