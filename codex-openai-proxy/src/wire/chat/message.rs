//! `messages` of a request.

use crate::{
    turn::TurnError,
    wire::{
        dropped::Dropped,
        invalid,
        object::{Field, Object},
    },
};
use serde_json::Value;

/// One message of the conversation, by its `role`.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// `system` and `developer`, which mean the same.
    Developer {
        /// What is said; text only.
        content: Vec<ContentPart>,
    },
    /// `user`.
    User {
        /// What is said; text and images.
        content: Vec<ContentPart>,
    },
    /// `assistant`.
    Assistant {
        /// What was said: text and refusals. Empty where the message only calls tools.
        content: Vec<ContentPart>,
        /// The calls that were made.
        tool_calls: Vec<PastToolCall>,
    },
    /// `tool`.
    Tool {
        /// The call that this answers.
        tool_call_id: String,
        /// The answer; text and images.
        content: Vec<ContentPart>,
    },
}

/// A piece of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentPart {
    /// `text`, and `input_text` and `output_text` of the Responses API, which some clients mix in.
    Text(String),
    /// `image_url`, and `input_image` of the Responses API.
    Image {
        /// The address, as it came.
        url: String,
        /// `detail`, as it came.
        detail: Option<String>,
        /// The path of the field that holds the address.
        param: String,
    },
    /// `refusal`: what the assistant said in place of an answer.
    Refusal(String),
}

/// An entry of an assistant message's `tool_calls`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastToolCall {
    /// The id that the result refers to.
    pub id: String,
    /// The tool, and what it was given.
    pub tool: CalledTool,
}

/// What was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalledTool {
    /// A function.
    Function {
        /// Its name.
        name: String,
        /// JSON text.
        arguments: String,
    },
    /// A custom tool.
    Custom {
        /// Its name.
        name: String,
        /// Free text.
        input: String,
    },
}

const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];

impl Message {
    /// Reads one element of `messages`.
    pub(super) fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mut object = field.object()?;
        let role = object.required_string("role")?;
        let message = match role.as_str() {
            "system" | "developer" => Self::Developer {
                content: read_content(object.required("content")?, PartKinds::Text, dropped)?,
            },
            "user" => Self::User {
                content: read_content(object.required("content")?, PartKinds::TextImage, dropped)?,
            },
            "assistant" => Self::read_assistant(&mut object, dropped)?,
            "tool" => {
                // The tool's name, which the call that it answers has told.
                object.string("name")?;
                Self::Tool {
                    tool_call_id: object.filled_string("tool_call_id")?,
                    content: read_content(
                        object.required("content")?,
                        PartKinds::TextImage,
                        dropped,
                    )?,
                }
            }
            "function" => {
                return Err(invalid::value(
                    object.path_to("role"),
                    "function messages are no longer supported; use 'tools' and messages with \
                     role 'tool'.",
                ));
            }
            other => return Err(invalid::word(object.path_to("role"), other, &ROLES)),
        };
        object.finish(dropped);
        Ok(message)
    }

    fn read_assistant(object: &mut Object, dropped: &mut Dropped) -> Result<Self, TurnError> {
        if object.has("function_call") {
            return Err(invalid::unsupported(
                object.path_to("function_call"),
                "Use 'tool_calls' instead.",
            ));
        }
        if object.has("audio") {
            return Err(invalid::unsupported(
                object.path_to("audio"),
                "Audio is not supported.",
            ));
        }
        let mut content = match object.field("content") {
            Some(field) => read_content(field, PartKinds::TextRefusal, dropped)?,
            None => Vec::new(),
        };
        if let Some(refusal) = object.string("refusal")? {
            content.push(ContentPart::Refusal(refusal));
        }
        let tool_calls = match object.field("tool_calls") {
            Some(field) => field
                .array()?
                .map(|call| PastToolCall::read(call, dropped))
                .collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        Ok(Self::Assistant {
            content,
            tool_calls,
        })
    }
}

impl PastToolCall {
    fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mut object = field.object()?;
        // Clients echo the position that the call had in the stream.
        object.take("index");
        let id = object.filled_string("id")?;
        let kind = object.string("type")?;
        let tool = match kind.as_deref() {
            Some("function") | None => {
                let mut function = object.required("function")?.object()?;
                let tool = CalledTool::Function {
                    name: function.filled_string("name")?,
                    arguments: function.required_string("arguments")?,
                };
                function.finish(dropped);
                tool
            }
            Some("custom") => {
                let mut custom = object.required("custom")?.object()?;
                let tool = CalledTool::Custom {
                    name: custom.filled_string("name")?,
                    input: custom.required_string("input")?,
                };
                custom.finish(dropped);
                tool
            }
            Some(other) => {
                return Err(invalid::word(
                    object.path_to("type"),
                    other,
                    &["function", "custom"],
                ));
            }
        };
        object.finish(dropped);
        Ok(Self { id, tool })
    }
}

/// The kinds of parts that a role may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartKinds {
    Text,
    TextImage,
    TextRefusal,
}

impl PartKinds {
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["text"],
            Self::TextImage => &["text", "image_url"],
            Self::TextRefusal => &["text", "refusal"],
        }
    }
}

/// Reads `content`: a string or a list of parts.
fn read_content(
    field: Field,
    kinds: PartKinds,
    dropped: &mut Dropped,
) -> Result<Vec<ContentPart>, TurnError> {
    match field.value {
        Value::String(text) => Ok(vec![ContentPart::Text(text)]),
        Value::Array(_) => field
            .array()?
            .map(|part| read_part(part, kinds, dropped))
            .collect(),
        other => Err(invalid::wrong_type(
            field.path,
            "a string or an array of parts",
            &other,
        )),
    }
}

fn read_part(
    field: Field,
    kinds: PartKinds,
    dropped: &mut Dropped,
) -> Result<ContentPart, TurnError> {
    let mut object = field.object()?;
    let kind = object.required_string("type")?;
    let part = match (kind.as_str(), kinds) {
        ("text" | "input_text" | "output_text", _) => {
            ContentPart::Text(object.required_string("text")?)
        }
        ("image_url" | "input_image", PartKinds::TextImage) => read_image(&mut object, dropped)?,
        ("refusal", PartKinds::TextRefusal) => {
            ContentPart::Refusal(object.required_string("refusal")?)
        }
        (other, _) => return Err(invalid::word(object.path_to("type"), other, kinds.words())),
    };
    object.finish(dropped);
    Ok(part)
}

/// Reads the address from `image_url: {url, detail}` (Chat Completions) or from `image_url: "…"`
/// with `detail` beside it (Responses).
fn read_image(object: &mut Object, dropped: &mut Dropped) -> Result<ContentPart, TurnError> {
    let field = object.required("image_url")?;
    if field.value.is_string() {
        return Ok(ContentPart::Image {
            param: field.path.clone(),
            url: field.string()?,
            detail: object.string("detail")?,
        });
    }
    let mut image = field.object()?;
    let part = ContentPart::Image {
        param: image.path_to("url"),
        url: image.required_string("url")?,
        detail: image.string("detail")?,
    };
    image.finish(dropped);
    Ok(part)
}
