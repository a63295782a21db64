//! What an input's shape may be, and how a wrong one is refused.

use super::{InputItem, InputRole, ResponsesRequest};
use crate::{
    turn::TurnError,
    wire::{
        content::ContentPart, options::ResponseFormat, request::RequestBody, tools::CalledTool,
    },
};
use serde_json::{Value, json};

/// Parses `{"model":"m","input":"Hi"}` with `extra` on top.
fn parse(extra: Value) -> Result<ResponsesRequest, TurnError> {
    let mut body = json!({"model": "m", "input": "Hi"});
    let Value::Object(extra) = extra else {
        panic!("an object")
    };
    body.as_object_mut().unwrap().extend(extra);
    match RequestBody::parse(body.to_string().as_bytes(), None)? {
        RequestBody::Responses(request) => Ok(request),
        RequestBody::Chat(request) => panic!("taken for a chat: {request:?}"),
    }
}

fn items(input: &Value) -> Vec<InputItem> {
    parse(json!({"input": input})).unwrap().input
}

fn text(text: &str) -> Vec<ContentPart> {
    vec![ContentPart::Text(text.to_owned())]
}

/// Each case is what a request holds, and the parameter and the code of its refusal.
fn assert_refused<const N: usize>(cases: [(Value, &str, &str); N]) {
    for (extra, at, expected) in cases {
        let body = extra.to_string();
        match parse(extra) {
            Err(TurnError::InvalidRequest { param, code, .. }) => {
                assert_eq!(param.as_deref(), Some(at), "{body}");
                assert_eq!(code, Some(expected), "{body}");
            }
            other => panic!("not refused: {body}: {other:?}"),
        }
    }
}

#[test]
fn the_shape_decides_and_not_the_route() {
    let is_chat = |body: Value| {
        let body = RequestBody::parse(body.to_string().as_bytes(), None);
        matches!(body, Ok(RequestBody::Chat(_)))
    };
    let messages = json!([{"role": "user", "content": "Hi"}]);
    assert!(is_chat(json!({"model": "m", "messages": messages})));
    assert!(is_chat(
        json!({"model": "m", "messages": messages, "input": "Hi"})
    ));
    assert!(!is_chat(json!({"model": "m", "input": "Hi"})));
    assert!(!is_chat(
        json!({"model": "m", "messages": null, "input": messages})
    ));
}

#[test]
fn the_body_names_the_model_or_the_route_does() {
    for (body, model) in [
        (json!({"input": "Hi"}), "deployed"),
        (json!({"input": "Hi", "model": null}), "deployed"),
        (json!({"input": "Hi", "model": "m"}), "m"),
        (
            json!({"messages": [{"role": "user", "content": "Hi"}]}),
            "deployed",
        ),
    ] {
        let body = body.to_string();
        let request = RequestBody::parse(body.as_bytes(), Some("deployed")).unwrap();
        assert_eq!(request.common().model, model, "{body}");
        let nameless = RequestBody::parse(body.as_bytes(), None);
        assert_eq!(nameless.is_ok(), model == "m", "{body}");
    }
}

#[test]
fn text_alone_is_what_the_user_says() {
    let said = InputItem::Message {
        role: InputRole::User,
        content: text("Hi"),
    };
    assert_eq!(items(&json!("Hi")), std::slice::from_ref(&said));
    assert_eq!(items(&json!([{"role": "user", "content": "Hi"}])), [said]);
}

#[test]
fn messages_of_every_role_are_read() {
    let read = items(&json!([
        {"type": "message", "role": "system", "content": "a"},
        {"role": "developer", "content": [{"type": "input_text", "text": "b"}]},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "c"},
            {"type": "refusal", "refusal": "d"},
        ]},
        {"role": "user", "content": [{"type": "input_image", "image_url": "https://x/1", "detail": "low"}]},
    ]));
    let message = |role, content| InputItem::Message { role, content };
    assert_eq!(
        read,
        [
            message(InputRole::Developer, text("a")),
            message(InputRole::Developer, text("b")),
            message(
                InputRole::Assistant,
                vec![
                    ContentPart::Text("c".to_owned()),
                    ContentPart::Refusal("d".to_owned()),
                ]
            ),
            message(
                InputRole::User,
                vec![ContentPart::Image {
                    url: "https://x/1".to_owned(),
                    detail: Some("low".to_owned()),
                    param: "input[3].content[0].image_url".to_owned(),
                }]
            ),
        ]
    );
}

#[test]
fn calls_and_outputs_of_both_kinds_are_read() {
    let request = parse(json!({"input": [
        {"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "b", "name": "c", "input": "x"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "custom_tool_call_output", "call_id": "b", "name": "c", "output": [{"type": "input_text", "text": "2"}]},
    ]}))
    .unwrap();
    let call = |call_id: &str, tool| InputItem::ToolCall {
        call_id: call_id.to_owned(),
        tool,
    };
    let output = |call_id: &str, output| InputItem::ToolOutput {
        call_id: call_id.to_owned(),
        output: text(output),
    };
    assert_eq!(
        request.input,
        [
            call(
                "a",
                CalledTool::Function {
                    name: "f".to_owned(),
                    arguments: "{}".to_owned(),
                }
            ),
            call(
                "b",
                CalledTool::Custom {
                    name: "c".to_owned(),
                    input: "x".to_owned(),
                }
            ),
            output("a", "1"),
            output("b", "2"),
        ]
    );
    assert_eq!(request.common.dropped, <[&str; 0]>::default());
}

#[test]
fn what_has_no_place_is_named_and_keeps_its_position() {
    let request = parse(json!({
        "input": [
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
            {"type": "web_search_call", "id": "ws_1", "action": {}},
            {"type": "reasoning", "summary": []},
            {"role": "user", "content": "Hi", "name": "Ann"},
        ],
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "truncation": "auto",
        "max_output_tokens": 5,
        "metadata": {"cursorConversationId": "c"},
        "reasoning": {"effort": "low", "summary": "auto", "generate_summary": "auto"},
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {}, "strict": true}, "x": 1},
        "background": false,
        "previous_response_id": null,
    }))
    .unwrap();
    assert_eq!(
        request.common.dropped,
        [
            "input[] (reasoning)",
            "input[] (web_search_call)",
            "input[].name",
            "store",
            "include",
            "truncation",
            "max_output_tokens",
            "reasoning.generate_summary",
            "text.x",
        ]
    );
    assert_eq!(request.input[..3], [const { InputItem::Dropped }; 3]);
    assert_eq!(request.common.reasoning.effort.as_deref(), Some("low"));
    assert_eq!(request.text.verbosity.as_deref(), Some("low"));
    let format = ResponseFormat::JsonSchema {
        name: Some("n".to_owned()),
        schema: json!({}),
        strict: true,
    };
    assert_eq!(request.text.format, Some(format));
    assert_eq!(request.common.conversation.cursor.unwrap().as_str(), "c");
}

#[test]
fn state_that_others_keep_is_read() {
    let request = parse(json!({
        "previous_response_id": "resp_1",
        "conversation": {"id": "conv_1"},
        "background": true,
    }))
    .unwrap();
    assert_eq!(request.previous_response_id.as_deref(), Some("resp_1"));
    assert_eq!(request.conversation.as_deref(), Some("conv_1"));
    assert!(request.background);
    let request = parse(json!({"conversation": "conv_1"})).unwrap();
    assert_eq!(request.conversation.as_deref(), Some("conv_1"));
}

#[test]
fn refused_requests_are_named() {
    const MISSING: &str = "missing_required_parameter";
    const UNSUPPORTED: &str = "unsupported_parameter";
    let item = |item: Value| json!({"input": [item]});
    assert_refused([
        (json!({"model": null}), "model", MISSING),
        (json!({"input": []}), "input", "empty_array"),
        (json!({"input": 5}), "input", "invalid_type"),
        (json!({"prompt": {"id": "p"}}), "prompt", UNSUPPORTED),
        (json!({"instructions": []}), "instructions", "invalid_type"),
        (json!({"conversation": {}}), "conversation.id", MISSING),
        (
            json!({"text": {"format": {"type": "json_schema"}}}),
            "text.format.schema",
            MISSING,
        ),
        (item(json!("Hi")), "input[0]", "invalid_type"),
        (item(json!({"content": "Hi"})), "input[0].role", MISSING),
        (
            item(json!({"role": "tool", "content": "1"})),
            "input[0].role",
            "invalid_value",
        ),
        (
            item(json!({"type": "item_reference", "id": "msg_1"})),
            "input[0].type",
            UNSUPPORTED,
        ),
        (
            item(json!({"type": "compaction"})),
            "input[0].type",
            "invalid_value",
        ),
        (
            item(json!({"type": "function_call", "name": "f", "arguments": "{}"})),
            "input[0].call_id",
            MISSING,
        ),
        (
            item(json!({"type": "custom_tool_call", "call_id": "a", "name": "f"})),
            "input[0].input",
            MISSING,
        ),
        (
            item(json!({"type": "function_call_output", "call_id": "a"})),
            "input[0].output",
            MISSING,
        ),
        (
            item(
                json!({"type": "function_call_output", "call_id": "a", "output": [{"type": "input_file"}]}),
            ),
            "input[0].output[0].type",
            "invalid_value",
        ),
    ]);
}
