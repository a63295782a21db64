//! What a client asks for, free of either client protocol.

use super::{Item, NamedConversation, Tool, ToolChoice, TraceContext};
use serde_json::Value;

/// One request for a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnRequest {
    /// The conversation that this belongs to, where the client names one.
    pub conversation: Option<NamedConversation>,
    /// The model's name upstream. The name that the client sent stays with the translator.
    pub model: String,
    /// The leading system and developer messages, joined. `None` where the client sent none.
    pub instructions: Option<String>,
    /// The conversation so far, or what is new of it, oldest first. Never empty.
    ///
    /// Each call in it has its result in it. A result may lack its call, which is then one that
    /// the conversation waits for; whoever knows the conversation has to check.
    pub items: Vec<Item>,
    /// Tools that the client offers, in its order.
    pub tools: Vec<Tool>,
    /// Which of them the model may call.
    pub tool_choice: ToolChoice,
    /// Whether the model may call several at once.
    pub parallel_tool_calls: bool,
    /// How hard to think, and how much of it to show.
    pub reasoning: Reasoning,
    /// How wordy to be; `None` leaves it to the user's config or the backend.
    pub verbosity: Option<Verbosity>,
    /// The shape that the answer must have.
    pub output: OutputFormat,
    /// The processing tier, in OpenAI's words (`flex`, `priority`); `None` for the usual one.
    pub service_tier: Option<String>,
    /// How tokens are chosen, and how many. Engines that cannot say so upstream have no use for it.
    pub sampling: Sampling,
    /// Whether its conversation is to outlast this process even where the client has no name for it:
    /// the client can go on from the response.
    pub lasting: bool,
    /// What the upstream's prompt cache is found by (`prompt_cache_key`), for engines that do not
    /// choose it themselves.
    pub cache_key: Option<String>,
    /// The trace that the request belongs to, where its client told. Whoever is asked in the course of
    /// the turn gets a [`TraceContext::child`] of it.
    pub trace: Option<TraceContext>,
}

impl TurnRequest {
    /// Takes the reasoning out of the items, for engines that keep it themselves.
    pub fn without_reasoning(&mut self) {
        self.items
            .retain(|item| !matches!(item, Item::Reasoning(_)));
    }
}

/// How tokens are chosen, and how many of them. What is `None` is left to the upstream.
///
/// Ranges are the upstream's business: they differ, and it refuses what it does not take.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampling {
    /// `temperature`.
    pub temperature: Option<f64>,
    /// `top_p`.
    pub top_p: Option<f64>,
    /// `max_completion_tokens` or `max_tokens` of Chat Completions, `max_output_tokens` of Responses.
    pub max_output_tokens: Option<u64>,
    /// `stop` of Chat Completions. Responses has no word for it.
    pub stop: Vec<String>,
    /// `seed` of Chat Completions.
    pub seed: Option<i64>,
    /// `presence_penalty` of Chat Completions.
    pub presence_penalty: Option<f64>,
    /// `frequency_penalty` of Chat Completions.
    pub frequency_penalty: Option<f64>,
}

/// The reasoning settings of a request. What is `None` comes from the user's config or the model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// How hard to think.
    pub effort: Option<Effort>,
    /// How much of the reasoning to tell.
    pub summary: Option<ReasoningSummary>,
}

/// `reasoning_effort` of Chat Completions, `reasoning.effort` of Responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effort {
    /// No reasoning.
    None,
    /// The least that the model can do.
    Minimal,
    /// Little.
    Low,
    /// The usual amount.
    Medium,
    /// Much.
    High,
    /// Very much.
    XHigh,
    /// As much as the model can do alone.
    Max,
    /// More than `Max`, where a model has it.
    Ultra,
}

impl Effort {
    /// Every level, least first.
    pub const ALL: [Effort; 8] = [
        Self::None,
        Self::Minimal,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::XHigh,
        Self::Max,
        Self::Ultra,
    ];

    /// The word used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
            Self::Ultra => "ultra",
        }
    }

    /// The level of that name, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == word)
    }
}

/// `reasoning.summary` of the Responses API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningSummary {
    /// As much as the backend sees fit.
    Auto,
    /// Short.
    Concise,
    /// Long.
    Detailed,
    /// None at all.
    None,
}

impl ReasoningSummary {
    /// The setting of that name, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "auto" => Some(Self::Auto),
            "concise" => Some(Self::Concise),
            "detailed" => Some(Self::Detailed),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

/// `verbosity` of Chat Completions, `text.verbosity` of Responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Terse.
    Low,
    /// Usual.
    Medium,
    /// Thorough.
    High,
}

impl Verbosity {
    /// The word used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The setting of that name, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "low" => Some(Self::Low),
            "medium" => Some(Self::Medium),
            "high" => Some(Self::High),
            _ => None,
        }
    }
}

/// The shape that the answer must have: `response_format` of Chat Completions.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum OutputFormat {
    /// Prose.
    #[default]
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// What the client calls it. Some upstreams want a name.
        name: Option<String>,
        /// The schema.
        schema: Value,
        /// Whether the backend must hold the model to it.
        strict: bool,
    },
}
