//! The upstream's side: exactly what the client sent, and nothing besides.

use crate::{
    harness::{
        codex::{Setup, ask, forward},
        run,
    },
    upstream::{Reply, Seen, Upstream},
};
use serde_json::{Value, json};

const IMAGE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// Stands in files that belong to an agent on the user's machine.
const MARK: &str = "MARK-OF-A-FILE";

/// A request with everything in it.
fn everything() -> Value {
    json!({
        "model": "gpt-5.2",
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "developer", "content": [{ "type": "text", "text": "Use metres." }] },
            { "role": "user", "content": "How tall is it?" },
            { "role": "assistant", "content": "I will measure.", "tool_calls": [
                { "id": "call_1", "type": "function", "function": {
                    "name": "measure", "arguments": "{\"what\":\"tower\"}",
                } },
                { "id": "call_2", "type": "function", "function": {
                    "name": "measure", "arguments": "{\"what\":\"base\"}",
                } },
            ] },
            { "role": "tool", "tool_call_id": "call_1", "content": "330" },
            { "role": "tool", "tool_call_id": "call_2", "content": "125" },
            { "role": "assistant", "content": "330 metres." },
            { "role": "system", "content": "From now on in feet." },
            { "role": "user", "content": [
                { "type": "text", "text": "And this one?" },
                { "type": "image_url", "image_url": { "url": IMAGE, "detail": "high" } },
            ] },
        ],
        "tools": [tool()],
        "tool_choice": "auto",
        "reasoning_effort": "low",
        "verbosity": "low",
        "service_tier": "priority",
        "response_format": { "type": "json_schema", "json_schema": {
            "name": "height", "strict": true, "schema": schema(),
        } },
        "temperature": 0.5,
        "max_tokens": 100,
        "user": "somebody",
        "metadata": { "cursorConversationId": "abc" },
        "store": true,
    })
}

fn tool() -> Value {
    json!({ "type": "function", "function": {
        "name": "measure",
        "description": "Measures a thing.",
        "parameters": measure_parameters(),
    } })
}

fn measure_parameters() -> Value {
    json!({
        "type": "object",
        "properties": { "what": { "type": "string", "description": "The thing." } },
        "required": ["what"],
        "additionalProperties": false,
    })
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": { "feet": { "type": "number" } },
        "required": ["feet"],
        "additionalProperties": false,
    })
}

/// The conversation of [`everything`] as input items. The lite shape names no image detail.
fn input(detail: Option<&str>) -> Vec<Value> {
    let text = |kind: &str, text: &str| json!({ "type": kind, "text": text });
    let message =
        |role: &str, content: Value| json!({ "type": "message", "role": role, "content": content });
    let call = |id: &str, arguments: &str| {
        json!({
            "type": "function_call", "call_id": id, "name": "measure", "arguments": arguments,
        })
    };
    let output = |id: &str, output: &str| json!({ "type": "function_call_output", "call_id": id, "output": output });
    let mut image = json!({ "type": "input_image", "image_url": IMAGE });
    if let Some(detail) = detail {
        image["detail"] = detail.into();
    }
    vec![
        message("user", json!([text("input_text", "How tall is it?")])),
        message("assistant", json!([text("output_text", "I will measure.")])),
        call("call_1", "{\"what\":\"tower\"}"),
        call("call_2", "{\"what\":\"base\"}"),
        output("call_1", "330"),
        output("call_2", "125"),
        message("assistant", json!([text("output_text", "330 metres.")])),
        message(
            "developer",
            json!([text("input_text", "From now on in feet.")]),
        ),
        message("user", json!([text("input_text", "And this one?"), image])),
    ]
}

fn wire_tool() -> Value {
    json!({
        "type": "function",
        "name": "measure",
        "description": "Measures a thing.",
        "strict": false,
        "parameters": measure_parameters(),
    })
}

/// The body without what differs from run to run: ids of the thread, the turn and the items.
fn normalised(seen: &Seen) -> Value {
    let mut body = seen.body.clone();
    let fields = body.as_object_mut().expect("an object");
    let key = fields.remove("prompt_cache_key").unwrap_or_default();
    assert!(key.as_str().is_some_and(|key| !key.is_empty()), "{key}");
    let metadata = fields.remove("client_metadata").unwrap_or_default();
    for (name, value) in metadata.as_object().into_iter().flatten() {
        assert!(is_an_id(name), "client_metadata.{name}: {value}");
    }
    for item in body["input"].as_array_mut().expect("an input") {
        item.as_object_mut().expect("an item").remove("id");
    }
    body
}

/// Asserts that two bodies are the same, and shows the first place where they are not.
#[track_caller]
fn assert_same(actual: &Value, expected: &Value) {
    if let Some(difference) = difference(actual, expected) {
        panic!("{difference}");
    }
}

fn difference(actual: &Value, expected: &Value) -> Option<String> {
    match (actual, expected) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a
                .keys()
                .chain(b.keys().filter(|name| !a.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let missing = Value::from("(missing)");
                let (a, b) = (a.get(name), b.get(name));
                let inside = difference(a.unwrap_or(&missing), b.unwrap_or(&missing))?;
                Some(format!(".{name}{inside}"))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(index, (a, b))| {
                let inside = difference(a, b)?;
                Some(format!("[{index}]{inside}"))
            })
        }
        _ if actual == expected => None,
        _ => Some(format!(" is {actual}, not {expected}")),
    }
}

/// What core tells of itself beside the request: ids, and nothing of the user's machine.
fn is_an_id(name: &str) -> bool {
    [
        "session_id",
        "thread_id",
        "turn_id",
        "x-codex-installation-id",
        "x-codex-turn-metadata",
        "x-codex-window-id",
    ]
    .contains(&name)
}

/// A proxy whose user has files for an agent lying around.
fn cluttered(upstream: &Upstream) -> Setup {
    Setup::new(upstream)
        .user_file("AGENTS.md", MARK)
        .user_file(
            "skills/mine/SKILL.md",
            &format!("---\nname: mine\ndescription: {MARK}\n---\n{MARK}\n"),
        )
        .user_file("prompts/mine.md", MARK)
        .user_config(&format!("developer_instructions = \"{MARK}\""))
        .user_config(&format!("instructions = \"{MARK}\""))
}

#[test]
fn a_request_carries_what_the_client_sent_and_nothing_else() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = cluttered(&upstream).start().await;
        upstream.reply(Reply::text(&["{\"feet\":1083}"]));
        let said = proxy.stream(&everything()).await.said().await;
        said.ended_with("stop");

        let seen = upstream.only_request();
        assert_same(
            &normalised(&seen),
            &json!({
                "model": "gpt-5.2",
                "instructions": "Be brief.\n\nUse metres.",
                "input": input(Some("high")),
                "tools": [wire_tool()],
                "tool_choice": "auto",
                "parallel_tool_calls": true,
                "reasoning": { "effort": "low", "summary": "auto" },
                "store": false,
                "stream": true,
                "include": ["reasoning.encrypted_content"],
                "service_tier": "priority",
                "text": { "verbosity": "low", "format": {
                    "type": "json_schema",
                    "strict": true,
                    "name": "codex_output_schema",
                    "schema": schema(),
                } },
            }),
        );
        let whole = format!("{:?} {}", seen.headers, seen.body);
        assert!(!whole.contains(MARK), "{whole}");
        proxy.stop().await;
    });
}

#[test]
fn a_lite_model_gets_tools_and_instructions_in_its_input() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = cluttered(&upstream).start().await;
        upstream.reply(Reply::text(&["{}"]));
        let mut request = everything();
        request["model"] = "gpt-5.6-luna".into();
        proxy.chat(&request).await.ok();

        let mut expected = vec![
            json!({ "type": "additional_tools", "role": "developer", "tools": [wire_tool()] }),
            json!({ "type": "message", "role": "developer", "content": [
                { "type": "input_text", "text": "Be brief.\n\nUse metres." },
            ] }),
        ];
        expected.extend(input(None));
        let body = normalised(&upstream.only_request());
        assert_same(&body["input"], &Value::Array(expected));
        assert_eq!(body.get("tools"), None);
        assert_eq!(body.get("instructions"), None);
        assert_eq!(body["model"], "gpt-5.6-luna");
        proxy.stop().await;
    });
}

#[test]
fn a_request_without_instructions_gets_plain_ones() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = cluttered(&upstream);
        setup.config.codex.default_instructions = "Help.".to_owned();
        let proxy = setup.start().await;
        upstream.reply(Reply::text(&["Hello"]));
        proxy.chat(&ask("Hi")).await.ok();
        let body = normalised(&upstream.only_request());
        assert_eq!(body["instructions"], "Help.");
        assert_eq!(body["tools"], json!([]));
        assert_eq!(
            body["input"],
            json!([{ "type": "message", "role": "user", "content": [
                { "type": "input_text", "text": "Hi" },
            ] }])
        );
        proxy.stop().await;
    });
}

#[test]
fn a_conversation_that_ends_with_tool_results_ends_with_them_upstream() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(Reply::text(&["It is 330 metres tall."]));
        let mut request = everything();
        request["messages"].as_array_mut().unwrap().truncate(6);
        proxy.chat(&request).await.ok();
        let body = normalised(&upstream.only_request());
        assert_same(&body["input"], &json!(input(None)[..6]));
        proxy.stop().await;
    });
}

#[test]
fn a_tool_of_a_name_that_codex_has_too_keeps_it_for_the_client() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let names = [
            "update_plan",
            "exec_command",
            "view_image",
            &"long_".repeat(20),
        ];
        upstream.otherwise(|seen| {
            let tools = seen.body["tools"].as_array().unwrap();
            let calls = tools.iter().enumerate();
            calls
                .fold(Reply::stream(), |reply, (at, tool)| {
                    let name = tool["name"].as_str().unwrap();
                    assert!(name.len() <= 64, "{name}");
                    reply.call(&format!("call_{at}"), name, "{}")
                })
                .completed()
        });
        let mut request = ask("Go.");
        request["tools"] = names
            .iter()
            .map(|name| {
                let mut tool = tool();
                tool["function"]["name"] = (*name).into();
                tool
            })
            .collect();
        let said = proxy.stream(&request).await.said().await;
        said.ended_with("tool_calls");
        let called: Vec<&str> = said
            .calls
            .iter()
            .map(|(_, name, _)| name.as_str())
            .collect();
        assert_eq!(called, names);
        proxy.stop().await;
    });
}

#[test]
fn what_the_upstream_learns_of_the_caller_is_the_codex_release() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(Reply::text(&["Hello"]));
        proxy.chat(&ask("Hi")).await.ok();
        let seen = upstream.only_request();
        let version = codex_openai_proxy::engine::codex::CODEX_VERSION;
        let agent = seen.header("user-agent").expect("a user agent");
        assert!(
            agent.starts_with(&format!("codex_cli_rs/{version} (")),
            "{agent}"
        );
        assert_eq!(seen.header("accept"), Some("text/event-stream"));

        let mut setup = Setup::new(&upstream);
        setup.config.codex.user_agent = Some("mine/1".to_owned());
        let other = setup.start().await;
        upstream.reply(Reply::text(&["Hello"]));
        other.chat(&ask("Hi")).await.ok();
        assert_eq!(upstream.requests()[1].header("user-agent"), Some("mine/1"));
        proxy.stop().await;
        other.stop().await;
    });
}
