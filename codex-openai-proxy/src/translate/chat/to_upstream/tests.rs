//! Turns as providers read them.

mod conversation;

use super::*;
use crate::turn::{
    Grammar, ImageDetail, Item, Part, Reasoning, Role, Sampling, ToolCall, ToolKind,
};
use serde_json::{Value, json};

fn turn(items: Vec<Item>) -> TurnRequest {
    TurnRequest {
        conversation: None,
        model: "not this one".to_owned(),
        instructions: None,
        items,
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        parallel_tool_calls: true,
        reasoning: Reasoning::default(),
        verbosity: None,
        output: OutputFormat::Text,
        service_tier: None,
        sampling: Sampling::default(),
        lasting: false,
        cache_key: None,
        trace: None,
    }
}

fn body(turn: &TurnRequest) -> Value {
    body_in(turn, &Dialect::default())
}

fn body_in(turn: &TurnRequest, dialect: &Dialect) -> Value {
    let written = to_upstream(turn, "llama3", dialect).unwrap();
    assert_eq!(written.notes, []);
    serde_json::from_slice(&written.body).unwrap()
}

/// The messages that `items` become.
fn sent(items: Vec<Item>) -> Value {
    body(&turn(items))["messages"].take()
}

/// The same where the provider wants its reasoning back.
fn sent_with_reasoning(items: Vec<Item>) -> Value {
    let dialect = Dialect {
        reasoning_history: true,
        ..Dialect::default()
    };
    body_in(&turn(items), &dialect)["messages"].take()
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn image(url: &str, detail: Option<ImageDetail>) -> Part {
    Part::Image {
        url: url.to_owned(),
        detail,
        param: String::new(),
    }
}

fn says(role: Role, content: &str) -> Item {
    Item::Message {
        role,
        content: vec![text(content)],
    }
}

fn thinks(text: &str) -> Item {
    Item::Reasoning(text.to_owned())
}

fn user(content: &str) -> Item {
    says(Role::User, content)
}

fn call(id: &str) -> Item {
    Item::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "read".to_owned(),
        kind: ToolKind::Function,
        arguments: "{\"a\":1}".to_owned(),
    })
}

fn result(id: &str, output: Vec<Part>) -> Item {
    Item::ToolResult {
        call_id: id.to_owned(),
        output,
        param: String::new(),
    }
}

fn answer(id: &str) -> Item {
    result(id, vec![text("done")])
}

fn sent_call(id: &str) -> Value {
    json!({
        "type": "function", "id": id,
        "function": {"name": "read", "arguments": "{\"a\":1}"}
    })
}

fn sent_answer(id: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": "done"})
}

fn tool(name: &str, kind: ToolKind) -> Tool {
    Tool {
        name: name.to_owned(),
        description: Some("Does it.".to_owned()),
        grammar: None,
        parameters: json!({"type": "object", "properties": {}}),
        strict: false,
        kind,
    }
}

#[test]
fn a_plain_question_asks_for_a_stream_with_usage_and_nothing_else() {
    assert_eq!(
        body(&turn(vec![user("hi")])),
        json!({
            "model": "llama3",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": true,
            "stream_options": {"include_usage": true}
        })
    );
}

#[test]
fn tools_are_functions_and_a_grammar_is_told_in_words() {
    let mut turn = turn(vec![user("go")]);
    turn.tools = vec![
        Tool {
            strict: true,
            ..tool("read", ToolKind::Function)
        },
        Tool {
            grammar: Some(Grammar {
                syntax: "lark".to_owned(),
                definition: "start: \"x\"".to_owned(),
            }),
            ..tool("patch", ToolKind::Custom)
        },
    ];
    turn.parallel_tool_calls = false;
    let body = body(&turn);
    assert_eq!(
        body["tools"],
        json!([
            {"type": "function", "function": {
                "name": "read", "description": "Does it.",
                "parameters": {"type": "object", "properties": {}}, "strict": true
            }},
            {"type": "function", "function": {
                "name": "patch",
                "description": "Does it.\n\n`input` must follow this lark grammar:\nstart: \"x\"",
                "parameters": {"type": "object", "properties": {}}
            }}
        ])
    );
    assert_eq!(body["parallel_tool_calls"], false);
    assert_eq!(body.get("tool_choice"), None);
}

#[test]
fn a_choice_is_made_only_among_tools() {
    for (choice, expected) in [
        (ToolChoice::Auto, Value::Null),
        (ToolChoice::None, json!("none")),
        (ToolChoice::Required, json!("required")),
        (
            ToolChoice::Named("read".to_owned()),
            json!({"type": "function", "function": {"name": "read"}}),
        ),
    ] {
        let mut turn = turn(vec![user("go")]);
        turn.tool_choice = choice;
        turn.parallel_tool_calls = false;
        let without_tools = body(&turn);
        assert_eq!(without_tools.get("tool_choice"), None);
        assert_eq!(without_tools.get("parallel_tool_calls"), None);
        turn.tools = vec![tool("read", ToolKind::Function)];
        assert_eq!(body(&turn)["tool_choice"], expected);
    }
}

#[test]
fn settings_are_carried_under_their_names() {
    let mut turn = turn(vec![user("go")]);
    turn.reasoning.effort = Some(Effort::High);
    turn.verbosity = Some(Verbosity::Low);
    turn.service_tier = Some("flex".to_owned());
    turn.cache_key = Some("key".to_owned());
    turn.output = OutputFormat::JsonSchema {
        name: None,
        schema: json!({"type": "object"}),
        strict: true,
    };
    turn.sampling = Sampling {
        temperature: Some(0.5),
        top_p: Some(0.9),
        max_output_tokens: Some(100),
        stop: vec!["END".to_owned()],
        seed: Some(-7),
        presence_penalty: Some(1.0),
        frequency_penalty: Some(-1.0),
    };
    let dialect = Dialect {
        cache_key: true,
        ..Dialect::default()
    };
    let sent = body_in(&turn, &dialect);
    for (name, expected) in [
        ("reasoning_effort", json!("high")),
        ("verbosity", json!("low")),
        ("service_tier", json!("flex")),
        ("prompt_cache_key", json!("key")),
        ("temperature", json!(0.5)),
        ("top_p", json!(0.9)),
        ("max_tokens", json!(100)),
        ("stop", json!(["END"])),
        ("seed", json!(-7)),
        ("presence_penalty", json!(1.0)),
        ("frequency_penalty", json!(-1.0)),
        (
            "response_format",
            json!({"type": "json_schema", "json_schema": {
                "name": "response", "schema": {"type": "object"}, "strict": true
            }}),
        ),
    ] {
        assert_eq!(sent[name], expected, "{name}");
    }
    assert_eq!(body(&turn).get("prompt_cache_key"), None);
    turn.output = OutputFormat::JsonObject;
    let sent = body(&turn);
    assert_eq!(sent["response_format"], json!({"type": "json_object"}));
}

#[test]
fn another_effort_than_the_one_asked_for_is_noted() {
    let mut turn = turn(vec![user("go")]);
    turn.reasoning.effort = Some(Effort::XHigh);
    for (efforts, expected, detail) in [
        (
            vec![Effort::Low, Effort::High],
            json!("high"),
            "xhigh is sent as high",
        ),
        (Vec::new(), Value::Null, "xhigh is not sent"),
    ] {
        let dialect = Dialect {
            efforts: Some(efforts),
            ..Dialect::default()
        };
        let Written { body, notes } = to_upstream(&turn, "m", &dialect).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["reasoning_effort"], expected);
        let what = "reasoning_effort_changed";
        let detail = detail.to_owned();
        assert_eq!(notes, [Note { what, detail }]);
    }
}

#[test]
fn the_limit_has_the_name_that_the_dialect_has_for_it() {
    let mut turn = turn(vec![user("go")]);
    turn.sampling.max_output_tokens = Some(7);
    for (limit, name, other) in [
        (LimitField::MaxTokens, "max_tokens", "max_completion_tokens"),
        (
            LimitField::MaxCompletionTokens,
            "max_completion_tokens",
            "max_tokens",
        ),
    ] {
        let dialect = Dialect {
            limit,
            ..Dialect::default()
        };
        let sent = body_in(&turn, &dialect);
        assert_eq!(sent[name], 7);
        assert_eq!(sent.get(other), None);
    }
}
