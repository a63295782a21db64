//! The body of `POST /v1/chat/completions`.

use super::{Message, ToolChoice, ToolDefinition};
use crate::{
    turn::TurnError,
    wire::{
        dropped::Dropped,
        invalid,
        object::{Field, Object},
    },
};
use serde_json::Value;

/// A request whose shape has been checked.
///
/// Fields are named as OpenAI names them; what is `null` on the wire is `None` here. Words with a
/// meaning, such as efforts, are still the client's: the translator reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model's name, as sent. Never empty.
    pub model: String,
    /// The conversation. Never empty.
    pub messages: Vec<Message>,
    /// Whether the reply is wanted as a stream.
    pub stream: bool,
    /// Settings of that stream.
    pub stream_options: StreamOptions,
    /// The tools on offer.
    pub tools: Vec<ToolDefinition>,
    /// Which of them may be called.
    pub tool_choice: Option<ToolChoice>,
    /// How hard to think.
    pub reasoning_effort: Option<String>,
    /// The same as the Responses API has it, which some clients send.
    pub reasoning: ReasoningOptions,
    /// How wordy to be.
    pub verbosity: Option<String>,
    /// The shape of the answer.
    pub response_format: Option<ResponseFormat>,
    /// The processing tier.
    pub service_tier: Option<String>,
    /// Fields that have no effect here, in the order of the body; see [`Dropped`].
    pub dropped: Vec<String>,
}

/// `stream_options`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// Whether the stream ends with a chunk that tells the usage.
    pub include_usage: bool,
}

/// `reasoning`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReasoningOptions {
    /// How hard to think.
    pub effort: Option<String>,
    /// How much of it to tell.
    pub summary: Option<String>,
}

/// `response_format`.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseFormat {
    /// `text`.
    Text,
    /// `json_object`.
    JsonObject,
    /// `json_schema`.
    JsonSchema {
        /// The schema.
        schema: Value,
        /// Whether the model must be held to it.
        strict: bool,
    },
}

impl ChatRequest {
    /// Reads a request body.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`], naming the field where one is at fault: no JSON object, a
    /// wrong type, no model or messages, or something that this proxy refuses (more than one
    /// choice, log probabilities, audio, the functions that tools have replaced).
    pub fn parse(body: &[u8]) -> Result<Self, TurnError> {
        let mut draft = Draft::default();
        for field in Object::parse(body)?.into_fields() {
            draft.read(field)?;
        }
        draft.finish()
    }
}

/// A request of which a part has been read.
///
/// The body is read in its own order, so that errors and dropped fields come in that order too.
#[derive(Default)]
struct Draft {
    model: Option<String>,
    messages: Option<Vec<Message>>,
    stream: bool,
    stream_options: StreamOptions,
    tools: Vec<ToolDefinition>,
    tool_choice: Option<ToolChoice>,
    reasoning_effort: Option<String>,
    reasoning: ReasoningOptions,
    verbosity: Option<String>,
    response_format: Option<ResponseFormat>,
    service_tier: Option<String>,
    dropped: Dropped,
}

impl Draft {
    fn read(&mut self, field: Field) -> Result<(), TurnError> {
        let dropped = &mut self.dropped;
        match field.path.as_str() {
            "model" => self.model = Some(field.filled_string()?),
            "messages" => {
                let messages = field.array()?.map(|field| Message::read(field, dropped));
                self.messages = Some(messages.collect::<Result<_, _>>()?);
            }
            "stream" => self.stream = field.boolean()?,
            "stream_options" => self.stream_options = StreamOptions::read(field, dropped)?,
            "tools" => {
                let tools = field
                    .array()?
                    .filter_map(|field| ToolDefinition::read(field, dropped).transpose());
                self.tools = tools.collect::<Result<_, _>>()?;
            }
            "tool_choice" => self.tool_choice = Some(ToolChoice::read(field)?),
            "reasoning_effort" => self.reasoning_effort = Some(field.string()?),
            "reasoning" => self.reasoning = ReasoningOptions::read(field, dropped)?,
            "verbosity" => self.verbosity = Some(field.string()?),
            "response_format" => {
                self.response_format = Some(ResponseFormat::read(field, dropped)?);
            }
            "service_tier" => self.service_tier = Some(field.string()?),
            // To allow several calls at once is all that the backend does.
            "parallel_tool_calls" => {
                let path = field.path.clone();
                if !field.boolean()? {
                    dropped.note(path);
                }
            }
            "n" => check_n(field)?,
            "logprobs" => {
                let path = field.path.clone();
                if field.boolean()? {
                    return Err(no_logprobs(path));
                }
            }
            "top_logprobs" if field.value == 0 => {}
            "top_logprobs" => return Err(no_logprobs(field.path)),
            "audio" => return Err(no_audio(field.path)),
            "modalities" => check_modalities(field)?,
            "functions" | "function_call" => {
                return Err(invalid::unsupported(
                    field.path,
                    "Use 'tools' and 'tool_choice' instead.",
                ));
            }
            _ => dropped.note(field.path),
        }
        Ok(())
    }

    fn finish(self) -> Result<ChatRequest, TurnError> {
        let model = self
            .model
            .ok_or_else(|| invalid::missing("model".to_owned()))?;
        let messages = self
            .messages
            .ok_or_else(|| invalid::missing("messages".to_owned()))?;
        if messages.is_empty() {
            return Err(invalid::empty_array("messages".to_owned()));
        }
        Ok(ChatRequest {
            model,
            messages,
            stream: self.stream,
            stream_options: self.stream_options,
            tools: self.tools,
            tool_choice: self.tool_choice,
            reasoning_effort: self.reasoning_effort,
            reasoning: self.reasoning,
            verbosity: self.verbosity,
            response_format: self.response_format,
            service_tier: self.service_tier,
            dropped: self.dropped.into_names(),
        })
    }
}

impl StreamOptions {
    fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mut object = field.object()?;
        let include_usage = object.boolean("include_usage")?.unwrap_or(false);
        object.finish(dropped);
        Ok(Self { include_usage })
    }
}

impl ReasoningOptions {
    fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mut object = field.object()?;
        let options = Self {
            effort: object.string("effort")?,
            summary: object.string("summary")?,
        };
        object.finish(dropped);
        Ok(options)
    }
}

impl ResponseFormat {
    fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mut object = field.object()?;
        let kind = object.required_string("type")?;
        let format = match kind.as_str() {
            "text" => Self::Text,
            "json_object" => Self::JsonObject,
            "json_schema" => {
                let mut inner = object.required("json_schema")?.object()?;
                // A label for OpenAI's own logs; the backend gets one of the engine's.
                inner.string("name")?;
                let schema = inner.required("schema")?;
                if !schema.value.is_object() {
                    return Err(invalid::wrong_type(schema.path, "an object", &schema.value));
                }
                let strict = inner.boolean("strict")?.unwrap_or(false);
                inner.finish(dropped);
                Self::JsonSchema {
                    schema: schema.value,
                    strict,
                }
            }
            other => {
                return Err(invalid::word(
                    object.path_to("type"),
                    other,
                    &["text", "json_object", "json_schema"],
                ));
            }
        };
        object.finish(dropped);
        Ok(format)
    }
}

/// One choice per request is all that a thread gives.
fn check_n(field: Field) -> Result<(), TurnError> {
    match field.value.as_i64() {
        Some(1) => Ok(()),
        Some(_) => Err(invalid::value(
            field.path,
            "only one choice per request is supported.",
        )),
        None => Err(invalid::wrong_type(field.path, "an integer", &field.value)),
    }
}

fn check_modalities(field: Field) -> Result<(), TurnError> {
    for modality in field.array()? {
        let path = modality.path.clone();
        let word = modality.string()?;
        match word.as_str() {
            "text" => {}
            "audio" => return Err(no_audio(path)),
            other => return Err(invalid::word(path, other, &["text"])),
        }
    }
    Ok(())
}

fn no_audio(param: String) -> TurnError {
    invalid::unsupported(param, "Audio is not supported.")
}

fn no_logprobs(param: String) -> TurnError {
    invalid::unsupported(param, "Log probabilities are not available.")
}
