//! Responses, passing.

use super::{Read, ReadWhole, failed};
use crate::{
    translate::{Note, chat::ReplyHead, responses::ResponseReader},
    turn::{TurnError, TurnEvent},
    wire::{
        error::ErrorBody,
        members::{self, Members},
        responses::upstream::{Response, StreamEvent},
        splice::Splice,
        upstream::{Count, Field},
    },
};
use failed::Before;

/// What is kept of a response while its events pass.
#[derive(Debug)]
pub(super) struct Passing {
    reader: ResponseReader,
    /// The response as it was when it began, as the provider wrote it.
    created: Option<Box<str>>,
    has_begun: bool,
    /// The number that the next event should have.
    next: u64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// An error was told, which the client has not seen. Where OpenAI tells one, the response that
    /// failed comes after it.
    Failed,
    Ended,
}

impl Passing {
    pub(super) fn new(seed: &str) -> Self {
        Self {
            reader: ResponseReader::watching(seed),
            created: None,
            has_begun: false,
            next: 0,
            stage: Stage::Running,
        }
    }

    pub(super) fn on_data<'a>(&mut self, data: &'a str, said: &mut Vec<TurnEvent>) -> Read<'a> {
        if self.stage == Stage::Ended {
            return Read::default();
        }
        let Ok((event, response)) = members::read_with::<StreamEvent<'_>>(data, "response") else {
            // It names a member twice, or is no JSON at all. Whether that matters, the client knows.
            if self.stage == Stage::Failed {
                return Read::default();
            }
            self.has_begun = true;
            return Read::passing(search(data));
        };
        let number = match event.sequence_number {
            Field::Is(Count(number)) => number.saturating_add(1),
            Field::Absent | Field::Wrong => self.next,
        };
        let kind = event.kind.as_deref().unwrap_or_default();
        let has_failed = kind == "response.failed";
        let is_last = has_failed || matches!(kind, "response.completed" | "response.incomplete");
        let mut read = Read::passing(splice(data, response, &event.response));
        if is_last {
            let object = response.map(|object| splice(object, response, &event.response));
            read.object = object;
        } else if self.created.is_none() && matches!(event.response, Field::Is(_)) {
            self.created = response.map(Box::from);
        }
        if self.stage == Stage::Running {
            read.told = self.reader.on_event(event, said);
        } else if !has_failed {
            // Whatever it says, it comes too late to be a success.
            return Read::default();
        }
        if read.told.is_err() && !is_last {
            // Of two events that end a stream, clients take the first for the end, or none.
            self.stage = Stage::Failed;
            read.data = None;
            return read;
        }
        self.has_begun = true;
        self.next = number;
        if is_last {
            self.stage = Stage::Ended;
        }
        read
    }

    /// The stream has ended cleanly.
    pub(super) fn finish(&mut self, said: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        match self.stage {
            Stage::Running => self.reader.finish(said),
            Stage::Failed | Stage::Ended => Ok(()),
        }
    }

    pub(super) fn on_error(&mut self, head: &ReplyHead, error: &ErrorBody, out: &mut Vec<u8>) {
        if self.stage == Stage::Ended {
            return;
        }
        self.stage = Stage::Ended;
        let before = if self.has_begun {
            Before::Events {
                created: self.created.as_deref(),
                next: self.next,
            }
        } else {
            Before::Nothing
        };
        failed::write(head, before, error, out);
    }

    /// The client has got all of it at once.
    pub(super) fn end_at_once(&mut self) {
        self.stage = Stage::Ended;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    pub(super) fn notes(&mut self) -> Vec<Note> {
        self.reader.notes()
    }
}

/// Reads a response that came in one piece.
pub(super) fn whole<'a>(body: &'a str, seed: &str, said: &mut Vec<TurnEvent>) -> ReadWhole<'a> {
    let mut reader = ResponseReader::watching(seed);
    let mut splice = Splice::new(body);
    let read = if let Ok(response) = Response::parse_body(body.as_bytes()) {
        match response.model {
            Some(model) => splice.rename(model.get()),
            None if matches!(response.output, Field::Absent) => {}
            None => splice.insert(body),
        }
        reader.on_response(response, said)
    } else {
        splice.search(body)?;
        Ok(())
    };
    Ok((splice, read.err(), reader.notes()))
}

/// A text, with the place where the response in it names the model: an event, or no more than the
/// response. `object` is what stands for the response in the text.
fn splice<'a>(text: &'a str, object: Option<&str>, response: &Field<Response<'_>>) -> Splice<'a> {
    let mut splice = Splice::new(text);
    if let Field::Is(response) = response {
        match (response.model, object) {
            (Some(model), _) => splice.rename(model.get()),
            (None, Some(object)) => splice.insert(object),
            (None, None) => return search(text),
        }
    }
    splice
}

/// The same of an event that cannot be read.
fn search(data: &str) -> Splice<'_> {
    let mut splice = Splice::new(data);
    let members = Members::find(data, &["response"]).unwrap_or_default();
    for response in members.found {
        // What is no object has no place for a name.
        let _ = splice.search(response.value);
    }
    splice
}
