//! The body of `POST /v1/chat/completions`.

use super::Message;
use crate::{
    turn::TurnError,
    wire::{
        common::{Common, CommonDraft},
        dropped::Dropped,
        invalid,
        object::{Field, Object},
        options::ResponseFormat,
    },
};

/// A request whose shape has been checked.
///
/// Fields are named as OpenAI names them; what is `null` on the wire is `None` here. Words with a
/// meaning, such as efforts, are still the client's: the translator reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// What requests of either API have.
    pub common: Common,
    /// The conversation, or what is new of it. Never empty.
    pub messages: Vec<Message>,
    /// Settings of a streamed reply.
    pub stream_options: StreamOptions,
    /// How wordy to be.
    pub verbosity: Option<String>,
    /// The shape of the answer.
    pub response_format: Option<ResponseFormat>,
}

/// `stream_options`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// Whether the stream ends with a chunk that tells the usage.
    pub include_usage: bool,
}

impl ChatRequest {
    /// Reads a request body; `default_model` is the name where the body has none.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`], naming the field where one is at fault: a wrong type, no
    /// model or messages, or something that this proxy refuses (more than one choice, log
    /// probabilities, audio, the functions that tools have replaced).
    pub fn read(body: Object, default_model: Option<&str>) -> Result<Self, TurnError> {
        let mut draft = Draft::default();
        for field in body.into_fields() {
            draft.read(field)?;
        }
        draft.finish(default_model)
    }
}

/// A request of which a part has been read.
///
/// The body is read in its own order, so that errors and dropped fields come in that order too.
#[derive(Default)]
struct Draft {
    common: CommonDraft,
    messages: Option<Vec<Message>>,
    stream_options: StreamOptions,
    verbosity: Option<String>,
    response_format: Option<ResponseFormat>,
}

impl Draft {
    fn read(&mut self, field: Field) -> Result<(), TurnError> {
        let Some(field) = self.common.read(field)? else {
            return Ok(());
        };
        let dropped = &mut self.common.dropped;
        match field.path.as_str() {
            "messages" => {
                let messages = field.array()?.map(|field| Message::read(field, dropped));
                self.messages = Some(messages.collect::<Result<_, _>>()?);
            }
            "stream_options" => self.stream_options = StreamOptions::read(field, dropped)?,
            "verbosity" => self.verbosity = Some(field.string()?),
            "response_format" => {
                self.response_format = Some(ResponseFormat::read(field, dropped)?);
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

    fn finish(self, default_model: Option<&str>) -> Result<ChatRequest, TurnError> {
        let common = self.common.finish(default_model)?;
        let messages = self
            .messages
            .ok_or_else(|| invalid::missing("messages".to_owned()))?;
        if messages.is_empty() {
            return Err(invalid::empty_array("messages".to_owned()));
        }
        Ok(ChatRequest {
            common,
            messages,
            stream_options: self.stream_options,
            verbosity: self.verbosity,
            response_format: self.response_format,
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
