//! Bodies of requests for a reply, on their way to every engine.

use codex_openai_proxy::{
    conversation::{Alignment, Block, Transcript, align, blocks, chains},
    translate::{
        ToolNames, Translated,
        chat::{self, Dialect, ReasoningStyle},
        from_client,
        responses::{self, Echo, ResponseHead, ResponseWriter, WriterOptions},
    },
    turn::{Aliases, Catalog, Item, ModelName, Sends, ToolChoice, TurnError},
    wire::{
        object::Object,
        request::{Glimpse, RequestBody},
    },
};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Reads a body, and writes it for providers of both APIs.
///
/// # Panics
///
/// A refusal is not the client's fault, a turn breaks what [`TurnRequest`](codex_openai_proxy::turn::TurnRequest)
/// promises, or what is written for a provider cannot be read again.
pub fn check(body: &[u8]) {
    if let Ok(object) = Object::parse(body) {
        repeated(&object);
    }
    let glimpse = Glimpse::of(body);
    let parsed = match RequestBody::parse(body, None) {
        Ok(parsed) => parsed,
        Err(error) => return refused(&error),
    };
    let common = parsed.common();
    assert_eq!(glimpse.model.as_ref(), Some(&common.model));
    assert_eq!(glimpse.stream, common.stream);
    assert_eq!(glimpse.entries, parsed.entries());
    match translate(parsed) {
        Ok(translated) => honest(&translated),
        Err(error) => refused(&error),
    }
}

/// The first line, without its end, and the rest.
pub fn split_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (&[], data),
    }
}

fn translate(request: RequestBody) -> Result<Translated, TurnError> {
    let sent = request.common().model.clone();
    let name = ModelName::resolve(&sent, &Aliases::default(), &Catalog::default());
    from_client(request, &name)
}

/// What a response says of the request behind it can be written.
fn repeated(request: &Object) {
    let head = ResponseHead {
        id: "resp_x".to_owned(),
        created_at: 1,
        model: "m".to_owned(),
        conversation: None,
        store: false,
        echo: Echo::of(request),
    };
    let options = WriterOptions {
        reasoning: ReasoningStyle::Off,
        include_encrypted: false,
        tool_names: ToolNames::default(),
    };
    let response = json!(ResponseWriter::new(head, options).response());
    for always in [
        "instructions",
        "tools",
        "tool_choice",
        "metadata",
        "temperature",
        "top_p",
    ] {
        assert!(response.get(always).is_some(), "{always} is missing");
    }
}

/// A refusal has to be the client's fault, and to say what it is.
fn refused(error: &TurnError) {
    match error {
        TurnError::InvalidRequest { message, .. } => assert!(!message.is_empty()),
        TurnError::UnknownToolCall { param, .. } => assert!(!param.is_empty()),
        TurnError::MissingToolResults { call_ids, param } => {
            assert!(!call_ids.is_empty() && !param.is_empty());
        }
        other => panic!("{other:?}"),
    }
}

fn honest(translated: &Translated) {
    let turn = &translated.turn;
    assert!(!turn.items.is_empty(), "nothing is asked");
    assert!(translated.dropped.len() <= 65, "{:?}", translated.dropped);
    let mut open = HashSet::new();
    let mut strays = false;
    for item in &turn.items {
        match item {
            Item::Message { content, .. } => assert!(!content.is_empty(), "{item:?}"),
            Item::Reasoning(text) => assert!(!text.is_empty()),
            Item::ToolCall(call) => assert!(open.insert(&call.id), "two calls: {call:?}"),
            Item::ToolResult { call_id, param, .. } => {
                strays |= !open.remove(call_id);
                assert!(!param.is_empty());
            }
        }
    }
    assert!(open.is_empty(), "calls without results: {open:?}");
    let names: HashSet<&str> = turn.tools.iter().map(|tool| tool.name.as_str()).collect();
    if let ToolChoice::Named(name) = &turn.tool_choice {
        assert!(names.contains(name.as_str()), "{name} is not offered");
    }
    let blocks = blocks(&turn.items);
    let mut next = 0;
    for block in &blocks {
        assert_eq!(block.items.start, next, "blocks follow each other");
        assert!(!block.items.is_empty());
        next = block.items.end;
    }
    assert_eq!(next, turn.items.len());
    recognised(&blocks, next);

    let body = responses::to_upstream(turn, "m");
    assert_eq!(sent(&body)["model"], "m");
    understood(&body);
    match chat::to_upstream(turn, "m", &Dialect::default()) {
        Ok(written) => {
            assert!(!strays, "a result of no call was sent");
            assert_eq!(sent(&written.body)["model"], "m");
            understood(&written.body);
        }
        Err(error) => assert!(strays, "{error:?}"),
    }
}

/// What was said is known when it is sent again, also after a restart.
fn recognised(blocks: &[Block], items: usize) {
    let mut transcript = Transcript::default();
    for block in blocks {
        transcript.push(block.digest, block.items.end);
    }
    let kept = Transcript::from_bytes(&transcript.to_bytes());
    assert_eq!(kept.as_ref(), Some(&transcript));
    assert_eq!(chains(blocks).last(), Some(&transcript.chain()));
    for sends in [Sends::Whole, Sends::Either] {
        let alignment = align(&transcript, blocks, sends);
        assert_eq!(alignment, Alignment::Append { from: items });
    }
}

fn sent(body: &[u8]) -> Value {
    match serde_json::from_slice(body) {
        Ok(sent) => sent,
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(body)),
    }
}

/// What is written for a provider is a request that this proxy takes as well.
fn understood(body: &[u8]) {
    let read = RequestBody::parse(body, None).and_then(translate);
    assert!(read.is_ok(), "{read:?}: {}", String::from_utf8_lossy(body));
}
