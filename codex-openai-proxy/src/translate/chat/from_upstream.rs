//! What a provider answers in Chat Completions, as the events of a turn.

mod ending;

use super::{
    calls::{Calls, Ending, Form, Fragment},
    thoughts::{Said, Thoughts},
};
use crate::{
    translate::{Note, arguments::WATCHED, failure, note::Notes},
    turn::{FinishReason, Tool, TurnError, TurnEvent, Usage},
    wire::{
        chat::upstream::{Called, Choice, Chunk, Message},
        upstream::{Content, Count, Failure, Field, Piece},
    },
};
use ending::{finish_reason, token_counts};
use std::{borrow::Cow, mem};

/// The data of the event that ends a stream.
const DONE: &str = "[DONE]";

/// Reads one reply, from a stream or in one piece.
///
/// [`TurnEvent::Finished`] comes once: with the usage where that stands in a chunk of its own, at
/// `[DONE]`, or at the end of the stream. After it, and after an error, nothing is read any more.
/// What comes before it is part of the reply even behind a finish reason: gateways to Gemini tell one
/// with each chunk. Calls are whole only then.
#[derive(Debug)]
pub struct CompletionReader {
    speech: Speech,
    calls: Calls,
    notes: Notes,
    usage: Option<Usage>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Speaking,
    /// The provider has told why the reply ends, which it may do again.
    Finishing(FinishReason),
    Ended,
}

/// What the model says.
#[derive(Debug)]
struct Speech {
    thoughts: Thoughts,
    /// Reasoning was told last.
    is_thinking: bool,
}

impl CompletionReader {
    /// A reply that has not begun, to a request that offered `tools`. Ids that the provider leaves
    /// out are made from `seed`, which has to be another for each reply.
    #[must_use]
    pub fn new(tools: &[Tool], seed: &str) -> Self {
        Self {
            speech: Speech {
                thoughts: Thoughts::new(),
                is_thinking: false,
            },
            calls: Calls::new(tools, seed),
            notes: Notes::default(),
            usage: None,
            stage: Stage::Speaking,
        }
    }

    /// A reply that goes to its client as it comes, and is only watched: of long arguments, no more
    /// than the beginning is kept.
    pub(in crate::translate) fn watching(seed: &str) -> Self {
        let reader = Self::new(&[], seed);
        Self {
            calls: reader.calls.keeping(WATCHED),
            ..reader
        }
    }

    /// Reads the data of one server-sent event.
    ///
    /// # Errors
    ///
    /// What the provider tells in place of a reply; [`TurnError::Upstream`] for data that is no
    /// chunk, since nobody knows what is lost with it.
    pub fn on_data(&mut self, data: &str, out: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        match data.trim_ascii() {
            _ if self.stage == Stage::Ended => Ok(()),
            "" => Ok(()),
            DONE => {
                self.end(out);
                Ok(())
            }
            data => match Chunk::parse(data) {
                Ok(chunk) => self.on_chunk(chunk, out),
                Err(error) => Err(self.fail(format!(
                    "The provider sent an event that is no chunk of Chat Completions: {error}."
                ))),
            },
        }
    }

    /// Reads the body of a reply that is no stream.
    ///
    /// # Errors
    ///
    /// What the provider tells in place of a reply; [`TurnError::Upstream`] for a body that is none.
    pub fn on_whole(&mut self, body: &[u8], out: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        let chunk = Chunk::parse_body(body).map_err(|error| {
            let message = "The provider's reply is no completion of Chat Completions";
            self.fail(format!("{message}: {error}."))
        })?;
        let is_reply = matches!(&chunk.choices, Field::Is(choices) if !choices.0.is_empty());
        self.on_chunk(chunk, out)?;
        if !is_reply {
            return Err(self.fail("The provider's reply has no choices.".to_owned()));
        }
        self.end(out);
        Ok(())
    }

    /// The stream has ended.
    ///
    /// # Errors
    ///
    /// [`TurnError::Upstream`] where the reply had not.
    pub fn finish(&mut self, out: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        if self.stage == Stage::Speaking {
            let message = "The provider's reply broke off before its end.";
            return Err(self.fail(message.to_owned()));
        }
        self.end(out);
        Ok(())
    }

    /// What the log should know of the reply so far. Each note is told once.
    pub fn notes(&mut self) -> Vec<Note> {
        self.notes.drain()
    }

    pub(in crate::translate) fn on_chunk(
        &mut self,
        mut chunk: Chunk<'_>,
        out: &mut Vec<TurnEvent>,
    ) -> Result<(), TurnError> {
        if let Some(failure) = chunk.take_failure() {
            return Err(self.refuse(failure));
        }
        let mut usage = self.read(chunk.usage, "usage");
        let choices = self.read(chunk.choices, "choices");
        let choices = choices.map_or_else(Vec::new, |list| list.0);
        let is_apart = choices.is_empty();
        for choice in choices {
            // Others come only where a request asks for several, and none of ours does.
            if choice.index.get().is_none_or(|Count(index)| index == 0) {
                usage = self.read(choice.usage, "choices.usage").or(usage);
                self.on_choice(choice, out)?;
            }
        }
        if let Some(usage) = usage.and_then(token_counts) {
            self.usage = Some(usage);
            // Some servers tell what a reply took so far with each chunk.
            if is_apart && self.stage != Stage::Speaking {
                self.end(out);
            }
        }
        Ok(())
    }

    fn on_choice(&mut self, choice: Choice<'_>, out: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        let failure = choice.error.get();
        if let Some(failure) = failure.filter(Failure::says_something) {
            return Err(self.refuse(failure));
        }
        // Some servers say with an empty word that there is no reason yet.
        let reason = filled(self.read(choice.finish_reason, "finish_reason"));
        let said = if matches!(choice.delta, Field::Absent) {
            choice.message
        } else {
            choice.delta
        };
        if let Some(message) = self.read(said, "delta") {
            self.on_message(message, out);
        }
        if let Some(word) = reason {
            let reason = finish_reason(&word, &mut self.notes);
            self.stage = Stage::Finishing(reason.inspect_err(|_| self.stage = Stage::Ended)?);
        }
        Ok(())
    }

    fn on_message(&mut self, message: Message<'_>, out: &mut Vec<TurnEvent>) {
        let content = self.read(message.content, "content");
        let refusal = self.read(message.refusal, "refusal");
        let reasoning_content = self.read(message.reasoning_content, "reasoning_content");
        let reasoning = self.read(message.reasoning, "reasoning");
        let calls = self.read(message.tool_calls, "tool_calls");
        let function = self.read(message.function_call, "function_call");

        // A server that has both names for it says the same under both.
        let reasoning = reasoning_content
            .filter(|content| !content.is_empty())
            .or(reasoning);
        for piece in reasoning.into_iter().flat_map(Content::pieces) {
            let (Piece::Text(text) | Piece::Thinking(text)) = piece;
            self.speech.think(text, out);
        }
        for piece in content.into_iter().flat_map(Content::pieces) {
            match piece {
                Piece::Text(text) => self.speech.say(text, out),
                Piece::Thinking(text) => self.speech.think(text, out),
            }
        }
        if let Some(refusal) = refusal {
            self.speech.say(refusal, out);
        }
        let calls = calls.map_or_else(Vec::new, |list| list.0);
        let several = calls.len() > 1;
        for (position, call) in calls.into_iter().enumerate() {
            let fragment = Fragment {
                index: self
                    .read(call.index, "tool_calls.index")
                    .map(|index| index.0),
                position: several.then_some(position),
                id: filled(self.read(call.id, "tool_calls.id")),
                ..Fragment::default()
            };
            if let Some(custom) = self.read(call.custom, "tool_calls.custom") {
                self.on_call(fragment, custom, Form::Text, out);
            } else {
                let function = self.read(call.function, "tool_calls.function");
                self.on_call(fragment, function.unwrap_or_default(), Form::Json, out);
            }
        }
        if let Some(function) = function {
            let only = Fragment {
                index: Some(0),
                ..Fragment::default()
            };
            self.on_call(only, function, Form::Json, out);
        }
    }

    fn on_call<'a>(
        &mut self,
        mut fragment: Fragment<'a>,
        called: Called<'a>,
        form: Form,
        out: &mut Vec<TurnEvent>,
    ) {
        let arguments = self.read(called.arguments, "arguments").map(|json| json.0);
        let input = self.read(called.input, "input");
        fragment.name = filled(self.read(called.name, "name"));
        fragment.arguments = match form {
            Form::Json => arguments,
            Form::Text => input,
        }
        .unwrap_or_default();
        fragment.form = form;
        if !fragment.is_empty() {
            self.speech.pause(out);
            self.calls.feed(fragment, out, &mut self.notes);
        }
    }

    /// Everything has come.
    fn end(&mut self, out: &mut Vec<TurnEvent>) {
        let told = match mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Ended => return,
            Stage::Speaking => FinishReason::Stop,
            Stage::Finishing(reason) => reason,
        };
        let ending = match told {
            FinishReason::Stop | FinishReason::ToolCalls => Ending::Whole,
            FinishReason::Length | FinishReason::ContentFilter => Ending::CutOff,
        };
        self.speech.pause(out);
        self.calls.settle(ending, out, &mut self.notes);
        let reason = match told {
            // Servers mix these two up.
            FinishReason::Stop | FinishReason::ToolCalls if self.calls.any_told() => {
                FinishReason::ToolCalls
            }
            FinishReason::Stop | FinishReason::ToolCalls => FinishReason::Stop,
            other => other,
        };
        out.push(TurnEvent::Finished {
            reason,
            usage: self.usage,
        });
    }

    /// A member of the payload, unless it makes no sense.
    fn read<T>(&mut self, field: Field<T>, name: &str) -> Option<T> {
        if field.is_wrong() {
            self.notes.take("wrong_type", name.to_owned());
        }
        field.get()
    }

    /// Ends the reply with the provider's error.
    fn refuse(&mut self, failure: Failure<'_>) -> TurnError {
        self.stage = Stage::Ended;
        failure::refusal(failure)
    }

    /// Ends the reply with an error of the provider that it does not know of.
    fn fail(&mut self, message: String) -> TurnError {
        self.stage = Stage::Ended;
        TurnError::Upstream { message }
    }
}

impl Speech {
    /// More of the answer, which may hold reasoning.
    fn say(&mut self, text: Cow<'_, str>, out: &mut Vec<TurnEvent>) {
        let Self {
            thoughts,
            is_thinking,
        } = self;
        thoughts.feed(text, &mut |said| tell(said, is_thinking, out));
    }

    /// More of the reasoning.
    fn think(&mut self, text: Cow<'_, str>, out: &mut Vec<TurnEvent>) {
        if !text.is_empty() {
            tell(Said::Thought(text.into_owned()), &mut self.is_thinking, out);
        }
    }

    /// Something else comes, or nothing: what was held back is told, and the reasoning is whole,
    /// also where the model forgot to close it.
    fn pause(&mut self, out: &mut Vec<TurnEvent>) {
        let Self {
            thoughts,
            is_thinking,
        } = self;
        thoughts.flush(&mut |said| tell(said, is_thinking, out));
        end_thinking(is_thinking, out);
    }
}

fn tell(said: Said, is_thinking: &mut bool, out: &mut Vec<TurnEvent>) {
    match said {
        Said::Thought(text) => {
            *is_thinking = true;
            out.push(TurnEvent::Reasoning(text));
        }
        Said::Text(text) => {
            end_thinking(is_thinking, out);
            out.push(TurnEvent::Text(text));
        }
    }
}

fn end_thinking(is_thinking: &mut bool, out: &mut Vec<TurnEvent>) {
    if mem::take(is_thinking) {
        out.push(TurnEvent::ReasoningEnd { sealed: None });
    }
}

/// Text that says something.
fn filled(text: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
