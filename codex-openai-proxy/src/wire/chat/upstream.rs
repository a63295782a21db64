//! What providers answer in Chat Completions: chunks and whole completions, borrowed from the payload.
//!
//! Many servers speak this API, and each in its own way: see [`upstream`](crate::wire::upstream).

use crate::wire::upstream::{
    Arguments, Code, Content, Count, Failure, Field, List, object, objects, raw,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, mem};

/// One `chat.completion.chunk`, or a whole `chat.completion`: they differ in whether a choice has a
/// `delta` or a `message`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chunk<'a> {
    /// The model's name as it stands in the payload, whatever its type; `None` where it is missing.
    #[serde(borrow, deserialize_with = "raw")]
    pub model: Option<&'a RawValue>,
    /// The replies, of which there is one unless a request asks for more. None in the chunk that
    /// tells the usage.
    #[serde(borrow)]
    pub choices: Field<List<Choice<'a>>>,
    /// What the reply took.
    pub usage: Field<Usage>,
    /// Why there is no more.
    #[serde(borrow)]
    pub error: Field<Failure<'a>>,
    /// `error` where the payload is an error that stands in no envelope, as with vLLM.
    #[serde(borrow)]
    pub object: Field<Cow<'a, str>>,
    /// Its message.
    #[serde(borrow)]
    pub message: Field<Cow<'a, str>>,
    /// Its class.
    #[serde(borrow, rename = "type")]
    pub kind: Field<Cow<'a, str>>,
    /// Its code.
    #[serde(borrow)]
    pub code: Field<Code<'a>>,
}

/// One of the replies to a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice<'a> {
    /// Which.
    pub index: Field<Count>,
    /// What is new of the message.
    #[serde(borrow)]
    pub delta: Field<Message<'a>>,
    /// The message, whole.
    #[serde(borrow)]
    pub message: Field<Message<'a>>,
    /// Why it ended.
    #[serde(borrow)]
    pub finish_reason: Field<Cow<'a, str>>,
    /// What the reply took: Moonshot tells it here.
    pub usage: Field<Usage>,
    /// Why there is no more of it: `OpenRouter` tells it here too.
    #[serde(borrow)]
    pub error: Field<Failure<'a>>,
}

/// A message, or what is new of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message<'a> {
    /// Text.
    #[serde(borrow)]
    pub content: Field<Content<'a>>,
    /// Text in place of an answer.
    #[serde(borrow)]
    pub refusal: Field<Cow<'a, str>>,
    /// Raw thought: `DeepSeek`, llama.cpp, LM Studio.
    #[serde(borrow)]
    pub reasoning_content: Field<Content<'a>>,
    /// The same: `OpenRouter`, Ollama, vLLM.
    #[serde(borrow)]
    pub reasoning: Field<Content<'a>>,
    /// Calls, or fragments of them.
    #[serde(borrow)]
    pub tool_calls: Field<List<ToolCall<'a>>>,
    /// The one call that a message had before there were several.
    #[serde(borrow)]
    pub function_call: Field<Called<'a>>,
}

/// A call, or a fragment of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ToolCall<'a> {
    /// Its position among the calls of the message. Some servers leave it out.
    pub index: Field<Count>,
    /// Its id, in the first fragment.
    #[serde(borrow)]
    pub id: Field<Cow<'a, str>>,
    /// What is called.
    #[serde(borrow)]
    pub function: Field<Called<'a>>,
    /// What is called, where it takes free text.
    #[serde(borrow)]
    pub custom: Field<Called<'a>>,
}

/// What is called, and with what.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Called<'a> {
    /// The tool's name, in the first fragment.
    #[serde(borrow)]
    pub name: Field<Cow<'a, str>>,
    /// More of a function's arguments.
    #[serde(borrow)]
    pub arguments: Field<Arguments<'a>>,
    /// More of a custom tool's text.
    #[serde(borrow)]
    pub input: Field<Cow<'a, str>>,
}

/// Token counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens read.
    pub prompt_tokens: Field<Count>,
    /// Tokens written.
    pub completion_tokens: Field<Count>,
    /// Both, and with some servers the reasoning, which they do not count among the tokens written.
    pub total_tokens: Field<Count>,
    /// Of the tokens read.
    pub prompt_tokens_details: Field<PromptDetails>,
    /// Of the tokens written.
    pub completion_tokens_details: Field<CompletionDetails>,
    /// Tokens from the prompt cache, where `DeepSeek` tells them.
    pub prompt_cache_hit_tokens: Field<Count>,
}

/// What kinds of tokens were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PromptDetails {
    /// From the prompt cache.
    pub cached_tokens: Field<Count>,
}

/// What kinds of tokens were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CompletionDetails {
    /// Reasoning.
    pub reasoning_tokens: Field<Count>,
}

impl<'a> Chunk<'a> {
    /// Reads the data of an event.
    ///
    /// # Errors
    ///
    /// When it is not one JSON object.
    pub fn parse(data: &'a str) -> serde_json::Result<Self> {
        object(serde_json::from_str(data)?)
    }

    /// Reads the body of a reply that is no stream.
    ///
    /// # Errors
    ///
    /// When it is not one JSON object.
    pub fn parse_body(body: &'a [u8]) -> serde_json::Result<Self> {
        object(serde_json::from_slice(body)?)
    }

    /// Takes out the error that the payload tells, if it does.
    pub fn take_failure(&mut self) -> Option<Failure<'a>> {
        if self.object.as_deref() == Some("error") {
            return Some(Failure {
                message: mem::take(&mut self.message),
                kind: mem::take(&mut self.kind),
                code: mem::take(&mut self.code),
            });
        }
        // Some servers have the member in each chunk.
        let is_chunk = !matches!(self.choices, Field::Absent);
        mem::take(&mut self.error)
            .or_default()
            .filter(|failure| !is_chunk || failure.says_something())
    }
}

objects!(
    Chunk<'a>,
    Choice<'a>,
    Message<'a>,
    ToolCall<'a>,
    Called<'a>,
    Usage,
    PromptDetails,
    CompletionDetails,
);

#[cfg(test)]
mod tests;
