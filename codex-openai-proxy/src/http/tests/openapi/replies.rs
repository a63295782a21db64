//! Replies have the members that the document tells of, and no others.

use super::*;
use crate::turn::{ToolCall, ToolKind};
use tempfile::TempDir;

/// Whether a value has exactly the members that a schema tells of: all that it requires, and none that it
/// does not name. Types and bounds are left to a real validator.
fn fits(document: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(reference) = schema.get("$ref") {
        return fits(
            document,
            resolve(document, reference.as_str().unwrap()),
            value,
        );
    }
    if let Some(choice) = schema.get("anyOf") {
        let mut choice = choice.as_array().unwrap().iter();
        return choice.any(|schema| fits(document, schema, value));
    }
    if let Some(only) = schema.get("const") {
        return only == value;
    }
    match value {
        Value::Array(values) => match schema.get("items") {
            Some(items) => values.iter().all(|value| fits(document, items, value)),
            None => false,
        },
        Value::Object(members) => {
            let required = schema.get("required").and_then(Value::as_array);
            let mut required = required.into_iter().flatten();
            let is_complete = required.all(|name| members.contains_key(name.as_str().unwrap()));
            let named = &schema["properties"];
            let is_open = schema.get("additionalProperties").is_some();
            is_complete
                && members.iter().all(|(name, value)| match named.get(name) {
                    Some(schema) => fits(document, schema, value),
                    None => is_open,
                })
        }
        _ => schema.get("properties").is_none() && schema.get("items").is_none(),
    }
}

#[track_caller]
fn assert_fits(schema: &str, value: &Value) {
    let document = document();
    let reference = json!({"$ref": format!("#/components/schemas/{schema}")});
    assert!(fits(&document, &reference, value), "{schema}: {value:#}");
}

/// A reply with everything in it.
async fn play(turn: &Turn) {
    turn.reasoning("hm").await;
    turn.text("Hello").await;
    turn.send(TurnEvent::ToolCall(ToolCall {
        id: "call_1".to_owned(),
        name: "look".to_owned(),
        kind: ToolKind::Function,
        arguments: "{}".to_owned(),
    }))
    .await;
    turn.finish().await;
}

fn with_tool(mut request: Value) -> Value {
    request["tools"] = json!([{"type": "function", "name": "look", "parameters": {}}]);
    request
}

#[test]
fn a_member_too_many_or_too_few_is_seen() {
    let document = document();
    let reference = json!({"$ref": "#/components/schemas/Error"});
    let error = json!({"message": "m", "type": "t", "param": null, "code": "c"});
    let mut more = error.clone();
    more["more"] = json!(1);
    let mut less = error.clone();
    less.as_object_mut().unwrap().remove("param");
    for (error, expected) in [(error, true), (more, false), (less, false)] {
        let error = json!({ "error": error });
        assert_eq!(fits(&document, &reference, &error), expected, "{error}");
    }
}

#[tokio::test]
async fn replies_of_both_apis_are_as_described() {
    let home = TempDir::new().unwrap();
    let store = ResponseStore::open(home.path()).await;
    let mut service = Service::start_storing(store, |_| ()).await;
    for stream in [false, true] {
        let (response, turn) = service.ask(&with_tool(request("gpt-5.2", stream))).await;
        play(&turn).await;
        let text = response.await.unwrap().text().await.unwrap();
        if stream {
            let events = data(&text);
            assert!(events.len() > 4, "{text}");
            for event in events.iter().filter(|event| *event != "[DONE]") {
                assert_fits("ChatCompletionChunk", &serde_json::from_str(event).unwrap());
            }
        } else {
            assert_fits("ChatCompletion", &serde_json::from_str(&text).unwrap());
        }

        let body = with_tool(json!({"model": "gpt-5.2", "stream": stream, "input": "Hi"}));
        let sent = service.respond(&body).send();
        let response = tokio::spawn(async { sent.await.unwrap() });
        let turn = service.turn().await;
        play(&turn).await;
        let text = response.await.unwrap().text().await.unwrap();
        if stream {
            let events = data(&text);
            assert!(events.len() > 9, "{text}");
            for event in &events {
                assert_fits("ResponseEvent", &serde_json::from_str(event).unwrap());
            }
        } else {
            let response: Value = serde_json::from_str(&text).unwrap();
            assert_fits("Response", &response);
            let path = format!(
                "/responses/{}/input_items",
                response["id"].as_str().unwrap()
            );
            let items = service
                .get(&path)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            assert_fits("InputItemList", &items);
        }
    }
}

#[tokio::test]
async fn what_else_is_told_is_as_described() {
    let mut service = Service::start().await;
    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    play(&turn).await;
    response.await.unwrap().bytes().await.unwrap();
    for (path, schema) in [
        ("/v1/models", "ModelList"),
        ("/v1/models/gpt-5.2", "Model"),
        ("/v1/models/unknown", "Error"),
        ("/health", "Health"),
        ("/health/live", "Liveness"),
        ("/health/ready", "NotReady"),
        ("/logs/api/records", "LogRecordPage"),
        ("/logs/api/requests", "LogRequestPage"),
    ] {
        let reply = service.get(path).send().await.unwrap();
        assert_fits(schema, &reply.json().await.unwrap());
    }
    let page = service.get("/logs/api/requests").send().await.unwrap();
    let page: Value = page.json().await.unwrap();
    let path = format!(
        "/logs/api/requests/{}",
        page["requests"][0]["id"].as_str().unwrap()
    );
    let detail = service
        .get(&path)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_fits("LogRequestDetail", &detail);
    let path = service.url(&format!("/conversations/{MADE_UP}"));
    let deleted = service.client.delete(path).send().await.unwrap();
    assert_fits("ConversationDeleted", &deleted.json().await.unwrap());
}
