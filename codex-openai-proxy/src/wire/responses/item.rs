//! `input` of a request.

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

/// One item of the input.
#[derive(Debug, Clone, PartialEq)]
pub enum InputItem {
    /// `message`, which may leave its `type` out.
    Message {
        /// Who speaks.
        role: InputRole,
        /// What is said: text; images of the user; refusals of the assistant.
        content: Vec<ContentPart>,
    },
    /// `function_call` and `custom_tool_call`.
    ToolCall {
        /// The id that the result refers to.
        call_id: String,
        /// The tool, and what it was given.
        tool: CalledTool,
    },
    /// `function_call_output` and `custom_tool_call_output`.
    ToolOutput {
        /// The call that this answers.
        call_id: String,
        /// The answer; text and images.
        output: Vec<ContentPart>,
    },
    /// Something that has no place in a turn here: reasoning, which the engine keeps by itself, and
    /// what OpenAI's own tools did. It was noted as dropped, and stays in the list so that the
    /// others keep their positions.
    Dropped,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputRole {
    /// `system` and `developer`, which mean the same.
    Developer,
    /// `user`.
    User,
    /// `assistant`.
    Assistant,
}

const ROLES: [&str; 4] = ["system", "developer", "user", "assistant"];

const TYPES: [&str; 6] = [
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
];

/// What OpenAI's servers do by themselves, and tell in items that clients send back.
const HOSTED_CALLS: [&str; 6] = [
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_list_tools",
    "mcp_call",
];

impl InputItem {
    /// Reads the whole field: a string is one message of the user.
    pub(super) fn read_all(field: Field, dropped: &mut Dropped) -> Result<Vec<Self>, TurnError> {
        match field.value {
            Value::String(text) => Ok(vec![Self::Message {
                role: InputRole::User,
                content: vec![ContentPart::Text(text)],
            }]),
            Value::Array(values) if values.is_empty() => Err(invalid::empty_array(field.path)),
            Value::Array(_) => field
                .array()?
                .map(|item| Self::read(item, dropped))
                .collect(),
            other => Err(invalid::wrong_type(
                field.path,
                "a string or an array of items",
                &other,
            )),
        }
    }

    fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mut object = field.object()?;
        let kind = object.string("type")?;
        let item = match kind.as_deref() {
            Some("message") | None => Self::read_message(&mut object, dropped)?,
            Some("function_call") => Self::ToolCall {
                call_id: object.filled_string("call_id")?,
                tool: CalledTool::read_function(&mut object)?,
            },
            Some("custom_tool_call") => Self::ToolCall {
                call_id: object.filled_string("call_id")?,
                tool: CalledTool::read_custom(&mut object)?,
            },
            Some("function_call_output" | "custom_tool_call_output") => {
                // The tool's name, which the call that it answers has told.
                object.string("name")?;
                Self::ToolOutput {
                    call_id: object.filled_string("call_id")?,
                    output: read_content(
                        object.required("output")?,
                        PartKinds::TextImage,
                        dropped,
                    )?,
                }
            }
            Some(kind) if kind == "reasoning" || HOSTED_CALLS.contains(&kind) => {
                dropped.note(format!("input[] ({kind})"));
                return Ok(Self::Dropped);
            }
            Some("item_reference") => {
                return Err(invalid::unsupported(
                    object.path_to("type"),
                    "Items are not stored here: send the item itself.",
                ));
            }
            Some(other) => return Err(invalid::word(object.path_to("type"), other, &TYPES)),
        };
        // Clients echo the name that the item had in a reply, and whether it was complete.
        object.take("id");
        object.take("status");
        object.finish(dropped);
        Ok(item)
    }

    fn read_message(object: &mut Object, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let role = object.required_string("role")?;
        let (role, kinds) = match role.as_str() {
            "system" | "developer" => (InputRole::Developer, PartKinds::Text),
            "user" => (InputRole::User, PartKinds::TextImage),
            "assistant" => (InputRole::Assistant, PartKinds::TextRefusal),
            other => return Err(invalid::word(object.path_to("role"), other, &ROLES)),
        };
        Ok(Self::Message {
            role,
            content: read_content(object.required("content")?, kinds, dropped)?,
        })
    }
}
