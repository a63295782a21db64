//! What a request can say, and on which routes.

use super::{ask, function, with};
use crate::{
    harness::{
        chat::Answer,
        codex::{self, forward},
        responses::{ResponseStream, said},
        run,
    },
    upstream::{Reply, Upstream},
};
use reqwest::Method;
use serde_json::json;

#[test]
fn both_routes_answer_in_both_ways() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Hel", "lo"]));
        let proxy = forward(&upstream).await;
        for path in ["/v1/responses", "/responses"] {
            let request = proxy.request(Method::POST, path).json(&ask("Hi."));
            let response = Answer::read(request.send().await.unwrap()).await.ok();
            assert_eq!(response["object"], "response");
            assert_eq!(response["status"], "completed");
            assert_eq!(said(&response), "Hello");

            let body = with(ask("Hi."), json!({ "stream": true }));
            let request = proxy.request(Method::POST, path).json(&body);
            let stream = ResponseStream::open(request.send().await.unwrap());
            let heard = stream.heard().await;
            assert_eq!(said(heard.ended_with("completed")), "Hello");
            assert_eq!(heard.deltas, ["Hel", "lo"]);
        }
        proxy.stop().await;
    });
}

#[test]
fn a_string_and_items_are_the_same_input() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        let proxy = forward(&upstream).await;
        for input in [
            json!("Hi."),
            json!([{ "role": "user", "content": "Hi." }]),
            json!([{
                "type": "message",
                "role": "user",
                "content": [{ "type": "input_text", "text": "Hi." }],
            }]),
        ] {
            proxy.respond(&ask(input.clone())).await.ok();
            assert_eq!(upstream.last_request().lines(), ["user: Hi."], "{input}");
        }
        proxy.stop().await;
    });
}

#[test]
fn items_tell_a_whole_chat() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        let proxy = forward(&upstream).await;
        let image = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
        let body = ask(json!([
            { "role": "user", "content": "Look." },
            { "type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "call_1", "output": "a bird" },
            { "type": "message", "role": "assistant",
              "content": [{ "type": "output_text", "text": "I see a bird.", "annotations": [] }] },
            { "role": "user", "content": [
                { "type": "input_text", "text": "And here?" },
                { "type": "input_image", "image_url": image, "detail": "auto" },
            ] },
        ]));
        let body = with(body, json!({ "tools": [function("look")] }));
        proxy.respond(&body).await.ok();
        let lines = upstream.last_request().lines();
        assert_eq!(
            lines[..4],
            [
                "user: Look.",
                "call call_1 look {}",
                "output call_1: a bird",
                "assistant: I see a bird.",
            ]
        );
        let last = &lines[4];
        assert!(last.starts_with("user: And here? | [data:image/"), "{last}");
        assert_eq!(lines.len(), 5);
        proxy.stop().await;
    });
}

#[test]
fn what_the_model_is_to_do_reaches_it() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["{\"height\":324}"]));
        let proxy = forward(&upstream).await;
        let schema = json!({
            "type": "object",
            "properties": { "height": { "type": "integer" } },
            "required": ["height"],
            "additionalProperties": false,
        });
        let body = with(
            ask("How tall is it?"),
            json!({
                "instructions": "Use metres.",
                "reasoning": { "effort": "high", "summary": "detailed" },
                "text": { "verbosity": "low", "format": {
                    "type": "json_schema", "name": "tower", "schema": schema, "strict": true,
                } },
            }),
        );
        let response = proxy.respond(&body).await.ok();
        let sent = upstream.only_request().body;
        assert_eq!(sent["instructions"], "Use metres.");
        assert_eq!(sent["reasoning"]["effort"], "high");
        assert_eq!(sent["reasoning"]["summary"], "detailed");
        assert_eq!(sent["text"]["verbosity"], "low");
        let format = &sent["text"]["format"];
        assert_eq!(format["type"], "json_schema");
        assert_eq!(format["strict"], true);
        assert_eq!(format["schema"], schema);
        // And it is repeated in the reply.
        for field in ["instructions", "reasoning", "text"] {
            assert_eq!(response[field], body[field], "{field}");
        }
        proxy.stop().await;
    });
}

#[test]
fn no_response_is_made_in_the_background() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let body = with(ask("Hi."), json!({ "background": true }));
        let answer = proxy.respond(&body).await;
        answer.error(400);
        assert_eq!(answer.body["error"]["param"], "background");
        assert_eq!(upstream.connections(), 0);
        upstream.reply(Reply::text(&["Hello"]));
        let body = with(ask("Hi."), json!({ "background": false }));
        assert_eq!(proxy.respond(&body).await.ok()["background"], false);
        proxy.stop().await;
    });
}

#[test]
fn the_models_name_is_the_clients_in_every_object() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        let proxy = forward(&upstream).await;
        for name in ["gpt-5.2", "2.5-tpg", "hgih-2.5-tpg", "gpt-5.2-low"] {
            let body = with(ask("Hi."), json!({ "model": name }));
            let response = proxy.respond(&body).await.ok();
            assert_eq!(response["model"], name);
            let stored = proxy.get(&super::path(&response)).await.ok();
            assert_eq!(stored["model"], name);
            let heard = proxy.respond_stream(&body).await.heard().await;
            assert_eq!(heard.ended_with("completed")["model"], name);
            assert_eq!(Vec::from_iter(heard.models), [name]);
            assert_eq!(upstream.last_request().body["model"], "gpt-5.2");
        }
        proxy.stop().await;
    });
}

#[test]
fn a_body_of_chat_is_answered_with_a_response() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        let proxy = forward(&upstream).await;
        let response = proxy.respond(&codex::ask("Hi.")).await.ok();
        assert_eq!(response["object"], "response");
        assert_eq!(said(&response), "Hello");
        assert_eq!(upstream.last_request().lines(), ["user: Hi."]);
        // Nothing can follow it: there are no items of it to keep.
        assert_eq!(response["store"], false);
        proxy.get(&super::path(&response)).await.error(404);

        let heard = proxy.respond_stream(&codex::ask("Hi.")).await.heard().await;
        assert_eq!(said(heard.ended_with("completed")), "Hello");
        proxy.stop().await;
    });
}

#[test]
fn a_body_of_responses_is_answered_with_a_completion_where_chat_lives() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Hel", "lo"]));
        let proxy = forward(&upstream).await;
        let completion = proxy.chat(&ask("Hi.")).await.ok();
        assert_eq!(completion["object"], "chat.completion");
        assert_eq!(completion["choices"][0]["message"]["content"], "Hello");
        let said = proxy.stream(&ask("Hi.")).await.said().await;
        said.ended_with("stop");
        assert_eq!(said.deltas, ["Hel", "lo"]);
        proxy.stop().await;
    });
}

#[test]
fn a_websocket_is_refused_in_the_words_that_the_codex_cli_knows() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        for path in ["/v1/responses", "/responses"] {
            let request = proxy.request(Method::GET, path);
            let request = request
                .header("connection", "Upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
            let answer = Answer::read(request.send().await.unwrap()).await;
            answer.error(426);
            // Without the wish for one it is a method that there is not.
            proxy.get(path).await.error(405);
        }
        proxy.stop().await;
    });
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_place() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        for (fields, param) in [
            (json!({ "input": 7 }), "input"),
            (json!({ "input": [] }), "input"),
            (json!({ "input": [{ "role": "user" }] }), "input[0].content"),
            (json!({ "text": { "verbosity": "loud" } }), "text.verbosity"),
            (
                json!({ "reasoning": { "effort": "immense" } }),
                "reasoning.effort",
            ),
            (json!({ "previous_response_id": 7 }), "previous_response_id"),
        ] {
            let answer = proxy.respond(&with(ask("Hi."), fields)).await;
            answer.error(400);
            assert_eq!(answer.body["error"]["param"], param, "{}", answer.body);
        }
        assert_eq!(upstream.connections(), 0);
        proxy.stop().await;
    });
}
