//! What providers answer in Responses: the events of a stream and whole responses, borrowed from the
//! payload.
//!
//! See [`upstream`](crate::wire::upstream) for what becomes of members that nobody expects.

use crate::wire::upstream::{
    Arguments, Code, Content, Count, Failure, Field, List, object, objects, raw,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One event of a stream. Which members it has depends on its type, see
/// <https://platform.openai.com/docs/api-reference/responses-streaming>.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StreamEvent<'a> {
    /// Its type.
    #[serde(borrow, rename = "type")]
    pub kind: Field<Cow<'a, str>>,
    /// Its position in the stream.
    pub sequence_number: Field<Count>,
    /// The response as it stands, in the first events and in the last.
    #[serde(borrow)]
    pub response: Field<Response<'a>>,
    /// The item that it tells of, by its position in the output.
    pub output_index: Field<Count>,
    /// The item's own id, where the position is missing.
    #[serde(borrow)]
    pub item_id: Field<Cow<'a, str>>,
    /// The part of a message's content, or of raw thought, that it tells of.
    pub content_index: Field<Count>,
    /// The part of a reasoning summary that it tells of.
    pub summary_index: Field<Count>,
    /// The item, as it is when it begins and when it ends.
    #[serde(borrow)]
    pub item: Field<Item<'a>>,
    /// What is new of a text or of arguments.
    #[serde(borrow)]
    pub delta: Field<Cow<'a, str>>,
    /// A text that has ended.
    #[serde(borrow)]
    pub text: Field<Cow<'a, str>>,
    /// A refusal that has ended.
    #[serde(borrow)]
    pub refusal: Field<Cow<'a, str>>,
    /// Why there is no more, in an envelope; the API itself has it without one.
    #[serde(borrow)]
    pub error: Field<Failure<'a>>,
    /// Why there is no more: for a person.
    #[serde(borrow)]
    pub message: Field<Cow<'a, str>>,
    /// Why there is no more: for a program.
    #[serde(borrow)]
    pub code: Field<Code<'a>>,
}

/// A `response`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Response<'a> {
    /// The model's name as it stands in the payload, whatever its type; `None` where it is missing.
    #[serde(borrow, deserialize_with = "raw")]
    pub model: Option<&'a RawValue>,
    /// How far it is.
    #[serde(borrow)]
    pub status: Field<Cow<'a, str>>,
    /// Why it failed.
    #[serde(borrow)]
    pub error: Field<Failure<'a>>,
    /// Why it is incomplete.
    #[serde(borrow)]
    pub incomplete_details: Field<IncompleteDetails<'a>>,
    /// What it took.
    pub usage: Field<Usage>,
    /// What was said and called.
    #[serde(borrow)]
    pub output: Field<List<Item<'a>>>,
}

/// An item of the output.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Item<'a> {
    /// Its type.
    #[serde(borrow, rename = "type")]
    pub kind: Field<Cow<'a, str>>,
    /// Its own id, which nothing else refers to.
    #[serde(borrow)]
    pub id: Field<Cow<'a, str>>,
    /// How far it is.
    #[serde(borrow)]
    pub status: Field<Cow<'a, str>>,
    /// The id of a call, which its result refers to.
    #[serde(borrow)]
    pub call_id: Field<Cow<'a, str>>,
    /// The tool that is called.
    #[serde(borrow)]
    pub name: Field<Cow<'a, str>>,
    /// The arguments of a function.
    #[serde(borrow)]
    pub arguments: Field<Arguments<'a>>,
    /// The text for a custom tool.
    #[serde(borrow)]
    pub input: Field<Cow<'a, str>>,
    /// The content of a message; the raw thought of reasoning.
    #[serde(borrow)]
    pub content: Field<Content<'a>>,
    /// The summary of reasoning, part by part.
    #[serde(borrow)]
    pub summary: Field<Content<'a>>,
    /// Reasoning, sealed by the upstream.
    #[serde(borrow)]
    pub encrypted_content: Field<Cow<'a, str>>,
}

/// `incomplete_details` of a response.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct IncompleteDetails<'a> {
    /// Why.
    #[serde(borrow)]
    pub reason: Field<Cow<'a, str>>,
}

/// Token counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: Field<Count>,
    /// Tokens written.
    pub output_tokens: Field<Count>,
    /// Of the tokens read.
    pub input_tokens_details: Field<InputDetails>,
    /// Of the tokens written.
    pub output_tokens_details: Field<OutputDetails>,
}

/// What kinds of tokens were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InputDetails {
    /// From the prompt cache.
    pub cached_tokens: Field<Count>,
}

/// What kinds of tokens were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OutputDetails {
    /// Reasoning.
    pub reasoning_tokens: Field<Count>,
}

impl<'a> StreamEvent<'a> {
    /// Reads the data of an event.
    ///
    /// # Errors
    ///
    /// When it is not one JSON object.
    pub fn parse(data: &'a str) -> serde_json::Result<Self> {
        object(serde_json::from_str(data)?)
    }

    /// What an event of the type `error` says went wrong.
    #[must_use]
    pub fn failure(self) -> Failure<'a> {
        match self.error {
            Field::Is(failure) => failure,
            Field::Absent | Field::Wrong => Failure {
                message: self.message,
                kind: Field::Absent,
                code: self.code,
            },
        }
    }
}

impl<'a> Response<'a> {
    /// Reads the body of a reply that is no stream.
    ///
    /// # Errors
    ///
    /// When it is not one JSON object.
    pub fn parse_body(body: &'a [u8]) -> serde_json::Result<Self> {
        object(serde_json::from_slice(body)?)
    }
}

objects!(
    StreamEvent<'a>,
    Response<'a>,
    Item<'a>,
    IncompleteDetails<'a>,
    Usage,
    InputDetails,
    OutputDetails,
);
