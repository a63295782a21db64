//! What a provider answers in Responses, as the events of a turn.

mod calls;
mod items;
mod state;
mod thought;

use crate::{
    translate::{Note, arguments::WATCHED, failure},
    turn::{FinishReason, Tool, TurnError, TurnEvent, Usage},
    wire::{
        responses::upstream::{self as wire, Response, StreamEvent},
        upstream::{Count, Failure, Field},
    },
};
use calls::Ending;
use items::Items;
use state::ItemKind;
use std::{borrow::Cow, mem};
use thought::Source;

/// Reads one reply.
///
/// Texts and arguments are told as they grow. Where a provider tells them only as a whole, or only in
/// the last event, they are told then; nothing is told twice.
#[derive(Debug)]
pub struct ResponseReader {
    items: Items,
    has_ended: bool,
}

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Completed,
    Incomplete,
    Failed,
}

impl ResponseReader {
    /// A reply that has not begun, to a request that offered `tools`. Ids that the provider leaves
    /// out are made from `seed`, which has to be another for each reply.
    #[must_use]
    pub fn new(tools: &[Tool], seed: &str) -> Self {
        Self {
            items: Items::new(tools, seed),
            has_ended: false,
        }
    }

    /// The same for a reply that goes to the client as it comes, and of which the events are for the
    /// log: items that a turn has no place for are nothing to note, and of long arguments, no more than
    /// the beginning is kept.
    pub(in crate::translate) fn watching(seed: &str) -> Self {
        // Items say themselves of what kind they are.
        let mut reader = Self::new(&[], seed);
        reader.items.watch(WATCHED);
        reader
    }

    /// Reads the data of one server-sent event.
    ///
    /// # Errors
    ///
    /// What the provider tells in place of a reply, and data that is no event.
    pub fn on_data(&mut self, data: &str, out: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        // Some servers end these streams as those of Chat Completions end.
        if self.has_ended || matches!(data.trim_ascii(), "" | "[DONE]") {
            return Ok(());
        }
        match StreamEvent::parse(data) {
            Ok(event) => self.on_event(event, out),
            Err(error) => Err(self.fail(format!(
                "The provider sent an event that cannot be read: {error}."
            ))),
        }
    }

    /// Reads the body of a reply that is no stream.
    ///
    /// # Errors
    ///
    /// What the provider tells in place of a reply, and a body that is none.
    pub fn on_whole(&mut self, body: &[u8], out: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        let response = match Response::parse_body(body) {
            Ok(response) => response,
            Err(error) => {
                return Err(self.fail(format!(
                    "The provider sent a reply that cannot be read: {error}."
                )));
            }
        };
        self.on_response(response, out)
    }

    /// The stream has ended.
    ///
    /// # Errors
    ///
    /// [`TurnError::Upstream`] where the reply had not.
    pub fn finish(&mut self, _: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        if self.has_ended {
            return Ok(());
        }
        Err(self.fail("The provider broke its reply off before it was complete.".to_owned()))
    }

    /// What the log should know of the reply. Each is told once.
    pub fn notes(&mut self) -> Vec<Note> {
        self.items.notes.drain()
    }

    /// Reads a response that came in one piece.
    pub(in crate::translate) fn on_response(
        &mut self,
        response: Response<'_>,
        out: &mut Vec<TurnEvent>,
    ) -> Result<(), TurnError> {
        match (&response.output, &response.error) {
            (Field::Is(_), _) => self.end(End::Completed, response, out),
            (_, Field::Is(_)) => self.end(End::Failed, response, out),
            _ => Err(self.fail("The provider sent a reply that is no response.".to_owned())),
        }
    }

    /// Reads an event of a reply that has not ended.
    pub(in crate::translate) fn on_event(
        &mut self,
        mut event: StreamEvent<'_>,
        out: &mut Vec<TurnEvent>,
    ) -> Result<(), TurnError> {
        let kind = mem::take(&mut event.kind).get().unwrap_or_default();
        match &*kind {
            "response.completed" => return self.end_with(End::Completed, event.response, out),
            "response.incomplete" => return self.end_with(End::Incomplete, event.response, out),
            "response.failed" | "response.cancelled" => {
                return self.end_with(End::Failed, event.response, out);
            }
            "error" => return Err(self.refuse(event.failure())),
            "" if matches!(event.error, Field::Is(_)) => return Err(self.refuse(event.failure())),
            _ => {}
        }

        let told = event.output_index.get().map(|Count(at)| at);
        let at = told.unwrap_or_else(|| {
            let id = event.item_id.as_deref();
            self.items.place(ItemKind::of_event(&kind), id)
        });
        let content = event.content_index.get().map_or(0, |Count(part)| part);
        let summary = event.summary_index.get().map_or(0, |Count(part)| part);
        let delta = self.text(event.delta, "delta");
        let text = self.text(event.text, "text");
        match &*kind {
            "response.output_text.delta" | "response.refusal.delta" => {
                self.items.say(at, content, delta.into_owned(), out);
            }
            "response.output_text.done" => self.items.said(at, content, text, out),
            "response.refusal.done" => {
                let refusal = self.text(event.refusal, "refusal");
                self.items.said(at, content, refusal, out);
            }
            "response.reasoning_summary_text.delta" => {
                if let Some(thought) = self.items.thought(at, out) {
                    thought.more(Source::Summary, summary, delta.into_owned(), out);
                }
            }
            "response.reasoning_summary_text.done" => {
                if let Some(thought) = self.items.thought(at, out) {
                    thought.whole(Source::Summary, summary, text, out);
                }
            }
            "response.reasoning_text.delta" => {
                if let Some(thought) = self.items.thought(at, out) {
                    thought.more(Source::Raw, content, delta.into_owned(), out);
                }
            }
            "response.reasoning_text.done" => {
                if let Some(thought) = self.items.thought(at, out) {
                    thought.whole(Source::Raw, content, text, out);
                }
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.items.argue(at, delta.into_owned(), out);
            }
            "response.output_item.added" => {
                if let Some(item) = self.read(event.item, "item") {
                    self.items.begin(told, item, out);
                }
            }
            "response.output_item.done" => {
                if let Some(item) = self.read(event.item, "item") {
                    self.items.complete(told, item, out);
                }
            }
            // The others repeat what these tell, or tell of the provider's own tools.
            _ => {}
        }
        Ok(())
    }

    /// Ends the reply with the last event's response.
    fn end_with(
        &mut self,
        end: End,
        response: Field<Response<'_>>,
        out: &mut Vec<TurnEvent>,
    ) -> Result<(), TurnError> {
        let response = self.read(response, "response").unwrap_or_default();
        self.end(end, response, out)
    }

    /// Ends the reply: as the response says, else as `end` has it.
    fn end(
        &mut self,
        end: End,
        response: Response<'_>,
        out: &mut Vec<TurnEvent>,
    ) -> Result<(), TurnError> {
        let end = match response.status.as_deref() {
            Some("failed" | "cancelled") => End::Failed,
            Some("incomplete") => End::Incomplete,
            _ => end,
        };
        if end == End::Failed || matches!(response.error, Field::Is(_)) {
            return Err(self.refuse(response.error.get().unwrap_or_default()));
        }
        self.has_ended = true;
        let ending = match end {
            End::Incomplete => Ending::CutOff,
            End::Completed | End::Failed => Ending::Whole,
        };
        self.items.end(response.output, ending, out);
        let details = response.incomplete_details.get().unwrap_or_default();
        let reason = match (end, details.reason.as_deref()) {
            (End::Incomplete, Some("content_filter")) => FinishReason::ContentFilter,
            (End::Incomplete, _) => FinishReason::Length,
            _ if self.items.any_call_told() => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        };
        out.push(TurnEvent::Finished {
            reason,
            usage: response.usage.get().map(token_counts),
        });
        Ok(())
    }

    /// A member of the payload, unless it makes no sense.
    fn read<T>(&mut self, field: Field<T>, name: &str) -> Option<T> {
        if field.is_wrong() {
            self.items.notes.take("wrong_type", name.to_owned());
        }
        field.get()
    }

    /// A member of the payload that is a text; empty where there is none.
    fn text<'a>(&mut self, field: Field<Cow<'a, str>>, name: &str) -> Cow<'a, str> {
        self.read(field, name).unwrap_or_default()
    }

    /// Ends the reply with the provider's error.
    fn refuse(&mut self, failure: Failure<'_>) -> TurnError {
        self.has_ended = true;
        failure::refusal(failure)
    }

    /// Ends the reply with an error of the provider that it does not know of.
    fn fail(&mut self, message: String) -> TurnError {
        self.has_ended = true;
        TurnError::Upstream { message }
    }
}

/// Token counts in our terms.
fn token_counts(usage: wire::Usage) -> Usage {
    let count = |field: Field<Count>| field.get().map_or(0, |Count(count)| count);
    let input = usage.input_tokens_details.get();
    let output = usage.output_tokens_details.get();
    Usage {
        input: count(usage.input_tokens),
        cached: input.map_or(0, |details| count(details.cached_tokens)),
        output: count(usage.output_tokens),
        reasoning: output.map_or(0, |details| count(details.reasoning_tokens)),
    }
}

#[cfg(test)]
mod tests;
