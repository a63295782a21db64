//! Replies of Chat Completions.

use super::{
    Failure,
    heard::{Content, garbled},
    told::{ErrorObject, Text},
};
use serde::{Deserialize, de::IgnoredAny};

/// A chunk of a stream, or a reply in one piece.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
    usage: Option<IgnoredAny>,
    error: Option<ErrorObject>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, alias = "message", default)]
    delta: Delta<'a>,
    finish_reason: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
}

/// Hears the data of one event.
pub(super) fn chunk(data: &[u8], content: &mut Content) -> Result<(), Failure> {
    if content.is_closed() {
        return Err(garbled("more behind [DONE]", data));
    }
    match data {
        b"[DONE]" => content.closed(),
        _ => hear(data, content),
    }
}

/// Hears a reply in one piece.
pub(super) fn whole(body: &[u8], content: &mut Content) -> Result<(), Failure> {
    hear(body, content)?;
    content.closed()
}

fn hear(json: &[u8], content: &mut Content) -> Result<(), Failure> {
    let chunk: Chunk<'_> =
        serde_json::from_slice(json).map_err(|error| garbled(&error.to_string(), json))?;
    if let Some(error) = chunk.error {
        content.told(error.code(), error.message);
    }
    content.id(&chunk.id.0);
    if chunk.usage.is_some() {
        content.usage();
    }
    for choice in chunk.choices {
        if let Some(text) = choice.delta.content {
            content.text(&text.0)?;
        }
        for call in choice.delta.tool_calls.unwrap_or_default() {
            let Function { name, arguments } = call.function;
            let [id, name, arguments] = [call.id, name, arguments].map(Option::unwrap_or_default);
            content.call(&id.0, &name.0, &arguments.0)?;
        }
        if choice.finish_reason.is_some() {
            content.finished()?;
        }
    }
    Ok(())
}
