//! The messages of a request into instructions and items.

use crate::{
    turn::{ImageDetail, Item, Part, Role, ToolCall, TurnError},
    wire::{
        chat::{CalledTool, ContentPart, Message, PastToolCall},
        invalid,
    },
};
use std::collections::HashMap;

/// What the messages of a request say.
#[derive(Debug, PartialEq)]
pub(super) struct Conversation {
    /// The leading system and developer messages.
    pub instructions: Option<String>,
    /// The rest; never empty.
    pub items: Vec<Item>,
}

/// Reads the messages.
///
/// System and developer messages before any other become the instructions. Where there is no
/// other, the last of them stays an item: a model has to be asked something.
pub(super) fn conversation(messages: Vec<Message>) -> Result<Conversation, TurnError> {
    let mut reader = Reader::default();
    for (at, message) in messages.into_iter().enumerate() {
        reader.read(at, message)?;
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    /// The texts of the leading messages.
    leading: Vec<String>,
    /// Another message has come: what leads is over.
    past_leading: bool,
    items: Vec<Item>,
    /// The calls that were made, by id.
    calls: HashMap<String, Call>,
}

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    /// Made by the message at this position, and not answered yet.
    Open(usize),
    Answered,
}

impl Reader {
    fn read(&mut self, at: usize, message: Message) -> Result<(), TurnError> {
        match message {
            Message::Developer { content } => {
                let mut texts = texts(content);
                if self.past_leading {
                    if !texts.is_empty() {
                        let content = texts.into_iter().map(Part::Text).collect();
                        self.message(Role::Developer, content);
                    }
                } else {
                    self.leading.append(&mut texts);
                }
                return Ok(());
            }
            Message::User { content } => {
                let content = parts(content)?;
                self.message(Role::User, content);
            }
            Message::Assistant {
                content,
                tool_calls,
            } => {
                let content = without_thoughts(texts(content));
                if !content.is_empty() {
                    self.message(Role::Assistant, content);
                }
                for (nth, call) in tool_calls.into_iter().enumerate() {
                    self.tool_call(at, nth, call)?;
                }
            }
            Message::Tool {
                tool_call_id,
                content,
            } => self.tool_result(at, tool_call_id, content)?,
        }
        self.past_leading = true;
        Ok(())
    }

    fn message(&mut self, role: Role, content: Vec<Part>) {
        self.items.push(Item::Message { role, content });
    }

    fn tool_call(&mut self, at: usize, nth: usize, call: PastToolCall) -> Result<(), TurnError> {
        if self.calls.insert(call.id.clone(), Call::Open(at)).is_some() {
            return Err(invalid::value(
                format!("messages[{at}].tool_calls[{nth}].id"),
                "an earlier tool call has the same id.",
            ));
        }
        let (name, arguments) = match call.tool {
            CalledTool::Function { name, arguments } => (name, arguments),
            CalledTool::Custom { name, input } => (name, input),
        };
        self.items.push(Item::ToolCall(ToolCall {
            id: call.id,
            name,
            arguments,
        }));
        Ok(())
    }

    fn tool_result(
        &mut self,
        at: usize,
        call_id: String,
        content: Vec<ContentPart>,
    ) -> Result<(), TurnError> {
        match self.calls.get_mut(&call_id) {
            Some(call @ Call::Open(_)) => *call = Call::Answered,
            Some(Call::Answered) => {
                return Err(invalid::value(
                    format!("messages[{at}].tool_call_id"),
                    "an earlier message has answered this tool call.",
                ));
            }
            None => {
                return Err(TurnError::invalid(
                    format!("messages[{at}].tool_call_id"),
                    "Invalid parameter: messages with role 'tool' must be a response to a \
                     preceeding message with 'tool_calls'.",
                ));
            }
        }
        self.items.push(Item::ToolResult {
            call_id,
            output: parts(content)?,
        });
        Ok(())
    }

    fn finish(mut self) -> Result<Conversation, TurnError> {
        self.check_answers()?;
        if self.items.is_empty() {
            let Some(last) = self.leading.pop() else {
                return Err(invalid::value(
                    "messages".to_owned(),
                    "there is nothing to answer: every message is empty.",
                ));
            };
            self.message(Role::Developer, vec![Part::Text(last)]);
        }
        let instructions = match self.leading.len() {
            // The usual case, and often long: moved, not copied.
            0 | 1 => self.leading.pop(),
            _ => Some(self.leading.join("\n\n")),
        };
        Ok(Conversation {
            instructions,
            items: self.items,
        })
    }

    /// Refuses calls without a result, and names those of the first message that has some.
    fn check_answers(&self) -> Result<(), TurnError> {
        let open = self.calls.values().filter_map(|call| match call {
            Call::Open(at) => Some(*at),
            Call::Answered => None,
        });
        let Some(first) = open.min() else {
            return Ok(());
        };
        let ids: Vec<&str> = self
            .items
            .iter()
            .filter_map(|item| match item {
                Item::ToolCall(call) => Some(call.id.as_str()),
                _ => None,
            })
            .filter(|id| self.calls.get(*id) == Some(&Call::Open(first)))
            .collect();
        Err(TurnError::invalid(
            format!("messages[{first}].tool_calls"),
            format!(
                "An assistant message with 'tool_calls' must be followed by tool messages \
                 responding to each 'tool_call_id'. The following tool_call_ids did not have \
                 response messages: {}",
                ids.join(", ")
            ),
        ))
    }
}

/// The texts of parts that are nothing else, without the empty ones.
fn texts(content: Vec<ContentPart>) -> Vec<String> {
    content
        .into_iter()
        .filter_map(|part| match part {
            ContentPart::Text(text) | ContentPart::Refusal(text) => Some(text),
            ContentPart::Image { .. } => None,
        })
        .filter(|text| !text.is_empty())
        .collect()
}

/// Content that must stay even where it says nothing: an empty answer is an answer.
fn parts(content: Vec<ContentPart>) -> Result<Vec<Part>, TurnError> {
    let mut parts = Vec::with_capacity(content.len().max(1));
    for part in content {
        match part {
            ContentPart::Text(text) | ContentPart::Refusal(text) => {
                if !text.is_empty() {
                    parts.push(Part::Text(text));
                }
            }
            ContentPart::Image { url, detail, param } => {
                parts.push(image(url, detail.as_deref(), param)?);
            }
        }
    }
    if parts.is_empty() {
        parts.push(Part::Text(String::new()));
    }
    Ok(parts)
}

fn image(url: String, detail: Option<&str>, param: String) -> Result<Part, TurnError> {
    const SCHEMES: [&str; 3] = ["data:image/", "https://", "http://"];

    let known = SCHEMES.iter().any(|scheme| {
        url.as_bytes()
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    });
    if !known {
        return Err(invalid::value(
            param,
            "expected a data URL of an image, or an http or https URL.",
        ));
    }
    let detail = match detail {
        None => None,
        Some("auto") => Some(ImageDetail::Auto),
        Some("low") => Some(ImageDetail::Low),
        Some("high") => Some(ImageDetail::High),
        Some("original") => Some(ImageDetail::Original),
        Some(other) => {
            let supported = ["auto", "low", "high", "original"];
            let holder = param.strip_suffix(".url");
            // In the flat form, `detail` stands beside `image_url`.
            let holder = holder.or_else(|| param.strip_suffix(".image_url"));
            let param = format!("{}.detail", holder.unwrap_or(&param));
            return Err(invalid::word(param, other, &supported));
        }
    };
    Ok(Part::Image { url, detail, param })
}

/// An assistant's texts without the reasoning that opens them: clients echo the `<think>` blocks
/// which they were sent, and no model should read those as its own answer.
fn without_thoughts(texts: Vec<String>) -> Vec<Part> {
    let mut parts = Vec::with_capacity(texts.len());
    for mut text in texts {
        if parts.is_empty() {
            strip_thoughts(&mut text);
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
    }
    parts
}

/// Cuts `<think>…</think>` blocks off the start of `text`, with the white space around them. A
/// block without an end is what is left of a reply that was broken off while it thought.
fn strip_thoughts(text: &mut String) {
    let mut rest = text.as_str();
    while let Some(thought) = rest.trim_start().strip_prefix("<think>") {
        rest = match thought.split_once("</think>") {
            Some((_, after)) => after.trim_start(),
            None => "",
        };
    }
    let cut = text.len() - rest.len();
    text.drain(..cut);
}
