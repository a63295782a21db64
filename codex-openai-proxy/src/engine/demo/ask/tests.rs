//! Requests as codex-core writes them, in both shapes.

use super::*;
use serde_json::json;

fn user(text: &str) -> Value {
    json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] })
}

fn weather() -> Value {
    json!({
        "type": "function",
        "name": "get_weather",
        "parameters": { "type": "object", "properties": {}, "required": [] },
    })
}

#[test]
fn reads_the_last_message_of_the_user() {
    let body = json!({ "input": [
        user("first"),
        { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "x" }] },
        { "type": "message", "role": "user", "content": [
            { "type": "input_text", "text": "two" },
            { "type": "input_image", "image_url": "data:image/png;base64,AAAA" },
            { "type": "input_text", "text": "parts" },
        ] },
    ] });
    let ask = Ask::read(&body);
    assert_eq!(ask.text, "two\nparts");
    assert_eq!(ask.user_messages, 2);
    assert_eq!(ask.images, 1);
}

#[test]
fn finds_tools_in_their_field_and_in_the_input() {
    let plain = json!({ "tools": [weather(), { "type": "custom", "name": "patch" }], "input": [] });
    let lite = json!({ "input": [
        { "type": "additional_tools", "role": "developer", "tools": [weather()] },
        { "type": "message", "role": "developer", "content": [
            { "type": "input_text", "text": "Call get_weather whenever you can." },
        ] },
        user("hello"),
    ] });
    for body in [plain, lite] {
        let ask = Ask::read(&body);
        let names: Vec<&str> = ask.tools.iter().map(|tool| tool.name).collect();
        assert_eq!(names, ["get_weather"]);
        assert!(ask.named_tool().is_none(), "only the user asks for a tool");
    }
}

#[test]
fn a_tool_is_named_only_by_its_whole_name() {
    let body = |text: &str| json!({ "tools": [weather()], "input": [user(text)] });
    for text in [
        "get_weather",
        "Please (get_weather) now",
        "x get_weather: Paris",
    ] {
        assert!(Ask::read(&body(text)).named_tool().is_some(), "{text}");
    }
    for text in [
        "get_weather_now",
        "forget_weather",
        "get weather",
        "my-get_weather",
    ] {
        assert!(Ask::read(&body(text)).named_tool().is_none(), "{text}");
    }
}

#[test]
fn the_tool_that_is_named_first_wins() {
    let tool = |name: &str| json!({ "type": "function", "name": name });
    let body = json!({ "tools": [tool("b"), tool("a")], "input": [user("use a, not b")] });
    let ask = Ask::read(&body);
    let (found, before, after) = ask.named_tool().expect("a tool is named");
    assert_eq!((found.name, before, after), ("a", "use ", ", not b"));
}

#[test]
fn results_count_only_at_the_end_of_the_input() {
    let call = json!({ "type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}" });
    let output = json!({ "type": "function_call_output", "call_id": "c1", "output": "sunny" });
    let parts = json!({ "type": "function_call_output", "call_id": "c2", "output": [
        { "type": "input_text", "text": "rainy" },
    ] });
    let open = json!({ "input": [user("go"), call, output, parts] });
    let ask = Ask::read(&open);
    let results: Vec<_> = ask
        .results
        .iter()
        .map(|r| (r.name, r.output.as_str()))
        .collect();
    assert_eq!(results, [(Some("get_weather"), "sunny"), (None, "rainy")]);

    let answered = json!({ "input": [user("go"), call, output, user("thanks")] });
    assert!(Ask::read(&answered).results.is_empty());
}

#[test]
fn counts_tokens_the_same_way_each_time() {
    let first = json!({ "instructions": "12345678", "input": [user("1234")] });
    let ask = Ask::read(&first);
    assert_eq!(ask.cached_tokens, 0);
    let longer = json!({ "instructions": "12345678", "input": [user("1234"), user("5678")] });
    let next = Ask::read(&longer);
    assert_eq!(next.cached_tokens, ask.input_tokens);
    assert!(next.input_tokens > ask.input_tokens);

    let large = format!("data:image/png;base64,{}", "A".repeat(100_000));
    let image = json!({ "input": [{ "type": "message", "role": "user", "content": [
        { "type": "input_image", "image_url": large },
    ] }] });
    assert!(Ask::read(&image).input_tokens < 200);
}

#[test]
fn an_effort_of_none_means_no_reasoning() {
    let body = |effort: &str| json!({ "reasoning": { "effort": effort }, "input": [] });
    assert_eq!(Ask::read(&body("none")).reasoning, Reasoning::Off);
    assert_eq!(Ask::read(&body("low")).reasoning, Reasoning::Shown);
    assert_eq!(Ask::read(&json!({})).reasoning, Reasoning::Shown);
}
