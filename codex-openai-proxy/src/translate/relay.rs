//! A provider's reply on its way to a client that speaks the same API.
//!
//! Nothing is translated. Each event goes on as it came, byte for byte, but for the model's name,
//! which becomes the one that the client sent. What the reply says is told beside that, as the events
//! of a turn, from the same parse. Only at the end may something be added: a reply that breaks off
//! says so, and one that ends well ends as its API has it.
//!
//! One event never goes on: the `error` of Responses. Clients disagree on whether it ends a stream
//! (the Codex CLI passes it over and calls again), so `response.failed` takes its place.

mod chat;
mod failed;
mod late;
mod responses;

use super::{Note, chat::ReplyHead};
use crate::{
    turn::{FinishReason, TurnError, TurnEvent},
    wire::{
        error::ErrorBody,
        peek::Shape,
        splice::{Name, Splice},
        sse::Event,
    },
};
use bytes::Bytes;
use std::fmt::Display;

/// Passes on a reply that is a stream.
#[derive(Debug)]
pub struct StreamRelay {
    head: ReplyHead,
    name: Name,
    api: Api,
    /// Whether somebody will ask for `object`.
    keeps_object: bool,
    object: Option<Bytes>,
}

/// A reply that came in one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// It as the client gets it.
    pub body: Bytes,
    /// The error that the provider told in place of a reply, under a status that says success. It is
    /// in `body`.
    pub failure: Option<TurnError>,
    /// What the log should know of it.
    pub notes: Vec<Note>,
}

/// What becomes of an event's data.
#[derive(Debug)]
struct Read<'a> {
    /// It as it goes on, if it does.
    data: Option<Splice<'a>>,
    /// The response, whole, that stands in the last of its events.
    object: Option<Splice<'a>>,
    /// The error that the provider told in it.
    told: Result<(), TurnError>,
}

/// What becomes of a body: as it goes on, the error that the provider told in it, and the notes on it.
type ReadWhole<'a> = Result<(Splice<'a>, Option<TurnError>, Vec<Note>), serde_json::Error>;

/// What is kept of a stream while it passes.
#[derive(Debug)]
enum Api {
    Chat(chat::Passing),
    Responses(responses::Passing),
}

impl StreamRelay {
    /// A reply of that API, of which `head` tells what the client is told if the provider does not.
    /// Ids that the provider leaves out are made from the head's where they are told, and not where
    /// they pass.
    #[must_use]
    pub fn new(shape: Shape, head: ReplyHead) -> Self {
        Self {
            name: Name::new(&head.model),
            api: match shape {
                Shape::Chat => Api::Chat(chat::Passing::new(&head.id)),
                Shape::Responses => Api::Responses(responses::Passing::new(&head.id)),
            },
            head,
            keeps_object: false,
            object: None,
        }
    }

    /// The same, of which [`StreamRelay::take_object`] will be asked for.
    #[must_use]
    pub fn keeping_object(mut self) -> Self {
        self.keeps_object = true;
        self
    }

    /// Appends the event to `out` as it is to go on, and what it says to `said`. What comes after an
    /// end does not go on. [`TurnEvent::Finished`] is told with the event that goes on last.
    ///
    /// # Errors
    ///
    /// The error that the provider tells in place of the rest of its reply. Unless the reply
    /// [has ended](Self::has_ended) with it, the client has to be told ([`StreamRelay::on_error`]),
    /// after the events that belong to it.
    pub fn on_event(
        &mut self,
        event: &Event,
        out: &mut Vec<u8>,
        said: &mut Vec<TurnEvent>,
    ) -> Result<(), TurnError> {
        let data = event.data.as_str();
        let read = match &mut self.api {
            Api::Chat(chat) => chat.on_data(data, said),
            Api::Responses(responses) => responses.on_data(data, said),
        };
        if let Some(data) = read.data {
            write_frame(out, event.event.as_deref(), &data, &self.name);
        }
        if let Some(object) = read.object.filter(|_| self.keeps_object) {
            self.object = Some(object.with(&self.name).into());
        }
        read.told
    }

    /// The provider has answered with a reply in one piece, which is none of an error, where events
    /// were expected and none has come. Appends the events that say the same.
    pub fn on_whole(&mut self, whole: &Whole, out: &mut Vec<u8>) {
        // It was read before: a provider that does this is rare, and its replies are short.
        let object = serde_json::from_slice(&whole.body).unwrap_or_default();
        match &mut self.api {
            Api::Chat(chat) => {
                chat.end_at_once();
                late::write_chat(object, out);
            }
            Api::Responses(responses) => {
                responses.end_at_once();
                late::write_response(&object, out);
            }
        }
    }

    /// The provider has sent all that it had to send. Appends what its API wants at the end of a reply
    /// that ended well.
    ///
    /// # Errors
    ///
    /// [`TurnError::Upstream`] where the reply had not ended. The client has to be told:
    /// [`StreamRelay::on_error`].
    pub fn finish(
        &mut self,
        out: &mut Vec<u8>,
        said: &mut Vec<TurnEvent>,
    ) -> Result<(), TurnError> {
        match &mut self.api {
            Api::Chat(chat) => chat.finish(out, said),
            Api::Responses(responses) => responses.finish(said),
        }
    }

    /// Appends an error that the provider does not know of, and that ends the reply. Nothing, where it
    /// has ended before.
    pub fn on_error(&mut self, error: &ErrorBody, out: &mut Vec<u8>) {
        match &mut self.api {
            Api::Chat(chat) => chat.on_error(error, out),
            Api::Responses(responses) => responses.on_error(&self.head, error, out),
        }
    }

    /// Whether the reply has ended, well or not: nothing that comes from now on goes on.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match &self.api {
            Api::Chat(chat) => chat.has_ended(),
            Api::Responses(responses) => responses.has_ended(),
        }
    }

    /// The response, whole, as the client got it in the last event, where the provider has ended it
    /// and its API has it there.
    #[must_use]
    pub fn take_object(&mut self) -> Option<Bytes> {
        self.object.take()
    }

    /// What the log should know of the reply so far. Each note is told once.
    pub fn notes(&mut self) -> Vec<Note> {
        match &mut self.api {
            Api::Chat(chat) => chat.notes(),
            Api::Responses(responses) => responses.notes(),
        }
    }
}

impl Default for Read<'_> {
    /// It does not go on.
    fn default() -> Self {
        Self {
            data: None,
            object: None,
            told: Ok(()),
        }
    }
}

impl<'a> Read<'a> {
    /// It goes on.
    fn passing(data: Splice<'a>) -> Self {
        Self {
            data: Some(data),
            ..Self::default()
        }
    }
}

impl Whole {
    /// Reads a reply of that API, of which `head` tells the model as the client calls it, and appends
    /// what it says to `said`.
    ///
    /// # Errors
    ///
    /// [`TurnError::Upstream`] where it is no JSON object, and so no reply.
    pub fn read(
        body: &Bytes,
        shape: Shape,
        head: &ReplyHead,
        said: &mut Vec<TurnEvent>,
    ) -> Result<Self, TurnError> {
        let no_reply = |error: &dyn Display| TurnError::Upstream {
            message: format!("The provider's reply is no JSON object: {error}."),
        };
        let text = str::from_utf8(body).map_err(|error| no_reply(&error))?;
        let read = match shape {
            Shape::Chat => chat::whole(text, &head.id, said),
            Shape::Responses => responses::whole(text, &head.id, said),
        };
        let (splice, failure, notes) = read.map_err(|error| no_reply(&error))?;
        if failure.is_none() && !matches!(said.last(), Some(TurnEvent::Finished { .. })) {
            // It could not be read, but it is all there.
            let reason = FinishReason::Stop;
            let usage = None;
            said.push(TurnEvent::Finished { reason, usage });
        }
        Ok(Self {
            body: splice.with(&Name::new(&head.model)).into(),
            failure,
            notes,
        })
    }
}

/// Appends an event with this data, in which a model is named. A line feed in it begins another
/// `data` field.
fn write_frame(out: &mut Vec<u8>, event: Option<&str>, data: &Splice<'_>, name: &Name) {
    if let Some(event) = event {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    data.write(name, |piece| {
        let mut lines = piece.split('\n');
        out.extend_from_slice(lines.next().unwrap_or_default().as_bytes());
        for line in lines {
            out.extend_from_slice(b"\ndata: ");
            out.extend_from_slice(line.as_bytes());
        }
    });
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests;
