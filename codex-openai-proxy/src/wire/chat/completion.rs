//! A reply in one piece, and what it shares with a streamed one.

use serde::Serialize;

/// The body of a reply that was not streamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChatCompletion {
    /// `chatcmpl-…`.
    pub id: String,
    /// Always `chat.completion`.
    pub object: &'static str,
    /// Seconds since 1970.
    pub created: u64,
    /// The model's name as the client sent it.
    pub model: String,
    /// The conversation, to go on with: an extension of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// See [`system_fingerprint`].
    pub system_fingerprint: &'static str,
    /// The answer; always exactly one.
    pub choices: [Choice; 1],
    /// What it took; left out where the upstream did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<CompletionUsage>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Its position: 0.
    pub index: u32,
    /// What was said.
    pub message: AssistantMessage,
    /// Log probabilities, which we have not: always `null`.
    pub logprobs: Option<()>,
    /// `stop`, `length`, `tool_calls` or `content_filter`; `null` only where an unfinished reply is
    /// logged.
    pub finish_reason: Option<&'static str>,
}

/// What the assistant said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssistantMessage {
    /// Always `assistant`.
    pub role: &'static str,
    /// The text; `null` where the message only calls tools.
    pub content: Option<String>,
    /// The reasoning, for clients that look for it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// Always `null`: refusals come as content.
    pub refusal: Option<()>,
    /// The calls that the client has to carry out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

/// A call to a client's tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolCall {
    /// The id that the result has to name.
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What to call.
    pub function: FunctionCall,
}

/// A function and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionCall {
    /// The name of a tool of the request.
    pub name: String,
    /// JSON text, as the model wrote it.
    pub arguments: String,
}

/// Token counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CompletionUsage {
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written, reasoning included.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// Of the tokens read.
    pub prompt_tokens_details: PromptTokensDetails,
    /// Of the tokens written.
    pub completion_tokens_details: CompletionTokensDetails,
}

/// What kinds of tokens were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PromptTokensDetails {
    /// From the prompt cache.
    pub cached_tokens: u64,
    /// Always 0.
    pub audio_tokens: u64,
}

/// What kinds of tokens were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CompletionTokensDetails {
    /// Reasoning.
    pub reasoning_tokens: u64,
    /// Always 0.
    pub audio_tokens: u64,
    /// Always 0.
    pub accepted_prediction_tokens: u64,
    /// Always 0.
    pub rejected_prediction_tokens: u64,
}

/// What `system_fingerprint` says of this backend: the version of the proxy. OpenAI's changes
/// when the backend does, and so does this.
#[must_use]
pub const fn system_fingerprint() -> &'static str {
    concat!(
        "fp_codex_openai_proxy_",
        env!("CARGO_PKG_VERSION_MAJOR"),
        "_",
        env!("CARGO_PKG_VERSION_MINOR"),
        "_",
        env!("CARGO_PKG_VERSION_PATCH"),
    )
}
