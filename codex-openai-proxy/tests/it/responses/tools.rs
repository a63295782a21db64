//! Loops of tool calls that go on by `previous_response_id`.

use super::{ask, follow, function, output, with};
use crate::{
    harness::{
        Client,
        codex::forward,
        responses::{calls, said},
        run,
    },
    upstream::{Reply, Upstream},
};
use serde_json::{Value, json};

/// A reply that thinks and then calls `look` twice.
fn looking() -> Reply {
    Reply::stream()
        .thought("sealed-1")
        .call("call_0", "look", "{\"at\":0}")
        .call("call_1", "look", "{\"at\":1}")
        .completed()
}

/// The input after [`looking`] was answered.
const LOOKED: [&str; 6] = [
    "user: Look.",
    "reasoning: sealed-1",
    "call call_0 look {\"at\":0}",
    "call call_1 look {\"at\":1}",
    "output call_0: a bird",
    "output call_1: a cat",
];

/// What comes of a request, streamed or not.
async fn respond(client: &Client, body: &Value, streamed: bool) -> Value {
    if !streamed {
        return client.respond(body).await.ok();
    }
    let heard = client.respond_stream(body).await.heard().await;
    heard.ended_with("completed").clone()
}

#[test]
fn results_go_on_with_the_turn_that_waits_for_them() {
    run(async {
        for streamed in [false, true] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            upstream.reply(looking());
            let seen = Reply::stream().thought("sealed-2").message(&["Seen."]);
            upstream.reply(seen.completed());
            upstream.reply(Reply::text(&["Bye."]));
            let tools = json!({ "tools": [function("look")] });

            let body = with(ask("Look."), tools.clone());
            let first = respond(&proxy, &body, streamed).await;
            assert_eq!(
                calls(&first),
                [
                    ["function_call", "call_0", "look", "{\"at\":0}"],
                    ["function_call", "call_1", "look", "{\"at\":1}"],
                ]
            );
            let results = json!([output("call_0", "a bird"), output("call_1", "a cat")]);
            let body = with(follow(&first, results), tools.clone());
            let second = respond(&proxy, &body, streamed).await;
            assert_eq!(said(&second), "Seen.");
            assert_eq!(second["previous_response_id"], first["id"]);
            let third = respond(&proxy, &follow(&second, "Thanks."), streamed).await;
            assert_eq!(said(&third), "Bye.");

            let requests = upstream.requests();
            assert_eq!(requests.len(), 3, "one model call for each response");
            assert_eq!(requests[1].lines(), LOOKED);
            let mut lines = LOOKED.to_vec();
            lines.extend(["reasoning: sealed-2", "assistant: Seen.", "user: Thanks."]);
            assert_eq!(requests[2].lines(), lines);
            assert_eq!(
                requests[0].turn(),
                requests[1].turn(),
                "the turn that waited"
            );
            for request in &requests {
                assert_eq!(request.cache_key(), requests[0].cache_key());
            }
            proxy.stop().await;
        }
    });
}

#[test]
fn a_client_that_keeps_its_chat_itself_goes_on_with_the_turn_too() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(looking());
        upstream.reply(Reply::text(&["Seen."]));
        let fields = json!({
            "tools": [function("look")],
            "store": false,
            "include": ["reasoning.encrypted_content"],
        });
        let mut input = vec![json!({ "role": "user", "content": "Look." })];
        let body = with(ask(input.clone()), fields.clone());
        let first = proxy.respond(&body).await.ok();
        // What came back is sent again as it is.
        input.extend(first["output"].as_array().unwrap().iter().cloned());
        input.extend([output("call_0", "a bird"), output("call_1", "a cat")]);
        let second = proxy.respond(&with(ask(input), fields)).await.ok();
        assert_eq!(said(&second), "Seen.");
        let requests = upstream.requests();
        assert_eq!(requests[1].lines(), LOOKED);
        assert_eq!(requests[0].turn(), requests[1].turn());
        proxy.stop().await;
    });
}

#[test]
fn a_tool_in_a_namespace_is_called_by_both_of_its_names() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(
            Reply::stream()
                .call("call_0", "files__read", "{}")
                .call("call_1", "read", "{}")
                .completed(),
        );
        upstream.reply(Reply::text(&["Done."]));
        let tools = json!({ "tools": [
            { "type": "namespace", "name": "files", "description": "Files.",
              "tools": [function("read")] },
            function("read"),
        ] });
        let body = with(ask("Read."), tools.clone());
        let heard = proxy.respond_stream(&body).await.heard().await;
        let first = heard.ended_with("completed");
        let names: Vec<_> = heard
            .items
            .iter()
            .map(|item| (item["namespace"].as_str(), item["name"].as_str()))
            .collect();
        assert_eq!(names, [(Some("files"), Some("read")), (None, Some("read"))]);
        let results = json!([output("call_0", "one"), output("call_1", "two")]);
        let second = proxy.respond(&with(follow(first, results), tools)).await;
        assert_eq!(said(&second.ok()), "Done.");
        let requests = upstream.requests();
        assert_eq!(requests[0].tool_names(), ["files__read", "read"]);
        assert_eq!(
            requests[1].lines(),
            [
                "user: Read.",
                "call call_0 files__read {}",
                "call call_1 read {}",
                "output call_0: one",
                "output call_1: two",
            ]
        );
        assert_eq!(requests[0].turn(), requests[1].turn());
        proxy.stop().await;
    });
}

#[test]
fn the_result_of_a_custom_tool_goes_on_with_its_turn() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        // A name that core has for a tool of its own, and the Codex CLI for its own too.
        let arguments = json!({ "input": "*** Begin Patch" }).to_string();
        let calling = arguments.clone();
        upstream.otherwise(move |seen| match seen.lines().len() {
            1 => {
                let name = seen.tool_names()[0];
                let reply = Reply::stream().call("call_0", name, &calling);
                reply.completed()
            }
            _ => Reply::text(&["Patched."]),
        });
        let tools = json!({ "tools": [{ "type": "custom", "name": "apply_patch" }] });
        let first = proxy.respond(&with(ask("Edit."), tools.clone())).await.ok();
        let call = [
            "custom_tool_call",
            "call_0",
            "apply_patch",
            "*** Begin Patch",
        ];
        assert_eq!(calls(&first), [call]);
        let result = json!([{
            "type": "custom_tool_call_output", "call_id": "call_0", "output": "done",
        }]);
        let second = proxy.respond(&with(follow(&first, result), tools)).await;
        assert_eq!(said(&second.ok()), "Patched.");
        let requests = upstream.requests();
        assert_eq!(
            requests[1].lines(),
            [
                "user: Edit.".to_owned(),
                format!("call call_0 {} {arguments}", requests[0].tool_names()[0]),
                "output call_0: done".to_owned(),
            ]
        );
        assert_eq!(requests[0].turn(), requests[1].turn());
        proxy.stop().await;
    });
}

#[test]
fn a_result_of_no_call_is_refused() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(looking());
        let tools = json!({ "tools": [function("look")] });
        let first = proxy.respond(&with(ask("Look."), tools.clone())).await.ok();
        let result = json!([output("call_7", "a bird")]);
        let body = with(follow(&first, result), tools.clone());
        proxy.respond(&body).await.error(400);
        // And so are words while calls wait for their results.
        let body = with(follow(&first, "Never mind."), tools);
        proxy.respond(&body).await.error(400);
        assert_eq!(upstream.requests().len(), 1);
        proxy.stop().await;
    });
}
