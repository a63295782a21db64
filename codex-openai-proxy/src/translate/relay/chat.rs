//! Chat Completions, passing.

use super::{Read, ReadWhole};
use crate::{
    translate::{Note, chat::CompletionReader},
    turn::{TurnError, TurnEvent},
    wire::{chat::upstream::Chunk, error::ErrorBody, splice::Splice, sse, upstream::Field},
};

/// The data of the event that ends a stream.
const DONE: &str = "[DONE]";

/// What is kept of a reply while its chunks pass.
#[derive(Debug)]
pub(super) struct Passing {
    reader: CompletionReader,
    /// The reader's last word, which is held back until the stream ends.
    finished: Option<TurnEvent>,
    has_ended: bool,
}

impl Passing {
    pub(super) fn new(seed: &str) -> Self {
        Self {
            // Of what kind a called tool is, the request would tell. That was not read.
            reader: CompletionReader::watching(seed),
            finished: None,
            has_ended: false,
        }
    }

    pub(super) fn on_data<'a>(&mut self, data: &'a str, said: &mut Vec<TurnEvent>) -> Read<'a> {
        if self.has_ended {
            return Read::default();
        }
        if data.trim_ascii() == DONE {
            self.has_ended = true;
            let mut read = Read::passing(Splice::new(data));
            read.told = self.end(said);
            return read;
        }
        let Ok(chunk) = Chunk::parse(data) else {
            // It names a member twice, or is no JSON at all. Whether that matters, the client knows.
            return Read::passing(search(data).unwrap_or_else(|_| Splice::new(data)));
        };
        let mut read = Read::passing(splice(data, &chunk));
        read.told = self.observe(chunk, said);
        self.has_ended = read.told.is_err();
        read
    }

    /// The stream has ended cleanly.
    pub(super) fn finish(
        &mut self,
        out: &mut Vec<u8>,
        said: &mut Vec<TurnEvent>,
    ) -> Result<(), TurnError> {
        if self.has_ended {
            return Ok(());
        }
        if self.finished.is_none() {
            self.reader.finish(said)?;
        }
        self.has_ended = true;
        said.extend(self.finished.take());
        out.extend_from_slice(sse::DONE);
        Ok(())
    }

    pub(super) fn on_error(&mut self, error: &ErrorBody, out: &mut Vec<u8>) {
        if !self.has_ended {
            self.has_ended = true;
            sse::write_data(out, error);
        }
    }

    /// The client has got all of it at once.
    pub(super) fn end_at_once(&mut self) {
        self.has_ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(super) fn notes(&mut self) -> Vec<Note> {
        self.reader.notes()
    }

    fn observe(&mut self, chunk: Chunk<'_>, said: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        if self.finished.is_some() {
            return Ok(());
        }
        self.reader.on_chunk(chunk, said)?;
        if matches!(said.last(), Some(TurnEvent::Finished { .. })) {
            self.finished = said.pop();
        }
        Ok(())
    }

    fn end(&mut self, said: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        match self.finished.take() {
            Some(finished) => said.push(finished),
            None => self.reader.on_data(DONE, said)?,
        }
        Ok(())
    }
}

/// Reads a reply that came in one piece.
pub(super) fn whole<'a>(body: &'a str, seed: &str, said: &mut Vec<TurnEvent>) -> ReadWhole<'a> {
    let mut passing = Passing::new(seed);
    let (splice, read) = match Chunk::parse(body) {
        Ok(completion) => (splice(body, &completion), passing.observe(completion, said)),
        Err(_) => (search(body)?, Ok(())),
    };
    let read = read.and_then(|()| passing.end(said));
    Ok((splice, read.err(), passing.notes()))
}

/// The payload, with the place where it names its model. Clients want the name in each chunk, so it
/// is put where a provider leaves it out. What has no choices, such as an error, needs none.
fn splice<'a>(data: &'a str, chunk: &Chunk<'_>) -> Splice<'a> {
    let mut splice = Splice::new(data);
    match chunk.model {
        Some(model) => splice.rename(model.get()),
        None if matches!(chunk.choices, Field::Absent) => {}
        None => splice.insert(data),
    }
    splice
}

/// The same of a payload that cannot be read.
fn search(data: &str) -> Result<Splice<'_>, serde_json::Error> {
    let mut splice = Splice::new(data);
    splice.search(data)?;
    Ok(splice)
}
