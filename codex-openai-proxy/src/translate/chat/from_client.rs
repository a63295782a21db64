//! A request into a turn.

use super::{
    messages::{Conversation, conversation},
    tools,
};
use crate::{
    turn::{
        Effort, ModelName, OutputFormat, Reasoning, ReasoningSummary, TurnError, TurnRequest,
        Verbosity,
    },
    wire::{
        chat::{ChatRequest, ReasoningOptions, ResponseFormat},
        invalid,
    },
};

/// A request, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Translated {
    /// What an engine is asked.
    pub turn: TurnRequest,
    /// Whether the reply is wanted as a stream.
    pub stream: bool,
    /// Whether that stream has to tell the usage.
    pub include_usage: bool,
    /// Request fields that have no effect, for the log.
    pub dropped: Vec<String>,
}

/// Reads a request whose model name has been resolved.
///
/// An effort comes from `reasoning_effort`, else from `reasoning.effort`, else from the model's
/// name.
///
/// # Errors
///
/// [`TurnError::InvalidRequest`] for a word that a field does not know, an image that is none, a
/// tool choice that the tools do not allow, and tool calls and results that do not match.
pub fn from_client(request: ChatRequest, model: &ModelName) -> Result<Translated, TurnError> {
    let Conversation {
        instructions,
        items,
    } = conversation(request.messages)?;
    let tools = tools::tools(request.tools)?;
    let tool_choice = tools::tool_choice(request.tool_choice, &tools)?;
    let mut reasoning = reasoning(request.reasoning_effort, request.reasoning)?;
    reasoning.effort = reasoning.effort.or(model.effort);
    let verbosity = request
        .verbosity
        .map(|word| {
            Verbosity::parse(&word).ok_or_else(|| {
                let supported = ["low", "medium", "high"];
                invalid::word("verbosity".to_owned(), &word, &supported)
            })
        })
        .transpose()?;
    Ok(Translated {
        turn: TurnRequest {
            model: model.slug.clone(),
            instructions,
            items,
            tools,
            tool_choice,
            reasoning,
            verbosity,
            output: output_format(request.response_format),
            // These two leave the choice to the backend, as silence does.
            service_tier: request
                .service_tier
                .filter(|tier| tier != "auto" && tier != "default"),
        },
        stream: request.stream,
        include_usage: request.stream_options.include_usage,
        dropped: request.dropped,
    })
}

fn reasoning(effort: Option<String>, options: ReasoningOptions) -> Result<Reasoning, TurnError> {
    let nested = options
        .effort
        .map(|word| read_effort("reasoning.effort", &word))
        .transpose()?;
    let effort = effort
        .map(|word| read_effort("reasoning_effort", &word))
        .transpose()?;
    let summary = options
        .summary
        .map(|word| {
            ReasoningSummary::parse(&word).ok_or_else(|| {
                let supported = ["auto", "concise", "detailed", "none"];
                invalid::word("reasoning.summary".to_owned(), &word, &supported)
            })
        })
        .transpose()?;
    Ok(Reasoning {
        effort: effort.or(nested),
        summary,
    })
}

fn read_effort(param: &str, word: &str) -> Result<Effort, TurnError> {
    Effort::parse(word)
        .ok_or_else(|| invalid::word(param.to_owned(), word, &Effort::ALL.map(Effort::as_str)))
}

fn output_format(format: Option<ResponseFormat>) -> OutputFormat {
    match format {
        None | Some(ResponseFormat::Text) => OutputFormat::Text,
        Some(ResponseFormat::JsonObject) => OutputFormat::JsonObject,
        Some(ResponseFormat::JsonSchema { schema, strict }) => {
            OutputFormat::JsonSchema { schema, strict }
        }
    }
}
