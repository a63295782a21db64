//! Requests that go on from an earlier response, and tools in namespaces.

use super::from_client;
use crate::{
    translate::Translated,
    turn::{Aliases, Catalog, Item, ModelName, Part, Role, ToolChoice, TurnError},
    wire::{
        request::RequestBody,
        responses::{InputItem, ResponsesRequest},
    },
};
use serde_json::{Value, json};

/// Reads a request that goes on from these items.
fn translate(earlier: Vec<Value>, request: Value) -> Result<Translated, TurnError> {
    let mut body = request;
    body["model"] = json!("m");
    let body = RequestBody::parse(body.to_string().as_bytes(), None)?;
    let RequestBody::Responses(request) = body else {
        panic!("taken for a chat");
    };
    let name = ModelName::resolve("m", &Aliases::default(), &Catalog::default());
    let earlier = InputItem::read_earlier(earlier)?;
    from_client(ResponsesRequest { earlier, ..request }, &name)
}

fn call(call_id: &str) -> Value {
    json!({"type": "function_call", "id": "fc_1", "status": "completed", "call_id": call_id, "name": "f", "arguments": "{}"})
}

fn output(call_id: &str) -> Value {
    json!({"type": "function_call_output", "call_id": call_id, "output": "1"})
}

#[test]
fn what_was_said_before_comes_first() {
    let earlier = vec![
        json!({"role": "user", "content": "Before?"}),
        json!({"type": "reasoning", "id": "rs_1", "summary": []}),
        json!({"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "Before.", "annotations": [], "logprobs": []},
        ]}),
    ];
    let request = json!({"input": "And now?", "instructions": "Be brief."});
    let translated = translate(earlier, request).unwrap();
    let said = |role, text: &str| Item::Message {
        role,
        content: vec![Part::Text(text.to_owned())],
    };
    assert_eq!(
        translated.turn.items,
        [
            said(Role::User, "Before?"),
            said(Role::Assistant, "Before."),
            said(Role::User, "And now?"),
        ]
    );
    assert_eq!(translated.turn.instructions.as_deref(), Some("Be brief."));
    assert_eq!(translated.dropped, <[&str; 0]>::default());
}

#[test]
fn a_result_answers_a_call_of_the_earlier_response_at_its_own_position() {
    let earlier = vec![json!({"role": "user", "content": "Go."}), call("a")];
    let translated = translate(earlier.clone(), json!({"input": [output("a")]})).unwrap();
    let Some(Item::ToolResult { param, .. }) = translated.turn.items.last() else {
        panic!("{:?}", translated.turn.items);
    };
    assert_eq!(param, "input[0].call_id");

    let unanswered = translate(earlier.clone(), json!({"input": "Never mind."}));
    let missing = TurnError::MissingToolResults {
        call_ids: vec!["a".to_owned()],
        param: "previous_response_id".to_owned(),
    };
    assert_eq!(unanswered, Err(missing));

    let own = json!({"input": [output("a"), {"role": "user", "content": "Hi"}, call("b")]});
    let unanswered = translate(earlier.clone(), own);
    let missing = TurnError::MissingToolResults {
        call_ids: vec!["b".to_owned()],
        param: "input[2]".to_owned(),
    };
    assert_eq!(unanswered, Err(missing));

    let twice = translate(earlier, json!({"input": [output("a"), output("a")]}));
    let Err(TurnError::InvalidRequest { param, .. }) = twice else {
        panic!("{twice:?}");
    };
    assert_eq!(param.as_deref(), Some("input[1].call_id"));
}

/// The names of the tools on offer.
fn names(translated: &Translated) -> Vec<&str> {
    let tools = translated.turn.tools.iter();
    tools.map(|tool| tool.name.as_str()).collect()
}

#[test]
fn tools_that_were_found_before_are_on_offer_once() {
    let tool = |name: &str| json!({"type": "function", "name": name});
    let found =
        |tools: Value| json!({"type": "tool_search_output", "call_id": "s", "tools": tools});
    let earlier = vec![found(json!([
        tool("f"),
        {"type": "namespace", "name": "n", "description": "Ns.", "tools": [tool("f"), tool("g")]},
    ]))];
    let request = json!({
        "tools": [tool("f"), {"type": "namespace", "name": "n", "tools": [tool("f")]}],
        "input": [
            {"role": "user", "content": "Go."},
            found(json!([{"type": "namespace", "name": "n", "tools": [tool("g"), tool("h")]}])),
        ],
        "tool_choice": {"type": "function", "name": "h"},
    });
    let translated = translate(earlier, request).unwrap();
    assert_eq!(names(&translated), ["f", "n__f", "n__g", "n__h"]);
    assert_eq!(translated.tool_names.get("f"), None);
    assert_eq!(translated.tool_names.get("n__g"), Some(("n", "g")));
    let choice = ToolChoice::Named("n__h".to_owned());
    assert_eq!(translated.turn.tool_choice, choice);
    let described = translated.turn.tools[2].description.as_deref();
    assert_eq!(described, Some("Ns."));
}

#[test]
fn sealed_reasoning_is_wanted_where_the_client_asks_for_it() {
    let asks = json!({"input": "Hi", "include": ["reasoning.encrypted_content"]});
    assert!(translate(vec![], asks).unwrap().include_encrypted);
    let silent = json!({"input": "Hi"});
    assert!(!translate(vec![], silent).unwrap().include_encrypted);
}

#[test]
fn an_engine_that_keeps_its_reasoning_gets_none() {
    let request = json!({"input": [
        {"role": "user", "content": "Hi"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "And?"},
    ]});
    let mut turn = translate(Vec::new(), request).unwrap().turn;
    assert_eq!(turn.items[1], Item::Reasoning("Hm.".to_owned()));
    turn.without_reasoning();
    let speaks = |item: &Item| matches!(item, Item::Message { .. });
    assert_eq!(turn.items.len(), 3);
    assert!(turn.items.iter().all(speaks), "{:?}", turn.items);
}

#[test]
fn a_bare_name_is_that_of_the_only_tool_that_has_it() {
    let namespace = |name: &str, tools: &[&str]| {
        let tools: Value = tools
            .iter()
            .map(|name| json!({"type": "function", "name": name}))
            .collect();
        json!({"type": "namespace", "name": name, "tools": tools})
    };
    let called = |name: &str| {
        json!([
            {"role": "user", "content": "Hi"},
            {"type": "function_call", "call_id": "a", "name": name, "arguments": "{}"},
            output("a"),
        ])
    };
    let tools = json!([
        {"type": "function", "name": "plain"},
        namespace("one", &["add", "both", "plain"]),
        namespace("two", &["both"]),
        namespace("functions", &["exec", "plain"]),
    ]);
    for (name, expected) in [
        ("add", "one__add"),
        ("both", "both"),
        ("plain", "plain"),
        ("exec", "exec"),
        ("gone", "gone"),
    ] {
        let request = json!({"tools": tools, "input": called(name)});
        let translated = translate(Vec::new(), request).unwrap();
        let Item::ToolCall(call) = &translated.turn.items[1] else {
            panic!("{:?}", translated.turn.items);
        };
        assert_eq!(call.name, expected);
    }
    let choice = json!({"type": "function", "name": "add"});
    let request = json!({"tools": tools, "input": "Hi", "tool_choice": choice});
    let chosen = translate(Vec::new(), request).unwrap().turn.tool_choice;
    assert_eq!(chosen, ToolChoice::Named("one__add".to_owned()));
}

#[test]
fn only_the_allowed_tools_are_offered() {
    let choice = |mode: &str, names: &[&str]| {
        let tools: Value = names
            .iter()
            .map(|name| json!({"type": "function", "name": name}))
            .collect();
        json!({
            "input": "Hi",
            "tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}],
            "tool_choice": {"type": "allowed_tools", "mode": mode, "tools": tools},
        })
    };
    let turn = translate(Vec::new(), choice("required", &["g"]))
        .unwrap()
        .turn;
    let names: Vec<_> = turn.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["g"]);
    assert_eq!(turn.tool_choice, ToolChoice::Required);

    let turn = translate(Vec::new(), choice("auto", &[])).unwrap().turn;
    assert_eq!(turn.tools, []);
    assert_eq!(turn.tool_choice, ToolChoice::Auto);

    for (mode, names, param) in [
        ("required", &[][..], "tool_choice"),
        ("auto", &["h"], "tool_choice.tools[0].name"),
        ("never", &["f"], "tool_choice.mode"),
    ] {
        let refused = translate(Vec::new(), choice(mode, names));
        let Err(TurnError::InvalidRequest { param: at, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(at.as_deref(), Some(param));
    }
}

#[test]
fn a_namespace_is_not_allowed_as_a_whole() {
    let request = json!({
        "input": "Hi",
        "tools": [{"type": "namespace", "name": "one", "tools": [{"type": "function", "name": "f"}]}],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [
            {"type": "web_search"},
            {"type": "namespace", "name": "one"},
        ]},
    });
    let refused = translate(Vec::new(), request);
    let Err(TurnError::InvalidRequest { param, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(param.as_deref(), Some("tool_choice.tools[1].type"));
}
