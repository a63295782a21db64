//! The body of a request for a response.

use super::{InputItem, item::EARLIER};
use crate::{
    turn::{ConversationId, TurnError},
    wire::{
        common::{Common, CommonDraft},
        conversation::read_conversation,
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
    /// What was said up to the response that `previous_response_id` names. Empty as it is read:
    /// whoever keeps responses fills it, see [`InputItem::read_earlier`].
    pub earlier: Vec<InputItem>,
    /// The conversation, or what is new of it. Never empty.
    pub input: Vec<InputItem>,
    /// The system prompt.
    pub instructions: Option<String>,
    /// Settings of the text.
    pub text: TextOptions,
    /// The response to go on from.
    pub previous_response_id: Option<String>,
    /// The conversation to go on with, which [`Common::conversation`] names too.
    pub conversation: Option<ConversationId>,
    /// Whether the response is to be kept; yes where the client does not say.
    pub store: Option<bool>,
    /// What the reply should tell besides. Words that mean something here; others are noted as
    /// dropped.
    pub include: Vec<Include>,
    /// Whether the client will come back for the response.
    pub background: bool,
}

/// An element of `include`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    /// `reasoning.encrypted_content`.
    EncryptedReasoning,
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
    /// model or input, a reference to a stored prompt or item, more than one conversation.
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
    conversation: Option<ConversationId>,
    store: Option<bool>,
    include: Vec<Include>,
    background: bool,
}

impl Draft {
    fn read(&mut self, field: Field) -> Result<(), TurnError> {
        if field.path == "metadata" {
            return self.read_metadata(field);
        }
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
            "store" => self.store = Some(field.boolean()?),
            "include" => self.include = read_include(field, dropped)?,
            "truncation" => read_truncation(field, dropped)?,
            "background" => self.background = field.boolean()?,
            "prompt" => {
                return Err(invalid::unsupported(
                    field.path,
                    "Prompts are not stored here: send 'instructions' and 'input'.",
                ));
            }
            // Told in the response again, and otherwise without an effect.
            "user" | "safety_identifier" => {
                dropped.note(field.path.clone());
                field.string()?;
            }
            "max_tool_calls" | "top_logprobs" => {
                dropped.note(field.path.clone());
                if !field.value.is_u64() {
                    return Err(invalid::wrong_type(
                        field.path,
                        "a whole number",
                        &field.value,
                    ));
                }
            }
            _ => dropped.note(field.path),
        }
        Ok(())
    }

    /// Reads `metadata`: texts, which are the client's own. The response repeats them, so that
    /// none of them counts as dropped. What is no text does: it is no reason to refuse a request.
    fn read_metadata(&mut self, field: Field) -> Result<(), TurnError> {
        let Value::Object(metadata) = &field.value else {
            return Err(invalid::wrong_type(field.path, "an object", &field.value));
        };
        for (name, _) in metadata.iter().filter(|(_, value)| !value.is_string()) {
            self.common.dropped.note(format!("{}.{name}", field.path));
        }
        let names = &mut self.common.conversation;
        names.read_metadata(field, &mut Dropped::default());
        Ok(())
    }

    fn finish(mut self, default_model: Option<&str>) -> Result<ResponsesRequest, TurnError> {
        self.settle_conversation()?;
        Ok(ResponsesRequest {
            common: self.common.finish(default_model)?,
            earlier: Vec::new(),
            input: self
                .input
                .ok_or_else(|| invalid::missing("input".to_owned()))?,
            instructions: self.instructions,
            text: self.text,
            previous_response_id: self.previous_response_id,
            conversation: self.conversation,
            store: self.store,
            include: self.include,
            background: self.background,
        })
    }

    /// Makes the name in `conversation` that of the conversation.
    fn settle_conversation(&mut self) -> Result<(), TurnError> {
        let names = &mut self.common.conversation;
        if self.previous_response_id.is_some() {
            if self.conversation.is_some() {
                return Err(exclusive(EARLIER, "conversation"));
            }
            if names.id.is_some() {
                return Err(exclusive(EARLIER, "conversation_id"));
            }
        }
        let Some(conversation) = &self.conversation else {
            return Ok(());
        };
        if names.id.as_ref().is_some_and(|id| id != conversation) {
            return Err(exclusive("conversation_id", "conversation"));
        }
        names.id = Some(conversation.clone());
        Ok(())
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

/// Reads `include`.
fn read_include(field: Field, dropped: &mut Dropped) -> Result<Vec<Include>, TurnError> {
    let mut include = Vec::new();
    for element in field.array()? {
        let word = element.string()?;
        match word.as_str() {
            "reasoning.encrypted_content" => include.push(Include::EncryptedReasoning),
            _ => dropped.note(format!("include[] ({word})")),
        }
    }
    Ok(include)
}

/// Reads `truncation`. What is too long for the model is refused, whatever the client wants.
fn read_truncation(field: Field, dropped: &mut Dropped) -> Result<(), TurnError> {
    let path = field.path.clone();
    match field.string()?.as_str() {
        "disabled" => {}
        "auto" => dropped.note(path),
        other => return Err(invalid::word(path, other, &["auto", "disabled"])),
    }
    Ok(())
}

/// Two fields of which a request can have one.
fn exclusive(one: &str, other: &str) -> TurnError {
    TurnError::InvalidRequest {
        message: format!(
            "Mutually exclusive parameters: '{one}' and '{other}'. Ensure you are only providing \
             one of these parameters."
        ),
        param: None,
        code: Some("mutually_exclusive_parameters"),
    }
}
