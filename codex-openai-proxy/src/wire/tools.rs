//! `tools` and `tool_choice` of a request, and what earlier calls held.
//!
//! One list may mix the nested form of Chat Completions, the flat form of Responses and entries
//! without a `type`: clients do that.

use crate::{
    turn::{Grammar, TurnError},
    wire::{
        dropped::Dropped,
        invalid,
        object::{Field, Object},
    },
};
use serde_json::{Map, Value};

/// A tool that the client offers and runs.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolDefinition {
    /// A function.
    Function {
        /// Its name; never empty.
        name: String,
        /// What it does.
        description: Option<String>,
        /// JSON Schema of its arguments.
        parameters: Option<Map<String, Value>>,
        /// Whether the arguments must follow the schema.
        strict: bool,
        /// The path of `parameters`.
        param: String,
    },
    /// A tool that takes free text.
    Custom {
        /// Its name; never empty.
        name: String,
        /// What it does.
        description: Option<String>,
        /// What the text must look like; `None` for any text.
        grammar: Option<Grammar>,
    },
    /// Tools under a common name, in Responses.
    Namespace {
        /// Its name; never empty.
        name: String,
        /// What they have in common.
        description: Option<String>,
        /// Functions and custom tools.
        tools: Vec<ToolDefinition>,
    },
}

/// `tool_choice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// `auto`.
    Auto,
    /// `none`.
    None,
    /// `required`.
    Required,
    /// The named tool.
    Named(ToolName),
    /// `allowed_tools`: some of those on offer, and no other.
    Allowed {
        /// Whether one of them must be called.
        mode: AllowedMode,
        /// Which.
        tools: Vec<ToolName>,
    },
}

/// `mode` of `allowed_tools`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedMode {
    /// `auto`.
    Auto,
    /// `required`.
    Required,
}

/// A tool that a choice names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolName {
    /// The namespace that it stands in, where that is told.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The path of the name.
    pub param: String,
}

/// What was called, and with what.
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

/// The type of a choice among some of the tools.
const ALLOWED: &str = "allowed_tools";

impl ToolDefinition {
    /// Reads `tools`. Those of a kind that only OpenAI's servers can run are noted as dropped.
    pub(super) fn read_all(field: Field, dropped: &mut Dropped) -> Result<Vec<Self>, TurnError> {
        field
            .array()?
            .filter_map(|tool| Self::read(tool, dropped).transpose())
            .collect()
    }

    fn read(field: Field, dropped: &mut Dropped) -> Result<Option<Self>, TurnError> {
        let path = field.path.clone();
        let mut object = field.object()?;
        let kind = object.string("type")?;
        match kind.as_deref() {
            Some("function") | None => {
                let tool = read_inner(&mut object, "function", dropped, read_function)?;
                object.finish(dropped);
                Ok(Some(tool))
            }
            Some("custom") => {
                let tool = read_inner(&mut object, "custom", dropped, read_custom)?;
                object.finish(dropped);
                Ok(Some(tool))
            }
            Some("namespace") => {
                let namespace = Self::read_namespace(&mut object, dropped)?;
                object.finish(dropped);
                Ok(Some(namespace))
            }
            Some(other) => {
                dropped.note(format!("{path} ({other})"));
                Ok(None)
            }
        }
    }

    fn read_namespace(object: &mut Object, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let name = object.filled_string("name")?;
        let description = object.string("description")?;
        let tools = object.required("tools")?;
        let path = tools.path.clone();
        let tools = Self::read_all(tools, dropped)?;
        if tools.iter().any(|it| matches!(it, Self::Namespace { .. })) {
            return Err(invalid::value(
                path,
                "a namespace holds functions and custom tools.",
            ));
        }
        Ok(Self::Namespace {
            name,
            description,
            tools,
        })
    }
}

impl CalledTool {
    /// Reads a call to a function from the object that holds its name.
    pub(super) fn read_function(object: &mut Object) -> Result<Self, TurnError> {
        Ok(Self::Function {
            name: object.filled_string("name")?,
            arguments: object.required_string("arguments")?,
        })
    }

    /// Reads a call to a custom tool from the object that holds its name.
    pub(super) fn read_custom(object: &mut Object) -> Result<Self, TurnError> {
        Ok(Self::Custom {
            name: object.filled_string("name")?,
            input: object.required_string("input")?,
        })
    }
}

impl ToolChoice {
    /// Reads the field.
    pub(super) fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        const WORDS: [&str; 3] = ["none", "auto", "required"];
        const KINDS: [&str; 3] = ["function", "custom", ALLOWED];

        if let Value::String(word) = &field.value {
            return match word.as_str() {
                "auto" => Ok(Self::Auto),
                "none" => Ok(Self::None),
                "required" => Ok(Self::Required),
                other => Err(invalid::word(field.path, other, &WORDS)),
            };
        }
        let mut object = field.object()?;
        let kind = object.required_string("type")?;
        if !KINDS.contains(&kind.as_str()) {
            return Err(invalid::word(object.path_to("type"), &kind, &KINDS));
        }
        if kind == ALLOWED {
            return match object.object(ALLOWED)? {
                Some(inner) => Self::read_allowed(inner, dropped),
                None => Self::read_allowed(object, dropped),
            };
        }
        ToolName::read(object, &kind).map(Self::Named)
    }

    /// Reads `mode` and `tools`. Tools that are not offered here in any case cannot be allowed
    /// either.
    fn read_allowed(mut object: Object, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mode = object.required_string("mode")?;
        let mode = match mode.as_str() {
            "auto" => AllowedMode::Auto,
            "required" => AllowedMode::Required,
            other => {
                let path = object.path_to("mode");
                return Err(invalid::word(path, other, &["auto", "required"]));
            }
        };
        let mut tools = Vec::new();
        for tool in object.required("tools")?.array()? {
            let path = tool.path.clone();
            let mut tool = tool.object()?;
            let kind = tool.required_string("type")?;
            match kind.as_str() {
                "function" | "custom" => tools.push(ToolName::read(tool, &kind)?),
                "namespace" => {
                    return Err(invalid::value(
                        tool.path_to("type"),
                        "a namespace cannot be allowed as a whole; name its tools.",
                    ));
                }
                _ => dropped.note(format!("{path} ({kind})")),
            }
        }
        Ok(Self::Allowed { mode, tools })
    }
}

impl ToolName {
    /// Reads the name from the member `kind`, or from the object itself where that is absent.
    fn read(mut object: Object, kind: &str) -> Result<Self, TurnError> {
        let mut holder = match object.object(kind)? {
            Some(inner) => inner,
            None if object.has("name") => object,
            None => return Err(invalid::missing(object.path_to(kind))),
        };
        Ok(Self {
            namespace: holder.string("namespace")?,
            name: holder.filled_string("name")?,
            param: holder.path_to("name"),
        })
    }
}

/// Reads a tool from the member `nested`, or from the object itself where that is absent.
fn read_inner(
    object: &mut Object,
    nested: &str,
    dropped: &mut Dropped,
    read: fn(&mut Object, &mut Dropped) -> Result<ToolDefinition, TurnError>,
) -> Result<ToolDefinition, TurnError> {
    match object.object(nested)? {
        Some(mut inner) => {
            let tool = read(&mut inner, dropped)?;
            inner.finish(dropped);
            Ok(tool)
        }
        None if object.has("name") => read(object, dropped),
        None => Err(invalid::missing(object.path_to(&format!("{nested}.name")))),
    }
}

fn read_function(object: &mut Object, _: &mut Dropped) -> Result<ToolDefinition, TurnError> {
    let name = object.filled_string("name")?;
    // `input_schema` is the name that Anthropic's API has for it; some clients mix that in too.
    let key = if object.has("parameters") {
        "parameters"
    } else {
        "input_schema"
    };
    let parameters = match object.take(key) {
        None => None,
        Some(Value::Object(schema)) => Some(schema),
        Some(other) => {
            return Err(invalid::wrong_type(
                object.path_to(key),
                "an object",
                &other,
            ));
        }
    };
    Ok(ToolDefinition::Function {
        name,
        description: object.string("description")?,
        parameters,
        strict: object.boolean("strict")?.unwrap_or(false),
        param: object.path_to(key),
    })
}

fn read_custom(object: &mut Object, dropped: &mut Dropped) -> Result<ToolDefinition, TurnError> {
    let name = object.filled_string("name")?;
    let description = object.string("description")?;
    let grammar = match object.object("format")? {
        Some(format) => read_format(format, dropped)?,
        None => None,
    };
    Ok(ToolDefinition::Custom {
        name,
        description,
        grammar,
    })
}

/// Reads `format`: `{"type":"text"}`, or a grammar, nested (Chat Completions) or flat (Responses).
fn read_format(mut format: Object, dropped: &mut Dropped) -> Result<Option<Grammar>, TurnError> {
    let kind = format.required_string("type")?;
    let grammar = match kind.as_str() {
        "text" => None,
        "grammar" => {
            let mut nested = format.object("grammar")?;
            let holder = nested.as_mut().unwrap_or(&mut format);
            let grammar = Grammar {
                syntax: holder.required_string("syntax")?,
                definition: holder.required_string("definition")?,
            };
            if let Some(nested) = nested {
                nested.finish(dropped);
            }
            Some(grammar)
        }
        other => {
            return Err(invalid::word(
                format.path_to("type"),
                other,
                &["text", "grammar"],
            ));
        }
    };
    format.finish(dropped);
    Ok(grammar)
}
