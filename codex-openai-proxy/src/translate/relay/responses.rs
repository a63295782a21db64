//! Responses, passing.

use super::{Read, ReadWhole, is_object};
use crate::{
    translate::{Note, responses::ResponseReader},
    turn::{TurnError, TurnEvent},
    wire::{
        chat::upstream::{Count, Field},
        error::ErrorObject,
        members::Members,
        responses::{
            error_event::ErrorEvent,
            upstream::{Response, StreamEvent},
        },
        splice::Splice,
    },
};

/// What is kept of a response while its events pass.
#[derive(Debug)]
pub(super) struct Passing {
    reader: ResponseReader,
    /// The number that the next event should have.
    next: u64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// An error was told. OpenAI tells the response that failed after it.
    Failed,
    Ended,
}

impl Passing {
    pub(super) fn new(seed: &str) -> Self {
        Self {
            reader: ResponseReader::watching(seed),
            next: 0,
            stage: Stage::Running,
        }
    }

    pub(super) fn on_data<'a>(&mut self, data: &'a str, said: &mut Vec<TurnEvent>) -> Read<'a> {
        if self.stage == Stage::Ended {
            return (None, Ok(()));
        }
        let parsed = StreamEvent::parse(data).ok();
        let Some(event) = parsed.filter(|_| is_object(data)) else {
            // It names a member twice, or is no JSON at all. Whether that matters, the client knows.
            let goes_on = self.stage == Stage::Running;
            return (goes_on.then(|| search(data)), Ok(()));
        };
        if let Field::Is(Count(number)) = event.sequence_number {
            self.next = number.saturating_add(1);
        }
        let kind = event.kind.as_deref().unwrap_or_default();
        let is_last = matches!(
            kind,
            "response.completed" | "response.incomplete" | "response.failed"
        );
        if self.stage == Stage::Failed {
            // Whatever it says, it comes too late to be a success.
            if kind != "response.failed" {
                return (None, Ok(()));
            }
            self.stage = Stage::Ended;
            return (Some(splice(data, &event)), Ok(()));
        }
        let data = splice(data, &event);
        let read = self.reader.on_event(event, said);
        self.stage = match &read {
            _ if is_last => Stage::Ended,
            Err(_) => Stage::Failed,
            Ok(()) => Stage::Running,
        };
        (Some(data), read)
    }

    /// The stream has ended cleanly.
    pub(super) fn finish(&mut self, said: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        if self.stage == Stage::Running {
            self.reader.finish(said)?;
            self.stage = Stage::Ended;
        }
        Ok(())
    }

    pub(super) fn on_error(&mut self, error: &ErrorObject, out: &mut Vec<u8>) {
        if self.stage == Stage::Running {
            self.stage = Stage::Ended;
            ErrorEvent::new(error, self.next).write(out);
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    pub(super) fn object<'a>(&self, data: &'a str) -> Option<&'a str> {
        if !self.has_ended() {
            return None;
        }
        Members::find(data, &["response"]).ok()?.get("response")
    }

    pub(super) fn notes(&mut self) -> Vec<Note> {
        self.reader.notes()
    }
}

/// Reads a response that came in one piece.
pub(super) fn whole<'a>(body: &'a str, seed: &str, said: &mut Vec<TurnEvent>) -> ReadWhole<'a> {
    let mut reader = ResponseReader::watching(seed);
    let mut splice = Splice::new(body);
    let parsed = Response::parse_body(body.as_bytes()).ok();
    let read = if let Some(response) = parsed.filter(|_| is_object(body)) {
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

/// The event, with the place where its response names the model.
fn splice<'a>(data: &'a str, event: &StreamEvent<'_>) -> Splice<'a> {
    match &event.response {
        Field::Is(Response {
            model: Some(model), ..
        }) => {
            let mut splice = Splice::new(data);
            splice.rename(model.get());
            splice
        }
        Field::Is(Response { model: None, .. }) => search(data),
        Field::Absent | Field::Wrong => Splice::new(data),
    }
}

/// The same of an event that cannot be read, or whose response names no model.
fn search(data: &str) -> Splice<'_> {
    let mut splice = Splice::new(data);
    let members = Members::find(data, &["response"]).unwrap_or_default();
    for response in members.found {
        // What is no object has no place for a name.
        let _ = splice.search(response.value);
    }
    splice
}
