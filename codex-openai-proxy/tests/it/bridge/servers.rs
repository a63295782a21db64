//! What servers do differently that say they speak Chat Completions.

use crate::{
    harness::{responses::Heard, run},
    provider::{Provider, Setup, responses},
    upstream::Reply,
};
use hyper::StatusCode;
use serde_json::{Value, json};
use std::fmt::Write;

/// What a client of Responses hears of a stream with these frames.
async fn heard(stream: String) -> Heard {
    let provider = Provider::chat().await;
    let proxy = Setup::of(&provider).start().await;
    let reply = Reply::new(StatusCode::OK, "text/event-stream; charset=utf-8");
    provider.reply(reply.raw(stream));
    let body = responses("llama3", "Hi");
    let heard = proxy.respond_stream(&body).await.heard().await;
    proxy.stop().await;
    heard
}

/// Frames with these chunks.
fn frames(chunks: &[Value]) -> String {
    let mut frames = String::new();
    for chunk in chunks {
        write!(frames, "data: {chunk}\n\n").unwrap();
    }
    frames
}

/// A chunk with nothing but a choice.
fn delta(delta: Value) -> Value {
    let mut chunk = json!({ "choices": [{}] });
    chunk["choices"][0]["delta"] = delta;
    chunk
}

/// The chunk that ends a choice.
fn finish(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

const DONE: &str = "data: [DONE]\n\n";

#[test]
fn some_tell_a_call_all_at_once_and_call_that_a_stop() {
    run(async {
        // Ollama.
        let call = json!({ "id": "call_o", "index": 0, "type": "function",
            "function": { "name": "look", "arguments": "{\"at\":1}" } });
        let both = json!({ "choices": [{
            "index": 0,
            "delta": { "role": "assistant", "content": "", "tool_calls": [call] },
            "finish_reason": "stop",
        }] });
        let heard = heard(frames(&[both]) + DONE).await;
        assert_eq!(
            heard.calls(),
            [["function_call", "call_o", "look", "{\"at\":1}"]]
        );
        heard.ended_with("completed");
    });
}

#[test]
fn some_leave_ids_and_indexes_out_and_write_arguments_as_an_object() {
    run(async {
        let call = |at: u64| json!({ "function": { "name": "look", "arguments": { "at": at } } });
        let chunks = [
            delta(json!({ "tool_calls": [call(1)] })),
            delta(json!({ "tool_calls": [call(2)] })),
            finish("tool_calls"),
        ];
        let heard = heard(frames(&chunks) + DONE).await;
        let calls = heard.calls();
        let [[_, first, name, one], [_, second, _, two]] = calls[..] else {
            panic!("two calls: {calls:?}")
        };
        assert_eq!(name, "look");
        assert_eq!([one, two], ["{\"at\":1}", "{\"at\":2}"]);
        assert!(!first.is_empty() && !second.is_empty() && first != second);
    });
}

#[test]
fn some_give_two_calls_one_id() {
    run(async {
        let call = |index: u64| {
            json!({ "id": "call_0", "index": index, "type": "function",
                "function": { "name": "look", "arguments": "{}" } })
        };
        let chunks = [
            delta(json!({ "tool_calls": [call(0), call(1)] })),
            finish("tool_calls"),
        ];
        let heard = heard(frames(&chunks) + DONE).await;
        let calls = heard.calls();
        assert_eq!(calls.len(), 2);
        assert_ne!(calls[0][1], calls[1][1]);
    });
}

#[test]
fn some_call_a_function_without_arguments() {
    run(async {
        let call = json!({ "id": "call_e", "index": 0, "type": "function",
            "function": { "name": "look", "arguments": "" } });
        let chunks = [delta(json!({ "tool_calls": [call] })), finish("tool_calls")];
        let heard = heard(frames(&chunks) + DONE).await;
        assert_eq!(heard.calls(), [["function_call", "call_e", "look", "{}"]]);
    });
}

#[test]
fn some_still_know_one_function_call() {
    run(async {
        let chunks = [
            delta(json!({ "function_call": { "name": "look", "arguments": "" } })),
            delta(json!({ "function_call": { "arguments": "{\"at\"" } })),
            delta(json!({ "function_call": { "arguments": ":1}" } })),
            finish("function_call"),
        ];
        let heard = heard(frames(&chunks) + DONE).await;
        let calls = heard.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0][2..], ["look", "{\"at\":1}"]);
    });
}

#[test]
fn some_forget_one_of_the_two_ends() {
    run(async {
        let text = delta(json!({ "content": "Hello" }));
        for stream in [
            frames(&[text.clone(), finish("stop")]),
            frames(std::slice::from_ref(&text)) + DONE,
            frames(&[text, finish("eos")]) + DONE,
        ] {
            let heard = heard(stream).await;
            heard.ended_with("completed");
            assert_eq!(heard.text(), "Hello");
        }
    });
}

#[test]
fn some_send_what_others_leave_out() {
    run(async {
        let usage = |output: u64| json!({ "prompt_tokens": 7, "completion_tokens": output });
        let empty = json!({ "content": null, "reasoning_content": null, "tool_calls": null });
        let chunks = [
            // Azure.
            json!({ "choices": [], "prompt_filter_results": [{ "prompt_index": 0 }] }),
            // DeepSeek.
            delta(empty),
            json!({ "choices": [{ "index": 0, "delta": { "content": "Hel" } }],
                "usage": usage(1) }),
            // Another choice than the first is nobody's.
            json!({ "choices": [{ "index": 1, "delta": { "content": "no" } }] }),
            json!({ "object": "chat.completion.chunk.vendor" }),
            // Mistral's parts.
            delta(json!({ "content": [{ "type": "text", "text": "lo" }] })),
            json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }],
                "usage": usage(2) }),
        ];
        let heard = heard(format!(
            ": OPENROUTER PROCESSING\n\n{}{DONE}",
            frames(&chunks)
        ))
        .await;
        let response = heard.ended_with("completed");
        assert_eq!(heard.text(), "Hello");
        assert_eq!(response["usage"]["input_tokens"], 7);
        assert_eq!(response["usage"]["output_tokens"], 2);
    });
}

#[test]
fn some_say_with_each_chunk_that_it_is_the_last() {
    run(async {
        // Gateways to Gemini.
        let chunk = |text: &str, output: u64| {
            let usage = json!({ "prompt_tokens": 7, "completion_tokens": output });
            json!({ "choices": [{ "index": 0, "delta": { "content": text },
                "finish_reason": "stop" }], "usage": usage, "error": {} })
        };
        let heard = heard(frames(&[chunk("Hel", 1), chunk("lo", 2)]) + DONE).await;
        let response = heard.ended_with("completed");
        assert_eq!(heard.text(), "Hello");
        assert_eq!(response["usage"]["output_tokens"], 2);
    });
}

#[test]
fn some_are_cut_off_in_the_middle_of_a_call() {
    run(async {
        let call = json!({ "id": "call_a", "index": 0, "type": "function",
            "function": { "name": "look", "arguments": "{\"at\":" } });
        let chunks = [delta(json!({ "tool_calls": [call] })), finish("MAX_TOKENS")];
        let heard = heard(frames(&chunks) + DONE).await;
        let response = heard.ended_with("incomplete");
        // Nobody runs a call that is not whole.
        assert_eq!(response["output"][0]["status"], "incomplete");
        assert_eq!(response["output"][0]["arguments"], "{\"at\":");
    });
}

#[test]
fn some_leave_white_space_and_open_tags_around_a_call() {
    run(async {
        let call = json!({ "id": "call_a", "index": 0, "type": "function",
            "function": { "name": "look", "arguments": "{}" } });
        for before in [
            vec![
                delta(json!({ "reasoning_content": "Hm.", "tool_calls": [{}] })),
                delta(json!({ "content": "\n\n" })),
            ],
            vec![delta(json!({ "content": "<think>Hm." }))],
        ] {
            let behind = [
                delta(json!({ "tool_calls": [call.clone()] })),
                finish("tool_calls"),
            ];
            let heard = heard(frames(&[&before[..], &behind].concat()) + DONE).await;
            let response = heard.ended_with("completed");
            let output = response["output"].as_array().unwrap();
            let kinds: Vec<&Value> = output.iter().map(|item| &item["type"]).collect();
            assert_eq!(kinds, ["reasoning", "function_call"]);
        }
    });
}

#[test]
fn some_write_lines_in_their_own_way() {
    run(async {
        let stream = "\u{feff}event: message\r\ndata:{\"choices\":[{\"delta\":\r\n\
            data: {\"content\":\"Hello\"}}]}\r\nid: 7\r\nretry: 10\r\n\r\n\
            data:{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\ndata:[DONE]\r\n\r\n";
        let heard = heard(stream.to_owned()).await;
        heard.ended_with("completed");
        assert_eq!(heard.text(), "Hello");
    });
}
