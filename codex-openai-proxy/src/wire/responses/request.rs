//! The body of a request for a response.

use super::InputItem;
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
use serde_json::Value;

/// A request whose shape has been checked.
///
/// Fields are named as OpenAI names them; what is `null` on the wire is `None` here. Words with a
/// meaning, such as efforts, are still the client's: the translator reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponsesRequest {
    /// What requests of either API have.
    pub common: Common,
    /// The conversation, or what is new of it. Never empty.
    pub input: Vec<InputItem>,
    /// The system prompt.
    pub instructions: Option<String>,
    /// Settings of the text.
    pub text: TextOptions,
    /// The response to go on from.
    pub previous_response_id: Option<String>,
    /// The conversation of OpenAI's Conversations API to go on with.
    pub conversation: Option<String>,
    /// Whether the client will come back for the response.
    pub background: bool,
}

/// `text`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TextOptions {
    /// How wordy to be.
    pub verbosity: Option<String>,
    /// The shape of the answer.
    pub format: Option<ResponseFormat>,
}

impl ResponsesRequest {
    /// Reads a request body; `default_model` is the name where the body has none.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`], naming the field where one is at fault: a wrong type, no
    /// model or input, a reference to a stored prompt or item.
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
    input: Option<Vec<InputItem>>,
    instructions: Option<String>,
    text: TextOptions,
    previous_response_id: Option<String>,
    conversation: Option<String>,
    background: bool,
}

impl Draft {
    fn read(&mut self, field: Field) -> Result<(), TurnError> {
        let Some(field) = self.common.read(field)? else {
            return Ok(());
        };
        let dropped = &mut self.common.dropped;
        match field.path.as_str() {
            "input" => self.input = Some(InputItem::read_all(field, dropped)?),
            "instructions" => self.instructions = Some(field.string()?),
            "text" => self.text = TextOptions::read(field, dropped)?,
            "previous_response_id" => self.previous_response_id = Some(field.filled_string()?),
            "conversation" => self.conversation = Some(read_conversation(field)?),
            "background" => self.background = field.boolean()?,
            "prompt" => {
                return Err(invalid::unsupported(
                    field.path,
                    "Prompts are not stored here: send 'instructions' and 'input'.",
                ));
            }
            _ => dropped.note(field.path),
        }
        Ok(())
    }

    fn finish(self, default_model: Option<&str>) -> Result<ResponsesRequest, TurnError> {
        Ok(ResponsesRequest {
            common: self.common.finish(default_model)?,
            input: self
                .input
                .ok_or_else(|| invalid::missing("input".to_owned()))?,
            instructions: self.instructions,
            text: self.text,
            previous_response_id: self.previous_response_id,
            conversation: self.conversation,
            background: self.background,
        })
    }
}

impl TextOptions {
    fn read(field: Field, dropped: &mut Dropped) -> Result<Self, TurnError> {
        let mut object = field.object()?;
        let format = object
            .field("format")
            .map(|format| ResponseFormat::read(format, dropped))
            .transpose()?;
        let options = Self {
            verbosity: object.string("verbosity")?,
            format,
        };
        object.finish(dropped);
        Ok(options)
    }
}

/// Reads `conversation`: an id, or an object that holds one.
fn read_conversation(field: Field) -> Result<String, TurnError> {
    match field.value {
        Value::Object(_) => field.object()?.filled_string("id"),
        _ => field.filled_string(),
    }
}
