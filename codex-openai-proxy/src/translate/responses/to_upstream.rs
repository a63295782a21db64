//! A turn as a request of Responses, for a provider.

use crate::{
    translate::{SCHEMA_NAME, arguments::readable},
    turn::{
        Effort, ImageDetail, Item, OutputFormat, Part, ReasoningSummary, Role, Tool, ToolCall,
        ToolChoice, ToolKind, TurnRequest, Verbosity,
    },
    wire::{
        responses::upstream_request::{
            AnswerFormat, Choose, ChosenTool, GrammarFormat, Reasoning, Text, UpstreamContent,
            UpstreamItem, UpstreamPart, UpstreamRequest, UpstreamTool,
        },
        sse::append_json,
    },
};
use std::{borrow::Cow, collections::HashSet};

/// Request fields that count as dropped when a request is read, and that this translator carries.
pub const HONOURED: &[&str] = &[
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "prompt_cache_key",
];

/// The body of a request to `model`, which asks for a stream and for nothing to be kept.
///
/// What Responses has no word for is lost: `stop`, `seed` and the penalties of Chat Completions.
/// Sealed reasoning is not asked for. Turns have no place for that of earlier ones, so that it would
/// never come back to the provider, and models that do not reason refuse to be asked.
#[must_use]
pub fn to_upstream(turn: &TurnRequest, model: &str) -> Vec<u8> {
    // Choosing among no tools is an error to many.
    let has_tools = !turn.tools.is_empty();
    let request = UpstreamRequest {
        model,
        instructions: turn.instructions.as_deref(),
        input: input(&turn.items),
        tools: turn.tools.iter().map(tool).collect(),
        tool_choice: choose(turn).filter(|_| has_tools),
        parallel_tool_calls: (has_tools && !turn.parallel_tool_calls).then_some(false),
        reasoning: reasoning(turn),
        text: text(turn),
        temperature: turn.sampling.temperature,
        top_p: turn.sampling.top_p,
        max_output_tokens: turn.sampling.max_output_tokens,
        service_tier: turn.service_tier.as_deref(),
        prompt_cache_key: turn.cache_key.as_deref(),
        store: false,
        stream: true,
    };
    let mut body = Vec::new();
    append_json(&mut body, &request);
    body
}

fn input(items: &[Item]) -> Vec<UpstreamItem<'_>> {
    // Calls to custom tools, whose results are of another type.
    let mut custom = HashSet::new();
    items
        .iter()
        .filter_map(|item| {
            Some(match item {
                Item::Message { role, content } => message(*role, content),
                // Such providers take only reasoning that they sealed themselves.
                Item::Reasoning(_) => return None,
                Item::ToolCall(call) => {
                    if call.kind == ToolKind::Custom {
                        custom.insert(call.id.as_str());
                    }
                    past_call(call)
                }
                Item::ToolResult {
                    call_id, output, ..
                } => {
                    let output = content(output);
                    if custom.contains(call_id.as_str()) {
                        UpstreamItem::CustomToolCallOutput { call_id, output }
                    } else {
                        UpstreamItem::FunctionCallOutput { call_id, output }
                    }
                }
            })
        })
        .collect()
}

fn message(role: Role, parts: &[Part]) -> UpstreamItem<'_> {
    let (role, content) = match role {
        Role::User => ("user", content(parts)),
        Role::Developer => ("developer", content(parts)),
        // As parts, what the assistant said would have to be an item that the provider knows.
        Role::Assistant => ("assistant", UpstreamContent::Text(spoken(parts))),
    };
    UpstreamItem::Message { role, content }
}

/// What the assistant said, in one text.
fn spoken(parts: &[Part]) -> Cow<'_, str> {
    match parts {
        [Part::Text(text)] => Cow::Borrowed(text),
        parts => {
            let texts = parts.iter().filter_map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                Part::Image { .. } => None,
            });
            Cow::Owned(texts.collect())
        }
    }
}

fn content(parts: &[Part]) -> UpstreamContent<'_> {
    match parts {
        [Part::Text(text)] => UpstreamContent::Text(Cow::Borrowed(text)),
        parts => UpstreamContent::Parts(parts.iter().map(part).collect()),
    }
}

fn part(part: &Part) -> UpstreamPart<'_> {
    match part {
        Part::Text(text) => UpstreamPart::InputText { text },
        Part::Image { url, detail, .. } => UpstreamPart::InputImage {
            image_url: url,
            detail: detail.unwrap_or(ImageDetail::Auto).as_str(),
        },
    }
}

fn past_call(call: &ToolCall) -> UpstreamItem<'_> {
    let ToolCall {
        id: call_id,
        name,
        kind,
        arguments,
    } = call;
    match kind {
        ToolKind::Function => UpstreamItem::FunctionCall {
            call_id,
            name,
            arguments: readable(arguments),
        },
        ToolKind::Custom => UpstreamItem::CustomToolCall {
            call_id,
            name,
            input: arguments,
        },
    }
}

fn tool(tool: &Tool) -> UpstreamTool<'_> {
    let description = tool.description.as_deref();
    match tool.kind {
        ToolKind::Function => UpstreamTool::Function {
            name: &tool.name,
            description,
            parameters: &tool.parameters,
            strict: tool.strict,
        },
        ToolKind::Custom => UpstreamTool::Custom {
            name: &tool.name,
            description,
            format: tool.grammar.as_ref().map(|grammar| GrammarFormat {
                syntax: &grammar.syntax,
                definition: &grammar.definition,
            }),
        },
    }
}

fn choose(turn: &TurnRequest) -> Option<Choose<'_>> {
    match &turn.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(Choose::Word("none")),
        ToolChoice::Required => Some(Choose::Word("required")),
        ToolChoice::Named(name) => {
            let chosen = turn.tools.iter().find(|tool| tool.name == *name);
            Some(Choose::Tool(match chosen.map(|tool| tool.kind) {
                Some(ToolKind::Custom) => ChosenTool::Custom { name },
                Some(ToolKind::Function) | None => ChosenTool::Function { name },
            }))
        }
    }
}

/// What is said of the reasoning, if anything: models that do not reason refuse the field.
fn reasoning(turn: &TurnRequest) -> Option<Reasoning> {
    let effort = turn.reasoning.effort.map(Effort::as_str);
    let summary = turn.reasoning.summary.and_then(|summary| match summary {
        ReasoningSummary::Auto => Some("auto"),
        ReasoningSummary::Concise => Some("concise"),
        ReasoningSummary::Detailed => Some("detailed"),
        // Which is what silence says. The API has no word for it.
        ReasoningSummary::None => None,
    });
    (effort.is_some() || summary.is_some()).then_some(Reasoning { effort, summary })
}

fn text(turn: &TurnRequest) -> Option<Text<'_>> {
    let verbosity = turn.verbosity.map(Verbosity::as_str);
    let format = match &turn.output {
        OutputFormat::Text => None,
        OutputFormat::JsonObject => Some(AnswerFormat::JsonObject),
        OutputFormat::JsonSchema {
            name,
            schema,
            strict,
        } => Some(AnswerFormat::JsonSchema {
            name: name.as_deref().unwrap_or(SCHEMA_NAME),
            schema,
            strict: *strict,
        }),
    };
    (verbosity.is_some() || format.is_some()).then_some(Text { verbosity, format })
}

#[cfg(test)]
mod tests;
