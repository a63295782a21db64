//! Turns as providers read them.

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
fn what_leads_is_one_system_message_and_later_ones_are_said_by_the_user() {
    let mut turn = turn(vec![
        says(Role::Developer, "Be brief."),
        user("hi"),
        says(Role::Developer, "Now be long."),
        user("go"),
    ]);
    turn.instructions = Some("You are a poet.".to_owned());
    assert_eq!(
        body(&turn)["messages"],
        json!([
            {"role": "system", "content": "You are a poet.\n\nBe brief."},
            {"role": "user", "content": "hi\n\nNow be long.\n\ngo"}
        ])
    );
}

#[test]
fn somebody_speaks_even_where_only_the_developer_does() {
    let mut turn = turn(vec![
        says(Role::Developer, "Be brief."),
        says(Role::Developer, "Say hi."),
    ]);
    assert_eq!(
        body(&turn)["messages"],
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Say hi."}
        ])
    );
    turn.items.remove(0);
    assert_eq!(
        body(&turn)["messages"],
        json!([{"role": "user", "content": "Say hi."}])
    );
}

#[test]
fn messages_of_the_user_that_follow_each_other_are_one() {
    let picture = |url| Item::Message {
        role: Role::User,
        content: vec![image(url, None), text("Look.")],
    };
    assert_eq!(
        sent(vec![
            user("one"),
            user("two"),
            picture("data:a"),
            user("three")
        ]),
        json!([{"role": "user", "content": [
            {"type": "text", "text": "one\n\ntwo"},
            {"type": "image_url", "image_url": {"url": "data:a"}},
            {"type": "text", "text": "Look."},
            {"type": "text", "text": "three"}
        ]}])
    );
}

#[test]
fn what_was_one_text_stays_one() {
    let pieces = || vec![text("half a wo"), text("rd")];
    let messages = sent(vec![
        user("go"),
        Item::Message {
            role: Role::Assistant,
            content: pieces(),
        },
        call("a"),
        result("a", pieces()),
    ]);
    assert_eq!(messages[1]["content"], "half a word");
    assert_eq!(messages[2]["content"], "half a word");
}

#[test]
fn reasoning_goes_back_where_it_is_wanted() {
    let items = || {
        vec![
            user("go"),
            thinks("I look."),
            says(Role::Assistant, "Looking."),
            call("a"),
            thinks("And there."),
            call("b"),
            answer("a"),
            answer("b"),
            call("c"),
            answer("c"),
            thinks("I know."),
            says(Role::Assistant, "Found."),
            user("thanks"),
            says(Role::Assistant, "Fine."),
            thinks("Lost."),
        ]
    };
    assert_eq!(
        sent_with_reasoning(items()),
        json!([
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": "Looking.",
             "reasoning_content": "I look.\n\nAnd there.",
             "tool_calls": [sent_call("a"), sent_call("b")]},
            sent_answer("a"),
            sent_answer("b"),
            {"role": "assistant", "content": null, "reasoning_content": "",
             "tool_calls": [sent_call("c")]},
            sent_answer("c"),
            {"role": "assistant", "content": "Found.", "reasoning_content": "I know."},
            {"role": "user", "content": "thanks"},
            {"role": "assistant", "content": "Fine.", "reasoning_content": "Lost."}
        ])
    );
    let elsewhere = sent(items()).to_string();
    assert!(!elsewhere.contains("reasoning"), "{elsewhere}");
}

#[test]
fn reasoning_without_an_answer_is_no_message() {
    assert_eq!(
        sent_with_reasoning(vec![user("one"), thinks("why"), user("two")]),
        json!([{"role": "user", "content": "one\n\ntwo"}])
    );
}

#[test]
fn what_the_assistant_does_at_a_stretch_is_one_message() {
    assert_eq!(
        sent(vec![
            user("go"),
            says(Role::Assistant, "Looking."),
            call("a"),
            says(Role::Assistant, "And there."),
            call("b"),
            answer("b"),
            answer("a"),
            call("c"),
            answer("c"),
            says(Role::Assistant, "Found."),
        ]),
        json!([
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": "Looking.\n\nAnd there.",
             "tool_calls": [sent_call("a"), sent_call("b")]},
            sent_answer("b"),
            sent_answer("a"),
            {"role": "assistant", "content": null, "tool_calls": [sent_call("c")]},
            sent_answer("c"),
            {"role": "assistant", "content": "Found."}
        ])
    );
}

#[test]
fn nothing_stands_between_calls_and_their_results() {
    assert_eq!(
        sent(vec![
            call("a"),
            call("b"),
            user("wait"),
            says(Role::Assistant, "Yes?"),
            answer("a"),
            call("c"),
            answer("b"),
            says(Role::Developer, "Hurry."),
            answer("c"),
            user("done?"),
        ]),
        json!([
            {"role": "assistant", "content": null,
             "tool_calls": [sent_call("a"), sent_call("b")]},
            sent_answer("a"),
            sent_answer("b"),
            {"role": "user", "content": "wait"},
            {"role": "assistant", "content": "Yes?", "tool_calls": [sent_call("c")]},
            sent_answer("c"),
            {"role": "user", "content": "Hurry.\n\ndone?"}
        ])
    );
}

#[test]
fn nothing_is_lost_where_results_are_missing() {
    let messages = sent(vec![call("a"), user("one"), call("b"), user("two")]);
    assert_eq!(
        messages,
        json!([
            {"role": "assistant", "content": null, "tool_calls": [sent_call("a")]},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": null, "tool_calls": [sent_call("b")]},
            {"role": "user", "content": "two"}
        ])
    );
}

#[test]
fn images_of_the_user_are_parts() {
    let content = vec![
        text("What is it?"),
        image("data:image/png;base64,AA==", Some(ImageDetail::Original)),
        image("https://example.com/a.png", None),
    ];
    let role = Role::User;
    assert_eq!(
        sent(vec![Item::Message { role, content }]),
        json!([{"role": "user", "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url",
             "image_url": {"url": "data:image/png;base64,AA==", "detail": "high"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
        ]}])
    );
}

#[test]
fn images_of_results_follow_all_results() {
    let picture = image("data:image/png;base64,AA==", None);
    let messages = sent(vec![
        call("a"),
        call("b"),
        result("a", vec![text("a picture"), picture]),
        answer("b"),
        user("and?"),
    ]);
    assert_eq!(
        messages[1],
        json!({"role": "tool", "tool_call_id": "a", "content":
            "a picture\n\n[The images of this result follow in the next user message.]"})
    );
    assert_eq!(messages[2], sent_answer("b"));
    assert_eq!(
        messages[3],
        json!({"role": "user", "content": [
            {"type": "text", "text": "The images of the result of the call a:"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            {"type": "text", "text": "and?"}
        ]})
    );
    assert_eq!(messages.as_array().unwrap().len(), 4);
}

#[test]
fn calls_may_be_nested_without_end() {
    let calls = 20_000;
    let id = |nth: usize| format!("call_{nth}");
    let nested = (0..calls).flat_map(|nth| [call(&id(nth)), user("go on")]);
    let answers = (0..calls).rev().map(|nth| answer(&id(nth)));
    let items: Vec<Item> = nested.chain(answers).collect();
    let begun = std::time::Instant::now();
    let messages = sent(items);
    // Quadratic work on so many would take minutes.
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    let messages = messages.as_array().unwrap();
    assert_eq!(messages.len(), 3 * calls);
    for (nth, step) in messages.chunks(3).enumerate() {
        assert_eq!(step[0]["tool_calls"][0]["id"], id(nth));
        assert_eq!(step[1]["tool_call_id"], id(nth));
        assert_eq!(step[2]["content"], "go on");
    }
}

#[test]
fn ids_that_come_again_find_their_own_results() {
    let answers = |id: &str, said: &str| result(id, vec![text(said)]);
    let messages = sent(vec![
        call("0"),
        answers("0", "one"),
        user("more"),
        call("0"),
        user("quick"),
        answers("0", "two"),
    ]);
    assert_eq!(messages[1]["content"], "one");
    assert_eq!(messages[4]["content"], "two");
    assert_eq!(messages[5]["content"], "quick");
}

#[test]
fn a_result_without_its_call_is_refused() {
    let orphan = Item::ToolResult {
        call_id: "b".to_owned(),
        output: vec![text("done")],
        param: "input[2].call_id".to_owned(),
    };
    let turn = turn(vec![call("a"), answer("a"), orphan]);
    let refused = to_upstream(&turn, "llama3", &Dialect::default());
    assert_eq!(
        refused,
        Err(TurnError::UnknownToolCall {
            call_id: "b".to_owned(),
            param: "input[2].call_id".to_owned()
        })
    );
}

#[test]
fn past_calls_carry_json_whatever_their_tool() {
    let called = |id: &str, kind, arguments: &str| {
        Item::ToolCall(ToolCall {
            id: id.to_owned(),
            name: "tool".to_owned(),
            kind,
            arguments: arguments.to_owned(),
        })
    };
    let messages = sent(vec![
        called("a", ToolKind::Custom, "*** \"Patch\"\n"),
        called("b", ToolKind::Function, " "),
        called("c", ToolKind::Function, "{\"x\": "),
        called("d", ToolKind::Function, "[1]"),
        answer("a"),
        answer("b"),
        answer("c"),
        answer("d"),
    ]);
    let calls = &messages[0]["tool_calls"];
    assert_eq!(
        calls[0]["function"]["arguments"],
        "{\"input\":\"*** \\\"Patch\\\"\\n\"}"
    );
    for (nth, arguments) in [
        (1, "{}"),
        (2, "{\"arguments\":\"{\\\"x\\\": \"}"),
        (3, "{\"arguments\":\"[1]\"}"),
    ] {
        assert_eq!(calls[nth]["function"]["arguments"], arguments);
    }
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
