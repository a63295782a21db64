//! A request into a turn, whichever API it was written for.

use super::{
    chat,
    entries::Conversation,
    responses,
    tool_names::ToolNames,
    tools::{self, Offer},
};
use crate::{
    turn::{
        ConversationId, Effort, ModelName, NamedConversation, OutputFormat, Reasoning,
        ReasoningSummary, Sends, TurnError, TurnRequest, Verbosity,
    },
    wire::{
        common::Common,
        conversation::ConversationNames,
        invalid,
        options::{ReasoningOptions, ResponseFormat},
        request::RequestBody,
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
    /// Whether the reply has to hold the reasoning as the upstream sealed it: only Responses asks
    /// for that.
    pub include_encrypted: bool,
    /// What the client calls the tools that stand in a namespace.
    pub tool_names: ToolNames,
    /// Request fields that have no effect, for the log.
    pub dropped: Vec<String>,
}

/// What the two APIs have in different places.
pub(super) struct Own {
    /// The entries of the conversation.
    pub conversation: Conversation,
    /// The tools, already read: the entries need them.
    pub offer: Offer,
    /// How wordy to be.
    pub verbosity: Option<Verbosity>,
    /// The shape of the answer.
    pub format: Option<ResponseFormat>,
    /// Whether a stream has to tell the usage.
    pub include_usage: bool,
    /// Whether the reply has to hold sealed reasoning.
    pub include_encrypted: bool,
}

/// Reads a request whose model name has been resolved.
///
/// An effort comes from `x_codex`, else from `reasoning_effort`, else from `reasoning.effort`, else from the model's
/// name.
///
/// # Errors
///
/// [`TurnError::InvalidRequest`] for a word that a field does not know, an image that is none, a
/// tool choice that the tools do not allow, a second answer to a tool call, and state that is not
/// kept here; [`TurnError::MissingToolResults`] and [`TurnError::UnknownToolCall`] for calls
/// without results, and for results that come before their calls.
pub fn from_client(request: RequestBody, model: &ModelName) -> Result<Translated, TurnError> {
    match request {
        RequestBody::Chat(request) => chat::from_client(request, model),
        RequestBody::Responses(request) => responses::from_client(request, model),
    }
}

/// Puts a turn together.
pub(super) fn translated(
    common: Common,
    model: &ModelName,
    own: Own,
) -> Result<Translated, TurnError> {
    let Own {
        conversation: Conversation {
            instructions,
            items,
        },
        mut offer,
        verbosity,
        format,
        include_usage,
        include_encrypted,
    } = own;
    let tool_choice = tools::tool_choice(common.tool_choice, &mut offer)?;
    let mut reasoning = reasoning(common.reasoning_effort, common.reasoning)?;
    let own = common.x_codex.reasoning_effort;
    let own = own.map(|word| read_effort("x_codex.reasoning_effort", &word));
    reasoning.effort = own.transpose()?.or(reasoning.effort).or(model.effort);
    Ok(Translated {
        turn: TurnRequest {
            conversation: named(common.conversation),
            model: model.slug.clone(),
            instructions,
            items,
            tools: offer.tools,
            tool_choice,
            parallel_tool_calls: common.parallel_tool_calls,
            reasoning,
            verbosity,
            output: output_format(format),
            // These two leave the choice to the backend, as silence does.
            service_tier: common
                .service_tier
                .filter(|tier| tier != "auto" && tier != "default"),
            sampling: common.sampling,
            lasting: false,
            cache_key: common.cache_key,
            trace: None,
        },
        stream: common.stream,
        include_usage,
        include_encrypted,
        tool_names: offer.names,
        dropped: common.dropped,
    })
}

/// Reads how wordy to be; `param` is the field that says so.
pub(super) fn verbosity(param: &str, word: Option<String>) -> Result<Option<Verbosity>, TurnError> {
    word.map(|word| {
        Verbosity::parse(&word).ok_or_else(|| {
            let supported = ["low", "medium", "high"];
            invalid::word(param.to_owned(), &word, &supported)
        })
    })
    .transpose()
}

fn named(names: ConversationNames) -> Option<NamedConversation> {
    let name = |sends| move |id: ConversationId| NamedConversation { id, sends };
    let own = names.id.map(name(Sends::Either));
    own.or_else(|| names.cursor.map(name(Sends::Whole)))
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
        Some(ResponseFormat::JsonSchema {
            name,
            schema,
            strict,
        }) => OutputFormat::JsonSchema {
            name,
            schema,
            strict,
        },
    }
}
