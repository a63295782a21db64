//! A request to a provider, borrowed from what it is made of, see
//! <https://platform.openai.com/docs/api-reference/responses/create>.
//!
//! Members that say nothing are left out: many servers refuse what they do not know.

use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;

/// The body.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpstreamRequest<'a> {
    /// The model's name upstream.
    pub model: &'a str,
    /// The system prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<&'a str>,
    /// The conversation.
    pub input: Vec<UpstreamItem<'a>>,
    /// Tools that may be called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<UpstreamTool<'a>>,
    /// Which of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<Choose<'a>>,
    /// Whether several at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// How hard to think.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Reasoning>,
    /// What the answer should be like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<'a>>,
    /// How random to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// How unlikely tokens may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// How long the answer may get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// The processing tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<&'a str>,
    /// What the prompt cache is found by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_cache_key: Option<&'a str>,
    /// Whether the provider has to keep the response.
    pub store: bool,
    /// Whether the reply is wanted in pieces.
    pub stream: bool,
}

/// An item of the input.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UpstreamItem<'a> {
    /// Something said.
    Message {
        /// By whom.
        role: &'static str,
        /// What.
        content: UpstreamContent<'a>,
    },
    /// A call to a function.
    FunctionCall {
        /// The id that its result names.
        call_id: &'a str,
        /// The function.
        name: &'a str,
        /// JSON text.
        arguments: Cow<'a, str>,
    },
    /// Its result.
    FunctionCallOutput {
        /// The call.
        call_id: &'a str,
        /// What came out.
        output: UpstreamContent<'a>,
    },
    /// A call to a custom tool.
    CustomToolCall {
        /// The id that its result names.
        call_id: &'a str,
        /// The tool.
        name: &'a str,
        /// Free text.
        input: &'a str,
    },
    /// Its result.
    CustomToolCallOutput {
        /// The call.
        call_id: &'a str,
        /// What came out.
        output: UpstreamContent<'a>,
    },
}

/// What is said, or came out of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum UpstreamContent<'a> {
    /// Text, in the plain form that every server knows.
    Text(Cow<'a, str>),
    /// Parts.
    Parts(Vec<UpstreamPart<'a>>),
}

/// A part of what is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UpstreamPart<'a> {
    /// Text.
    InputText {
        /// The text.
        text: &'a str,
    },
    /// An image.
    InputImage {
        /// Its address, or itself in a `data:` URL.
        image_url: &'a str,
        /// How closely to look. Some servers want to be told.
        detail: &'static str,
    },
}

/// A tool of the client.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UpstreamTool<'a> {
    /// A function.
    Function {
        /// Its name.
        name: &'a str,
        /// What it does.
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        /// JSON Schema of its arguments.
        parameters: &'a Value,
        /// Always told: the API takes silence for yes.
        strict: bool,
    },
    /// A tool that takes free text.
    Custom {
        /// Its name.
        name: &'a str,
        /// What it does.
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        /// What the text must look like.
        #[serde(skip_serializing_if = "Option::is_none")]
        format: Option<GrammarFormat<'a>>,
    },
}

/// `format` of a custom tool whose text follows a grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "grammar")]
pub struct GrammarFormat<'a> {
    /// `lark` or `regex`.
    pub syntax: &'a str,
    /// The grammar.
    pub definition: &'a str,
}

/// `tool_choice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Choose<'a> {
    /// `none` or `required`.
    Word(&'static str),
    /// One tool.
    Tool(ChosenTool<'a>),
}

/// The one tool that has to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChosenTool<'a> {
    /// A function.
    Function {
        /// Its name.
        name: &'a str,
    },
    /// A custom tool.
    Custom {
        /// Its name.
        name: &'a str,
    },
}

/// `reasoning`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reasoning {
    /// How hard to think.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<&'static str>,
    /// How much of it to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<&'static str>,
}

/// `text`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Text<'a> {
    /// How wordy to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<&'static str>,
    /// The shape of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<AnswerFormat<'a>>,
}

/// `text.format`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AnswerFormat<'a> {
    /// Some JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// What it is called.
        name: &'a str,
        /// The schema.
        schema: &'a Value,
        /// Whether the model is held to it.
        strict: bool,
    },
}
