//! Properties of the wire formats, the translators and model names, over random input.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

#[path = "properties/completions.rs"]
mod completions;
#[path = "properties/costs.rs"]
mod costs;
#[path = "properties/names.rs"]
mod names;
#[path = "properties/providers.rs"]
mod providers;
// What fuzzing holds streams to as well.
#[path = "../fuzz/checks/response_client.rs"]
mod response_client;
#[path = "properties/responses.rs"]
mod responses;

use codex_openai_proxy::{
    translate::{
        chat::{ChunkWriter, ReasoningStyle, ReplyFolder, ReplyHead},
        from_client,
    },
    turn::{
        Aliases, Catalog, ConversationId, FinishReason, ModelName, ToolCall, ToolKind, TurnError,
        TurnEvent, TurnRequest, Usage,
    },
    wire::{
        chat::Message,
        content::ContentPart,
        request::RequestBody,
        sse::{self, Decoder, Event},
    },
};
use proptest::{collection::vec, option, prelude::*, sample::Index};
use serde_json::{Value, json};

const ENOUGH: usize = 1 << 20;

/// Feeds `bytes` in pieces that end at `cuts`.
fn decode(bytes: &[u8], cuts: &[Index]) -> Vec<Event> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let mut decoder = Decoder::new(ENOUGH);
    let mut events = Vec::new();
    let mut from = 0;
    for to in cuts {
        decoder.feed(&bytes[from..to], &mut events).unwrap();
        from = to;
    }
    events
}

/// Bytes that look more like an event stream than chance would have it.
fn stream_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"data:".to_vec()),
        Just(b"event: x".to_vec()),
        Just(b": ".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"\xef\xbb\xbf".to_vec()),
        vec(any::<u8>(), 0..6),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn frames_survive_any_split(texts in vec(any::<String>(), 0..8), cuts in vec(any::<Index>(), 0..12)) {
        let mut bytes = Vec::new();
        for text in &texts {
            sse::write_data(&mut bytes, text);
            bytes.extend_from_slice(sse::KEEP_ALIVE);
        }
        bytes.extend_from_slice(sse::DONE);
        let mut events = decode(&bytes, &cuts);
        prop_assert_eq!(events.pop().unwrap().data, "[DONE]");
        let decoded: Vec<String> = events
            .iter()
            .map(|event| serde_json::from_str(&event.data).unwrap())
            .collect();
        prop_assert_eq!(decoded, texts);
    }

    #[test]
    fn how_a_stream_is_split_makes_no_difference(bytes in stream_bytes(), cuts in vec(any::<Index>(), 0..12)) {
        prop_assert_eq!(decode(&bytes, &cuts), decode(&bytes, &[]));
    }

    #[test]
    fn no_event_is_longer_than_the_limit(pieces in vec(stream_bytes(), 0..6), limit in 0..64_usize) {
        let mut decoder = Decoder::new(limit);
        let mut events = Vec::new();
        let mut failed = false;
        for piece in &pieces {
            let result = decoder.feed(piece, &mut events);
            prop_assert!(!failed || result.is_err(), "an error must last");
            failed = result.is_err();
        }
        for event in events {
            // A byte that is not UTF-8 turns into three.
            prop_assert!(event.data.len() <= 3 * limit);
        }
    }
}

/// Text without the one character that the `<think>` tags begin with.
fn text() -> impl Strategy<Value = String> {
    "[^<]{1,12}"
}

fn events() -> impl Strategy<Value = Vec<TurnEvent>> {
    let event = prop_oneof![
        4 => text().prop_map(TurnEvent::Text),
        3 => text().prop_map(TurnEvent::Reasoning),
        1 => (text(), text()).prop_map(|(name, arguments)| TurnEvent::ToolCall(ToolCall {
            id: String::new(),
            name,
            kind: ToolKind::Function,
            arguments,
        })),
    ];
    vec(event, 0..20).prop_map(|mut events| {
        let calls = events.iter_mut().filter_map(|event| match event {
            TurnEvent::ToolCall(call) => Some(call),
            _ => None,
        });
        for (at, call) in calls.enumerate() {
            call.id = format!("call_{at}");
        }
        events
    })
}

fn style() -> impl Strategy<Value = ReasoningStyle> {
    prop_oneof![
        Just(ReasoningStyle::Think),
        Just(ReasoningStyle::Content),
        Just(ReasoningStyle::Off),
    ]
}

fn usage() -> impl Strategy<Value = Option<Usage>> {
    option::of(any::<[u32; 4]>().prop_map(|counts| Usage {
        input: counts[0].into(),
        cached: counts[1].into(),
        output: counts[2].into(),
        reasoning: counts[3].into(),
    }))
}

/// Splits content into what stands outside `<think>` blocks and what stands inside them.
fn split_thoughts(content: &str) -> (String, String) {
    let (mut outside, mut inside) = (String::new(), String::new());
    let mut pieces = content.split("<think>");
    outside.push_str(pieces.next().unwrap());
    for piece in pieces {
        let (thought, after) = piece.split_once("</think>\n\n").expect("a closed block");
        inside.push_str(thought);
        outside.push_str(after);
    }
    (outside, inside)
}

/// All reasoning among the events.
fn thoughts(events: &[TurnEvent]) -> String {
    let texts = events.iter().filter_map(|event| match event {
        TurnEvent::Reasoning(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// The concatenated strings at `pointer` of every chunk.
fn gather(chunks: &[Value], pointer: &str) -> String {
    chunks
        .iter()
        .filter_map(|chunk| chunk.pointer(pointer)?.as_str())
        .collect()
}

proptest! {
    #[test]
    fn every_reply_is_well_formed(
        events in events(),
        style in style(),
        usage in usage(),
        include_usage: bool,
        model in any::<String>(),
    ) {
        let head = ReplyHead {
            id: "chatcmpl-x".to_owned(),
            created: 1,
            model: model.clone(),
            conversation: ConversationId::new("chat-1"),
        };
        let mut writer = ChunkWriter::new(&head, style, include_usage);
        let mut folder = ReplyFolder::new(head, style);
        let mut bytes = Vec::new();
        let called = events.iter().any(|event| matches!(event, TurnEvent::ToolCall(_)));
        let reason = if called { FinishReason::ToolCalls } else { FinishReason::Stop };
        let end = TurnEvent::Finished { reason, usage };
        for event in events.iter().cloned().chain([end.clone()]) {
            folder.on_event(event.clone());
            writer.on_event(event, &mut bytes);
        }
        let length = bytes.len();
        writer.on_event(end, &mut bytes);
        prop_assert_eq!(bytes.len(), length, "nothing may follow the end");

        let mut frames = decode(&bytes, &[]);
        prop_assert_eq!(frames.pop().unwrap().data, "[DONE]");
        let chunks: Vec<Value> = frames
            .iter()
            .map(|frame| serde_json::from_str(&frame.data).unwrap())
            .collect();

        // One id, one model, one conversation; the role once and first; one finish reason, after every delta.
        for chunk in &chunks {
            prop_assert_eq!(&chunk["id"], "chatcmpl-x");
            prop_assert_eq!(&chunk["model"], &json!(model));
            prop_assert_eq!(&chunk["conversation_id"], "chat-1");
        }
        let roles: Vec<bool> = chunks
            .iter()
            .map(|chunk| chunk.pointer("/choices/0/delta/role").is_some())
            .collect();
        prop_assert!(roles[0] && !roles[1..].contains(&true));
        let told = usize::from(usage.is_some() && include_usage);
        let finished = chunks.len() - 1 - told;
        for (at, chunk) in chunks.iter().enumerate() {
            let reason = chunk.pointer("/choices/0/finish_reason").and_then(Value::as_str);
            let expected = if called { "tool_calls" } else { "stop" };
            prop_assert_eq!(reason, (at == finished).then_some(expected));
            prop_assert_eq!(chunk.get("usage").is_some(), include_usage);
            prop_assert_eq!(chunk.get("usage").is_some_and(Value::is_object), at > finished);
        }

        // What was said is what arrives.
        let answer: String = events
            .iter()
            .filter_map(|event| match event { TurnEvent::Text(text) => Some(text.as_str()), _ => None })
            .collect();
        let content = gather(&chunks, "/choices/0/delta/content");
        let beside = gather(&chunks, "/choices/0/delta/reasoning_content");
        match style {
            ReasoningStyle::Think => {
                // What is thought in the middle of an answer is told beside it.
                let answering = events
                    .iter()
                    .position(|event| match event {
                        TurnEvent::Text(text) => !text.is_empty(),
                        event => matches!(event, TurnEvent::ToolCall(_)),
                    })
                    .unwrap_or(events.len());
                prop_assert_eq!(
                    split_thoughts(&content),
                    (answer, thoughts(&events[..answering]))
                );
                prop_assert_eq!(&beside, &thoughts(&events[answering..]));
            }
            ReasoningStyle::Content => {
                prop_assert_eq!(&content, &answer);
                prop_assert_eq!(&beside, &thoughts(&events));
            }
            ReasoningStyle::Off => {
                prop_assert_eq!(&content, &answer);
                prop_assert_eq!(&beside, "");
            }
        }
        let mut calls: Vec<Value> = chunks
            .iter()
            .filter_map(|chunk| chunk.pointer("/choices/0/delta/tool_calls/0").cloned())
            .collect();
        for (at, call) in calls.iter_mut().enumerate() {
            let index = call.as_object_mut().unwrap().shift_remove("index");
            prop_assert_eq!(index, Some(json!(at)));
        }

        // The reply in one piece says the same.
        let reply = serde_json::to_value(folder.finish().unwrap()).unwrap();
        prop_assert_eq!(&reply["conversation_id"], "chat-1");
        let message = &reply["choices"][0]["message"];
        prop_assert_eq!(message["content"].as_str().unwrap_or_default(), content);
        prop_assert_eq!(message["reasoning_content"].as_str().unwrap_or_default(), beside);
        prop_assert_eq!(message.get("tool_calls").cloned().unwrap_or(json!([])), json!(calls));
        prop_assert_eq!(reply.get("usage").is_some(), usage.is_some());
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_<>é]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("[a-z_]{1,8}", inner), 0..4).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// The same request for Responses.
fn full_input() -> Value {
    json!({
        "model": "hgih-2.5-tpg",
        "instructions": "Be kind.",
        "conversation_id": "mine",
        "metadata": {"cursorConversationId": "theirs", "x": "1"},
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "Look."},
                {"type": "input_image", "image_url": "https://x/1.png", "detail": "low"},
            ]},
            {"type": "reasoning", "summary": [], "encrypted_content": "x"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "b", "name": "c", "input": "x"},
            {"type": "function_call_output", "call_id": "a", "output": "1"},
            {"type": "custom_tool_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "2"}]},
        ],
        "tools": [
            {"type": "function", "name": "f", "parameters": {"type": "object"}},
            {"type": "custom", "name": "c", "format": {"type": "text"}},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "custom", "name": "c"},
        "parallel_tool_calls": false,
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {}, "strict": true}},
        "previous_response_id": null,
        "background": false,
        "stream": true,
    })
}

/// A request that uses most fields.
fn full_request() -> Value {
    json!({
        "model": "hgih-2.5-tpg",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [
                {"type": "text", "text": "Look."},
                {"type": "image_url", "image_url": {"url": "https://x/1.png", "detail": "low"}},
            ]},
            {"role": "assistant", "content": "<think>hm</think>\n\nYes.", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "custom", "custom": {"name": "c", "input": "x"}},
            ]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
            {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "s: X"}},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "stream": true,
        "stream_options": {"include_usage": true},
        "reasoning_effort": "high",
        "reasoning": {"effort": "low", "summary": "auto"},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": true}},
        "verbosity": "low",
        "service_tier": "flex",
        "n": 1,
        "modalities": ["text"],
    })
}

/// Every place in a value, as JSON pointers.
fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                places(value, &format!("{at}/{index}"), out);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                places(value, &format!("{at}/{name}"), out);
            }
        }
        _ => {}
    }
}

/// Reads a body as far as it goes. A refusal must be the client's fault.
fn read(body: &[u8]) {
    match turn(body) {
        Ok(turn) => assert!(!turn.items.is_empty()),
        Err(
            TurnError::InvalidRequest { .. }
            | TurnError::MissingToolResults { .. }
            | TurnError::UnknownToolCall { .. },
        ) => {}
        Err(other) => panic!("{other:?}"),
    }
}

fn turn(body: &[u8]) -> Result<TurnRequest, TurnError> {
    let request = RequestBody::parse(body, None)?;
    let sent = &request.common().model;
    let name = ModelName::resolve(sent, &Aliases::default(), &Catalog::default());
    Ok(from_client(request, &name)?.turn)
}

#[test]
fn the_full_requests_are_taken() {
    for request in [full_request(), full_input()] {
        let turn = turn(request.to_string().as_bytes()).unwrap();
        assert_eq!(turn.model, "gpt-5.2");
        assert_eq!(turn.instructions.as_deref(), Some("Be kind."));
        assert_eq!(turn.items.len(), 6);
        assert_eq!(turn.tools.len(), 2);
    }
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused(value in any_json()) {
        read(value.to_string().as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in vec(any::<u8>(), 0..64)) {
        read(&body);
    }

    #[test]
    fn a_request_with_a_strange_part_is_read_or_refused(
        of_responses: bool,
        place in any::<Index>(),
        part in any_json(),
    ) {
        let mut request = if of_responses { full_input() } else { full_request() };
        let mut all = Vec::new();
        places(&request, "", &mut all);
        *request.pointer_mut(&all[place.index(all.len())]).unwrap() = part;
        read(request.to_string().as_bytes());
    }

    #[test]
    fn user_text_is_never_changed(text in any::<String>()) {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": text}]});
        let request = RequestBody::parse(body.to_string().as_bytes(), None);
        let Ok(RequestBody::Chat(request)) = request else { panic!("{request:?}") };
        prop_assert_eq!(
            request.messages,
            [Message::User { content: vec![ContentPart::Text(text)] }]
        );
    }
}
