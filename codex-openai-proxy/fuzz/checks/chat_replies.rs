//! What a provider of Chat Completions answers: each line is the data of one event, and all of it is
//! tried as a reply in one piece too.

use super::{
    told::{self, Told},
    writers,
};
use codex_openai_proxy::{
    translate::chat::CompletionReader,
    turn::{Tool, ToolKind, TurnError, TurnEvent},
};
use serde_json::json;

/// The tools that were offered. Some names begin with others; one tool is a custom one.
pub fn tools() -> Vec<Tool> {
    let tool = |name: &str, kind| Tool {
        name: name.to_owned(),
        description: None,
        grammar: None,
        parameters: json!({"type": "object", "properties": {}}),
        strict: false,
        kind,
    };
    let mut tools = ["read", "read_all", "weather"]
        .map(|name| tool(name, ToolKind::Function))
        .to_vec();
    tools.push(tool("patch", ToolKind::Custom));
    tools
}

/// Reads a reply as a stream and in one piece.
///
/// # Panics
///
/// It ends twice or not at all, tells something twice, or cannot be written for a client.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.lines().collect();
    let (events, failure) = stream(&lines);
    let told = writers::write(&events, failure.as_ref());
    bounded(&told, &text);

    let mut events = Vec::new();
    let mut reader = CompletionReader::new(&tools(), "seed");
    let read = reader.on_whole(data, &mut events);
    let told = writers::write(&events, read.err().as_ref());
    bounded(&told, &text);
}

/// The events of a stream, and the error that ended it.
fn stream(lines: &[&str]) -> (Vec<TurnEvent>, Option<TurnError>) {
    let mut reader = CompletionReader::new(&tools(), "seed");
    told::stream(lines.iter().copied(), |data, events| match data {
        Some(data) => reader.on_data(data, events),
        None => reader.finish(events),
    })
}

/// A provider sends each byte once, so that the client cannot get more than came. Calls without
/// arguments get two braces.
fn bounded(told: &Told, sent: &str) {
    let most = sent.len() + 2 * told.calls.len();
    assert!(
        told.length() <= most,
        "{} of {most} bytes: {told:?}",
        told.length()
    );
}
