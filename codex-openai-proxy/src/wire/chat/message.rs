//! `messages` of a request.

use crate::{
    turn::TurnError,
    wire::{
        content::{ContentPart, PartKinds, read_content},
        dropped::Dropped,
        invalid,
        object::{Field, Object},
        tools::CalledTool,
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
        /// What was thought, in plain words: `reasoning_content`, or `reasoning`. Empty where the
        /// message does not tell.
        reasoning: String,
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

/// An entry of an assistant message's `tool_calls`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastToolCall {
    /// The id that the result refers to.
    pub id: String,
    /// The tool, and what it was given.
    pub tool: CalledTool,
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
            reasoning: read_reasoning(object),
            content,
            tool_calls,
        })
    }
}

/// The first of the two fields that holds text. They are of model servers and in no reference, so
/// they are left to be noted, as fields without an effect on engines that keep their own.
fn read_reasoning(object: &mut Object) -> String {
    for name in ["reasoning_content", "reasoning"] {
        if let Some(Value::String(text)) = object.get_mut(name)
            && !text.is_empty()
        {
            return std::mem::take(text);
        }
    }
    String::new()
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
                let tool = CalledTool::read_function(&mut function)?;
                function.finish(dropped);
                tool
            }
            Some("custom") => {
                let mut custom = object.required("custom")?.object()?;
                let tool = CalledTool::read_custom(&mut custom)?;
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
