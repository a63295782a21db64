//! The events of a stream, in their order, and the object that they add up to.

use super::{ask, function, with};
use crate::{
    harness::{codex::forward, responses::Heard, run},
    upstream::{CACHED, INPUT, OUTPUT, REASONING, Reply, Upstream},
};
use serde_json::{Value, json};

/// What is heard of `reply`, as a stream.
async fn heard(reply: Reply, fields: Value) -> Heard {
    let upstream = Upstream::start().await;
    let proxy = forward(&upstream).await;
    upstream.reply(reply);
    let body = with(ask("Go."), fields);
    let heard = proxy.respond_stream(&body).await.heard().await;
    heard.ended_with("completed");
    check_places(&heard);
    proxy.stop().await;
    heard
}

/// Asserts that each event which belongs to an item names the item as the response does.
#[track_caller]
fn check_places(heard: &Heard) {
    let ids: Vec<&Value> = heard.items.iter().map(|item| &item["id"]).collect();
    for event in &heard.events {
        let Some(index) = event["output_index"].as_u64() else {
            continue;
        };
        let named = event.get("item_id").unwrap_or(&event["item"]["id"]);
        assert_eq!(named, ids[usize::try_from(index).unwrap()], "{event}");
    }
    let mut different = ids.clone();
    different.dedup();
    assert_eq!(different, ids);
}

/// The types of the events of items, without `response.` in front.
fn item_events(heard: &Heard) -> Vec<&str> {
    let kinds = heard.kinds();
    assert_eq!(kinds[..2], ["response.created", "response.in_progress"]);
    assert_eq!(kinds.last(), Some(&"response.completed"));
    let inner = &kinds[2..kinds.len() - 1];
    let names = inner.iter().map(|kind| kind.strip_prefix("response."));
    names.map(Option::unwrap).collect()
}

#[test]
fn text_comes_as_one_message() {
    run(async {
        let heard = heard(Reply::text(&["Hel", "lo"]), json!({})).await;
        assert_eq!(
            item_events(&heard),
            [
                "output_item.added",
                "content_part.added",
                "output_text.delta",
                "output_text.delta",
                "output_text.done",
                "content_part.done",
                "output_item.done",
            ]
        );
        let numbers = heard.events.iter().map(|event| &event["sequence_number"]);
        let rising: Vec<Value> = (0..heard.events.len()).map(Value::from).collect();
        assert!(numbers.eq(rising.iter()), "{:?}", heard.kinds());
        assert_eq!(heard.deltas, ["Hel", "lo"]);
        let created = &heard.events[0]["response"];
        assert_eq!(created["status"], "in_progress");
        assert_eq!(created["output"], json!([]));
        let response = heard.ended_with("completed");
        assert_eq!(response["id"], created["id"]);
        let message = &response["output"][0];
        assert_eq!(message["status"], "completed");
        assert_eq!(message["role"], "assistant");
        assert_eq!(message["content"][0]["text"], "Hello");
        assert_eq!(
            response["usage"],
            json!({
                "input_tokens": INPUT,
                "input_tokens_details": { "cached_tokens": CACHED, "cache_write_tokens": 0 },
                "output_tokens": OUTPUT,
                "output_tokens_details": { "reasoning_tokens": REASONING },
                "total_tokens": INPUT + OUTPUT,
            })
        );
    });
}

#[test]
fn a_summary_in_two_parts_stays_in_two_parts() {
    run(async {
        let reply = Reply::stream()
            .reasoning_parts(&[&["First ", "this."], &["Then that."]])
            .message(&["Done."])
            .completed();
        let heard = heard(reply, json!({ "reasoning": { "summary": "auto" } })).await;
        let part = |deltas: usize| {
            let mut part = vec!["reasoning_summary_part.added"];
            part.extend(vec!["reasoning_summary_text.delta"; deltas]);
            part.extend(["reasoning_summary_text.done", "reasoning_summary_part.done"]);
            part
        };
        let mut expected = vec!["output_item.added"];
        expected.extend(part(2));
        expected.extend(part(1));
        expected.extend([
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
        ]);
        assert_eq!(item_events(&heard), expected);
        let reasoning = &heard.items[0];
        assert_eq!(reasoning["type"], "reasoning");
        assert_eq!(
            reasoning["summary"],
            json!([
                { "type": "summary_text", "text": "First this." },
                { "type": "summary_text", "text": "Then that." },
            ])
        );
        let deltas = heard
            .events
            .iter()
            .filter(|event| event["type"] == "response.reasoning_summary_text.delta");
        let indices: Vec<_> = deltas.map(|event| event["summary_index"].clone()).collect();
        assert_eq!(indices, [0, 0, 1]);
    });
}

#[test]
fn sealed_reasoning_is_for_those_who_ask_for_it() {
    run(async {
        let shown = || Reply::stream().reasoning(&["Hm."]).message(&["Done."]);
        let hidden = || Reply::stream().thought("sealed").message(&["Done."]);
        let include = json!({ "include": ["reasoning.encrypted_content"] });

        let with_seal = heard(shown().completed(), include.clone()).await;
        assert_eq!(with_seal.items[0]["encrypted_content"], "sealed");
        assert_eq!(with_seal.reasoning, "Hm.");
        let without = heard(shown().completed(), json!({})).await;
        assert_eq!(without.items[0]["type"], "reasoning");
        assert_eq!(without.items[0].get("encrypted_content"), None);

        // Where there is nothing to show, the seal is all there is.
        let with_seal = heard(hidden().completed(), include).await;
        assert_eq!(with_seal.items.len(), 2);
        assert_eq!(with_seal.items[0]["summary"], json!([]));
        assert_eq!(with_seal.items[0]["encrypted_content"], "sealed");
        let without = heard(hidden().completed(), json!({})).await;
        assert_eq!(without.items.len(), 1, "{:?}", without.items);
    });
}

#[test]
fn each_call_is_an_item() {
    run(async {
        let arguments = r#"{"at":1}"#;
        let reply = Reply::stream()
            .message(&["I will."])
            .call("call_1", "look", arguments)
            .call("call_2", "look", "{}")
            .completed();
        let heard = heard(reply, json!({ "tools": [function("look")] })).await;
        let mut expected = vec![
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
        ];
        for _ in 0..2 {
            expected.extend([
                "output_item.added",
                "function_call_arguments.delta",
                "function_call_arguments.done",
                "output_item.done",
            ]);
        }
        assert_eq!(item_events(&heard), expected);
        assert_eq!(
            heard.calls(),
            [
                ["function_call", "call_1", "look", arguments],
                ["function_call", "call_2", "look", "{}"],
            ]
        );
    });
}

#[test]
fn a_custom_tool_is_called_with_its_text() {
    run(async {
        let patch = "*** Begin Patch\n\"é\"\n*** End Patch";
        let arguments = json!({ "input": patch }).to_string();
        let reply = Reply::stream().call("call_1", "edit", &arguments);
        let tools = json!([{
            "type": "custom",
            "name": "edit",
            "description": "Edits files.",
            "format": { "type": "grammar", "syntax": "lark", "definition": "start: /.+/" },
        }]);
        let heard = heard(reply.completed(), json!({ "tools": tools })).await;
        assert_eq!(
            item_events(&heard),
            [
                "output_item.added",
                "custom_tool_call_input.delta",
                "custom_tool_call_input.done",
                "output_item.done",
            ]
        );
        let call = ["custom_tool_call", "call_1", "edit", patch];
        assert_eq!(heard.calls(), [call]);
        assert_eq!(heard.ended_with("completed")["tools"], tools);
    });
}

#[test]
fn two_messages_are_two_items() {
    run(async {
        let reply = Reply::stream()
            .message(&["First."])
            .message(&["Sec", "ond."])
            .completed();
        let heard = heard(reply, json!({})).await;
        let texts: Vec<&Value> = heard
            .items
            .iter()
            .map(|item| &item["content"][0]["text"])
            .collect();
        assert_eq!(texts, ["First.", "Second."]);
    });
}

#[test]
fn an_empty_reply_is_an_empty_message() {
    run(async {
        let heard = heard(Reply::stream().completed(), json!({})).await;
        assert_eq!(heard.items.len(), 1);
        assert_eq!(heard.items[0]["content"][0]["text"], "");
    });
}

#[test]
fn in_one_piece_it_is_what_the_stream_ends_with() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.otherwise(|_| {
            Reply::stream()
                .reasoning_parts(&[&["First."], &["Then."]])
                .message(&["Looking ", "now."])
                .call("call_1", "look", "{\"at\":1}")
                .completed()
        });
        let body = with(
            ask("Look."),
            json!({
                "instructions": "Be brief.",
                "tools": [function("look")],
                "include": ["reasoning.encrypted_content"],
                "metadata": { "purpose": "test" },
                "temperature": 0.5,
                "max_output_tokens": 500,
                "user": "somebody",
            }),
        );
        let whole = proxy.respond(&body).await.ok();
        let heard = proxy.respond_stream(&body).await.heard().await;
        let streamed = heard.ended_with("completed").clone();
        assert_ne!(whole["id"], streamed["id"]);
        assert_eq!(nameless(whole), nameless(streamed));
        proxy.stop().await;
    });
}

/// A response without what differs from one to the next.
fn nameless(mut response: Value) -> Value {
    for field in ["id", "created_at", "completed_at"] {
        response.as_object_mut().expect("an object").remove(field);
    }
    for item in response["output"].as_array_mut().expect("an output") {
        let id = item["id"].take();
        assert!(id.as_str().is_some_and(|id| id.len() > 8), "{id}");
    }
    response
}
