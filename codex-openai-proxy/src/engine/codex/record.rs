//! What a conversation has come to: the items that went upstream and came back, and how its client
//! sees them.

use super::convert::visible_item;
use crate::{
    conversation::{Block, Transcript, blocks},
    turn::{Item, Role, TurnError},
};
use codex_protocol::{ThreadId, models::ResponseItem};
use std::collections::HashSet;

/// The record of one conversation.
///
/// It grows when a reply has ended well, and not before: a turn that was broken off leaves no trace
/// in it, and the next thread of the conversation begins where the record stands.
#[derive(Debug)]
pub struct Record {
    /// The thread's id, which is the cache key upstream: it outlives every thread.
    pub thread: ThreadId,
    /// The instructions of the thread that ran last.
    pub instructions: String,
    items: Vec<ResponseItem>,
    transcript: Transcript,
    open_calls: Vec<String>,
    /// Calls that core answered by itself, by id. No client hears of them.
    hidden: HashSet<String>,
}

/// What is left of a conversation on disk.
#[derive(Debug, Default)]
pub struct Remains {
    /// The instructions of the thread that ran last.
    pub instructions: String,
    /// What was said.
    pub items: Vec<ResponseItem>,
    /// How the client saw it; empty where that is not known.
    pub transcript: Transcript,
    /// Calls that core answered by itself, by id.
    pub hidden: Vec<String>,
}

/// What a request added to its conversation.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// How many blocks of the conversation it left in place.
    pub keep: usize,
    /// The blocks of the request's new items.
    pub asked: &'a [Block],
    /// The position of the first of those items among those of the request.
    pub from: usize,
    /// What was recorded: one entry for each of those items, then the reply. Anything between them
    /// is about calls that core answers by itself.
    pub recorded: Vec<ResponseItem>,
    /// The ids of such calls.
    pub hidden: HashSet<String>,
}

impl Record {
    /// A conversation that has not begun.
    pub fn new() -> Self {
        Self::restore(ThreadId::new(), Remains::default())
    }

    /// A conversation of which this was kept.
    pub fn restore(thread: ThreadId, remains: Remains) -> Self {
        let Remains {
            instructions,
            items,
            transcript,
            hidden,
        } = remains;
        let fits = !transcript.is_empty() && transcript.end_of(transcript.len()) <= items.len();
        let mut record = Self {
            thread,
            instructions,
            items,
            transcript: Transcript::default(),
            open_calls: Vec::new(),
            hidden: hidden.into_iter().collect(),
        };
        if fits {
            record.transcript = transcript;
        } else {
            record.push_visible(0);
        }
        record.open_calls = record.open_calls_from(0);
        record
    }

    /// Everything recorded, oldest first.
    pub fn items(&self) -> &[ResponseItem] {
        &self.items
    }

    /// What was recorded up to the end of the first `keep` blocks.
    pub fn items_of(&self, keep: usize) -> &[ResponseItem] {
        if keep == self.transcript.len() {
            &self.items
        } else {
            &self.items[..self.transcript.end_of(keep)]
        }
    }

    /// Calls that core answered by itself, by id.
    pub fn hidden(&self) -> impl Iterator<Item = &str> {
        self.hidden.iter().map(String::as_str)
    }

    /// How the client sees it.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The calls of the last reply that wait for their results, in their order.
    pub fn open_calls(&self) -> &[String] {
        &self.open_calls
    }

    /// Whether the model spoke last, so that a client's next request can be known by what it
    /// repeats.
    pub fn ends_in_reply(&self) -> bool {
        let last = self.items.iter().rev().find_map(visible_item);
        match last {
            Some(Item::ToolCall(_)) => true,
            Some(Item::Message { role, .. }) => role == Role::Assistant,
            Some(Item::ToolResult { .. }) | None => false,
        }
    }

    /// Adds what core says to the model about calls that no client has heard of. It comes while the
    /// turn waits for the client's results.
    pub fn push_hidden(&mut self, item: ResponseItem) {
        if self.is_hidden(&item) {
            self.items.push(item);
        }
    }

    /// Adds a request and its reply.
    ///
    /// # Errors
    ///
    /// [`TurnError::Internal`] where less was recorded than the client sent.
    pub fn settle(&mut self, exchange: Exchange<'_>) -> Result<(), TurnError> {
        let Exchange {
            keep,
            asked,
            from,
            recorded,
            hidden,
        } = exchange;
        self.hidden.extend(hidden);
        let base = self.items_of(keep).len();
        let asked_for = asked.last().map_or(0, |block| block.items.end - from);
        // Where each of the client's items will stand.
        let places: Vec<usize> = (base..)
            .zip(&recorded)
            .filter(|(_, item)| !self.is_hidden(item))
            .map(|(place, _)| place)
            .take(asked_for)
            .collect();
        if places.len() < asked_for {
            return Err(TurnError::internal(
                "core did not record what the client sent",
            ));
        }
        self.items.truncate(base);
        self.transcript.truncate(keep);
        self.items.extend(recorded);
        for block in asked {
            // A block has an item at least.
            let last = block.items.end - from - 1;
            self.transcript.push(block.digest, places[last] + 1);
        }
        let reply = places.last().map_or(base, |place| place + 1);
        self.push_visible(reply);
        self.open_calls = self.open_calls_from(reply);
        Ok(())
    }

    /// Adds what a client sees of the items from `start` on to the transcript.
    fn push_visible(&mut self, start: usize) {
        let (visible, ends): (Vec<Item>, Vec<usize>) = (start..)
            .zip(&self.items[start..])
            .filter(|(_, item)| !self.is_hidden(item))
            .filter_map(|(place, item)| Some((visible_item(item)?, place + 1)))
            .unzip();
        for block in blocks(&visible) {
            // A block has an item at least.
            if let Some(end) = ends.get(block.items.end.saturating_sub(1)) {
                self.transcript.push(block.digest, *end);
            }
        }
    }

    /// The calls among the items from `start` on that have no result behind them. Some model servers
    /// number the calls of each step from the start, so an id can come again.
    fn open_calls_from(&self, start: usize) -> Vec<String> {
        let mut open: Vec<String> = Vec::new();
        for item in self.items[start..]
            .iter()
            .filter(|item| !self.is_hidden(item))
        {
            match item {
                ResponseItem::FunctionCall { call_id, .. } => open.push(call_id.clone()),
                ResponseItem::FunctionCallOutput { call_id, .. } => {
                    open.retain(|id| id != call_id);
                }
                _ => {}
            }
        }
        open
    }

    fn is_hidden(&self, item: &ResponseItem) -> bool {
        call_id(item).is_some_and(|id| self.hidden.contains(id))
    }
}

/// The call that an item makes or answers.
fn call_id(item: &ResponseItem) -> Option<&str> {
    match item {
        ResponseItem::FunctionCall { call_id, .. }
        | ResponseItem::FunctionCallOutput { call_id, .. } => Some(call_id),
        _ => None,
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
