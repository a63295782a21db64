//! A request to a provider, borrowed from what it is made of, see
//! <https://platform.openai.com/docs/api-reference/chat/create>.
//!
//! Members that say nothing are left out: many servers refuse what they do not know.

use crate::wire::sse::append_json;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;

/// The body.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpstreamRequest<'a> {
    /// The model's name upstream.
    pub model: &'a str,
    /// The conversation.
    pub messages: Vec<UpstreamMessage<'a>>,
    /// Whether the reply is wanted in pieces.
    pub stream: bool,
    /// What that stream has to tell.
    pub stream_options: StreamWish,
    /// Tools that may be called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<FunctionTool<'a>>,
    /// Which of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<Choose<'a>>,
    /// Whether several at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// How hard to think.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<&'static str>,
    /// How wordy to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<&'static str>,
    /// The shape of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_format: Option<AnswerFormat<'a>>,
    /// How random to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// How unlikely tokens may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// How long the answer may get, in its old name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// The same in its new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_completion_tokens: Option<u64>,
    /// Texts that end the answer.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub stop: &'a [String],
    /// For answers that can be repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Against what was said already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// Against what was said often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// The processing tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<&'a str>,
    /// What the prompt cache is found by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_cache_key: Option<&'a str>,
}

/// `stream_options`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StreamWish {
    /// Whether the last chunk has to tell the usage.
    pub include_usage: bool,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub enum UpstreamMessage<'a> {
    /// By the author of the application.
    System {
        /// What it says.
        content: Cow<'a, str>,
    },
    /// By the user.
    User {
        /// What it says.
        content: UpstreamContent<'a>,
    },
    /// By the model.
    Assistant {
        /// What it says; `null` where it only calls.
        content: Option<Cow<'a, str>>,
        /// What it thought before that.
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_content: Option<Cow<'a, str>>,
        /// What it calls.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<UpstreamCall<'a>>,
    },
    /// The result of a call.
    Tool {
        /// The call.
        tool_call_id: &'a str,
        /// The result.
        content: Cow<'a, str>,
    },
}

/// Content of a user's message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum UpstreamContent<'a> {
    /// Text alone, which all servers take.
    Text(Cow<'a, str>),
    /// Text and images.
    Parts(Vec<UpstreamPart<'a>>),
}

/// A part of content.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UpstreamPart<'a> {
    /// Text.
    Text {
        /// It.
        text: Cow<'a, str>,
    },
    /// An image.
    ImageUrl {
        /// It.
        image_url: UpstreamImage<'a>,
    },
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpstreamImage<'a> {
    /// A `data:` URL, or one that the provider fetches.
    pub url: &'a str,
    /// How closely to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'static str>,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "function")]
pub struct UpstreamCall<'a> {
    /// Its id.
    pub id: &'a str,
    /// What was called.
    pub function: CalledFunction<'a>,
}

/// What was called, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CalledFunction<'a> {
    /// Its name.
    pub name: &'a str,
    /// JSON text.
    pub arguments: Cow<'a, str>,
}

/// A tool, in the nested form.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "function")]
pub struct FunctionTool<'a> {
    /// It.
    pub function: Function<'a>,
}

/// A function that can be called.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Function<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Cow<'a, str>>,
    /// JSON Schema of its arguments.
    pub parameters: &'a Value,
    /// Whether the arguments must follow the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// `tool_choice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choose<'a> {
    /// No tool.
    None,
    /// Some tool.
    Required,
    /// This one.
    Function(&'a str),
}

/// `response_format`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AnswerFormat<'a> {
    /// Some JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// The schema.
        json_schema: NamedSchema<'a>,
    },
}

/// A schema with its name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NamedSchema<'a> {
    /// Its name.
    pub name: &'a str,
    /// The schema.
    pub schema: &'a Value,
    /// Whether the model must be held to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

impl UpstreamRequest<'_> {
    /// The body as it is sent.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut body = Vec::new();
        append_json(&mut body, self);
        body
    }
}

impl Serialize for Choose<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(tag = "type", rename = "function")]
        struct Named<'a> {
            function: Name<'a>,
        }
        #[derive(Serialize)]
        struct Name<'a> {
            name: &'a str,
        }
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Required => serializer.serialize_str("required"),
            Self::Function(name) => {
                let function = Name { name };
                Named { function }.serialize(serializer)
            }
        }
    }
}
