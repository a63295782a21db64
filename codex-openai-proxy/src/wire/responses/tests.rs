//! What an input's shape may be, and how a wrong one is refused.

use super::{Include, InputItem, InputRole, ResponsesRequest};
use crate::{
    turn::TurnError,
    wire::{
        content::ContentPart,
        options::ResponseFormat,
        request::RequestBody,
        tools::{CalledTool, ToolDefinition},
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
        namespace: None,
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
        "include": ["web_search_call.results", "reasoning.encrypted_content", "x"],
        "truncation": "auto",
        "max_output_tokens": 5,
        "max_tool_calls": 3,
        "safety_identifier": "hash",
        "metadata": {"cursorConversationId": "c", "of_my_own": "1", "a": 1},
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
            "include[] (web_search_call.results)",
            "include[] (x)",
            "truncation",
            "max_output_tokens",
            "max_tool_calls",
            "safety_identifier",
            "metadata.a",
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
    assert_eq!(request.store, Some(false));
    assert_eq!(request.include, [Include::EncryptedReasoning]);
    assert_eq!(request.common.conversation.cursor.unwrap().as_str(), "c");
}

#[test]
fn what_a_request_goes_on_from_is_read() {
    let request = parse(json!({"previous_response_id": "resp_1", "background": true})).unwrap();
    assert_eq!(request.previous_response_id.as_deref(), Some("resp_1"));
    assert_eq!(request.conversation, None);
    assert!(request.background);
    for (body, of_the_field) in [
        (json!({"conversation": "conv_1"}), true),
        (json!({"conversation": {"id": "conv_1"}}), true),
        (
            json!({"conversation": "conv_1", "conversation_id": "conv_1"}),
            true,
        ),
        (json!({"conversation_id": "conv_1"}), false),
    ] {
        let request = parse(body.clone()).unwrap();
        let id = request.common.conversation.id.unwrap();
        assert_eq!(id.as_str(), "conv_1", "{body}");
        let named = request.conversation == Some(id);
        assert_eq!(named, of_the_field, "{body}");
    }
}

#[test]
fn a_conversation_is_named_once() {
    for body in [
        json!({"previous_response_id": "resp_1", "conversation": "conv_1"}),
        json!({"conversation_id": "mine", "conversation": {"id": "conv_1"}}),
    ] {
        let refused = parse(body.clone());
        let Err(TurnError::InvalidRequest { code, .. }) = refused else {
            panic!("not refused: {body}: {refused:?}");
        };
        assert_eq!(code, Some("mutually_exclusive_parameters"), "{body}");
    }
    let cursor = json!({"conversation": "conv_1", "metadata": {"cursorConversationId": "theirs"}});
    let request = parse(cursor).unwrap();
    assert_eq!(request.common.conversation.cursor, None);
    assert_eq!(request.common.dropped, ["metadata.cursorConversationId"]);
}

#[test]
fn a_namespace_holds_tools_and_calls_name_it() {
    let request = parse(json!({
        "input": [
            {"type": "function_call", "call_id": "a", "namespace": "mcp__x", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "1"},
        ],
        "tools": [{"type": "namespace", "name": "mcp__x", "description": "Xs.", "tools": [
            {"type": "function", "name": "f", "defer_loading": true, "parameters": {}},
            {"type": "web_search"},
            {"type": "custom", "name": "c"},
        ]}],
    }))
    .unwrap();
    let dropped = [
        "tools[].tools[].defer_loading",
        "tools[0].tools[1] (web_search)",
    ];
    assert_eq!(request.common.dropped, dropped);
    let [ToolDefinition::Namespace { name, tools, .. }] = &request.common.tools[..] else {
        panic!("{:?}", request.common.tools);
    };
    assert_eq!(name, "mcp__x");
    assert_eq!(tools.len(), 2);
    let InputItem::ToolCall { namespace, .. } = &request.input[0] else {
        panic!("{:?}", request.input);
    };
    assert_eq!(namespace.as_deref(), Some("mcp__x"));
}

#[test]
fn what_the_codex_cli_keeps_in_its_history_is_understood_or_named() {
    let request = parse(json!({"input": [
        {"type": "additional_tools", "role": "developer", "tools": [
            {"type": "function", "name": "exec_command", "strict": false, "parameters": {}},
            {"type": "web_search"},
        ]},
        {"type": "message", "role": "assistant", "phase": "commentary", "content": "Ah.",
            "internal_chat_message_metadata_passthrough": {"turn_id": "t"}},
        {"type": "message", "role": "user", "phase": "final_answer", "content": "Hi"},
        {"type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {}},
        {"type": "tool_search_output", "call_id": "s", "status": "completed", "execution": "client",
            "tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}]},
        {"type": "local_shell_call", "call_id": "l", "status": "completed", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "local_shell_call_output", "id": "l", "output": "a"},
        {"type": "agent_message", "author": "a", "recipient": "b", "content": []},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "compaction_summary", "encrypted_content": "x"},
        {"type": "context_compaction", "encrypted_content": "x"},
        {"type": "ghost_snapshot", "ghost_commit": {}},
    ]}))
    .unwrap();
    assert_eq!(
        request.common.dropped,
        [
            "input[0].tools[1] (web_search)",
            "input[].phase",
            "input[].internal_chat_message_metadata_passthrough",
            "input[] (tool_search_call)",
            "input[] (agent_message)",
            "input[] (compaction)",
            "input[] (compaction_summary)",
            "input[] (context_compaction)",
            "input[] (ghost_snapshot)",
        ]
    );
    assert!(matches!(&request.input[0], InputItem::Tools(tools) if tools.len() == 1));
    assert!(matches!(&request.input[4], InputItem::Tools(tools) if tools.len() == 1));
    let shell = InputItem::ToolCall {
        call_id: "l".to_owned(),
        namespace: None,
        tool: CalledTool::Function {
            name: "local_shell".to_owned(),
            arguments: r#"{"type":"exec","command":["ls"]}"#.to_owned(),
        },
    };
    assert_eq!(request.input[5], shell);
    let output = InputItem::ToolOutput {
        call_id: "l".to_owned(),
        output: text("a"),
    };
    assert_eq!(request.input[6], output);
}

#[test]
fn earlier_items_blame_the_response_that_is_gone_on_from() {
    let image =
        json!({"role": "user", "content": [{"type": "input_image", "image_url": "ftp://x"}]});
    let answer = json!({"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": "A", "annotations": []}]});
    let items = InputItem::read_earlier(vec![image, answer]).unwrap();
    let InputItem::Message { content, .. } = &items[0] else {
        panic!("{items:?}");
    };
    assert!(
        matches!(&content[..], [ContentPart::Image { param, .. }] if param == "previous_response_id")
    );
    let refused = InputItem::read_earlier(vec![json!({"type": "item_reference", "id": "x"})]);
    let Err(TurnError::InvalidRequest { param, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(param.as_deref(), Some("previous_response_id"));
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
        (json!({"conversation": ""}), "conversation", "invalid_value"),
        (
            json!({"conversation": {"id": "a b"}}),
            "conversation.id",
            "invalid_value",
        ),
        (json!({"conversation": 7}), "conversation", "invalid_type"),
        (json!({"store": "yes"}), "store", "invalid_type"),
        (json!({"include": "all"}), "include", "invalid_type"),
        (json!({"truncation": "some"}), "truncation", "invalid_value"),
        (json!({"metadata": "m"}), "metadata", "invalid_type"),
        (json!({"user": {}}), "user", "invalid_type"),
        (
            json!({"max_tool_calls": -1}),
            "max_tool_calls",
            "invalid_type",
        ),
        (
            json!({"tools": [{"type": "namespace", "name": "n"}]}),
            "tools[0].tools",
            MISSING,
        ),
        (
            json!({"tools": [{"type": "namespace", "name": "n", "tools": [
                {"type": "namespace", "name": "m", "tools": []}
            ]}]}),
            "tools[0].tools",
            "invalid_value",
        ),
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
            item(json!({"type": "telepathy"})),
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
