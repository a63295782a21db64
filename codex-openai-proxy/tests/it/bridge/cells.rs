//! What every cell of the table carries: both protocols over both wire APIs, streamed and not.

use super::{Cell, cells};
use crate::{
    harness::{responses::calls, run},
    provider::{ChatReply, Provider, Script, Setup, chat, responses, with},
    upstream::{CACHED, Gate, INPUT, OUTPUT, REASONING, Reply},
};
use serde_json::{Value, json};

/// A tool as the client's protocol writes it.
fn tool(cell: Cell, name: &str) -> Value {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    match cell.client {
        "chat" => json!({ "type": "function", "function": { "name": name, "parameters": schema } }),
        _ => json!({ "type": "function", "name": name, "parameters": schema, "strict": false }),
    }
}

#[test]
fn text_reasoning_and_usage_come_through_every_cell() {
    run(async {
        for cell in cells() {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            provider.says(Script {
                reasoning: &["Let me ", "think."],
                text: &["Hel", "lo ", "there"],
                ..Script::default()
            });
            let told = cell
                .send(&proxy, &cell.ask("llama3", "Hi", json!({})))
                .await;
            assert_eq!(told.text, "Hello there", "{cell:?}");
            assert_eq!(told.reasoning, "Let me think.", "{cell:?}");
            assert_eq!(told.finish_reason, "stop", "{cell:?}");
            let usage = [INPUT, CACHED, OUTPUT, REASONING];
            assert_eq!(told.usage, usage, "{cell:?}");
            told.is_of("llama3");
            let seen = provider.only_request();
            assert_eq!(seen.body["model"], "llama3", "{cell:?}");
            let path = match cell.provider {
                "chat" => "/v1/chat/completions",
                _ => "/v1/responses",
            };
            assert_eq!(seen.path, path, "{cell:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn tool_calls_come_through_every_cell() {
    run(async {
        for cell in cells() {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            provider.says(Script {
                text: &["I will look."],
                calls: &[
                    ("call_a", "get_weather", r#"{"city":"Oslo"}"#),
                    ("call_b", "get_time", r#"{"city":"Rome"}"#),
                ],
                ..Script::default()
            });
            let tools = [tool(cell, "get_weather"), tool(cell, "get_time")];
            let body = cell.ask("llama3", "Compare.", json!({ "tools": tools }));
            let told = cell.send(&proxy, &body).await;
            assert_eq!(told.text, "I will look.", "{cell:?}");
            assert_eq!(
                told.calls,
                [
                    ["function", "call_a", "get_weather", r#"{"city":"Oslo"}"#],
                    ["function", "call_b", "get_time", r#"{"city":"Rome"}"#],
                ],
                "{cell:?}"
            );
            assert_eq!(told.finish_reason, "tool_calls", "{cell:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn nothing_that_is_translated_waits_for_what_comes_next() {
    run(async {
        let (first, second) = (Gate::default(), Gate::default());
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        provider.reply(
            ChatReply::stream()
                .says(&["one"])
                .wait(&first)
                .call(0, "call_a", "look")
                .arguments(0, "{\"at\":")
                .wait(&second)
                .arguments(0, "1}")
                .finish("tool_calls")
                .usage()
                .done(),
        );
        let mut stream = proxy.respond_stream(&responses("llama3", "Hi")).await;
        assert_eq!(stream.next_text().await, "one");
        first.open();
        let fragment = "response.function_call_arguments.delta";
        assert_eq!(stream.until(fragment).await["delta"], "{\"at\":");
        second.open();
        let end = stream.until("response.completed").await;
        assert_eq!(calls(&end["response"])[0][3], "{\"at\":1}");
        proxy.stop().await;

        let (first, second) = (Gate::default(), Gate::default());
        let provider = Provider::responses().await;
        let proxy = Setup::of(&provider).start().await;
        provider.reply(
            Reply::stream()
                .begin_message()
                .delta("one")
                .wait(&first)
                .delta(" two")
                .wait(&second)
                .end_message()
                .completed(),
        );
        let mut stream = proxy.stream(&chat("llama3", "Count.")).await;
        assert_eq!(stream.next_text().await, "one");
        first.open();
        assert_eq!(stream.next_text().await, " two");
        second.open();
        let said = stream.said().await;
        said.ended_with("stop");
        assert_eq!(said.usage, Vec::<Value>::new(), "nobody asked for it");
        proxy.stop().await;
    });
}

#[test]
fn replies_that_were_cut_short_say_why_in_every_cell() {
    run(async {
        for reason in ["length", "content_filter"] {
            for cell in cells() {
                let provider = Provider::start(cell.provider).await;
                let proxy = Setup::of(&provider).start().await;
                provider.says(Script {
                    text: &["Once upon"],
                    cut: Some(reason),
                    ..Script::default()
                });
                let told = cell
                    .send(&proxy, &cell.ask("llama3", "Tell.", json!({})))
                    .await;
                assert_eq!(told.text, "Once upon", "{cell:?}");
                assert_eq!(told.finish_reason, reason, "{cell:?}");
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn custom_tools_are_called_with_their_text_through_translations() {
    run(async {
        let patch = "*** Begin Patch\n\"é\"\n*** End Patch";
        for cell in cells().filter(|cell| !cell.is_relayed()) {
            let provider = Provider::start(cell.provider).await;
            let proxy = Setup::of(&provider).start().await;
            provider.says(Script {
                custom: &[(
                    "call_p",
                    "apply_patch",
                    "*** Begin Patch\n\"é\"\n*** End Patch",
                )],
                ..Script::default()
            });
            let custom = match cell.client {
                "chat" => json!({ "type": "custom", "custom": { "name": "apply_patch" } }),
                _ => json!({ "type": "custom", "name": "apply_patch" }),
            };
            let body = cell.ask("llama3", "Patch it.", json!({ "tools": [custom] }));
            let told = cell.send(&proxy, &body).await;
            // Chat clients get the text as the arguments of a function.
            let kind = match cell.client {
                "chat" => "function",
                _ => "custom",
            };
            assert_eq!(told.calls, [[kind, "call_p", "apply_patch", patch]]);
            assert_eq!(told.finish_reason, "tool_calls", "{cell:?}");
            proxy.stop().await;
        }
    });
}

#[test]
fn tools_of_a_namespace_come_back_in_it() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        provider.otherwise(|seen| {
            let name = seen.body["tools"][0]["function"]["name"].as_str().unwrap();
            let script = [("call_n", name, r#"{"q":"é"}"#)];
            ChatReply::calls(&script, 2).into()
        });
        let body = with(
            responses("llama3", "Search."),
            json!({ "tools": [{
                "type": "namespace",
                "name": "docs",
                "description": "Documents.",
                "tools": [{
                    "type": "function",
                    "name": "search",
                    "description": "Searches.",
                    "parameters": { "type": "object", "properties": { "q": { "type": "string" } } },
                    "strict": false,
                }],
            }] }),
        );
        let heard = proxy.respond_stream(&body).await.heard().await;
        heard.ended_with("completed");
        let call = &heard.items[0];
        assert_eq!(call["name"], "search");
        assert_eq!(call["namespace"], "docs");
        assert_eq!(call["arguments"], r#"{"q":"é"}"#);

        // What comes back in the next request is the same function to the provider.
        let offered = provider.only_request().body["tools"][0]["function"].clone();
        let mut next = body.clone();
        next["input"] = json!([
            { "type": "message", "role": "user", "content": "Search." },
            call,
            { "type": "function_call_output", "call_id": "call_n", "output": "nothing" },
        ]);
        let response = proxy.respond(&next).await.ok();
        assert_eq!(response["output"][0]["namespace"], "docs");
        let messages = &provider.last_request().body["messages"];
        assert_eq!(
            messages[1]["tool_calls"][0]["function"]["name"],
            offered["name"]
        );
        proxy.stop().await;
    });
}

#[test]
fn a_refusal_is_text_on_the_other_side() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        provider.reply(
            ChatReply::stream()
                .delta(json!({ "refusal": "I can" }))
                .delta(json!({ "refusal": "not." }))
                .finish("stop")
                .usage()
                .done(),
        );
        let heard = proxy
            .respond_stream(&responses("llama3", "Do it."))
            .await
            .heard()
            .await;
        assert_eq!(heard.text(), "I cannot.");
        heard.ended_with("completed");
        proxy.stop().await;

        let provider = Provider::responses().await;
        let proxy = Setup::of(&provider).start().await;
        let place = json!({ "item_id": "msg_1", "output_index": 0, "content_index": 0 });
        let item = json!({
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{ "type": "refusal", "refusal": "I cannot." }],
        });
        provider.reply(
            Reply::stream()
                .event(
                    "response.output_item.added",
                    json!({ "output_index": 0, "item": with(item.clone(), json!({ "content": [] })) }),
                )
                .event(
                    "response.refusal.delta",
                    with(place.clone(), json!({ "delta": "I cannot." })),
                )
                .event(
                    "response.refusal.done",
                    with(place, json!({ "refusal": "I cannot." })),
                )
                .event(
                    "response.output_item.done",
                    json!({ "output_index": 0, "item": item }),
                )
                .completed(),
        );
        let said = proxy.stream(&chat("llama3", "Do it.")).await.said().await;
        said.ended_with("stop");
        assert_eq!(said.text, "I cannot.");
        proxy.stop().await;
    });
}

#[test]
fn thoughts_are_found_wherever_servers_put_them() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        for reply in [
            ChatReply::stream().thinks("reasoning", &["I ", "think"]),
            ChatReply::stream().thinks("reasoning_content", &["I ", "think"]),
            ChatReply::stream().says(&["<thi", "nk>I ", "think</th", "ink>"]),
        ] {
            provider.reply(reply.says(&["So."]).finish("stop").usage().done());
            let body = responses("llama3", "Why?");
            let heard = proxy.respond_stream(&body).await.heard().await;
            let response = heard.ended_with("completed");
            assert_eq!(heard.reasoning.trim(), "I think");
            assert_eq!(heard.text().trim(), "So.");
            assert_eq!(response["output"][0]["type"], "reasoning");
        }
        proxy.stop().await;
    });
}

#[test]
fn the_body_is_read_by_its_shape_and_the_path_chooses_the_reply() {
    run(async {
        for wire_api in ["chat", "responses"] {
            let provider = Provider::start(wire_api).await;
            let proxy = Setup::of(&provider).start().await;
            provider.says(Script {
                text: &["Hello"],
                ..Script::default()
            });
            // Some builds of Cursor send Responses bodies to the chat path.
            let said = proxy.stream(&responses("llama3", "Hi")).await.said().await;
            said.ended_with("stop");
            assert_eq!(said.text, "Hello");
            let heard = proxy
                .respond_stream(&chat("llama3", "Hi"))
                .await
                .heard()
                .await;
            heard.ended_with("completed");
            assert_eq!(heard.text(), "Hello");
            for seen in provider.requests() {
                assert!(seen.path.ends_with(match wire_api {
                    "chat" => "/chat/completions",
                    _ => "/responses",
                }));
                let (own, other) = match wire_api {
                    "chat" => ("messages", "input"),
                    _ => ("input", "messages"),
                };
                assert!(seen.body[own].is_array(), "{}", seen.body);
                assert!(seen.body[other].is_null(), "{}", seen.body);
            }
            proxy.stop().await;
        }
    });
}
