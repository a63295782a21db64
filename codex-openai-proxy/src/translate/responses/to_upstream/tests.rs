//! What a provider is asked.

use super::*;
use crate::{
    translate::from_client,
    turn::{Aliases, Catalog, ModelName},
    wire::request::RequestBody,
};
use serde_json::{Value, json};

/// What a provider of `up` is asked where a client asks this.
fn asked(request: &Value) -> Value {
    let body = RequestBody::parse(request.to_string().as_bytes(), None).unwrap();
    let name = ModelName::resolve(
        &body.common().model,
        &Aliases::default(),
        &Catalog::default(),
    );
    let translated = from_client(body, &name).unwrap();
    serde_json::from_slice(&to_upstream(&translated.turn, "up")).unwrap()
}

#[test]
fn a_plain_question_says_no_more_than_it_must() {
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let expected = json!({
        "model": "up",
        "input": [{"type": "message", "role": "user", "content": "Hi"}],
        "store": false,
        "stream": true,
    });
    assert_eq!(asked(&request), expected);
}

#[test]
fn a_chat_with_tools_is_asked_as_items() {
    let request = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Look."},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://x/1", "detail": "high"}},
            ]},
            {"role": "assistant", "content": [{"type": "text", "text": "I "}, {"type": "text", "text": "look."}],
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "grep", "arguments": "{\"p\":1}"}},
                    {"id": "b", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
                ]},
            {"role": "tool", "tool_call_id": "b", "content": "done"},
            {"role": "tool", "tool_call_id": "a", "content": [
                {"type": "text", "text": "found"},
                {"type": "image_url", "image_url": {"url": "https://x/2", "detail": "low"}},
            ]},
            {"role": "system", "content": "Be kind."},
        ],
        "tools": [
            {"type": "function", "function": {"name": "grep", "description": "Finds.", "parameters": {"type": "object", "properties": {}}}},
            {"type": "custom", "custom": {"name": "patch", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: X"}}}},
            {"type": "custom", "custom": {"name": "say", "description": "Says."}},
        ],
        "tool_choice": {"type": "custom", "custom": {"name": "patch"}},
        "parallel_tool_calls": false,
    });
    let expected = json!({
        "model": "up",
        "instructions": "Be brief.",
        "input": [
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "Look."},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
                {"type": "input_image", "image_url": "https://x/1", "detail": "high"},
            ]},
            {"type": "message", "role": "assistant", "content": "I look."},
            {"type": "function_call", "call_id": "a", "name": "grep", "arguments": "{\"p\":1}"},
            {"type": "custom_tool_call", "call_id": "b", "name": "patch", "input": "*** Begin"},
            {"type": "custom_tool_call_output", "call_id": "b", "output": "done"},
            {"type": "function_call_output", "call_id": "a", "output": [
                {"type": "input_text", "text": "found"},
                {"type": "input_image", "image_url": "https://x/2", "detail": "low"},
            ]},
            {"type": "message", "role": "developer", "content": "Be kind."},
        ],
        "tools": [
            {"type": "function", "name": "grep", "description": "Finds.", "parameters": {"type": "object", "properties": {}}, "strict": false},
            {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"}},
            {"type": "custom", "name": "say", "description": "Says."},
        ],
        "tool_choice": {"type": "custom", "name": "patch"},
        "parallel_tool_calls": false,
        "store": false,
        "stream": true,
    });
    assert_eq!(asked(&request), expected);
}

#[test]
fn settings_that_the_api_has_are_carried() {
    let request = json!({
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "reasoning_effort": "high",
        "reasoning": {"summary": "detailed"},
        "verbosity": "low",
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}, "strict": true}},
        "temperature": 0.5,
        "top_p": 0.25,
        "max_tokens": 7,
        "service_tier": "flex",
        "prompt_cache_key": "k",
        "stop": ["x"],
        "seed": 1,
        "tool_choice": "auto",
        "parallel_tool_calls": false,
    });
    let expected = json!({
        "model": "up",
        "input": [{"type": "message", "role": "user", "content": "Hi"}],
        "reasoning": {"effort": "high", "summary": "detailed"},
        "text": {"verbosity": "low", "format": {
            "type": "json_schema", "name": "response", "schema": {"type": "object"}, "strict": true,
        }},
        "temperature": 0.5,
        "top_p": 0.25,
        "max_output_tokens": 7,
        "service_tier": "flex",
        "prompt_cache_key": "k",
        "store": false,
        "stream": true,
    });
    assert_eq!(asked(&request), expected);
}

#[test]
fn every_choice_among_tools_has_its_form() {
    let choose = |choice: Value| {
        asked(&json!({
            "model": "m",
            "input": "Hi",
            "tools": [{"type": "function", "name": "f"}],
            "tool_choice": choice,
            "reasoning": {"summary": "none"},
            "text": {"format": {"type": "json_object"}},
        }))
    };
    assert_eq!(choose(json!("auto"))["tool_choice"], Value::Null);
    assert_eq!(choose(json!("none"))["tool_choice"], json!("none"));
    assert_eq!(choose(json!("required"))["tool_choice"], json!("required"));
    let named = choose(json!({"type": "function", "name": "f"}));
    assert_eq!(
        named["tool_choice"],
        json!({"type": "function", "name": "f"})
    );
    assert_eq!(named["text"], json!({"format": {"type": "json_object"}}));
    assert_eq!(named["reasoning"], Value::Null);
}

#[test]
fn a_result_without_its_call_is_that_of_a_function() {
    let request = json!({
        "model": "m",
        "input": [{"type": "custom_tool_call_output", "call_id": "a", "output": "1"}],
    });
    assert_eq!(
        asked(&request)["input"],
        json!([{"type": "function_call_output", "call_id": "a", "output": "1"}])
    );
}

#[test]
fn reasoning_that_the_provider_did_not_seal_stays_here() {
    let request = json!({"model": "m", "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "reasoning_content": "Hm.", "content": "Hello."},
        {"role": "user", "content": "And?"},
    ]});
    let kinds: Vec<Value> = asked(&request)["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["role"].clone())
        .collect();
    assert_eq!(kinds, ["user", "assistant", "user"]);
}

#[test]
fn past_arguments_that_are_no_object_are_mended() {
    let input = |arguments: &str| {
        json!([
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": arguments},
            {"type": "function_call_output", "call_id": "a", "output": "1"},
        ])
    };
    let wrapped = |arguments: &str| json!({ "arguments": arguments }).to_string();
    let whole = "{ \"a\": 1 }";
    let cases = [
        ("", "{}".to_owned()),
        (" ", "{}".to_owned()),
        (whole, whole.to_owned()),
        ("{\"a\":", wrapped("{\"a\":")),
        ("[1]", wrapped("[1]")),
    ];
    for (arguments, sent) in cases {
        let request = json!({"model": "m", "input": input(arguments)});
        assert_eq!(asked(&request)["input"], input(&sent), "{arguments}");
    }
}
