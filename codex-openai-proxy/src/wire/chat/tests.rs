//! What a request's shape may be, and how a wrong one is refused.

use super::{ChatRequest, Message};
use crate::{
    turn::TurnError,
    wire::{
        content::ContentPart,
        object::Object,
        tools::{CalledTool, ToolChoice, ToolDefinition, ToolName},
    },
};
use serde_json::{Value, json};

/// Parses `{"model":"m","messages":[…one user message…]}` with `extra` on top.
fn parse(extra: Value) -> Result<ChatRequest, TurnError> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let Value::Object(extra) = extra else {
        panic!("an object")
    };
    body.as_object_mut().unwrap().extend(extra);
    ChatRequest::read(Object::parse(body.to_string().as_bytes())?, None)
}

/// The parameter and the code of a refusal.
fn refusal(result: Result<ChatRequest, TurnError>) -> (String, String) {
    match result {
        Err(TurnError::InvalidRequest { param, code, .. }) => (
            param.unwrap_or_default(),
            code.unwrap_or_default().to_owned(),
        ),
        other => panic!("not refused: {other:?}"),
    }
}

/// Each case is what a request holds, and the parameter and the code of its refusal.
fn assert_refused<const N: usize>(cases: [(Value, &str, &str); N]) {
    for (extra, param, code) in cases {
        let text = extra.to_string();
        assert_eq!(
            refusal(parse(extra)),
            (param.to_owned(), code.to_owned()),
            "{text}"
        );
    }
}

/// The same for requests whose only message is the one given.
fn assert_message_refused<const N: usize>(cases: [(Value, &str, &str); N]) {
    assert_refused(
        cases.map(|(message, param, code)| (json!({"messages": [message]}), param, code)),
    );
}

/// The same for messages of the user whose only part is the one given.
fn assert_part_refused<const N: usize>(cases: [(Value, &str, &str); N]) {
    assert_message_refused(
        cases.map(|(part, param, code)| (json!({"role": "user", "content": [part]}), param, code)),
    );
}

#[test]
fn a_request_needs_a_model_and_messages() {
    assert_refused([
        (
            json!({"model": null}),
            "model",
            "missing_required_parameter",
        ),
        (json!({"model": ""}), "model", "empty_string"),
        (json!({"model": 5}), "model", "invalid_type"),
        (
            json!({"messages": null}),
            "messages",
            "missing_required_parameter",
        ),
        (json!({"messages": []}), "messages", "empty_array"),
        (json!({"messages": "Hi"}), "messages", "invalid_type"),
    ]);
}

#[test]
fn refused_messages_are_named() {
    const MISSING: &str = "missing_required_parameter";
    const UNSUPPORTED: &str = "unsupported_parameter";
    assert_message_refused([
        (json!(null), "messages[0]", "invalid_type"),
        (json!({"content": "Hi"}), "messages[0].role", MISSING),
        (
            json!({"role": "boss", "content": "Hi"}),
            "messages[0].role",
            "invalid_value",
        ),
        (
            json!({"role": "function", "content": "1"}),
            "messages[0].role",
            "invalid_value",
        ),
        (json!({"role": "user"}), "messages[0].content", MISSING),
        (
            json!({"role": "user", "content": 1.5}),
            "messages[0].content",
            "invalid_type",
        ),
        (
            json!({"role": "tool", "content": "1"}),
            "messages[0].tool_call_id",
            MISSING,
        ),
        (
            json!({"role": "assistant", "function_call": {}}),
            "messages[0].function_call",
            UNSUPPORTED,
        ),
        (
            json!({"role": "assistant", "audio": {"id": "a"}}),
            "messages[0].audio",
            UNSUPPORTED,
        ),
        (
            json!({"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]}),
            "messages[0].tool_calls[0].function.arguments",
            MISSING,
        ),
        (
            json!({"role": "system", "content": [{"type": "image_url", "image_url": "https://x"}]}),
            "messages[0].content[0].type",
            "invalid_value",
        ),
    ]);
}

#[test]
fn refused_parts_are_named() {
    let kind = "messages[0].content[0].type";
    let url = "messages[0].content[0].image_url.url";
    assert_part_refused([
        (json!({"text": "Hi"}), kind, "missing_required_parameter"),
        (
            json!({"type": "input_audio", "input_audio": {}}),
            kind,
            "invalid_value",
        ),
        (json!({"type": "file", "file": {}}), kind, "invalid_value"),
        (
            json!({"type": "refusal", "refusal": "No."}),
            kind,
            "invalid_value",
        ),
        (
            json!({"type": "image_url", "image_url": {"url": 1}}),
            url,
            "invalid_type",
        ),
        (
            json!({"type": "image_url", "image_url": {}}),
            url,
            "missing_required_parameter",
        ),
    ]);
}

#[test]
fn refused_settings_are_named() {
    const UNSUPPORTED: &str = "unsupported_parameter";
    assert_refused([
        (json!({"n": 2}), "n", "invalid_value"),
        (json!({"n": "1"}), "n", "invalid_type"),
        (json!({"logprobs": true}), "logprobs", UNSUPPORTED),
        (json!({"top_logprobs": 3}), "top_logprobs", UNSUPPORTED),
        (json!({"audio": {"voice": "x"}}), "audio", UNSUPPORTED),
        (
            json!({"modalities": ["text", "audio"]}),
            "modalities[1]",
            UNSUPPORTED,
        ),
        (
            json!({"functions": [{"name": "f"}]}),
            "functions",
            UNSUPPORTED,
        ),
        (
            json!({"function_call": "auto"}),
            "function_call",
            UNSUPPORTED,
        ),
        (json!({"stream": "yes"}), "stream", "invalid_type"),
        (
            json!({"stream_options": {"include_usage": 1}}),
            "stream_options.include_usage",
            "invalid_type",
        ),
        (
            json!({"reasoning": {"effort": 1}}),
            "reasoning.effort",
            "invalid_type",
        ),
        (
            json!({"response_format": {"type": "xml"}}),
            "response_format.type",
            "invalid_value",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}}),
            "response_format.json_schema.schema",
            "missing_required_parameter",
        ),
    ]);
}

#[test]
fn refused_tools_are_named() {
    const MISSING: &str = "missing_required_parameter";
    assert_refused([
        (
            json!({"tools": [{"type": "function", "function": {}}]}),
            "tools[0].function.name",
            MISSING,
        ),
        (
            json!({"tools": [{"type": "function"}]}),
            "tools[0].function.name",
            MISSING,
        ),
        (
            json!({"tools": [{"type": "custom"}]}),
            "tools[0].custom.name",
            MISSING,
        ),
        (
            json!({"tools": [{"name": ""}]}),
            "tools[0].name",
            "empty_string",
        ),
        (
            json!({"tools": [{"name": "f", "parameters": []}]}),
            "tools[0].parameters",
            "invalid_type",
        ),
        (
            json!({"tool_choice": "any"}),
            "tool_choice",
            "invalid_value",
        ),
        (
            json!({"tool_choice": {"type": "function"}}),
            "tool_choice.function",
            MISSING,
        ),
        (
            json!({"tool_choice": {"type": "mcp"}}),
            "tool_choice.type",
            "invalid_value",
        ),
    ]);
}

#[test]
fn a_body_that_is_no_object_is_refused_without_a_field() {
    let deep = "[".repeat(100_000);
    for body in ["", "{", "[]", "\"x\"", deep.as_str()] {
        let read = Object::parse(body.as_bytes()).and_then(|body| ChatRequest::read(body, None));
        assert_eq!(refusal(read).0, "", "{body}");
    }
}

#[test]
fn a_refusal_repeats_little_of_what_was_sent() {
    let word = "é".repeat(10_000);
    let Err(error) = parse(json!({"tool_choice": word})) else {
        panic!("not refused")
    };
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn null_is_absent() {
    let nulls = [
        "stream",
        "stream_options",
        "tools",
        "tool_choice",
        "reasoning_effort",
        "reasoning",
        "verbosity",
        "response_format",
        "service_tier",
        "parallel_tool_calls",
        "n",
        "logprobs",
        "top_logprobs",
        "audio",
        "modalities",
        "functions",
        "function_call",
        "user",
        "whatever",
    ];
    let extra: Value = nulls.iter().map(|name| (*name, Value::Null)).collect();
    assert_eq!(parse(extra).unwrap(), parse(json!({})).unwrap());
}

#[test]
fn fields_without_effect_are_named_once_and_in_order() {
    let request = parse(json!({
        "messages": [
            {"role": "user", "content": "Hi", "name": "Ann"},
            {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "x", "cache_control": {}}]},
        ],
        "temperature": 0,
        "tools": [{"name": "f"}, {"type": "web_search"}],
        "stream_options": {"include_usage": true, "include_obfuscation": false},
        "parallel_tool_calls": false,
        "n": 1,
        "modalities": ["text"],
        "logprobs": false,
        "store": false,
        "brand_new": {"x": 1},
    }))
    .unwrap();
    assert_eq!(
        request.common.dropped,
        [
            "messages[].name",
            "messages[].content[].cache_control",
            "temperature",
            "tools[1] (web_search)",
            "stream_options.include_obfuscation",
            "store",
            "brand_new",
        ]
    );
    assert!(request.stream_options.include_usage);
}

#[test]
fn parts_of_either_api_are_read() {
    let request = parse(json!({"messages": [{"role": "user", "content": [
        {"type": "input_text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "https://x/1", "detail": "low"}},
        {"type": "input_image", "image_url": "https://x/2", "detail": "high"},
    ]}]}))
    .unwrap();
    let image = |url: &str, detail: &str, param: &str| ContentPart::Image {
        url: url.to_owned(),
        detail: Some(detail.to_owned()),
        param: param.to_owned(),
    };
    assert_eq!(
        request.messages,
        [Message::User {
            content: vec![
                ContentPart::Text("a".to_owned()),
                image("https://x/1", "low", "messages[0].content[1].image_url.url"),
                image("https://x/2", "high", "messages[0].content[2].image_url"),
            ]
        }]
    );
}

#[test]
fn tools_come_in_every_form() {
    let request = parse(json!({"tools": [
        {"type": "function", "function": {"name": "nested", "parameters": {"type": "object"}}},
        {"type": "function", "name": "flat", "strict": true},
        {"name": "bare", "input_schema": {"type": "object"}},
        {"function": {"name": "nested_bare"}},
        {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"}},
        {"type": "custom", "custom": {"name": "free", "format": {"type": "text"}}},
    ]}))
    .unwrap();
    assert_eq!(request.common.dropped, <[&str; 0]>::default());
    let seen: Vec<(&str, bool)> = request
        .common
        .tools
        .iter()
        .map(|tool| match tool {
            ToolDefinition::Function {
                name, parameters, ..
            } => (name.as_str(), parameters.is_some()),
            ToolDefinition::Custom { name, grammar, .. } => (name.as_str(), grammar.is_some()),
            ToolDefinition::Namespace { name, .. } => panic!("a namespace: {name}"),
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("nested", true),
            ("flat", false),
            ("bare", true),
            ("nested_bare", false),
            ("patch", true),
            ("free", false),
        ]
    );
}

#[test]
fn past_calls_of_both_kinds_are_read() {
    let request = parse(json!({"messages": [{"role": "assistant", "content": null, "refusal": null, "tool_calls": [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "type": "custom", "custom": {"name": "c", "input": "text"}},
    ]}]}))
    .unwrap();
    let Message::Assistant {
        reasoning: _,
        content,
        tool_calls,
    } = &request.messages[0]
    else {
        panic!("{:?}", request.messages)
    };
    assert_eq!(content, &[]);
    assert_eq!(
        tool_calls[0].tool,
        CalledTool::Function {
            name: "f".to_owned(),
            arguments: "{}".to_owned()
        }
    );
    assert_eq!(
        tool_calls[1].tool,
        CalledTool::Custom {
            name: "c".to_owned(),
            input: "text".to_owned()
        }
    );
    assert_eq!(request.common.dropped, <[&str; 0]>::default());
}

#[test]
fn several_calls_at_once_are_allowed_unless_refused() {
    let allowed = |extra| parse(extra).unwrap().common.parallel_tool_calls;
    assert!(allowed(json!({})));
    assert!(allowed(json!({"parallel_tool_calls": true})));
    assert!(!allowed(json!({"parallel_tool_calls": false})));
}

#[test]
fn a_tool_is_chosen_in_every_form() {
    for (choice, param) in [
        (
            json!({"type": "function", "function": {"name": "f"}}),
            "tool_choice.function.name",
        ),
        (json!({"type": "function", "name": "f"}), "tool_choice.name"),
        (
            json!({"type": "custom", "custom": {"name": "f"}}),
            "tool_choice.custom.name",
        ),
        (json!({"type": "custom", "name": "f"}), "tool_choice.name"),
    ] {
        let request = parse(json!({"tool_choice": choice})).unwrap();
        let expected = ToolChoice::Named(ToolName {
            namespace: None,
            name: "f".to_owned(),
            param: param.to_owned(),
        });
        assert_eq!(request.common.tool_choice, Some(expected));
    }
}
