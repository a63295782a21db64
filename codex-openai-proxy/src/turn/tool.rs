//! Tools that the client offers and runs, and the calls that the model makes to them.

use serde_json::{Value, json};
use std::borrow::Cow;

/// A function that the client offers to the model. The client runs it; this process never does.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// The name that the client gave it.
    pub name: String,
    /// What it does, for the model.
    pub description: Option<String>,
    /// What the text of a custom tool's calls must look like; `None` for any text, and for functions.
    pub grammar: Option<Grammar>,
    /// JSON Schema of its arguments; an object schema.
    pub parameters: Value,
    /// Whether arguments must follow the schema exactly.
    pub strict: bool,
    /// What its calls carry.
    pub kind: ToolKind,
}

/// The grammar of a custom tool's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grammar {
    /// `lark` or `regex`.
    pub syntax: String,
    /// The grammar.
    pub definition: String,
}

/// What the calls to a tool carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ToolKind {
    /// JSON that follows the tool's parameters.
    #[default]
    Function,
    /// Free text: a custom tool. Engines that know functions only offer it as a function with one
    /// string named [`Tool::INPUT`], which is what [`Tool::parameters`] describes.
    Custom,
}

impl Tool {
    /// The property that holds the text of a custom tool's call, where an upstream knows functions
    /// only.
    pub const INPUT: &str = "input";

    /// The arguments of a function that stands for a custom tool, with this text.
    #[must_use]
    pub fn wrap_input(text: &str) -> String {
        json!({ Self::INPUT: text }).to_string()
    }

    /// The text in such arguments.
    ///
    /// # Errors
    ///
    /// What the model wrote, where it kept to no form.
    pub fn unwrap_input(arguments: String) -> Result<String, String> {
        match serde_json::from_str(&arguments) {
            Ok(Value::Object(mut properties)) => match properties.remove(Self::INPUT) {
                Some(Value::String(text)) => Ok(text),
                _ => Err(arguments),
            },
            _ => Err(arguments),
        }
    }

    /// What it does, for an upstream that knows functions only: a grammar is told in words.
    #[must_use]
    pub fn function_description(&self) -> Option<Cow<'_, str>> {
        let description = self.description.as_deref();
        let Some(Grammar { syntax, definition }) = &self.grammar else {
            return description.map(Cow::Borrowed);
        };
        let rule = format!("`input` must follow this {syntax} grammar:\n{definition}");
        Some(Cow::Owned(match description {
            Some(description) if !description.is_empty() => format!("{description}\n\n{rule}"),
            _ => rule,
        }))
    }
}

/// A call by the model to a client's tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Unique within the conversation; the result refers to it.
    pub id: String,
    /// The name of a [`Tool`].
    pub name: String,
    /// What [`ToolCall::arguments`] holds.
    pub kind: ToolKind,
    /// What the model wrote: JSON text, not yet parsed, or the free text of a custom tool.
    pub arguments: String,
}

/// Which tools the model may call in this turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No tool is offered.
    None,
    /// The model has to call some tool.
    Required,
    /// Only the named tool is offered.
    Named(String),
}
