//! Replies of the real engine, streamed and in one piece.

use crate::{
    harness::{
        chat::Frame,
        codex::{Setup, ask, forward},
        run,
    },
    upstream::{CACHED, Gate, INPUT, OUTPUT, REASONING, Reply, Upstream},
};
use codex_openai_proxy::config::ReasoningSetting;
use serde_json::{Value, json};

fn thoughtful() -> Reply {
    Reply::stream()
        .reasoning(&["Let me ", "think."])
        .message(&["Hel", "lo ", "there"])
        .completed()
}

fn usage() -> Value {
    json!({
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": { "cached_tokens": CACHED },
        "completion_tokens_details": { "reasoning_tokens": REASONING },
    })
}

/// Asserts that `actual` has every field of `expected`; more is fine.
#[track_caller]
fn assert_covers(actual: &Value, expected: &Value) {
    match expected {
        Value::Object(fields) => {
            for (name, value) in fields {
                assert_covers(&actual[name], value);
            }
        }
        value => assert_eq!(actual, value),
    }
}

#[test]
fn a_stream_passes_deltas_on_as_they_come() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let (first, second) = (Gate::default(), Gate::default());
        upstream.reply(
            Reply::stream()
                .begin_message()
                .delta("one")
                .wait(&first)
                .delta(" two")
                .wait(&second)
                .delta(" three")
                .end_message()
                .completed(),
        );
        let mut stream = proxy.stream(&ask("Count.")).await;
        assert_eq!(stream.next_text().await, "one");
        first.open();
        assert_eq!(stream.next_text().await, " two");
        second.open();
        assert_eq!(stream.next_text().await, " three");
        let said = stream.said().await;
        said.ended_with("stop");
        assert_eq!(said.text, "");
        proxy.stop().await;
    });
}

#[test]
fn the_first_chunk_names_the_role_and_usage_comes_when_asked_for() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.otherwise(|_| thoughtful());

        let mut asked = ask("Hi");
        asked["stream_options"] = json!({ "include_usage": true });
        let mut stream = proxy.stream(&asked).await;
        let Some(Frame::Chunk(first)) = stream.next().await else {
            panic!("no first chunk");
        };
        assert_eq!(first["choices"][0]["delta"]["role"], "assistant");
        let said = stream.said().await;
        said.ended_with("stop");
        assert_eq!(said.usage.len(), 1);
        assert_covers(&said.usage[0], &usage());

        let said = proxy.stream(&ask("Hi")).await.said().await;
        said.ended_with("stop");
        assert_eq!(said.usage, Vec::<Value>::new());
        proxy.stop().await;
    });
}

#[test]
fn a_reply_in_one_piece_says_the_same() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(thoughtful());
        let body = proxy.chat(&ask("Hi")).await.ok();
        assert_eq!(body["object"], "chat.completion");
        assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-"));
        assert!(body["created"].as_u64().unwrap() > 1_700_000_000);
        let choice = &body["choices"][0];
        assert_eq!(choice["message"]["role"], "assistant");
        assert_eq!(choice["message"]["content"], "Hello there");
        assert_eq!(choice["message"]["reasoning_content"], "Let me think.");
        assert_eq!(choice["finish_reason"], "stop");
        assert_covers(&body["usage"], &usage());
        proxy.stop().await;
    });
}

#[test]
fn parallel_tool_calls_come_one_after_another_and_end_the_reply() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.otherwise(|_| {
            Reply::stream()
                .message(&["I will look."])
                .call("call_a", "get_weather", r#"{"city":"Oslo"}"#)
                .call("call_b", "get_weather", r#"{"city":"Rome"}"#)
                .completed()
        });
        let mut body = ask("Compare the weather.");
        body["tools"] = json!([{ "type": "function", "function": {
            "name": "get_weather",
            "parameters": { "type": "object", "properties": { "city": { "type": "string" } } },
        } }]);
        let expected = [
            ("call_a", r#"{"city":"Oslo"}"#),
            ("call_b", r#"{"city":"Rome"}"#),
        ];

        let said = proxy.stream(&body).await.said().await;
        said.ended_with("tool_calls");
        assert_eq!(said.text, "I will look.");
        let calls = said.calls.iter();
        let calls: Vec<_> = calls
            .map(|(id, _, args)| (id.as_str(), args.as_str()))
            .collect();
        assert_eq!(calls, expected);
        assert!(said.calls.iter().all(|(_, name, _)| name == "get_weather"));

        let reply = proxy.chat(&body).await.ok();
        let choice = &reply["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls");
        for (call, (id, arguments)) in choice["message"]["tool_calls"]
            .as_array()
            .unwrap()
            .iter()
            .zip(expected)
        {
            assert_eq!(call["id"], id);
            assert_eq!(call["type"], "function");
            assert_eq!(call["function"]["name"], "get_weather");
            assert_eq!(call["function"]["arguments"], arguments);
        }
        assert_eq!(
            upstream.requests().len(),
            2,
            "one model call for each reply"
        );
        proxy.stop().await;
    });
}

#[test]
fn reasoning_is_shown_as_the_name_and_the_setting_say() {
    run(async {
        for (setting, model, style) in [
            (ReasoningSetting::Auto, "gpt-5.2", "content"),
            (ReasoningSetting::Auto, "2.5-tpg", "think"),
            (ReasoningSetting::Think, "gpt-5.2", "think"),
            (ReasoningSetting::Content, "2.5-tpg", "content"),
            (ReasoningSetting::Off, "gpt-5.2", "off"),
        ] {
            let upstream = Upstream::start().await;
            let mut setup = Setup::new(&upstream);
            setup.config.reasoning = setting;
            let proxy = setup.start().await;
            upstream.reply(thoughtful());
            let mut body = ask("Hi");
            body["model"] = model.into();
            let said = proxy.stream(&body).await.said().await;
            said.ended_with("stop");
            let expected = if style == "content" {
                "Let me think."
            } else {
                ""
            };
            assert_eq!(said.reasoning, expected, "{setting:?} {model}");
            if style == "think" {
                let (thought, answer) = said.text.split_once("</think>").expect("a thought");
                assert!(thought.starts_with("<think>"), "{thought}");
                assert!(thought.contains("Let me think."), "{thought}");
                assert_eq!(answer.trim(), "Hello there");
            } else {
                assert_eq!(said.text, "Hello there");
            }
            proxy.stop().await;
        }
    });
}

#[test]
fn silence_is_filled_with_comments() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.limits.first_event = std::time::Duration::from_millis(50);
        setup.config.limits.keep_alive = std::time::Duration::from_millis(50);
        let proxy = setup.start().await;
        let gate = Gate::default();
        upstream.reply(Reply::stream().wait(&gate).message(&["Hello"]).completed());
        // The status comes although the upstream has not said anything yet.
        let mut stream = proxy.stream(&ask("Hi")).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        gate.open();
        assert_eq!(stream.next_text().await, "Hello");
        let received = String::from_utf8(stream.received().to_vec()).unwrap();
        let comments = received
            .lines()
            .filter(|line| line.starts_with(':'))
            .count();
        assert!(comments >= 2, "{received}");
        stream.said().await.ended_with("stop");
        proxy.stop().await;
    });
}
