//! What a response says of its request.

use super::*;

/// The members of the echo of a body.
fn echo(body: &Value) -> Map<String, Value> {
    let body = Object::parse(body.to_string().as_bytes()).unwrap();
    let members = Echo::of(&body).members;
    members
        .into_iter()
        .map(|(name, json)| (name.to_owned(), serde_json::from_str(json.get()).unwrap()))
        .collect()
}

#[test]
fn silence_is_told_as_the_defaults() {
    for body in [
        json!({"model": "m", "input": "x"}),
        json!({"model": "m", "messages": [], "tools": null, "temperature": null}),
    ] {
        let expected = json!({
            "instructions": null,
            "max_output_tokens": null,
            "max_tool_calls": null,
            "metadata": {},
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "prompt_cache_key": null,
            "reasoning": {"effort": null, "summary": null},
            "safety_identifier": null,
            "service_tier": "auto",
            "temperature": 1.0,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_logprobs": 0,
            "top_p": 1.0,
            "truncation": "disabled",
            "user": null,
        });
        assert_eq!(Value::Object(echo(&body)), expected);
    }
}

#[test]
fn what_was_sent_is_repeated() {
    let sent = json!({
        "instructions": "Be kind.",
        "max_output_tokens": 7,
        "max_tool_calls": 2,
        "metadata": {"a": "b"},
        "parallel_tool_calls": false,
        "previous_response_id": "resp_0",
        "prompt_cache_key": "k",
        "reasoning": {"effort": "low", "summary": "detailed"},
        "safety_identifier": "s",
        "service_tier": "flex",
        "temperature": 0.25,
        "text": {"format": {"type": "json_object"}, "verbosity": "high"},
        "tool_choice": "required",
        "tools": [{"type": "web_search"}],
        "top_logprobs": 3,
        "top_p": 0.5,
        "truncation": "auto",
        "user": "u",
    });
    assert_eq!(Value::Object(echo(&sent)), sent);
}

#[test]
fn metadata_is_repeated_as_far_as_it_is_text() {
    let echo = echo(&json!({"metadata": {"a": "b", "c": 7, "d": null}}));
    assert_eq!(echo["metadata"], json!({"a": "b"}));
}

#[test]
fn tools_are_repeated_flat_and_complete() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let sent = json!({
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "F.", "parameters": schema, "strict": true}},
            {"name": "g", "input_schema": schema},
            {"type": "function", "name": "h", "parameters": null, "strict": null},
            {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
            {"type": "custom", "name": "d"},
            {"type": "function"},
        ],
        "tool_choice": {"type": "custom", "custom": {"name": "c"}},
    });
    let echo = echo(&sent);
    let any = json!({"type": "object", "properties": {}});
    assert_eq!(
        echo["tools"],
        json!([
            {"type": "function", "name": "f", "description": "F.", "parameters": schema, "strict": true},
            {"type": "function", "name": "g", "parameters": schema, "strict": false},
            {"type": "function", "name": "h", "parameters": any, "strict": false},
            {"type": "custom", "name": "c", "format": {"type": "text"}},
            {"type": "custom", "name": "d"},
            {"type": "function"},
        ])
    );
    assert_eq!(echo["tool_choice"], json!({"type": "custom", "name": "c"}));
}

#[test]
fn reasoning_is_repeated_whichever_field_it_came_in() {
    let reasoning = |body: Value| echo(&body)["reasoning"].clone();
    assert_eq!(
        reasoning(json!({"reasoning_effort": "high", "reasoning": {"summary": "none"}})),
        json!({"effort": "high", "summary": null})
    );
}

#[test]
fn a_namespace_is_repeated_with_a_description_and_a_choice_of_some_tools_flat() {
    let tools = json!([{"type": "function", "name": "add"}, {"type": "custom", "name": "run"}]);
    let echo = echo(&json!({
        "tools": [{"type": "namespace", "name": "calc", "tools": tools}],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
            {"type": "function", "function": {"name": "add"}},
        ]}},
    }));
    let any = json!({"type": "object", "properties": {}});
    let tools = json!([
        {"type": "function", "name": "add", "parameters": any, "strict": false},
        {"type": "custom", "name": "run"},
    ]);
    let expected =
        json!([{"type": "namespace", "name": "calc", "description": "", "tools": tools}]);
    assert_eq!(echo["tools"], expected);
    let allowed = json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "add"}]});
    assert_eq!(echo["tool_choice"], allowed);
}
