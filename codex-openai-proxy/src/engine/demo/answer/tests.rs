//! The words of the demo model.

use super::*;
use serde_json::{Value, json};

fn reply(body: &Value) -> Reply {
    Reply::to(&Ask::read(body))
}

fn text(body: &Value) -> String {
    match reply(body).output {
        Output::Text(text) => text,
        Output::Call { name, .. } => panic!("{name} was called"),
    }
}

fn user(text: &str) -> Value {
    json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] })
}

fn with_weather(text: &str) -> Value {
    json!({
        "tools": [{
            "type": "function",
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": { "city": { "type": "string" } },
                "required": ["city"],
            },
        }],
        "input": [user(text)],
    })
}

#[test]
fn repeats_what_was_said() {
    let body = json!({ "input": [user(" Hello there \n")] });
    assert!(text(&body).starts_with("You said: “Hello there”."));
    assert_eq!(reply(&body), reply(&body));

    let long = json!({ "input": [user(&"é".repeat(1000))] });
    assert!(text(&long).contains(&format!("“{}…”", "é".repeat(QUOTATION))));
}

#[test]
fn calls_the_tool_that_is_asked_for() {
    for (said, city) in [
        ("Call get_weather for Paris", "Paris"),
        (
            "Please use the tool get_weather, with “New York”!",
            "New York",
        ),
        ("The weather in Oslo? get_weather", "The weather in Oslo"),
        ("get_weather /var/lib", "/var/lib"),
    ] {
        assert_eq!(
            reply(&with_weather(said)).output,
            Output::Call {
                name: "get_weather".to_owned(),
                arguments: json!({ "city": city }).to_string(),
            },
            "{said}"
        );
    }
    assert!(text(&with_weather("Hello")).contains("such as get_weather"));
}

#[test]
fn passes_on_what_a_tool_answered() {
    let mut body = with_weather("Call get_weather for Paris");
    let turn = [
        json!({ "type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}" }),
        json!({ "type": "function_call_output", "call_id": "c1", "output": "22 °C, sunny" }),
    ];
    body["input"].as_array_mut().expect("an input").extend(turn);
    assert_eq!(text(&body), "get_weather answered: “22 °C, sunny”.");
}

#[test]
fn follows_a_schema() {
    let body = json!({
        "input": [user("Ada")],
        "text": { "format": { "type": "json_schema", "schema": {
            "type": "object",
            "properties": { "name": { "type": "string" } },
            "required": ["name"],
        } } },
    });
    assert_eq!(text(&body), r#"{"name":"Ada"}"#);
}

#[test]
fn usage_adds_up() {
    let shown = reply(&json!({ "input": [user("Hello")] }));
    assert!(shown.usage.reasoning > 0);
    assert!(shown.usage.output > shown.usage.reasoning);
    assert!(shown.usage.input > 0);

    let off = reply(&json!({ "input": [user("Hello")], "reasoning": { "effort": "none" } }));
    assert_eq!(off.summary, None);
    assert_eq!(off.usage.reasoning, 0);
    assert_eq!(off.usage.output, shown.usage.output - shown.usage.reasoning);
}
