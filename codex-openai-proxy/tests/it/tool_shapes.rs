//! Every shape in which clients offer tools, and names, ids and schemas that the upstream would
//! refuse or codex-core would lose.

use crate::{
    harness::{
        codex::forward,
        run,
        talk::{Talk, calls, said, tool},
    },
    upstream::{Reply, Upstream},
};
use serde_json::{Value, json};

const PATCH: &str = "*** Begin Patch\n*** Update File: \"a.rs\"\n-é\n+{\"b\": 1}\n*** End Patch\n";

/// One tool of each shape, as Cursor mixes them.
fn shapes() -> Value {
    let parameters = json!({
        "type": "object",
        "properties": { "path": { "type": "string" } },
        "required": ["path"],
    });
    json!([
        { "type": "function", "function": {
            "name": "nested", "description": "The usual one.", "parameters": parameters,
        } },
        { "type": "function", "name": "flat", "description": "Without a wrapper.",
          "parameters": parameters, "strict": false },
        { "name": "typeless", "description": "Without a type.", "parameters": parameters },
        { "type": "custom", "name": "ApplyPatch", "description": "Edits files.", "format": {
            "type": "grammar", "syntax": "lark", "definition": "start: \"*** Begin Patch\"",
        } },
        { "type": "custom", "custom": { "name": "Say", "description": "Free text." } },
    ])
}

#[test]
fn every_shape_is_offered_called_and_known_again() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let free = json!({ "input": PATCH }).to_string();
        let path = r#"{"path":"a.rs"}"#;
        upstream.reply(
            Reply::stream()
                .call("call_1", "nested", path)
                .call("call_2", "flat", path)
                .call("call_3", "typeless", path)
                .call("call_4", "ApplyPatch", &free)
                .call("call_5", "Say", &free)
                .completed(),
        );
        upstream.reply(Reply::text(&["All done."]));
        upstream.reply(Reply::text(&["Bye."]));
        let mut talk = Talk::about("Use them all.").with("tools", shapes());
        let reply = talk.send(&proxy).await;
        let expected = [
            ("call_1", "nested", path),
            ("call_2", "flat", path),
            ("call_3", "typeless", path),
            ("call_4", "ApplyPatch", PATCH),
            ("call_5", "Say", PATCH),
        ];
        assert_eq!(calls(&reply), expected);
        for (id, _, _) in expected {
            talk.result(id, "done");
        }
        assert_eq!(said(&talk.send(&proxy).await), "All done.");
        talk.say("Thanks.");
        talk.send(&proxy).await;

        let offered = upstream.requests()[0].clone();
        assert_eq!(
            offered.tool_names(),
            ["nested", "flat", "typeless", "ApplyPatch", "Say"]
        );
        for tool in offered.body["tools"].as_array().unwrap() {
            assert_eq!(tool["type"], "function");
            let custom = tool["name"] == "ApplyPatch" || tool["name"] == "Say";
            let property = if custom { "input" } else { "path" };
            assert_eq!(tool["parameters"]["properties"][property]["type"], "string");
        }
        let description = offered.body["tools"][3]["description"].as_str().unwrap();
        assert!(description.starts_with("Edits files."), "{description}");
        assert!(
            description.contains("start: \"*** Begin Patch\""),
            "{description}"
        );
        for request in &upstream.requests()[1..] {
            let lines = request.lines();
            assert_eq!(lines[1], format!("call call_1 nested {path}"));
            assert_eq!(lines[4], format!("call call_4 ApplyPatch {free}"));
            assert_eq!(lines[5], format!("call call_5 Say {free}"));
            assert_eq!(lines[6], "output call_1: done");
            assert_eq!(lines[10], "output call_5: done");
        }
        let requests = upstream.requests();
        assert_eq!(requests[0].cache_key(), requests[2].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn a_custom_call_in_a_history_of_elsewhere_is_a_call_of_its_function() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.otherwise(|_| Reply::text(&["Done."]));
        // As Cursor sends it back, as OpenAI has it, and of a tool that is on offer no more.
        let function = json!({ "index": 0, "id": "call_1", "type": "function",
            "function": { "name": "ApplyPatch", "arguments": PATCH } });
        let custom = json!({ "id": "call_1", "type": "custom",
            "custom": { "name": "ApplyPatch", "input": PATCH } });
        for (call, tools) in [
            (&function, shapes()),
            (&custom, shapes()),
            (&custom, json!([tool("look")])),
        ] {
            let mut talk = Talk::about("Edit it.").with("tools", tools);
            let calling = json!({ "role": "assistant", "content": "", "tool_calls": [call] });
            talk.messages().push(calling);
            talk.result("call_1", "done");
            talk.send(&proxy).await;
            let arguments = json!({ "input": PATCH });
            assert_eq!(
                upstream.last_request().lines(),
                [
                    "user: Edit it.".to_owned(),
                    format!("call call_1 ApplyPatch {arguments}"),
                    "output call_1: done".to_owned(),
                ]
            );
        }
        proxy.stop().await;
    });
}

#[test]
fn names_are_mapped_both_ways_for_a_whole_chat() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let long = "mcp__some_server__".repeat(5);
        let names_of_client = [
            "update_plan",
            "exec",
            "wait",
            "apply_patch",
            "mcp.server/read file",
            "mcp_server_read_file",
            "größe",
            &long,
            &format!("{long}2"),
            "look",
        ];
        let count = names_of_client.len();
        // Calls every tool that is on offer, each by the name that it has there.
        upstream.otherwise(move |seen| {
            if seen.lines().len() > 1 {
                return Reply::text(&["Done."]);
            }
            let names = seen.tool_names().into_iter().enumerate();
            names
                .fold(Reply::stream(), |reply, (at, name)| {
                    reply.call(&format!("call_{at}"), name, "{}")
                })
                .completed()
        });
        let mut talk = Talk::about("Use them all.").offering(&names_of_client);
        let reply = talk.send(&proxy).await;
        let called: Vec<_> = calls(&reply).into_iter().map(|(_, name, _)| name).collect();
        assert_eq!(called, names_of_client);

        let offered = upstream.requests()[0].clone();
        let mut distinct = offered.tool_names();
        for name in &distinct {
            let plain = |letter: u8| letter.is_ascii_alphanumeric() || b"_-".contains(&letter);
            assert!(name.len() <= 64 && name.bytes().all(plain), "{name}");
        }
        for core in ["update_plan", "exec", "wait", "apply_patch"] {
            assert!(!distinct.contains(&core), "{core} is core's own");
        }
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), count);

        for at in 0..count {
            talk.result(&format!("call_{at}"), "done");
        }
        talk.send(&proxy).await;
        // The same from the client's history alone.
        let elsewhere = forward(&upstream).await;
        talk.say("Thanks.");
        talk.clone().send(&elsewhere).await;
        for request in &upstream.requests()[1..] {
            let lines = request.lines();
            for (at, name) in offered.tool_names().into_iter().enumerate() {
                assert_eq!(lines[1 + at], format!("call call_{at} {name} {{}}"));
                assert_eq!(lines[1 + count + at], format!("output call_{at}: done"));
            }
        }
        assert_eq!(upstream.requests().len(), 3);
        proxy.stop().await;
        elsewhere.stop().await;
    });
}

#[test]
fn long_ids_of_calls_are_shortened_alike_in_call_and_result() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.otherwise(|_| Reply::text(&["Done."]));
        let ids = ["a", "b"].map(|end| format!("call_{}{end}", "0123456789".repeat(8)));
        let mut talk = Talk::about("Look.").offering(&["look"]);
        let called: Vec<Value> = ids
            .iter()
            .map(|id| {
                let function = json!({ "name": "look", "arguments": "{}" });
                json!({ "id": id, "type": "function", "function": function })
            })
            .collect();
        talk.messages()
            .push(json!({ "role": "assistant", "content": null, "tool_calls": called }));
        talk.result(&ids[1], "right");
        talk.result(&ids[0], "left");
        talk.send(&proxy).await;
        talk.say("Again.");
        talk.send(&proxy).await;

        let requests = upstream.requests();
        let input = requests[0].body["input"].as_array().unwrap();
        let id = |at: usize| input[at]["call_id"].as_str().unwrap();
        assert!(id(1).len() <= 64 && id(2).len() <= 64);
        assert_ne!(id(1), id(2));
        let mut lines = vec![
            "user: Look.".to_owned(),
            format!("call {} look {{}}", id(1)),
            format!("call {} look {{}}", id(2)),
            format!("output {}: left", id(1)),
            format!("output {}: right", id(2)),
        ];
        assert_eq!(requests[0].lines(), lines);
        lines.extend(["assistant: Done.", "user: Again."].map(str::to_owned));
        assert_eq!(requests[1].lines(), lines);
        assert_eq!(requests[0].cache_key(), requests[1].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn what_a_schema_says_reaches_the_model() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(Reply::text(&["Done."]));
        let schema = json!({
            "type": "object",
            "properties": {
                "count": {
                    "type": "integer", "description": "How many.",
                    "minimum": 3, "maximum": 41, "default": 17, "multipleOf": 2,
                },
                "name": {
                    "type": "string", "pattern": "^[a-z]+_x$",
                    "minLength": 5, "maxLength": 23, "format": "hostname",
                },
                "tags": {
                    "type": "array", "minItems": 2, "maxItems": 9, "uniqueItems": true,
                    "items": {
                        "type": "object",
                        "properties": {
                            "kind": { "const": "leaf" },
                            "when": { "type": "string", "format": "date-time",
                                      "examples": ["2024-05-06T07:08:09Z"] },
                        },
                    },
                },
                "how": { "type": "string", "enum": ["fast", "slow"] },
            },
            "required": ["count"],
            "additionalProperties": false,
        });
        let tools = json!([{ "type": "function", "function": {
            "name": "look", "description": "Looks.", "parameters": schema,
        } }]);
        Talk::about("Look.").with("tools", tools).send(&proxy).await;
        let parameters = &upstream.only_request().body["tools"][0]["parameters"];
        let properties = &parameters["properties"];
        // What core's schema type has stays what it was.
        assert_eq!(properties["count"]["type"], "integer");
        assert_eq!(properties["how"]["enum"], json!(["fast", "slow"]));
        assert_eq!(parameters["required"], json!(["count"]));
        assert_eq!(parameters["additionalProperties"], json!(false));
        // The rest is said where it stood.
        let inner = &properties["tags"]["items"]["properties"];
        let said_at: [(&str, &Value, &[&str]); 5] = [
            (
                "count",
                &properties["count"],
                &["How many.", "3", "41", "17", "multiple"],
            ),
            (
                "name",
                &properties["name"],
                &["^[a-z]+_x$", "5", "23", "hostname"],
            ),
            ("tags", &properties["tags"], &["2", "9", "unique"]),
            ("kind", &inner["kind"], &["leaf"]),
            (
                "when",
                &inner["when"],
                &["date-time", "2024-05-06T07:08:09Z"],
            ),
        ];
        for (name, node, words) in said_at {
            let description = node["description"].as_str().unwrap_or_default();
            let node = format!("{description} {}", node["enum"]);
            for word in words {
                let word = word.to_lowercase();
                let said = node.to_lowercase().contains(&word);
                assert!(said, "{name} says nothing of {word}: {node}");
            }
        }
        proxy.stop().await;
    });
}
