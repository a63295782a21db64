//! A turn as a request of Chat Completions, for a provider.

mod history;

use super::{Dialect, LimitField};
use crate::{
    translate::{Note, SCHEMA_NAME},
    turn::{Effort, OutputFormat, Tool, ToolChoice, TurnError, TurnRequest, Verbosity},
    wire::chat::upstream_request::{
        AnswerFormat, Choose, Function, FunctionTool, NamedSchema, StreamWish, UpstreamRequest,
    },
};
use history::messages;

/// A request to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The body.
    pub body: Vec<u8>,
    /// What the log should know of it.
    pub notes: Vec<Note>,
}

/// A request to `model`, which asks for a stream that tells its usage.
///
/// What Chat Completions has no word for is lost: how much of the reasoning to tell.
///
/// # Errors
///
/// [`TurnError::UnknownToolCall`] for a result without its call.
pub fn to_upstream(
    turn: &TurnRequest,
    model: &str,
    dialect: &Dialect,
) -> Result<Written, TurnError> {
    let sampling = &turn.sampling;
    let (max_tokens, max_completion_tokens) = match dialect.limit {
        LimitField::MaxTokens => (sampling.max_output_tokens, None),
        LimitField::MaxCompletionTokens => (None, sampling.max_output_tokens),
    };
    let asked = turn.reasoning.effort;
    let effort = asked.and_then(|asked| dialect.effort(asked));
    let notes = effort_note(asked, effort).into_iter().collect();
    // Choosing among no tools is an error to many.
    let has_tools = !turn.tools.is_empty();
    let body = UpstreamRequest {
        model,
        messages: messages(turn.instructions.as_deref(), &turn.items, dialect)?,
        stream: true,
        stream_options: StreamWish {
            include_usage: true,
        },
        tools: turn.tools.iter().map(function).collect(),
        tool_choice: choose(&turn.tool_choice).filter(|_| has_tools),
        parallel_tool_calls: (has_tools && !turn.parallel_tool_calls).then_some(false),
        reasoning_effort: effort.map(Effort::as_str),
        verbosity: turn.verbosity.map(Verbosity::as_str),
        response_format: answer_format(&turn.output),
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        max_tokens,
        max_completion_tokens,
        stop: &sampling.stop,
        seed: sampling.seed,
        presence_penalty: sampling.presence_penalty,
        frequency_penalty: sampling.frequency_penalty,
        service_tier: turn.service_tier.as_deref(),
        prompt_cache_key: turn.cache_key.as_deref().filter(|_| dialect.cache_key),
    }
    .to_json();
    Ok(Written { body, notes })
}

/// Says that another effort is sent than the one that was asked for.
fn effort_note(asked: Option<Effort>, sent: Option<Effort>) -> Option<Note> {
    let asked = asked.filter(|_| asked != sent)?.as_str();
    let what = "reasoning_effort_changed";
    let detail = match sent {
        Some(sent) => format!("{asked} is sent as {}", sent.as_str()),
        None => format!("{asked} is not sent"),
    };
    Some(Note { what, detail })
}

fn function(tool: &Tool) -> FunctionTool<'_> {
    FunctionTool {
        function: Function {
            name: &tool.name,
            description: tool.function_description(),
            parameters: &tool.parameters,
            strict: tool.strict.then_some(true),
        },
    }
}

fn choose(choice: &ToolChoice) -> Option<Choose<'_>> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(Choose::None),
        ToolChoice::Required => Some(Choose::Required),
        ToolChoice::Named(name) => Some(Choose::Function(name)),
    }
}

fn answer_format(output: &OutputFormat) -> Option<AnswerFormat<'_>> {
    match output {
        OutputFormat::Text => None,
        OutputFormat::JsonObject => Some(AnswerFormat::JsonObject),
        OutputFormat::JsonSchema {
            name,
            schema,
            strict,
        } => Some(AnswerFormat::JsonSchema {
            json_schema: NamedSchema {
                name: name.as_deref().unwrap_or(SCHEMA_NAME),
                schema,
                strict: strict.then_some(true),
            },
        }),
    }
}

#[cfg(test)]
mod tests;
