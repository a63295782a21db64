//! A turn as a request of Chat Completions, for a provider.

mod history;

use crate::{
    turn::{Effort, OutputFormat, Tool, ToolChoice, TurnRequest, Verbosity},
    wire::chat::upstream_request::{
        AnswerFormat, Choose, Function, FunctionTool, NamedSchema, StreamWish, UpstreamRequest,
    },
};
use history::messages;

/// Request fields that count as dropped when a request is read, and that this translator carries.
pub const HONOURED: &[&str] = &[
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "prompt_cache_key",
];

/// What a schema is called whose author gave it no name: the API wants one.
const SCHEMA_NAME: &str = "response";

/// The body of a request to `model`, which asks for a stream that tells its usage.
///
/// What Chat Completions has no word for is lost: how much of the reasoning to tell.
#[must_use]
pub fn to_upstream(turn: &TurnRequest, model: &str) -> Vec<u8> {
    let sampling = &turn.sampling;
    let (max_tokens, max_completion_tokens) = if knows_completion_tokens(model) {
        (None, sampling.max_output_tokens)
    } else {
        (sampling.max_output_tokens, None)
    };
    // Choosing among no tools is an error to many.
    let has_tools = !turn.tools.is_empty();
    UpstreamRequest {
        model,
        messages: messages(turn.instructions.as_deref(), &turn.items),
        stream: true,
        stream_options: StreamWish {
            include_usage: true,
        },
        tools: turn.tools.iter().map(function).collect(),
        tool_choice: choose(&turn.tool_choice).filter(|_| has_tools),
        parallel_tool_calls: (has_tools && !turn.parallel_tool_calls).then_some(false),
        reasoning_effort: turn.reasoning.effort.map(Effort::as_str),
        verbosity: turn.verbosity.map(verbosity),
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
        prompt_cache_key: turn.cache_key.as_deref(),
    }
    .to_json()
}

/// Whether a model is limited by `max_completion_tokens`, and not by `max_tokens`.
///
/// OpenAI's newer models refuse the old name, and OpenAI refuses both together. Most other servers
/// know the old name, and some know nothing else and pass the new one over: `DeepSeek`, LM Studio,
/// and Ollama (<https://github.com/ollama/ollama/issues/7125>). So the model's name decides, without
/// the maker's that routers put before it: `gpt-5`, `openai/o3`.
fn knows_completion_tokens(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let version = name.strip_prefix("gpt-").or_else(|| name.strip_prefix('o'));
    version.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()))
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

fn verbosity(verbosity: Verbosity) -> &'static str {
    match verbosity {
        Verbosity::Low => "low",
        Verbosity::Medium => "medium",
        Verbosity::High => "high",
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
