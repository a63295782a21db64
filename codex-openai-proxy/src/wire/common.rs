//! What requests of both APIs have.

use super::{
    conversation::ConversationNames,
    dropped::Dropped,
    invalid,
    object::Field,
    options::ReasoningOptions,
    sampling,
    tools::{ToolChoice, ToolDefinition},
    x_codex::{X_CODEX, XCodex},
};
use crate::turn::{Sampling, TurnError};

/// Fields that mean the same in Chat Completions and in Responses.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
    /// The model's name, as sent. Never empty.
    pub model: String,
    /// The names that the body has for the conversation.
    pub conversation: ConversationNames,
    /// Whether the reply is wanted as a stream.
    pub stream: bool,
    /// The tools on offer.
    pub tools: Vec<ToolDefinition>,
    /// Which of them may be called.
    pub tool_choice: Option<ToolChoice>,
    /// Whether several may be called at once; true unless the body says otherwise.
    pub parallel_tool_calls: bool,
    /// How hard to think, as Chat Completions has it.
    pub reasoning_effort: Option<String>,
    /// The same as Responses has it. Clients send either to either API.
    pub reasoning: ReasoningOptions,
    /// The processing tier.
    pub service_tier: Option<String>,
    /// How tokens are chosen. Each field of it is among `dropped` too.
    pub sampling: Sampling,
    /// `prompt_cache_key`, which is among `dropped` too.
    pub cache_key: Option<String>,
    /// What it says to this proxy.
    pub x_codex: XCodex,
    /// Fields that have no effect here, in the order of the body; see [`Dropped`].
    pub dropped: Vec<String>,
}

/// A [`Common`] of which a part has been read.
#[derive(Debug, Default)]
pub(super) struct CommonDraft {
    /// What has no effect so far.
    pub(super) dropped: Dropped,
    /// The names of the conversation so far.
    pub(super) conversation: ConversationNames,
    model: Option<String>,
    stream: bool,
    tools: Vec<ToolDefinition>,
    tool_choice: Option<ToolChoice>,
    parallel_tool_calls: Option<bool>,
    reasoning_effort: Option<String>,
    reasoning: ReasoningOptions,
    service_tier: Option<String>,
    sampling: Sampling,
    cache_key: Option<String>,
    x_codex: XCodex,
}

impl CommonDraft {
    /// Reads a field of the body, or gives it back where only one of the APIs knows it.
    pub(super) fn read(&mut self, field: Field) -> Result<Option<Field>, TurnError> {
        let dropped = &mut self.dropped;
        match field.path.as_str() {
            "model" => self.model = Some(field.filled_string()?),
            "conversation_id" => self.conversation.read_id(field)?,
            "metadata" => self.conversation.read_metadata(field, dropped),
            "stream" => self.stream = field.boolean()?,
            "tools" => {
                self.tools = ToolDefinition::read_all(field, dropped)?;
            }
            "tool_choice" => self.tool_choice = Some(ToolChoice::read(field, dropped)?),
            "parallel_tool_calls" => self.parallel_tool_calls = Some(field.boolean()?),
            "reasoning_effort" => self.reasoning_effort = Some(field.string()?),
            "reasoning" => self.reasoning = ReasoningOptions::read(field, dropped)?,
            X_CODEX => self.x_codex = XCodex::read(field, dropped)?,
            "service_tier" => self.service_tier = Some(field.string()?),
            "prompt_cache_key" => {
                dropped.note(field.path.clone());
                self.cache_key = Some(field.string()?);
            }
            _ => return sampling::read(&mut self.sampling, field, dropped),
        }
        Ok(None)
    }

    /// Ends the reading; `default_model` is the name where the body has none.
    pub(super) fn finish(mut self, default_model: Option<&str>) -> Result<Common, TurnError> {
        let model = self
            .model
            .or_else(|| default_model.map(str::to_owned))
            .ok_or_else(|| invalid::missing("model".to_owned()))?;
        self.conversation.keep_one(&mut self.dropped);
        Ok(Common {
            model,
            conversation: self.conversation,
            stream: self.stream,
            tools: self.tools,
            tool_choice: self.tool_choice,
            parallel_tool_calls: self.parallel_tool_calls.unwrap_or(true),
            reasoning_effort: self.reasoning_effort,
            reasoning: self.reasoning,
            service_tier: self.service_tier,
            sampling: self.sampling,
            cache_key: self.cache_key,
            x_codex: self.x_codex,
            dropped: self.dropped.into_names(),
        })
    }
}
