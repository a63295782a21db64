//! The tools of a request and the choice among them.

use crate::{
    turn::{Tool, ToolChoice, ToolKind, TurnError},
    wire::{
        invalid,
        tools::{self as wire, ToolDefinition},
    },
};
use serde_json::{Map, Value, json};

/// Reads the tools.
pub(super) fn tools(definitions: Vec<ToolDefinition>) -> Result<Vec<Tool>, TurnError> {
    definitions.into_iter().map(tool).collect()
}

/// Reads the choice. It must be one that the tools on offer allow.
pub(super) fn tool_choice(
    choice: Option<wire::ToolChoice>,
    tools: &[Tool],
) -> Result<ToolChoice, TurnError> {
    match choice {
        None | Some(wire::ToolChoice::Auto) => Ok(ToolChoice::Auto),
        Some(wire::ToolChoice::None) => Ok(ToolChoice::None),
        Some(wire::ToolChoice::Required) if tools.is_empty() => Err(invalid::value(
            "tool_choice".to_owned(),
            "a tool call is required, but 'tools' offers none that can be called.",
        )),
        Some(wire::ToolChoice::Required) => Ok(ToolChoice::Required),
        Some(wire::ToolChoice::Named { name, param }) => {
            if tools.iter().any(|tool| tool.name == name) {
                Ok(ToolChoice::Named(name))
            } else {
                Err(invalid::value(
                    param,
                    "no tool of that name is among the 'tools'.",
                ))
            }
        }
    }
}

fn tool(definition: ToolDefinition) -> Result<Tool, TurnError> {
    match definition {
        ToolDefinition::Function {
            name,
            description,
            parameters,
            strict,
            param,
        } => Ok(Tool {
            name,
            description,
            grammar: None,
            parameters: object_schema(parameters.unwrap_or_default(), param)?,
            strict,
            kind: ToolKind::Function,
        }),
        ToolDefinition::Custom {
            name,
            description,
            grammar,
        } => Ok(Tool {
            name,
            description,
            grammar,
            // For engines that know functions only.
            parameters: json!({
                "type": "object",
                "properties": { "input": { "type": "string" } },
                "required": ["input"],
                "additionalProperties": false,
            }),
            strict: false,
            kind: ToolKind::Custom,
        }),
    }
}

/// Completes the schema of a function's arguments: an object, and one that names its properties,
/// is all that backends take.
fn object_schema(mut schema: Map<String, Value>, param: String) -> Result<Value, TurnError> {
    match schema.get("type") {
        None | Some(Value::Null) => {
            schema.insert("type".to_owned(), "object".into());
        }
        Some(Value::String(kind)) if kind != "object" => {
            return Err(invalid::value(
                param,
                "the schema of a function's parameters must have the type 'object'.",
            ));
        }
        Some(_) => {}
    }
    schema
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    Ok(Value::Object(schema))
}
