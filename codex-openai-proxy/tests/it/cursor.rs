//! Cursor's ways, with the real engine behind them.

use crate::{
    harness::{
        chat::{Answer, ChatStream},
        codex::{Setup, ask, forward},
        run,
        talk::{Talk, said},
    },
    upstream::{Reply, Upstream},
};
use codex_openai_proxy::config::{ApiKey, ContextOverflow};
use reqwest::Method;
use serde_json::{Value, json};

/// What Cursor's agent sends, with the conversation in `field`.
fn agents_body(field: &str, conversation: Vec<Value>) -> Value {
    let parameters = json!({ "type": "object", "properties": { "path": { "type": "string" } } });
    let mut body = json!({
        "model": "2.5-tpg",
        "stream": true,
        "stream_options": { "include_usage": true },
        "user": "0a1b2c",
        "temperature": 0,
        "max_tokens": 4096,
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_retention": "24h",
        "reasoning": { "effort": "high", "summary": "auto" },
        "text": { "verbosity": "low" },
        "metadata": { "cursorConversationId": "5d0f-77", "cursorRequestId": "r-1" },
        "something_of_next_week": { "x": 1 },
        "tools": [
            { "type": "function", "name": "read_file", "parameters": parameters, "strict": false },
            { "type": "custom", "name": "ApplyPatch", "description": "Edits files.",
              "format": { "type": "grammar", "syntax": "lark", "definition": "start: /.+/" } },
        ],
    });
    body[field] = conversation.into();
    body
}

async fn post(proxy: &crate::harness::Client, path: &str, body: &Value) -> ChatStream {
    let request = proxy.request(Method::POST, path).json(body);
    ChatStream::open(request.send().await.unwrap())
}

#[test]
fn a_responses_body_is_answered_in_chunks_of_chat() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(
            Reply::stream()
                .reasoning(&["I should read it."])
                .call("call_1", "read_file", r#"{"path":"a.rs"}"#)
                .call("call_2", "ApplyPatch", r#"{"input":"*** Begin Patch"}"#)
                .completed(),
        );
        upstream.reply(Reply::text(&["All ", "done."]));
        upstream.reply(Reply::text(&["Bye."]));
        let text = |role: &str, kind: &str, text: &str| json!({ "role": role, "content": [{ "type": kind, "text": text }] });
        let mut input = vec![
            text("system", "input_text", "Be brief."),
            text("user", "input_text", "Fix a.rs."),
        ];
        let first = post(
            &proxy,
            "/v1/chat/completions",
            &agents_body("input", input.clone()),
        )
        .await;
        let first = first.said().await;
        first.ended_with("tool_calls");
        assert_eq!(first.models.iter().collect::<Vec<_>>(), ["2.5-tpg"]);
        assert!(first.text.starts_with("<think>"), "{}", first.text);
        assert_eq!(first.usage.len(), 1, "Cursor reads the usage");
        let calls = [
            ("call_1", "read_file", r#"{"path":"a.rs"}"#),
            ("call_2", "ApplyPatch", "*** Begin Patch"),
        ];
        let heard = first.calls.iter();
        let heard: Vec<_> = heard
            .map(|(id, name, text)| (id.as_str(), name.as_str(), text.as_str()))
            .collect();
        assert_eq!(heard, calls);

        input.push(text("assistant", "output_text", &first.text));
        for (id, name, arguments) in calls {
            input.push(json!({
                "type": "function_call", "call_id": id, "name": name, "arguments": arguments,
            }));
        }
        for (id, output) in [
            ("call_2", json!("patched")),
            ("call_1", json!("fn main() {}")),
        ] {
            input.push(json!({ "type": "function_call_output", "call_id": id, "output": output }));
        }
        // The same without /v1.
        let second = post(
            &proxy,
            "/chat/completions",
            &agents_body("input", input.clone()),
        )
        .await;
        let second = second.said().await;
        second.ended_with("stop");
        assert_eq!(second.text, "All done.");
        assert_eq!(first.conversations, second.conversations);
        input.push(text("assistant", "output_text", "All done."));
        input.push(json!({ "type": "message", "role": "user", "content": "Thanks." }));
        let third = post(&proxy, "/chat/completions", &agents_body("input", input)).await;
        third.said().await.ended_with("stop");

        let requests = upstream.requests();
        let body = &requests[0].body;
        assert_eq!(body["instructions"], "Be brief.");
        assert_eq!(body["model"], "gpt-5.2");
        assert_eq!(body["reasoning"]["effort"], "high");
        assert_eq!(body["text"]["verbosity"], "low");
        assert_eq!(requests[0].tool_names(), ["read_file", "ApplyPatch"]);
        assert_eq!(requests[0].lines(), ["user: Fix a.rs."]);
        let mut lines = vec![
            "user: Fix a.rs.",
            "reasoning: sealed",
            r#"call call_1 read_file {"path":"a.rs"}"#,
            r#"call call_2 ApplyPatch {"input":"*** Begin Patch"}"#,
            "output call_1: fn main() {}",
            "output call_2: patched",
        ];
        assert_eq!(requests[1].lines(), lines);
        lines.extend(["assistant: All done.", "user: Thanks."]);
        assert_eq!(requests[2].lines(), lines);
        assert_eq!(requests[0].turn(), requests[1].turn());
        assert_eq!(requests[0].cache_key(), requests[2].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn an_agents_chat_goes_on_with_what_cursor_makes_of_it() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(
            Reply::stream()
                .reasoning(&["I should read it."])
                .message(&["I will read it."])
                .call("call_1", "read_file", r#"{"path":"a.rs"}"#)
                .completed(),
        );
        upstream.reply(Reply::text(&["All done."]));
        let mut messages = vec![
            json!({ "role": "system", "content": "Be brief." }),
            json!({ "role": "user", "content": [{ "type": "text", "text": "<files>…</files>" }] }),
            json!({ "role": "user", "content": "Fix a.rs." }),
        ];
        let body = agents_body("messages", messages.clone());
        let first = post(&proxy, "/v1/chat/completions", &body).await;
        let first = first.said().await;
        first.ended_with("tool_calls");
        messages.push(json!({
            "role": "assistant",
            "content": first.text,
            "tool_calls": [{ "index": 0, "id": "call_1", "type": "function", "function": {
                "name": "read_file", "arguments": r#"{"path": "a.rs"}"#,
            } }],
        }));
        messages.push(json!({
            "role": "tool", "name": "read_file", "tool_call_id": "call_1",
            "content": [{ "type": "text", "text": "fn main() {}" }],
        }));
        let body = agents_body("messages", messages);
        let second = post(&proxy, "/v1/chat/completions", &body).await;
        let second = second.said().await;
        second.ended_with("stop");
        assert_eq!(second.conversations, first.conversations);
        let requests = upstream.requests();
        assert_eq!(
            requests[1].lines(),
            [
                "user: <files>…</files>",
                "user: Fix a.rs.",
                "reasoning: sealed",
                "assistant: I will read it.",
                r#"call call_1 read_file {"path":"a.rs"}"#,
                "output call_1: fn main() {}",
            ]
        );
        assert_eq!(requests[0].turn(), requests[1].turn());
        proxy.stop().await;
    });
}

#[test]
fn azures_path_with_azures_key_reaches_the_model_of_the_path() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.api_keys = vec![ApiKey::new("test", "sesame").unwrap()];
        let proxy = setup.start().await;
        upstream.otherwise(|_| Reply::text(&["Hello."]));
        let mut bare = ask("Hi.");
        bare.as_object_mut().unwrap().remove("model");
        for (prefix, body, model) in [
            ("", &bare, "hgih-2.5-tpg"),
            ("/v1", &bare, "hgih-2.5-tpg"),
            ("", &ask("Hi."), "gpt-5.2"),
        ] {
            let path = format!(
                "{prefix}/openai/deployments/hgih-2.5-tpg/chat/completions?api-version=2024-10-21"
            );
            let request = proxy.request(Method::POST, &path).json(body);
            let refused = Answer::read(request.send().await.unwrap()).await;
            refused.error(401);
            let request = proxy
                .request(Method::POST, &path)
                .header("api-key", "sesame")
                .json(body);
            let reply = Answer::read(request.send().await.unwrap()).await.ok();
            assert_eq!(said(&reply), "Hello.");
            assert_eq!(reply["model"], model);
            let request = upstream.last_request();
            assert_eq!(request.body["model"], "gpt-5.2");
            if model != "gpt-5.2" {
                assert_eq!(request.body["reasoning"]["effort"], "high");
            }
        }
        proxy.stop().await;
    });
}

#[test]
fn a_full_context_is_an_error_or_a_reason_to_compact() {
    run(async {
        let full = || {
            let message = "Your input exceeds the context window of this model.";
            Reply::stream().failed("context_length_exceeded", message)
        };
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(full());
        let answer = proxy.chat(&ask("Hi.")).await;
        assert_eq!(answer.error(400).1, Some("context_length_exceeded"));
        proxy.stop().await;

        let mut setup = Setup::new(&upstream);
        setup.config.cursor_context_overflow = ContextOverflow::Compact;
        let proxy = setup.start().await;
        let mut talk = Talk::about("One.").with("conversation_id", "chat-1");
        upstream.reply(Reply::text(&["Answer."]));
        talk.send(&proxy).await;
        talk.say("Two.");
        let usage = |usage: &Value| {
            let names = ["prompt_tokens", "completion_tokens", "total_tokens"];
            names.map(|name| usage[name].as_u64().unwrap())
        };
        upstream.reply(full());
        let heard = proxy.stream(&talk.named_news()).await.said().await;
        heard.ended_with("stop");
        assert_eq!(heard.text, "");
        assert_eq!(heard.usage.len(), 1, "though it was not asked for");
        assert_eq!(usage(&heard.usage[0]), [1_000_000, 0, 1_000_000]);
        upstream.reply(full());
        let reply = proxy.chat(&talk.whole()).await.ok();
        assert_eq!(reply["choices"][0]["finish_reason"], "stop");
        assert_eq!(usage(&reply["usage"]), [1_000_000, 0, 1_000_000]);

        // Cursor sends a shorter history then, and the chat goes on with that.
        talk.messages().clear();
        talk.messages()
            .push(json!({ "role": "user", "content": "Summary: One was answered." }));
        talk.messages()
            .push(json!({ "role": "assistant", "content": "Understood." }));
        talk.say("Two.");
        upstream.reply(Reply::text(&["Answer two."]));
        assert_eq!(said(&talk.send(&proxy).await), "Answer two.");
        assert_eq!(
            upstream.last_request().lines(),
            [
                "user: Summary: One was answered.",
                "assistant: Understood.",
                "user: Two."
            ]
        );
        proxy.stop().await;
    });
}

#[test]
fn a_key_is_verified_with_a_list_or_a_small_call() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.api_keys = vec![ApiKey::new("test", "sesame").unwrap()];
        let proxy = setup.start().await;
        upstream.reply(Reply::text(&["Hi."]));
        for path in ["/v1/models", "/models"] {
            let request = proxy.request(Method::GET, path).bearer_auth("sesame");
            let list = Answer::read(request.send().await.unwrap()).await.ok();
            assert!(!list["data"].as_array().unwrap().is_empty());
        }
        let mut body = ask("Test prompt using gpt-3.5-turbo");
        body["max_tokens"] = 1.into();
        let request = proxy
            .request(Method::POST, "/v1/chat/completions")
            .bearer_auth("sesame")
            .json(&body);
        Answer::read(request.send().await.unwrap()).await.ok();
        let request = proxy
            .request(Method::GET, "/v1/models")
            .bearer_auth("wrong");
        Answer::read(request.send().await.unwrap()).await.error(401);
        proxy.stop().await;
    });
}
