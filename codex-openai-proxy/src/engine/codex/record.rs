//! What a conversation has come to: the items that went upstream and came back, and how its client
//! sees them.

use super::convert::{visible_item, with_wire_id};
use crate::{
    conversation::{Block, Transcript, blocks},
    turn::{Item, Role, TurnError},
};
use codex_protocol::{ThreadId, models::ResponseItem};
use std::collections::{BTreeSet, HashSet};

/// The record of one conversation.
///
/// It grows when a reply has ended well, and not before: a turn that was broken off leaves no trace
/// in it, and the next thread of the conversation begins where the record stands. Call ids in it are
/// those that a backend takes.
#[derive(Debug)]
pub struct Record {
    /// The thread's id, which is the cache key upstream: it outlives every thread.
    pub thread: ThreadId,
    /// The instructions of the thread that ran last.
    pub instructions: String,
    items: Vec<ResponseItem>,
    transcript: Transcript,
    open_calls: Vec<String>,
    /// The places among the items of calls that core answers by itself, and of its answers. No
    /// client hears of them.
    hidden: BTreeSet<usize>,
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
    /// The places of items of which no client has heard.
    pub hidden: Vec<usize>,
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
    /// The places of such calls among what was recorded.
    pub hidden: HashSet<usize>,
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
            items: items.into_iter().map(with_wire_id).collect(),
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

    /// The places of items of which no client has heard.
    pub fn hidden(&self) -> impl Iterator<Item = usize> {
        self.hidden.iter().copied()
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
        let last = self.visible(0).next_back();
        match last.map(|(item, _)| item) {
            Some(Item::ToolCall(_) | Item::Reasoning(_)) => true,
            Some(Item::Message { role, .. }) => role == Role::Assistant,
            Some(Item::ToolResult { .. }) | None => false,
        }
    }

    /// Adds what core says to the model about a call that no client has heard of. It may come while
    /// the turn waits for the client's results.
    pub fn push_hidden(&mut self, item: ResponseItem) {
        let item = with_wire_id(item);
        if self.answers_hidden(&item, self.items.len()) {
            self.hidden.insert(self.items.len());
            self.items.push(item);
        }
    }

    /// Adds a request and its reply.
    ///
    /// # Errors
    ///
    /// [`TurnError::Internal`] where less was recorded than the client sent; then nothing is added.
    pub fn settle(&mut self, exchange: Exchange<'_>) -> Result<(), TurnError> {
        let Exchange {
            keep,
            asked,
            from,
            recorded,
            hidden,
        } = exchange;
        let base = self.items_of(keep).len();
        let replaced = self.items.split_off(base);
        let replaced_hidden = self.hidden.split_off(&base);
        for (at, item) in recorded.into_iter().map(with_wire_id).enumerate() {
            let place = base + at;
            if hidden.contains(&at) || self.answers_hidden(&item, place) {
                self.hidden.insert(place);
            }
            self.items.push(item);
        }
        // Where each of the client's items stands.
        let count = asked.last().map_or(0, |block| block.items.end - from);
        let places: Vec<usize> = (base..self.items.len())
            .filter(|place| !self.hidden.contains(place))
            .take(count)
            .collect();
        if places.len() < count {
            self.items.truncate(base);
            self.items.extend(replaced);
            self.hidden.split_off(&base);
            self.hidden.extend(replaced_hidden);
            return Err(TurnError::internal(
                "core did not record what the client sent",
            ));
        }
        self.transcript.truncate(keep);
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
        let (visible, ends): (Vec<Item>, Vec<usize>) = self.visible(start).unzip();
        for block in blocks(&visible) {
            // A block has an item at least.
            if let Some(end) = ends.get(block.items.end.saturating_sub(1)) {
                self.transcript.push(block.digest, *end);
            }
        }
    }

    /// What a client sees of the items from `start` on, each with the place behind it.
    fn visible(&self, start: usize) -> impl DoubleEndedIterator<Item = (Item, usize)> {
        (start..self.items.len())
            .filter(|place| !self.hidden.contains(place))
            .filter_map(|place| Some((visible_item(&self.items[place])?, place + 1)))
    }

    /// The calls among the items from `start` on that have no result behind them. Some model servers
    /// number the calls of each step from the start, so an id can come again.
    fn open_calls_from(&self, start: usize) -> Vec<String> {
        let mut open: Vec<String> = Vec::new();
        for place in (start..self.items.len()).filter(|place| !self.hidden.contains(place)) {
            match &self.items[place] {
                ResponseItem::FunctionCall { call_id, .. } => open.push(call_id.clone()),
                ResponseItem::FunctionCallOutput { call_id, .. } => {
                    open.retain(|id| id != call_id);
                }
                _ => {}
            }
        }
        open
    }

    /// Whether an item that comes to stand at `place` is the answer to a hidden call that has none.
    fn answers_hidden(&self, item: &ResponseItem, place: usize) -> bool {
        let ResponseItem::FunctionCallOutput { call_id, .. } = item else {
            return false;
        };
        let before = self.hidden.range(..place).rev();
        let mut before = before.map(|place| &self.items[*place]);
        let last = before.find(|item| match item {
            ResponseItem::FunctionCall { call_id: id, .. }
            | ResponseItem::FunctionCallOutput { call_id: id, .. } => id == call_id,
            _ => false,
        });
        matches!(last, Some(ResponseItem::FunctionCall { .. }))
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
