//! Replies and requests of the size and shape that a coding agent causes.

use codex_openai_proxy::{
    translate::chat::ReplyHead,
    wire::{
        peek::Shape,
        sse::{self, Decoder, Event},
    },
};
use serde_json::{Value, json};

/// How many deltas a reply has.
pub const DELTAS: usize = 64;

/// How many messages a request has, and how many tools it offers.
const MESSAGES: usize = 40;
const TOOLS: usize = 12;

/// Source code, as tools return it: quotes, line feeds and indents, which JSON escapes.
const SOURCE: &str = "\
pub fn parse(line: &str) -> Result<Entry, ParseError> {
    let (name, value) = line.split_once('=').ok_or(ParseError::NoValue)?;
    if name.is_empty() {
        return Err(ParseError::NoName { line: line.to_owned() });
    }
    // \"Quoted\" values keep their blanks.
    let value = value.strip_prefix('\"').and_then(|v| v.strip_suffix('\"')).unwrap_or(value.trim());
    Ok(Entry { name: name.trim().to_owned(), value: value.to_owned() })
}
";

/// The beginning of a reply to a client.
pub fn head() -> ReplyHead {
    ReplyHead {
        id: "chatcmpl-01981d2c5f6b7c8d9e0f".to_owned(),
        created: 1_760_000_000,
        model: "my-model".to_owned(),
        conversation: None,
    }
}

/// A provider's reply as the data of its events: [`DELTAS`] pieces of text, and what belongs around them.
pub fn payloads(shape: Shape) -> Vec<String> {
    match shape {
        Shape::Chat => chat_payloads(),
        Shape::Responses => response_payloads(),
    }
}

/// The same as the stream's events.
pub fn events(shape: Shape) -> Vec<Event> {
    let mut events = Vec::new();
    for frame in frames(shape) {
        Decoder::new(usize::MAX).feed(&frame, &mut events).unwrap();
    }
    events
}

/// The same as the bytes of each event.
pub fn frames(shape: Shape) -> Vec<Vec<u8>> {
    let frame = |payload: String| {
        let name = match shape {
            Shape::Chat => String::new(),
            Shape::Responses => {
                let event: Value = serde_json::from_str(&payload).unwrap();
                format!("event: {}\n", event["type"].as_str().unwrap())
            }
        };
        format!("{name}data: {payload}\n\n").into_bytes()
    };
    payloads(shape).into_iter().map(frame).collect()
}

/// A request in the middle of a task: instructions, a long history of calls and what they brought, tools.
/// About 60 KiB.
pub fn request(shape: Shape) -> Vec<u8> {
    let instructions = format!(
        "You are a coding agent.\n{}",
        "Follow the rules. ".repeat(480)
    );
    let mut request = match shape {
        Shape::Chat => json!({
            "model": "my-model",
            "messages": [{"role": "system", "content": instructions}],
            "tools": [],
            "stream": true,
            "stream_options": {"include_usage": true},
            "temperature": 1,
        }),
        Shape::Responses => json!({
            "model": "my-model",
            "instructions": instructions,
            "input": [],
            "tools": [],
            "stream": true,
            "store": false,
            "reasoning": {"effort": "medium", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
        }),
    };
    let entries = match shape {
        Shape::Chat => &mut request["messages"],
        Shape::Responses => &mut request["input"],
    };
    let entries = entries.as_array_mut().unwrap();
    entries.push(
        json!({"role": "user", "content": "Why does `parse` lose blanks? Find out and mend it."}),
    );
    let mut step = 0;
    while entries.len() + 2 < MESSAGES {
        let arguments = json!({"path": format!("src/entry_{step}.rs"), "from": 1, "to": 400});
        let [call, result] = exchange(shape, &format!("call_{step}"), &arguments.to_string());
        entries.extend([call, result]);
        step += 1;
    }
    entries.push(json!({"role": "assistant", "content": "The value is trimmed before its quotes are taken off."}));
    entries.push(json!({"role": "user", "content": "Go on, then."}));
    request["tools"] = (0..TOOLS).map(|number| tool(shape, number)).collect();
    let mut body = Vec::new();
    sse::append_json(&mut body, &request);
    body
}

/// A call and its result.
fn exchange(shape: Shape, id: &str, arguments: &str) -> [Value; 2] {
    let output = SOURCE.repeat(4);
    match shape {
        Shape::Chat => [
            json!({"role": "assistant", "content": "", "tool_calls": [{
                "id": id, "type": "function",
                "function": {"name": "tool_0", "arguments": arguments},
            }]}),
            json!({"role": "tool", "tool_call_id": id, "content": output}),
        ],
        Shape::Responses => [
            json!({"type": "function_call", "call_id": id, "name": "tool_0", "arguments": arguments}),
            json!({"type": "function_call_output", "call_id": id, "output": output}),
        ],
    }
}

fn tool(shape: Shape, number: usize) -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let mut function = json!({
        "name": format!("tool_{number}"),
        "description": "Reads a part of a file, or what a search finds in it. ".repeat(10),
        "parameters": {
            "type": "object",
            "properties": {
                "path": text("Where the file is, from the folder that is open."),
                "pattern": text("A regular expression; all lines where there is none."),
                "from": {"type": "integer", "minimum": 1},
                "to": {"type": "integer", "minimum": 1},
                "kinds": {"type": "array", "items": {"type": "string", "enum": ["code", "text", "both"]}},
            },
            "required": ["path"],
            "additionalProperties": false,
        },
    });
    match shape {
        Shape::Chat => json!({"type": "function", "function": function}),
        Shape::Responses => {
            function["type"] = "function".into();
            function["strict"] = false.into();
            function
        }
    }
}

/// A few characters, as models send them.
fn delta(number: usize) -> &'static str {
    [
        "The",
        " value",
        " is",
        " \"trimmed\"",
        " before",
        ".\n",
        " Grüße",
        " `x`",
    ][number % 8]
}

fn chat_payloads() -> Vec<String> {
    let chunk = |delta: &Value, end: Option<&str>| {
        json!({
            "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": "chat.completion.chunk",
            "created": 1_760_000_000, "model": "llama3", "service_tier": "default",
            "system_fingerprint": "fp_44709d6fcb",
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": end}],
        })
    };
    let mut payloads = vec![chunk(&json!({"role": "assistant", "content": ""}), None)];
    payloads.extend((0..DELTAS).map(|number| chunk(&json!({"content": delta(number)}), None)));
    let mut usage = chunk(&json!({}), Some("stop"));
    payloads.push(usage.clone());
    usage["choices"] = json!([]);
    usage["usage"] = json!({
        "prompt_tokens": 1200, "completion_tokens": DELTAS, "total_tokens": 1200 + DELTAS,
        "prompt_tokens_details": {"cached_tokens": 1024},
        "completion_tokens_details": {"reasoning_tokens": 0},
    });
    payloads.push(usage);
    let mut payloads: Vec<String> = payloads.iter().map(Value::to_string).collect();
    payloads.push("[DONE]".to_owned());
    payloads
}

fn response_payloads() -> Vec<String> {
    let text: String = (0..DELTAS).map(delta).collect();
    let item = |status: &str, content: Value| json!({"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content});
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let response = |status: &str, output: Value, usage: Value| {
        json!({
            "id": "resp_1", "object": "response", "created_at": 1_760_000_000, "status": status,
            "model": "llama3", "output": output, "parallel_tool_calls": true, "tool_choice": "auto",
            "tools": [], "usage": usage,
        })
    };
    let begun = response("in_progress", json!([]), Value::Null);
    let done = item("completed", json!([part(&text)]));
    let usage = json!({
        "input_tokens": 1200, "output_tokens": DELTAS, "total_tokens": 1200 + DELTAS,
        "input_tokens_details": {"cached_tokens": 1024},
        "output_tokens_details": {"reasoning_tokens": 0},
    });
    let place = json!({"item_id": "msg_1", "output_index": 0, "content_index": 0});
    let in_place = |more: Value| {
        let mut event = more;
        let members = place.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(members);
        event
    };
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item("in_progress", json!([]))}),
        in_place(json!({"type": "response.content_part.added", "part": part("")})),
    ];
    let deltas = (0..DELTAS).map(|number| {
        in_place(
            json!({"type": "response.output_text.delta", "delta": delta(number), "logprobs": []}),
        )
    });
    events.extend(deltas);
    events.extend([
        in_place(json!({"type": "response.output_text.done", "text": text, "logprobs": []})),
        in_place(json!({"type": "response.content_part.done", "part": part(&text)})),
        json!({"type": "response.output_item.done", "output_index": 0, "item": done}),
        json!({"type": "response.completed", "response": response("completed", json!([done]), usage)}),
    ]);
    let numbered = events.into_iter().enumerate().map(|(number, mut event)| {
        event["sequence_number"] = number.into();
        event.to_string()
    });
    numbered.collect()
}
