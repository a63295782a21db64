//! What providers are sent of requests in the other protocol.

use crate::{
    harness::{Client, run},
    provider::{Provider, Script, Setup, chat, covers, responses, with},
};
use serde_json::{Value, json};

const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// What a provider got for a request. The reply must go well.
async fn sent(wire_api: &'static str, body: &Value) -> Value {
    sent_with(wire_api, "", body).await
}

/// The same where the configuration says more of the provider.
async fn sent_with(wire_api: &'static str, keys: &str, body: &Value) -> Value {
    let provider = Provider::start(wire_api).await;
    let keys = format!("models = [\"*\"]\n{keys}");
    let proxy = Setup::new()
        .provider("near", &provider, &keys)
        .start()
        .await;
    provider.says(Script {
        text: &["Hello"],
        ..Script::default()
    });
    let client: &Client = &proxy;
    match wire_api {
        "chat" => client.respond(body).await.ok(),
        _ => client.chat(body).await.ok(),
    };
    let seen = provider.only_request();
    let kind = seen.header("content-type");
    assert_eq!(kind, Some("application/json"));
    proxy.stop().await;
    seen.body
}

#[test]
fn a_chat_becomes_the_input_of_a_response() {
    run(async {
        let body = json!({
            "model": "llama3",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": [
                    { "type": "text", "text": "What is this?" },
                    { "type": "image_url", "image_url": { "url": PIXEL } },
                ] },
                { "role": "assistant", "content": "I will look.", "tool_calls": [
                    { "id": "call_a", "type": "function",
                      "function": { "name": "look", "arguments": "{\"at\":1}" } },
                    { "id": "call_b", "type": "function",
                      "function": { "name": "look", "arguments": "{\"at\":2}" } },
                ] },
                { "role": "tool", "tool_call_id": "call_a", "content": "a dot" },
                { "role": "tool", "tool_call_id": "call_b", "content": "another" },
                { "role": "user", "content": "And now?" },
            ],
        });
        let sent = sent("responses", &body).await;
        assert_eq!(sent["instructions"], "Be brief.");
        covers(
            &sent["input"],
            &json!([
                { "type": "message", "role": "user", "content": [
                    { "type": "input_text", "text": "What is this?" },
                    { "type": "input_image", "image_url": PIXEL },
                ] },
                { "type": "message", "role": "assistant",
                  "content": "I will look." },
                { "type": "function_call", "call_id": "call_a", "name": "look",
                  "arguments": "{\"at\":1}" },
                { "type": "function_call", "call_id": "call_b", "name": "look",
                  "arguments": "{\"at\":2}" },
                { "type": "function_call_output", "call_id": "call_a", "output": "a dot" },
                { "type": "function_call_output", "call_id": "call_b", "output": "another" },
                { "type": "message", "role": "user", "content": "And now?" },
            ]),
        );
        covers(
            &sent,
            &json!({ "model": "llama3", "stream": true, "store": false }),
        );
    });
}

#[test]
fn the_input_of_a_response_becomes_a_chat() {
    run(async {
        let body = json!({
            "model": "llama3",
            "instructions": "Be brief.",
            "input": [
                { "type": "message", "role": "user", "content": [
                    { "type": "input_text", "text": "What is this?" },
                    { "type": "input_image", "image_url": PIXEL, "detail": "low" },
                ] },
                { "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed" },
                { "type": "message", "role": "assistant", "content": [
                    { "type": "output_text", "text": "I will look.", "annotations": [] },
                ] },
                { "type": "function_call", "call_id": "call_a", "name": "look",
                  "arguments": "{\"at\":1}" },
                { "type": "function_call", "call_id": "call_b", "name": "look",
                  "arguments": "{\"at\":2}" },
                { "type": "function_call_output", "call_id": "call_a", "output": "a dot" },
                { "type": "function_call_output", "call_id": "call_b", "output": [
                    { "type": "input_text", "text": "another" },
                ] },
                { "role": "user", "content": "And now?" },
            ],
        });
        let sent = sent("chat", &body).await;
        let call = |id: &str, arguments: &str| {
            json!({ "id": id, "type": "function",
                    "function": { "name": "look", "arguments": arguments } })
        };
        covers(
            &sent["messages"],
            &json!([
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": [
                    { "type": "text", "text": "What is this?" },
                    { "type": "image_url", "image_url": { "url": PIXEL } },
                ] },
                { "role": "assistant", "content": "I will look.", "tool_calls": [
                    call("call_a", "{\"at\":1}"),
                    call("call_b", "{\"at\":2}"),
                ] },
                { "role": "tool", "tool_call_id": "call_a", "content": "a dot" },
                { "role": "tool", "tool_call_id": "call_b", "content": "another" },
                { "role": "user", "content": "And now?" },
            ]),
        );
        covers(
            &sent,
            &json!({
                "model": "llama3",
                "stream": true,
                "stream_options": { "include_usage": true },
            }),
        );
        assert!(!sent.to_string().contains("sealed"), "{sent}");
    });
}

#[test]
fn tools_are_written_as_the_other_protocol_has_them() {
    run(async {
        let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
        let grammar = json!({ "syntax": "lark", "definition": "start: /.+/" });

        let body = with(
            chat("llama3", "Hi"),
            json!({
                "tools": [
                    { "type": "function", "function": {
                        "name": "look", "description": "Looks.", "parameters": schema } },
                    { "type": "custom", "custom": {
                        "name": "apply_patch",
                        "description": "Patches.",
                        "format": { "type": "grammar", "grammar": grammar } } },
                ],
                "tool_choice": { "type": "function", "function": { "name": "look" } },
                "parallel_tool_calls": false,
            }),
        );
        covers(
            &sent("responses", &body).await,
            &json!({
                "tools": [
                    { "type": "function", "name": "look", "description": "Looks.",
                      "parameters": schema },
                    { "type": "custom", "name": "apply_patch", "description": "Patches.",
                      "format": { "type": "grammar", "syntax": "lark",
                                  "definition": "start: /.+/" } },
                ],
                "tool_choice": { "type": "function", "name": "look" },
                "parallel_tool_calls": false,
            }),
        );

        let body = with(
            responses("llama3", "Hi"),
            json!({
                "tools": [
                    { "type": "function", "name": "look", "description": "Looks.",
                      "parameters": schema, "strict": false },
                    { "type": "custom", "name": "apply_patch", "description": "Patches.",
                      "format": { "type": "grammar", "syntax": "lark",
                                  "definition": "start: /.+/" } },
                    { "type": "web_search" },
                ],
                "tool_choice": { "type": "function", "name": "look" },
                "parallel_tool_calls": false,
            }),
        );
        let sent = sent("chat", &body).await;
        covers(
            &sent,
            &json!({
                "tools": [
                    { "type": "function", "function": {
                        "name": "look", "description": "Looks.", "parameters": schema } },
                    { "type": "function", "function": {
                        "name": "apply_patch",
                        "parameters": { "properties": { "input": { "type": "string" } } } } },
                ],
                "tool_choice": { "type": "function", "function": { "name": "look" } },
                "parallel_tool_calls": false,
            }),
        );
        let told = sent["tools"][1]["function"]["description"]
            .as_str()
            .unwrap();
        assert!(
            told.contains("Patches.") && told.contains("start: /.+/"),
            "{told}"
        );
    });
}

#[test]
fn calls_to_custom_tools_come_back_as_they_went_out() {
    run(async {
        let body = with(
            responses("llama3", ""),
            json!({
                "tools": [{ "type": "custom", "name": "apply_patch" }],
                "input": [
                    { "role": "user", "content": "Patch it." },
                    { "type": "custom_tool_call", "call_id": "call_p", "name": "apply_patch",
                      "input": "line \"one\"\nline two" },
                    { "type": "custom_tool_call_output", "call_id": "call_p", "output": "done" },
                ],
            }),
        );
        let seen = sent("chat", &body).await;
        let call = &seen["messages"][1]["tool_calls"][0];
        assert_eq!(call["type"], "function");
        assert_eq!(call["function"]["name"], "apply_patch");
        let arguments = call["function"]["arguments"].as_str().unwrap();
        let arguments: Value = serde_json::from_str(arguments).unwrap();
        assert_eq!(arguments, json!({ "input": "line \"one\"\nline two" }));
        covers(
            &seen["messages"][2],
            &json!({ "role": "tool", "tool_call_id": "call_p", "content": "done" }),
        );

        let body = json!({
            "model": "llama3",
            "tools": [{ "type": "custom", "custom": { "name": "apply_patch" } }],
            "messages": [
                { "role": "user", "content": "Patch it." },
                { "role": "assistant", "content": null, "tool_calls": [
                    { "id": "call_p", "type": "function", "function": {
                        "name": "apply_patch", "arguments": "line \"one\"\nline two" } },
                ] },
                { "role": "tool", "tool_call_id": "call_p", "content": "done" },
            ],
        });
        let seen = sent("responses", &body).await;
        covers(
            &seen["input"],
            &json!([
                { "type": "message", "role": "user" },
                { "type": "custom_tool_call", "call_id": "call_p", "name": "apply_patch",
                  "input": "line \"one\"\nline two" },
                { "type": "custom_tool_call_output", "call_id": "call_p", "output": "done" },
            ]),
        );
    });
}

#[test]
fn settings_have_other_names_there() {
    run(async {
        let schema = json!({ "type": "object", "properties": { "a": { "type": "number" } } });
        let body = with(
            chat("llama3", "Hi"),
            json!({
                "temperature": 0.25,
                "top_p": 0.5,
                "max_completion_tokens": 77,
                "reasoning_effort": "low",
                "verbosity": "high",
                "prompt_cache_key": "cache-1",
                "response_format": { "type": "json_schema", "json_schema": {
                    "name": "shape", "strict": true, "schema": schema } },
            }),
        );
        covers(
            &sent("responses", &body).await,
            &json!({
                "temperature": 0.25,
                "top_p": 0.5,
                "max_output_tokens": 77,
                "reasoning": { "effort": "low" },
                "prompt_cache_key": "cache-1",
                "text": {
                    "verbosity": "high",
                    "format": { "type": "json_schema", "name": "shape", "strict": true,
                                "schema": schema },
                },
            }),
        );

        let body = with(
            responses("llama3", "Hi"),
            json!({
                "temperature": 0.25,
                "top_p": 0.5,
                "max_output_tokens": 77,
                "reasoning": { "effort": "low" },
                "prompt_cache_key": "cache-1",
                "text": {
                    "verbosity": "high",
                    "format": { "type": "json_schema", "name": "shape", "strict": true,
                                "schema": schema },
                },
            }),
        );
        let sent = sent("chat", &body).await;
        covers(
            &sent,
            &json!({
                "temperature": 0.25,
                "top_p": 0.5,
                "reasoning_effort": "low",
                "verbosity": "high",
                "response_format": { "type": "json_schema", "json_schema": {
                    "name": "shape", "strict": true, "schema": schema } },
            }),
        );
        // Many servers refuse what only OpenAI knows.
        assert_eq!(sent.get("prompt_cache_key"), None);
        let limit = [&sent["max_tokens"], &sent["max_completion_tokens"]];
        assert!(limit.contains(&&json!(77)), "{sent}");
        // One of them, since servers refuse both.
        assert!(limit.contains(&&Value::Null), "{sent}");
    });
}

#[test]
fn the_configuration_says_what_a_provider_takes() {
    run(async {
        let body = with(
            responses("llama3", ""),
            json!({
                "input": [
                    { "role": "user", "content": "Look." },
                    { "type": "reasoning", "id": "rs_1", "summary": [
                        { "type": "summary_text", "text": "I should look." },
                    ] },
                    { "type": "function_call", "call_id": "call_a", "name": "look",
                      "arguments": "{\"at\": " },
                    { "type": "function_call_output", "call_id": "call_a", "output": "no JSON" },
                ],
                "reasoning": { "effort": "xhigh" },
                "prompt_cache_key": "cache-1",
                "max_output_tokens": 77,
            }),
        );
        let keys = "send_reasoning = true\nprompt_cache_key = true\n\
                    reasoning_efforts = [\"low\", \"high\"]\n\
                    max_tokens_field = \"max_completion_tokens\"\n";
        let call = |reasoning: Value| {
            let mut message = json!({ "role": "assistant", "content": null, "tool_calls": [
                { "id": "call_a", "type": "function", "function": {
                    "name": "look", "arguments": "{\"arguments\":\"{\\\"at\\\": \"}" } },
            ] });
            if !reasoning.is_null() {
                message["reasoning_content"] = reasoning;
            }
            message
        };
        let seen = sent_with("chat", keys, &body).await;
        covers(
            &seen,
            &json!({
                "reasoning_effort": "high",
                "prompt_cache_key": "cache-1",
                "max_completion_tokens": 77,
            }),
        );
        assert_eq!(seen.get("max_tokens"), None);
        assert_eq!(seen["messages"][1], call(json!("I should look.")));

        let seen = sent("chat", &body).await;
        covers(
            &seen,
            &json!({ "reasoning_effort": "xhigh", "max_tokens": 77 }),
        );
        assert_eq!(seen["messages"][1], call(Value::Null));

        // By its name, this model wants its reasoning back.
        let body = with(body, json!({ "model": "deepseek-chat" }));
        let seen = sent("chat", &body).await;
        assert_eq!(seen["messages"][1], call(json!("I should look.")));
    });
}

#[test]
fn speakers_alternate_and_the_system_speaks_first_and_once() {
    run(async {
        let body = with(
            responses("llama3", ""),
            json!({ "input": [
                { "role": "developer", "content": "Be brief." },
                { "role": "user", "content": "Where?" },
                { "role": "user", "content": "And when?" },
                { "role": "developer", "content": "Be polite." },
                { "role": "assistant", "content": "Here." },
                { "role": "user", "content": "Why?" },
            ] }),
        );
        assert_eq!(
            sent("chat", &body).await["messages"],
            json!([
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "Where?\n\nAnd when?\n\nBe polite." },
                { "role": "assistant", "content": "Here." },
                { "role": "user", "content": "Why?" },
            ])
        );
    });
}

#[test]
fn a_result_without_its_call_is_refused_before_anybody_is_asked() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        let body = with(
            responses("llama3", ""),
            json!({ "input": [
                { "type": "function_call_output", "call_id": "call_x", "output": "done" },
            ] }),
        );
        let answer = proxy.respond(&body).await;
        answer.error(400);
        assert_eq!(answer.body["error"]["param"], "input[0].call_id");
        assert!(provider.requests().is_empty());
        proxy.stop().await;
    });
}

#[test]
fn what_was_not_said_is_not_sent() {
    run(async {
        let names = |wire_api: &'static str, body: Value| async move {
            let sent = sent(wire_api, &body).await;
            let names = sent.as_object().unwrap().keys().cloned();
            let mut names: Vec<String> = names.collect();
            names.sort_unstable();
            names
        };
        assert_eq!(
            names("chat", responses("llama3", "Hi")).await,
            ["messages", "model", "stream", "stream_options"]
        );
        let sent = names("responses", chat("llama3", "Hi")).await;
        let known = [
            "include",
            "input",
            "instructions",
            "model",
            "reasoning",
            "store",
            "stream",
        ];
        assert!(
            sent.iter().all(|name| known.contains(&name.as_str())),
            "{sent:?}"
        );
    });
}
