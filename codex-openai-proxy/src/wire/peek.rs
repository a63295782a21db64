//! A look at a request that is passed on as it came.
//!
//! Nothing of the body is built: what has to be known or changed is found in its text, and all else
//! reaches the provider byte for byte, fields that nobody here knows among it.

use super::{
    dropped::Dropped,
    invalid,
    members::{Members, Text, place},
    object::{self, Object},
    splice::{Name, Splice},
    upstream::{Content, Field, Piece},
    x_codex::{X_CODEX, XCodex},
};
use crate::turn::TurnError;
use bytes::Bytes;
use serde::{
    Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use std::{borrow::Cow, fmt, ops::Range};

/// Names the conversation.
const CONVERSATION_ID: &str = "conversation_id";

/// Fields of ours, which no provider knows.
const OURS: [&str; 2] = [CONVERSATION_ID, X_CODEX];

const NAMES: [&str; 9] = [
    "model",
    "messages",
    "input",
    "tools",
    "stream",
    "background",
    "previous_response_id",
    CONVERSATION_ID,
    X_CODEX,
];

/// The role of the user, as JSON.
const USER: &str = "\"user\"";

/// Which of OpenAI's two APIs a body belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Chat Completions.
    Chat,
    /// Responses.
    Responses,
}

/// What can be told of a request's body at a glance, and where in it a relay has to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek<'a> {
    /// The model that it names.
    pub model: Option<Cow<'a, str>>,
    /// Which API it belongs to, by its fields: one with `input` and without `messages` is of
    /// Responses, as [`RequestBody::parse`](super::request::RequestBody::parse) has it.
    pub shape: Shape,
    /// Whether it asks for a stream.
    pub stream: bool,
    /// The response that it follows.
    pub previous_response_id: Option<Cow<'a, str>>,
    /// Whether it asks for a response that is made while nobody waits for it.
    pub background: bool,
    /// Our own fields, and parts of them, that have no effect on a relay.
    pub dropped: Vec<String>,
    /// What it says to this proxy, which a relay takes out too.
    pub x_codex: XCodex,
    /// `messages` or `input`, as it stands in the text.
    entries: Option<&'a str>,
    /// `tools`, as they stand in the text.
    tools: Option<&'a str>,
    /// What a relay changes.
    splice: Splice<'a>,
}

/// The conversation that a request brings along, at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries<'a> {
    /// How many messages, or items of the input, it has.
    pub count: usize,
    /// The content of the last that is the user's, as it stands in the text.
    said: Option<&'a str>,
}

impl<'a> Peek<'a> {
    /// Looks at a body.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`] where the body is no JSON object, in the words of
    /// [`Object::parse`], or where `model` is no string or an empty one.
    pub fn of(body: &'a [u8]) -> Result<Self, TurnError> {
        let text = str::from_utf8(body).map_err(|_| not_an_object(body))?;
        let members = Members::find(text, &NAMES).map_err(|_| not_an_object(body))?;
        let model = members.get("model");
        let model = model.map(|value| read_model(body, value)).transpose()?;
        let has = |name| members.get(name).is_some();
        let mut dropped = Dropped::default();
        if has(CONVERSATION_ID) {
            dropped.note(CONVERSATION_ID.to_owned());
        }
        let x_codex = match members.get(X_CODEX) {
            Some(value) => read_x_codex(body, value, &mut dropped)?,
            None => XCodex::default(),
        };
        let (shape, entries) = if has("input") && !has("messages") {
            (Shape::Responses, members.get("input"))
        } else {
            (Shape::Chat, members.get("messages"))
        };
        Ok(Self {
            shape,
            entries,
            tools: members.get("tools"),
            stream: members.get("stream") == Some("true"),
            background: members.get("background") == Some("true"),
            x_codex,
            dropped: dropped.into_names(),
            previous_response_id: members
                .get("previous_response_id")
                .and_then(|value| serde_json::from_str(value).ok())
                .map(|Text(id)| id),
            splice: splice(text, &members),
            model,
        })
    }

    /// The model that it names, or else `default`, as on Azure's routes.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`] where there is neither.
    pub fn model_or<'m>(&'m self, default: Option<&'m str>) -> Result<&'m str, TurnError> {
        let named = self.model.as_deref().or(default);
        named.ok_or_else(|| invalid::missing("model".to_owned()))
    }

    /// The conversation in it.
    #[must_use]
    pub fn entries(&self) -> Entries<'a> {
        match self.entries {
            Some(text) if text.starts_with('"') => Entries {
                count: 1,
                said: Some(text),
            },
            Some(list) if list.starts_with('[') => {
                let mut deserializer = serde_json::Deserializer::from_str(list);
                deserializer.deserialize_seq(Walk).unwrap_or_default()
            }
            _ => Entries::default(),
        }
    }

    /// How many tools it offers.
    #[must_use]
    pub fn tools(&self) -> usize {
        let tools = self.tools.map(serde_json::from_str::<Vec<IgnoredAny>>);
        tools.and_then(Result::ok).map_or(0, |tools| tools.len())
    }

    /// The body that this is a look at, for a provider: it names `model`, and our own fields are
    /// gone from it. It is not copied where that is what it says already.
    #[must_use]
    pub fn rewrite(&self, body: &Bytes, model: &str) -> Bytes {
        if self.model.as_deref() == Some(model) && self.splice.only_renames() {
            return body.clone();
        }
        self.splice.with(&Name::new(model)).into()
    }
}

impl<'a> Entries<'a> {
    /// The texts that the user sent last.
    pub fn said(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let said = self.said.map(serde_json::from_str::<Field<Content<'a>>>);
        let said = said.and_then(Result::ok).and_then(Field::get);
        let pieces = said.into_iter().flat_map(Content::pieces);
        pieces.filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Thinking(_) => None,
        })
    }
}

/// Counts the elements of a list, and keeps what the user said last.
struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut entries = Entries::default();
        while let Some(entry) = list.next_element::<&RawValue>()? {
            entries.count += 1;
            // Most are of others, and are not looked into.
            if entry.get().contains(USER)
                && let Ok(members) = Members::find(entry.get(), &["role", "content"])
                && members.get("role") == Some(USER)
            {
                entries.said = members.get("content");
            }
        }
        Ok(entries)
    }
}

/// The error of a body that is no JSON object. It is read once more for it, so that the words are
/// the same wherever a request is refused.
fn not_an_object(body: &[u8]) -> TurnError {
    match Object::parse(body) {
        Err(error) => error,
        Ok(_) => TurnError::internal("a body is an object to one reader and not to another"),
    }
}

fn read_x_codex(body: &[u8], value: &str, dropped: &mut Dropped) -> Result<XCodex, TurnError> {
    let value: Value = serde_json::from_str(value).map_err(|_| not_an_object(body))?;
    if value.is_null() {
        return Ok(XCodex::default());
    }
    let path = X_CODEX.to_owned();
    XCodex::read(object::Field { path, value }, dropped)
}

fn read_model<'a>(body: &[u8], value: &'a str) -> Result<Cow<'a, str>, TurnError> {
    let param = || "model".to_owned();
    match serde_json::from_str(value) {
        Ok(Text(name)) if name.is_empty() => Err(invalid::empty_string(param())),
        Ok(Text(name)) => Ok(name),
        Err(_) => Err(match serde_json::from_str(value) {
            Ok(other) => invalid::wrong_type(param(), "a string", &other),
            // What is in it is no JSON after all: half of a pair of surrogates, say.
            Err(_) => not_an_object(body),
        }),
    }
}

fn splice<'a>(text: &'a str, members: &Members<'_>) -> Splice<'a> {
    let mut splice = Splice::new(text);
    let mut names = members.found.iter().map(|member| member.name);
    if !names.clone().any(|name| name == "model") {
        if members.has_others || names.any(|name| !OURS.contains(&name)) {
            splice.insert(text);
        } else {
            splice.insert_alone();
        }
    }
    // Whether a member that stays stands before the one that is looked at.
    let mut after_kept = false;
    for member in &members.found {
        after_kept |= member.after_others;
        if OURS.contains(&member.name) {
            if let Some(value) = place(text, member.value) {
                splice.cut(cut(text, value, after_kept));
            }
            continue;
        }
        after_kept = true;
        if member.name == "model" {
            // Every one of them: which counts where there are two is up to the provider.
            splice.rename(member.value);
        }
    }
    splice
}

/// The place of a member whose value is at `value`, with the comma that goes with it: the one before
/// it, or, where no member that stays is before it, the one after.
fn cut(text: &str, value: Range<usize>, after_kept: bool) -> Range<usize> {
    let before = text[..value.start].trim_end();
    let before = before.strip_suffix(':').unwrap_or(before).trim_end();
    let before = before.strip_suffix('"').unwrap_or(before);
    // However it is escaped, no quote is in the name of a field of ours.
    let name = before.rfind('"').unwrap_or(before.len());
    if after_kept {
        let comma = text[..name].rfind(',').unwrap_or(name);
        return comma..value.end;
    }
    let rest = text[value.end..].trim_start();
    let rest = rest.strip_prefix(',').unwrap_or(rest);
    name..text.len() - rest.len()
}

#[cfg(test)]
mod tests;
