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
}

/// What a request added to its conversation.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The blocks of the request's new items.
    pub asked: &'a [Block],
    /// The position of the first of those items among those of the request.
    pub from: usize,
    /// What was recorded: one entry for each of those items, then the reply.
    pub recorded: Vec<ResponseItem>,
    /// Calls that core answered by itself, by id. No client hears of them.
    pub hidden: HashSet<String>,
}

impl Record {
    /// A conversation that has not begun.
    pub fn new() -> Self {
        Self::restore(ThreadId::new(), String::new(), Vec::new())
    }

    /// A conversation of which these items were kept.
    pub fn restore(thread: ThreadId, instructions: String, items: Vec<ResponseItem>) -> Self {
        let mut transcript = Transcript::default();
        push_visible(&mut transcript, &items, 0, &HashSet::new());
        Self {
            thread,
            instructions,
            open_calls: open_calls(&items, &HashSet::new()),
            items,
            transcript,
        }
    }

    /// Everything recorded, oldest first.
    pub fn items(&self) -> &[ResponseItem] {
        &self.items
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

    /// Forgets all but the first `keep` blocks.
    pub fn keep(&mut self, keep: usize) {
        self.items.truncate(self.transcript.end_of(keep));
        self.transcript.truncate(keep);
        self.open_calls = open_calls(&self.items, &HashSet::new());
    }

    /// Adds a request and its reply.
    ///
    /// # Errors
    ///
    /// [`TurnError::Internal`] where less was recorded than the client sent.
    pub fn settle(&mut self, exchange: Exchange<'_>) -> Result<(), TurnError> {
        let Exchange {
            asked,
            from,
            recorded,
            hidden,
        } = exchange;
        let count = asked.last().map_or(0, |block| block.items.end - from);
        let Some(reply) = recorded.get(count..) else {
            return Err(TurnError::internal(format_args!(
                "core recorded {} of {count} new items",
                recorded.len()
            )));
        };
        let base = self.items.len();
        for block in asked {
            self.transcript
                .push(block.digest, base + block.items.end - from);
        }
        push_visible(&mut self.transcript, reply, base + count, &hidden);
        self.open_calls = open_calls(reply, &hidden);
        self.items.extend(recorded);
        Ok(())
    }
}

/// Adds what a client sees of `items`, the first of which is the one at `base` of its record.
fn push_visible(
    transcript: &mut Transcript,
    items: &[ResponseItem],
    base: usize,
    hidden: &HashSet<String>,
) {
    let (visible, ends): (Vec<Item>, Vec<usize>) = items
        .iter()
        .enumerate()
        .filter(|(_, item)| !call_id(item).is_some_and(|id| hidden.contains(id)))
        .filter_map(|(at, item)| Some((visible_item(item)?, base + at + 1)))
        .unzip();
    for block in blocks(&visible) {
        // A block has an item at least.
        let last = block.items.end.checked_sub(1);
        if let Some(end) = last.and_then(|last| ends.get(last)) {
            transcript.push(block.digest, *end);
        }
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

fn open_calls(items: &[ResponseItem], hidden: &HashSet<String>) -> Vec<String> {
    let answered: HashSet<&str> = items
        .iter()
        .filter(|item| matches!(item, ResponseItem::FunctionCallOutput { .. }))
        .filter_map(call_id)
        .collect();
    items
        .iter()
        .filter(|item| matches!(item, ResponseItem::FunctionCall { .. }))
        .filter_map(call_id)
        .filter(|id| !answered.contains(id) && !hidden.contains(*id))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
