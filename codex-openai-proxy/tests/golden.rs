//! Golden fixtures of the translators.
//!
//! Each folder under `golden/chat`, whose requests are of Chat Completions, and under
//! `golden/responses`, whose requests are of Responses, is a case: `request.json` gives `turn.json`, or `error.json`
//! where it is refused; `events.json`, where there is one, gives `reply.sse` and, unless the turn
//! fails, `reply.json`, which are of Chat Completions. Under `golden/responses` it gives
//! `reply.responses.sse` and `reply.responses.json` too. `UPDATE_GOLDEN=1 cargo test --test golden` writes what comes out; read the
//! difference before you commit it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "golden/response.rs"]
mod response;

use codex_openai_proxy::{
    translate::{
        Translated,
        chat::{ChunkWriter, ReasoningStyle, ReplyFolder, ReplyHead},
        from_client,
    },
    turn::{
        Aliases, Catalog, ConversationId, Effort, FinishReason, Item, Model, ModelName,
        OutputFormat, Part, ToolCall, ToolChoice, ToolKind, TurnError, TurnEvent, Usage,
    },
    wire::{error::ErrorBody, request::RequestBody},
};
use serde_json::{Map, Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn chat() {
    check_all("chat", 30);
}

#[test]
fn responses() {
    check_all("responses", 8);
}

/// Runs the cases of a folder, which holds at least `least`.
fn check_all(folder: &str, least: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(folder);
    let mut cases: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    assert!(cases.len() >= least, "cases are missing: {cases:?}");
    let wrong: Vec<String> = cases.iter().flat_map(|case| check(case)).collect();
    assert!(
        wrong.is_empty(),
        "these differ (UPDATE_GOLDEN=1 rewrites them):\n{}",
        wrong.join("\n")
    );
}

/// Runs a case; returns what differs.
fn check(case: &Path) -> Vec<String> {
    let body = fs::read(case.join("request.json")).unwrap();
    let mut produced: Vec<(&str, Option<String>)> = Vec::new();
    match translate(&body) {
        Ok((translated, model)) => {
            produced.push(("turn.json", Some(pretty(&render_turn(&translated)))));
            produced.push(("error.json", None));
            if let Ok(events) = fs::read(case.join("events.json")) {
                let (stream, reply) = answer(&events, &model, translated.include_usage);
                produced.push(("reply.sse", Some(stream)));
                produced.push(("reply.json", reply));
                if case.parent().unwrap().ends_with("responses") {
                    let (stream, reply) = response::answer(&body, &events, &model, &translated);
                    produced.push(("reply.responses.sse", Some(stream)));
                    produced.push(("reply.responses.json", Some(reply)));
                }
            }
        }
        Err(error) => {
            produced.push(("turn.json", None));
            produced.push(("error.json", Some(pretty(&render_error(&error)))));
        }
    }

    let mut wrong = Vec::new();
    for (name, text) in produced {
        let path = case.join(name);
        if fs::read_to_string(&path).ok() == text {
            continue;
        }
        wrong.push(path.display().to_string());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            match text {
                Some(text) => fs::write(&path, text).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
        }
    }
    wrong
}

fn translate(body: &[u8]) -> Result<(Translated, ModelName), TurnError> {
    let model = |slug: &str, efforts: &[Effort]| Model {
        slug: slug.to_owned(),
        efforts: efforts.to_vec(),
        provider: "openai".to_owned(),
    };
    let catalog = Catalog {
        models: vec![
            model(
                "gpt-5.2",
                &[Effort::Low, Effort::Medium, Effort::High, Effort::XHigh],
            ),
            model("gpt-5.1-codex-max", &[Effort::Medium, Effort::High]),
        ],
    };
    let aliases: Aliases = [("quick".to_owned(), "gpt-5.2-low".to_owned())]
        .into_iter()
        .collect();
    let request = RequestBody::parse(body, None)?;
    let name = ModelName::resolve(&request.common().model, &aliases, &catalog);
    Ok((from_client(request, &name)?, name))
}

/// What the client gets for the events: the stream, and the reply in one piece.
fn answer(events: &[u8], model: &ModelName, include_usage: bool) -> (String, Option<String>) {
    let events: Value = serde_json::from_slice(events).unwrap();
    let style = read_style(&events);
    let head = ReplyHead {
        id: "chatcmpl-golden".to_owned(),
        created: 1_750_000_000,
        model: model.sent.clone(),
        conversation: ConversationId::new("conv_golden"),
    };
    let mut chunks = ChunkWriter::new(&head, style, include_usage);
    let mut folder = ReplyFolder::new(head, style);
    let mut stream = Vec::new();
    for event in events["events"].as_array().unwrap() {
        if event == "overflow" {
            chunks.on_overflow(&mut stream);
            let reply = pretty(&serde_json::to_value(folder.overflow()).unwrap());
            return (String::from_utf8(stream).unwrap(), Some(reply));
        }
        if let Some(message) = event["error"].as_str() {
            chunks.on_error(&ErrorBody::new("server_error", message), &mut stream);
        } else {
            let event = read_event(event);
            folder.on_event(event.clone());
            chunks.on_event(event, &mut stream);
        }
    }
    let reply = folder
        .finish()
        .map(|reply| pretty(&serde_json::to_value(reply).unwrap()));
    (String::from_utf8(stream).unwrap(), reply)
}

fn read_style(events: &Value) -> ReasoningStyle {
    match events["style"].as_str() {
        Some("think") => ReasoningStyle::Think,
        Some("content") => ReasoningStyle::Content,
        Some("off") => ReasoningStyle::Off,
        other => panic!("no such style: {other:?}"),
    }
}

fn read_event(event: &Value) -> TurnEvent {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let index = |value: &Value| value["index"].as_u64().unwrap().try_into().unwrap();
    let kind_of = |value: &Value| match value["custom"] {
        Value::Bool(true) => ToolKind::Custom,
        _ => ToolKind::Function,
    };
    let (kind, value) = event.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "text" => TurnEvent::Text(text(value)),
        "message_end" => TurnEvent::MessageEnd,
        "reasoning" => TurnEvent::Reasoning(text(value)),
        "reasoning_break" => TurnEvent::ReasoningBreak,
        "reasoning_end" => TurnEvent::ReasoningEnd {
            sealed: value["sealed"].as_str().map(str::to_owned),
        },
        "tool_call_begun" => TurnEvent::ToolCallBegun {
            index: index(value),
            id: text(&value["id"]),
            name: text(&value["name"]),
            kind: kind_of(value),
        },
        "tool_call_delta" => TurnEvent::ToolCallDelta {
            index: index(value),
            arguments: text(&value["arguments"]),
        },
        "tool_call" => TurnEvent::ToolCall(ToolCall {
            id: text(&value["id"]),
            name: text(&value["name"]),
            kind: kind_of(value),
            arguments: text(&value["arguments"]),
        }),
        "finished" => TurnEvent::Finished {
            reason: match value["reason"].as_str() {
                Some("stop") => FinishReason::Stop,
                Some("tool_calls") => FinishReason::ToolCalls,
                Some("length") => FinishReason::Length,
                Some("content_filter") => FinishReason::ContentFilter,
                other => panic!("no such reason: {other:?}"),
            },
            usage: value["usage"].as_object().map(|usage| Usage {
                input: usage["input"].as_u64().unwrap(),
                cached: usage["cached"].as_u64().unwrap(),
                output: usage["output"].as_u64().unwrap(),
                reasoning: usage["reasoning"].as_u64().unwrap(),
            }),
        },
        other => panic!("no such event: {other}"),
    }
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap();
    text.push('\n');
    text
}

fn render_error(error: &TurnError) -> Value {
    match error {
        TurnError::InvalidRequest {
            message,
            param,
            code,
        } => json!({"message": message, "param": param, "code": code}),
        TurnError::MissingToolResults { call_ids, param } => {
            json!({"missing_results": call_ids, "param": param})
        }
        TurnError::UnknownToolCall { call_id, param } => {
            json!({"unknown_call": call_id, "param": param})
        }
        other => panic!("not the client's fault: {other:?}"),
    }
}

/// A turn as JSON; what is at its default is left out.
fn render_turn(translated: &Translated) -> Value {
    let turn = &translated.turn;
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    if let Some(named) = &turn.conversation {
        let sends = format!("{:?}", named.sends);
        put(
            "conversation",
            json!({"id": named.id.as_str(), "sends": sends}),
        );
    }
    put("model", json!(turn.model));
    if let Some(instructions) = &turn.instructions {
        put("instructions", json!(instructions));
    }
    put("items", turn.items.iter().map(render_item).collect());
    if !turn.tools.is_empty() {
        let tools = turn.tools.iter().map(|tool| {
            let rendered = json!({
                "name": tool.name,
                "description": tool.function_description(),
                "parameters": tool.parameters,
                "strict": tool.strict,
            });
            marked(rendered, tool.kind)
        });
        put("tools", tools.collect());
    }
    match &turn.tool_choice {
        ToolChoice::Auto => {}
        other => _ = put("tool_choice", json!(format!("{other:?}"))),
    }
    if !turn.parallel_tool_calls {
        put("parallel_tool_calls", json!(false));
    }
    if let Some(effort) = turn.reasoning.effort {
        put("effort", json!(effort.as_str()));
    }
    if let Some(summary) = turn.reasoning.summary {
        put("summary", json!(format!("{summary:?}")));
    }
    if let Some(verbosity) = turn.verbosity {
        put("verbosity", json!(format!("{verbosity:?}")));
    }
    match &turn.output {
        OutputFormat::Text => {}
        OutputFormat::JsonObject => _ = put("output", json!("json_object")),
        OutputFormat::JsonSchema {
            name,
            schema,
            strict,
        } => {
            put(
                "output",
                json!({"name": name, "schema": schema, "strict": strict}),
            );
        }
    }
    if let Some(tier) = &turn.service_tier {
        put("service_tier", json!(tier));
    }
    put("stream", json!(translated.stream));
    put("include_usage", json!(translated.include_usage));
    put("dropped", json!(translated.dropped));
    Value::Object(out)
}

fn render_item(item: &Item) -> Value {
    match item {
        Item::Message { role, content } => json!({
            "role": format!("{role:?}"),
            "content": content.iter().map(render_part).collect::<Value>(),
        }),
        Item::Reasoning(text) => json!({"reasoning": text}),
        Item::ToolCall(call) => {
            let rendered = json!({
                "call": call.id,
                "name": call.name,
                "arguments": call.arguments,
            });
            marked(rendered, call.kind)
        }
        Item::ToolResult {
            call_id,
            output,
            param,
        } => json!({
            "result": call_id,
            "param": param,
            "output": output.iter().map(render_part).collect::<Value>(),
        }),
    }
}

/// Says so of a custom tool, or of a call to one.
fn marked(mut rendered: Value, kind: ToolKind) -> Value {
    if kind == ToolKind::Custom {
        rendered["custom"] = json!(true);
    }
    rendered
}

fn render_part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!(text),
        Part::Image { url, detail, param } => json!({
            "image": url,
            "detail": detail.map(|detail| format!("{detail:?}")),
            "param": param,
        }),
    }
}
