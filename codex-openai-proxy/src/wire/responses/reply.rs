//! A response object and the items of its output, see
//! <https://platform.openai.com/docs/api-reference/responses/object>.
//!
//! They borrow what they tell: a reply is told while it grows, and more than once.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

/// What a response repeats of its request: names of members and their JSON.
pub type Repeated = Vec<(&'static str, Box<RawValue>)>;

/// A `response`, as it stands.
#[derive(Debug, Clone)]
pub struct ResponseObject<'a> {
    /// `resp_…`.
    pub id: &'a str,
    /// When it began, in seconds since 1970.
    pub created_at: u64,
    /// How far it is.
    pub status: ResponseStatus,
    /// Why it failed.
    pub error: Option<ResponseFailure<'a>>,
    /// Why it is incomplete.
    pub incomplete: Option<IncompleteReason>,
    /// The model's name as the client sent it.
    pub model: &'a str,
    /// The conversation that the client named.
    pub conversation: Option<&'a str>,
    /// Whether it is kept, to be asked for and gone on from.
    pub store: bool,
    /// Members that repeat the request.
    pub repeated: &'a Repeated,
    /// What the model said and called, in order.
    pub output: Vec<OutputItem<'a>>,
    /// What it took; `null` until the end, and where the upstream did not say.
    pub usage: Option<ResponseUsage>,
}

/// `status` of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseStatus {
    /// The model is at it.
    InProgress,
    /// All is said.
    Completed,
    /// The upstream stopped it early, see [`IncompleteReason`].
    Incomplete,
    /// It broke off, see [`ResponseFailure`].
    Failed,
    /// The client has called it off.
    Cancelled,
}

impl ResponseStatus {
    /// OpenAI's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Serialize for ResponseStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// `error` of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ResponseFailure<'a> {
    /// For a program: one of the words that the API has for it.
    pub code: &'static str,
    /// For a person.
    pub message: &'a str,
}

/// `incomplete_details` of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum IncompleteReason {
    /// The output limit was reached.
    MaxOutputTokens,
    /// The rest was withheld.
    ContentFilter,
}

/// `usage` of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ResponseUsage {
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Of the tokens read.
    pub input_tokens_details: InputTokensDetails,
    /// Tokens written, reasoning included.
    pub output_tokens: u64,
    /// Of the tokens written.
    pub output_tokens_details: OutputTokensDetails,
    /// Both.
    pub total_tokens: u64,
}

/// What kinds of tokens were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct InputTokensDetails {
    /// From the prompt cache.
    pub cached_tokens: u64,
    /// Always 0: no upstream says so, and the API wants a number.
    pub cache_write_tokens: u64,
}

/// What kinds of tokens were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OutputTokensDetails {
    /// Reasoning.
    pub reasoning_tokens: u64,
}

/// One element of `output`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OutputItem<'a> {
    /// Something that the model said.
    Message {
        /// `msg_…`.
        id: &'a str,
        /// How far it is.
        status: ItemStatus,
        /// Always `assistant`.
        role: &'static str,
        /// The text; empty until the first of it is announced.
        content: Vec<OutputText<'a>>,
    },
    /// What the model thought, as far as it is told.
    Reasoning {
        /// `rs_…`.
        id: &'a str,
        /// Told only where it was cut off, as OpenAI's servers have it.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<ItemStatus>,
        /// What is shown of it.
        summary: Vec<SummaryText<'a>>,
        /// All of it, sealed by the upstream.
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'a str>,
    },
    /// A call to a function of the client.
    FunctionCall {
        /// `fc_…`.
        id: &'a str,
        /// How far it is.
        status: ItemStatus,
        /// The id that the result has to name.
        call_id: &'a str,
        /// The function.
        name: &'a str,
        /// The namespace of the function, where it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'a str>,
        /// JSON text, as the model wrote it.
        arguments: &'a str,
    },
    /// A call to a custom tool of the client.
    CustomToolCall {
        /// `ctc_…`.
        id: &'a str,
        /// How far it is.
        status: ItemStatus,
        /// The id that the result has to name.
        call_id: &'a str,
        /// The tool.
        name: &'a str,
        /// The namespace of the tool, where it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'a str>,
        /// Free text, as the model wrote it.
        input: &'a str,
    },
}

/// `status` of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// More of it comes.
    InProgress,
    /// It is whole.
    Completed,
    /// It was cut off.
    Incomplete,
}

/// Text of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "output_text")]
pub struct OutputText<'a> {
    /// The text.
    pub text: &'a str,
    /// Always empty.
    pub annotations: [(); 0],
    /// Always empty.
    pub logprobs: [(); 0],
}

/// A part of what is shown of the reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "summary_text")]
pub struct SummaryText<'a> {
    /// The text.
    pub text: &'a str,
}

impl<'a> OutputText<'a> {
    /// That text.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            annotations: [],
            logprobs: [],
        }
    }
}

impl Serialize for ResponseObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Conversation<'a> {
            id: &'a str,
        }

        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.id)?;
        map.serialize_entry("object", "response")?;
        map.serialize_entry("created_at", &self.created_at)?;
        map.serialize_entry("status", &self.status)?;
        // Nothing is answered in the background here.
        map.serialize_entry("background", &false)?;
        map.serialize_entry("error", &self.error)?;
        map.serialize_entry("incomplete_details", &self.incomplete)?;
        map.serialize_entry("model", self.model)?;
        if let Some(id) = self.conversation {
            map.serialize_entry("conversation", &Conversation { id })?;
        }
        for (name, value) in self.repeated {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("store", &self.store)?;
        map.serialize_entry("output", &self.output)?;
        map.serialize_entry("usage", &self.usage)?;
        map.end()
    }
}
