//! A request for a reply, in the shape of either API.

use super::{chat::ChatRequest, common::Common, object::Object, responses::ResponsesRequest};
use crate::turn::TurnError;
use serde_json::Value;

/// The body of a request for a reply.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestBody {
    /// Of Chat Completions.
    Chat(ChatRequest),
    /// Of Responses.
    Responses(ResponsesRequest),
}

/// What can be told of a body that is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// Its `model`.
    pub model: Option<String>,
    /// Its `stream`.
    pub stream: bool,
    /// How many `messages`, or items of `input`, it has.
    pub entries: usize,
}

impl Glimpse {
    /// Looks at a body without judging it. Nothing is known of one that is no JSON object.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
            return Self::default();
        };
        let text = |name| body.get(name).and_then(Value::as_str);
        // As where a body is read, `null` counts as absent.
        let list = |name| body.get(name).filter(|value| !value.is_null());
        let entries = list("messages").or_else(|| list("input"));
        Self {
            model: text("model").map(str::to_owned),
            stream: body.get("stream") == Some(&Value::Bool(true)),
            entries: match entries {
                Some(Value::Array(entries)) => entries.len(),
                Some(Value::String(_)) => 1,
                _ => 0,
            },
        }
    }
}

impl RequestBody {
    /// Reads a body by its shape, whatever route it came in on: some clients, Cursor among them,
    /// send the one to the other's route. A body with `input` and without `messages` is one of
    /// Responses.
    ///
    /// `default_model` is the name where the body has none, as on Azure's routes.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`] where the body is no JSON object, and as
    /// [`ChatRequest::read`] and [`ResponsesRequest::read`] have it.
    pub fn parse(body: &[u8], default_model: Option<&str>) -> Result<Self, TurnError> {
        Self::read(Object::parse(body)?, default_model)
    }

    /// The same of a body that is an object already.
    ///
    /// # Errors
    ///
    /// As [`ChatRequest::read`] and [`ResponsesRequest::read`] have it.
    pub fn read(body: Object, default_model: Option<&str>) -> Result<Self, TurnError> {
        if body.has("input") && !body.has("messages") {
            ResponsesRequest::read(body, default_model).map(Self::Responses)
        } else {
            ChatRequest::read(body, default_model).map(Self::Chat)
        }
    }

    /// What both shapes have.
    #[must_use]
    pub fn common(&self) -> &Common {
        match self {
            Self::Chat(request) => &request.common,
            Self::Responses(request) => &request.common,
        }
    }

    /// How many messages or items the request holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        match self {
            Self::Chat(request) => request.messages.len(),
            Self::Responses(request) => request.input.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glimpse_counts_the_entries_that_a_reader_finds() {
        for (body, entries) in [
            (
                r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#,
                1,
            ),
            (r#"{"model":"m","messages":null,"input":["x"]}"#, 1),
            (r#"{"model":"m","input":"x"}"#, 1),
            (r#"{"model":"m","messages":[],"input":["x"]}"#, 0),
            (r#"{"model":"m"}"#, 0),
        ] {
            assert_eq!(Glimpse::of(body.as_bytes()).entries, entries, "{body}");
        }
    }
}
