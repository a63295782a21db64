//! The items of a turn as messages.

use crate::{
    translate::chat::calls::INPUT,
    turn::{ImageDetail, Item, Part, Role, ToolCall, ToolKind},
    wire::chat::upstream_request::{
        CalledFunction, UpstreamCall, UpstreamContent, UpstreamImage, UpstreamMessage, UpstreamPart,
    },
};
use serde_json::json;
use std::{borrow::Cow, collections::VecDeque, mem};

/// Between texts that were apart.
const PARAGRAPH: &str = "\n\n";

/// Stands in a tool's result for its images, which the message of a tool cannot hold.
const IMAGES_FOLLOW: &str = "[The images of this result follow in the next user message.]";

/// The messages of a turn. What leads is one system message, since many servers take no more.
pub(super) fn messages<'a>(
    instructions: Option<&'a str>,
    items: &'a [Item],
) -> Vec<UpstreamMessage<'a>> {
    let mut system: Vec<&str> = instructions.into_iter().collect();
    let mut rest = items;
    while let [
        Item::Message {
            role: Role::Developer,
            content,
        },
        after @ ..,
    ] = rest
    {
        system.extend(texts(content));
        rest = after;
    }
    let mut history = History::default();
    if !system.is_empty() {
        let content = joined(&system);
        history.messages.push(UpstreamMessage::System { content });
    }
    for item in rest {
        history.add(item);
    }
    history.finish()
}

/// Puts messages into the order that the API demands: the results of calls come right after the
/// message that made them, and before anything else.
#[derive(Default)]
struct History<'a> {
    messages: Vec<UpstreamMessage<'a>>,
    /// Calls of the last message that have no result yet.
    open: Vec<&'a str>,
    /// What came between calls and their results, and has to wait.
    waiting: VecDeque<&'a Item>,
    /// Images of the results, which a message of the user has to show.
    images: Vec<UpstreamPart<'a>>,
}

impl<'a> History<'a> {
    /// Adds the next item.
    fn add(&mut self, item: &'a Item) {
        let makes_way = match item {
            Item::ToolResult { call_id, .. } => self.open.contains(&call_id.as_str()),
            // The message that makes the calls may go on until the first result.
            Item::ToolCall(_)
            | Item::Message {
                role: Role::Assistant,
                ..
            } => self.is_calling() && self.waiting.is_empty(),
            Item::Message { .. } => false,
        };
        if !self.open.is_empty() && !makes_way {
            self.waiting.push_back(item);
            return;
        }
        match item {
            Item::Message { role, content } => self.message(*role, content),
            Item::ToolCall(call) => self.call(call),
            Item::ToolResult {
                call_id, output, ..
            } => self.result(call_id, output),
        }
    }

    /// The messages.
    fn finish(mut self) -> Vec<UpstreamMessage<'a>> {
        // Each call has its result; should one lack it, nothing is lost nevertheless.
        while !self.waiting.is_empty() || !self.images.is_empty() {
            self.answered();
        }
        self.messages
    }

    /// Whether the last message is the assistant's.
    fn is_calling(&self) -> bool {
        matches!(
            self.messages.last(),
            Some(UpstreamMessage::Assistant { .. })
        )
    }

    fn message(&mut self, role: Role, parts: &'a [Part]) {
        let message = match role {
            Role::User => {
                let content = content(parts);
                UpstreamMessage::User { content }
            }
            Role::Developer => {
                let content = text(parts);
                UpstreamMessage::System { content }
            }
            Role::Assistant => {
                self.answer(text(parts));
                return;
            }
        };
        self.messages.push(message);
    }

    /// More text of the assistant. All that it does at a stretch is one message.
    fn answer(&mut self, new: Cow<'a, str>) {
        if let Some(UpstreamMessage::Assistant { content, .. }) = self.messages.last_mut() {
            *content = Some(match content.take() {
                Some(text) => Cow::Owned(text.into_owned() + PARAGRAPH + &new),
                None => new,
            });
        } else {
            self.messages.push(UpstreamMessage::Assistant {
                content: Some(new),
                tool_calls: Vec::new(),
            });
        }
    }

    fn call(&mut self, call: &'a ToolCall) {
        let arguments = match call.kind {
            // Servers that read the arguments stumble over none.
            ToolKind::Function if call.arguments.trim_ascii().is_empty() => Cow::Borrowed("{}"),
            ToolKind::Function => Cow::Borrowed(&*call.arguments),
            ToolKind::Custom => Cow::Owned(json!({ INPUT: call.arguments }).to_string()),
        };
        let new = UpstreamCall {
            id: &call.id,
            function: CalledFunction {
                name: &call.name,
                arguments,
            },
        };
        self.open.push(&call.id);
        if let Some(UpstreamMessage::Assistant { tool_calls, .. }) = self.messages.last_mut() {
            tool_calls.push(new);
        } else {
            self.messages.push(UpstreamMessage::Assistant {
                content: None,
                tool_calls: vec![new],
            });
        }
    }

    fn result(&mut self, call_id: &'a str, output: &'a [Part]) {
        let mut said: Vec<&str> = texts(output).collect();
        let mut images = output.iter().filter_map(image).peekable();
        if images.peek().is_some() {
            said.push(IMAGES_FOLLOW);
            let text = Cow::Owned(format!("The images of the result of the call {call_id}:"));
            self.images.push(UpstreamPart::Text { text });
            self.images.extend(images);
        }
        self.messages.push(UpstreamMessage::Tool {
            tool_call_id: call_id,
            content: joined(&said),
        });
        self.open.retain(|open| *open != call_id);
        if self.open.is_empty() {
            self.answered();
        }
    }

    /// All calls have their results: what had to wait may come.
    fn answered(&mut self) {
        self.open.clear();
        if !self.images.is_empty() {
            let content = UpstreamContent::Parts(mem::take(&mut self.images));
            self.messages.push(UpstreamMessage::User { content });
        }
        for item in mem::take(&mut self.waiting) {
            self.add(item);
        }
    }
}

/// Content of a message: one text where it has no images.
fn content(parts: &[Part]) -> UpstreamContent<'_> {
    if parts.iter().all(|part| matches!(part, Part::Text(_))) {
        return UpstreamContent::Text(text(parts));
    }
    let parts = parts.iter().map(|part| match part {
        Part::Text(text) => UpstreamPart::Text {
            text: Cow::Borrowed(text),
        },
        Part::Image { url, detail, .. } => image_part(url, *detail),
    });
    UpstreamContent::Parts(parts.collect())
}

fn texts(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Image { .. } => None,
    })
}

fn image(part: &Part) -> Option<UpstreamPart<'_>> {
    match part {
        Part::Image { url, detail, .. } => Some(image_part(url, *detail)),
        Part::Text(_) => None,
    }
}

fn image_part(url: &str, detail: Option<ImageDetail>) -> UpstreamPart<'_> {
    let detail = detail.map(|detail| match detail {
        ImageDetail::Auto => "auto",
        ImageDetail::Low => "low",
        // Chat Completions knows nothing finer.
        ImageDetail::High | ImageDetail::Original => "high",
    });
    UpstreamPart::ImageUrl {
        image_url: UpstreamImage { url, detail },
    }
}

fn text(parts: &[Part]) -> Cow<'_, str> {
    let texts: Vec<&str> = texts(parts).collect();
    joined(&texts)
}

/// Texts as one. The usual case is a single one, which is not copied.
fn joined<'a>(texts: &[&'a str]) -> Cow<'a, str> {
    match texts {
        [text] => Cow::Borrowed(text),
        _ => Cow::Owned(texts.join(PARAGRAPH)),
    }
}
