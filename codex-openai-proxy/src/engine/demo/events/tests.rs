//! The grammar of the event stream.

use super::{super::ask::Ask, *};

fn events(body: &Value) -> Vec<Value> {
    of_reply(
        body,
        &Reply::to(&Ask::read(body)),
        &Ids::random(),
        1_700_000_000,
    )
}

fn kinds(events: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    kinds.dedup();
    kinds
}

fn hello() -> Value {
    json!({ "model": "demo", "input": [
        { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "Hello" }] },
    ] })
}

#[test]
fn a_text_reply_comes_in_the_order_of_the_real_api() {
    let events = events(&hello());
    assert_eq!(
        kinds(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
}

#[test]
fn deltas_make_up_the_text_and_the_items_make_up_the_response() {
    let events = events(&hello());
    let deltas: Vec<&str> = events
        .iter()
        .filter(|event| event["type"] == "response.output_text.delta")
        .filter_map(|event| event["delta"].as_str())
        .collect();
    assert!(deltas.len() > 5, "several deltas: {deltas:?}");
    let response = &events.last().expect("events")["response"];
    assert_eq!(response["output"][1]["content"][0]["text"], deltas.concat());
    assert_eq!(response["output"][0]["type"], "reasoning");
    assert!(response["output"][0]["encrypted_content"].is_string());
    let done: Vec<&Value> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| &event["item"])
        .collect();
    assert_eq!(
        done,
        response["output"]
            .as_array()
            .expect("output")
            .iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(
        response["usage"]["total_tokens"].as_u64(),
        Some(
            response["usage"]["input_tokens"]
                .as_u64()
                .unwrap_or_default()
                + response["usage"]["output_tokens"]
                    .as_u64()
                    .unwrap_or_default()
        )
    );
}

#[test]
fn a_call_sends_its_arguments_in_deltas() {
    let mut body = hello();
    body["input"][0]["content"][0]["text"] = json!("Call look_up for the tides in Brest");
    body["tools"] = json!([{
        "type": "function",
        "name": "look_up",
        "parameters": {
            "type": "object",
            "properties": { "what": { "type": "string" } },
            "required": ["what"],
        },
    }]);
    let events = events(&body);
    let deltas: String = events
        .iter()
        .filter(|event| event["type"] == "response.function_call_arguments.delta")
        .filter_map(|event| event["delta"].as_str())
        .collect();
    let item = &events.last().expect("events")["response"]["output"][1];
    assert_eq!(item["name"], "look_up");
    assert_eq!(item["arguments"], deltas);
    assert_eq!(deltas, r#"{"what":"the tides in Brest"}"#);
    assert!(!kinds(&events).contains(&"response.output_text.delta"));
}
