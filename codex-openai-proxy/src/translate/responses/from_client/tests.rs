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
