//! `input` of a request.

use crate::{
    turn::TurnError,
    wire::{
        content::{ContentPart, PartKinds, read_content},
        dropped::Dropped,
        invalid,
        object::{Field, Object},
        tools::{CalledTool, ToolDefinition},
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
    /// `function_call`, `custom_tool_call`, and `local_shell_call`, which is a call like any other
    /// but for its shape.
    ToolCall {
        /// The id that the result refers to.
        call_id: String,
        /// The namespace that the tool belongs to.
        namespace: Option<String>,
        /// The tool, and what it was given.
        tool: CalledTool,
    },
    /// `function_call_output`, `custom_tool_call_output` and `local_shell_call_output`.
    ToolOutput {
        /// The call that this answers.
        call_id: String,
        /// The answer; text and images.
        output: Vec<ContentPart>,
    },
    /// `additional_tools` and `tool_search_output`: tools that are on offer from here on. Those that
    /// only OpenAI's servers can run were noted as dropped.
    Tools(Vec<ToolDefinition>),
    /// `reasoning` that can be read: its `reasoning_text`, else its summary. It was noted as dropped,
    /// since engines that keep their own have no use for it.
    Reasoning(String),
    /// Something that has no place in a turn here: sealed reasoning, and what OpenAI's own tools did. It was noted as dropped, and stays in the list so that the
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

/// The field that stands for all that earlier responses hold.
pub const EARLIER: &str = "previous_response_id";

const ROLES: [&str; 4] = ["system", "developer", "user", "assistant"];

const TYPES: [&str; 10] = [
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "local_shell_call",
    "local_shell_call_output",
    "additional_tools",
    "tool_search_output",
    "reasoning",
];

/// Kinds of items without an effect: all others that OpenAI's API and `codex-protocol` know. They
/// belong to tools that are not offered here, or are sealed for OpenAI's own servers.
const WITHOUT_EFFECT: [&str; 24] = [
    "reasoning",
    "compaction",
    "compaction_summary",
    "compaction_trigger",
    "context_compaction",
    "agent_message",
    "ghost_snapshot",
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "computer_call",
    "computer_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_list_tools",
    "mcp_call",
    "mcp_approval_request",
    "mcp_approval_response",
    "tool_search_call",
    "program",
    "program_output",
];

/// The name that calls of OpenAI's `local_shell` have here.
const LOCAL_SHELL: &str = "local_shell";

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

    /// Reads what an earlier response was asked and answered: items as requests and replies have
    /// them, oldest first. What has no effect in them was told when they were sent.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`] at the fault of `previous_response_id`, where something else
    /// than this proxy has written them.
    pub fn read_earlier(items: Vec<Value>) -> Result<Vec<Self>, TurnError> {
        let field = Field {
            path: EARLIER.to_owned(),
            value: Value::Array(items),
        };
        let read = |item| Self::read(item, &mut Dropped::default());
        let mut items = field
            .array()?
            .map(read)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| match error {
                TurnError::InvalidRequest { message, code, .. } => TurnError::InvalidRequest {
                    message,
                    param: Some(EARLIER.to_owned()),
                    code,
                },
                other => other,
            })?;
        for item in &mut items {
            item.blame_earlier();
        }
        Ok(items)
    }

    /// Makes `previous_response_id` the field at fault, should anything be wrong with what the item
    /// holds.
    fn blame_earlier(&mut self) {
        match self {
            Self::Message { content, .. }
            | Self::ToolOutput {
                output: content, ..
            } => {
                for part in content {
                    if let ContentPart::Image { param, .. } = part {
                        EARLIER.clone_into(param);
                    }
                }
            }
            Self::Tools(tools) => tools.iter_mut().for_each(blame_earlier),
            Self::ToolCall { .. } | Self::Reasoning(_) | Self::Dropped => {}
        }
    }

    fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mut object = field.object()?;
        let kind = object.string("type")?;
        let item = match kind.as_deref() {
            Some("message") | None => Self::read_message(&mut object, dropped)?,
            Some("function_call") => Self::ToolCall {
                call_id: object.filled_string("call_id")?,
                namespace: object.string("namespace")?,
                tool: CalledTool::read_function(&mut object)?,
            },
            Some("custom_tool_call") => Self::ToolCall {
                call_id: object.filled_string("call_id")?,
                namespace: object.string("namespace")?,
                tool: CalledTool::read_custom(&mut object)?,
            },
            Some("local_shell_call") => Self::ToolCall {
                call_id: object.filled_string("call_id")?,
                namespace: None,
                tool: CalledTool::Function {
                    name: LOCAL_SHELL.to_owned(),
                    arguments: object.required("action")?.value.to_string(),
                },
            },
            Some("local_shell_call_output") => {
                // OpenAI's reference has the id of the call as `id`.
                let of_its_own = object.has("call_id");
                let call = if of_its_own { "call_id" } else { "id" };
                Self::read_output(&mut object, call, dropped)?
            }
            Some("function_call_output" | "custom_tool_call_output") => {
                // The tool's name, which the call that it answers has told.
                object.string("name")?;
                Self::read_output(&mut object, "call_id", dropped)?
            }
            Some("additional_tools" | "tool_search_output") => {
                for known in ["role", "call_id", "execution"] {
                    object.take(known);
                }
                let tools = object.required("tools")?;
                Self::Tools(ToolDefinition::read_all(tools, dropped)?)
            }
            Some(kind) if WITHOUT_EFFECT.contains(&kind) => {
                dropped.note(format!("input[] ({kind})"));
                return Ok(match kind {
                    "reasoning" => Self::read_reasoning(&object),
                    _ => Self::Dropped,
                });
            }
            Some("item_reference") => {
                return Err(invalid::unsupported(
                    object.path_to("type"),
                    "Send the item itself.",
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

    /// Reads what was thought, where it is told. Whatever else the item holds, and of whatever type,
    /// has no effect.
    fn read_reasoning(object: &Object) -> Self {
        let texts = |name| {
            let parts = object.get(name).and_then(Value::as_array);
            let parts = parts.map(Vec::as_slice).unwrap_or_default();
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.filter(|text| !text.is_empty()).collect::<Vec<_>>()
        };
        let raw = texts("content").concat();
        let text = if raw.is_empty() {
            texts("summary").join("\n\n")
        } else {
            raw
        };
        if text.is_empty() {
            Self::Dropped
        } else {
            Self::Reasoning(text)
        }
    }

    /// Reads the result of the call that the field `call` names.
    fn read_output(
        object: &mut Object,
        call: &str,
        dropped: &mut Dropped,
    ) -> Result<Self, TurnError> {
        Ok(Self::ToolOutput {
            call_id: object.filled_string(call)?,
            output: read_content(object.required("output")?, PartKinds::ToolOutput, dropped)?,
        })
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

fn blame_earlier(tool: &mut ToolDefinition) {
    match tool {
        ToolDefinition::Function { param, .. } => EARLIER.clone_into(param),
        ToolDefinition::Custom { .. } => {}
        ToolDefinition::Namespace { tools, .. } => tools.iter_mut().for_each(blame_earlier),
    }
}
