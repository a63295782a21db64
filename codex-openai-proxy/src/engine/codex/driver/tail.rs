//! What of a request is new to its conversation.

use super::super::{convert, record::Record, tools::ClientTools};
use crate::{
    conversation::{Alignment, Block, align, in_call_order, wire_call_id},
    turn::{Item, Role, Sends, TurnError},
};
use codex_protocol::{models::ResponseItem, user_input::UserInput};
use std::{borrow::Cow, collections::HashSet, ops::Range};

/// The new items of a request.
#[derive(Debug)]
pub(super) struct Tail {
    /// Their blocks, as a range of those of the request.
    pub asked: Range<usize>,
    /// The position of the first of them in the request.
    pub from: usize,
    /// The items; results in the order of their calls.
    pub items: Vec<Item>,
    /// How many blocks of the conversation stay.
    pub keep: usize,
}

impl Tail {
    /// Compares a request with what its conversation holds.
    ///
    /// # Errors
    ///
    /// [`TurnError::UnknownToolCall`] and [`TurnError::MissingToolResults`] where calls and results
    /// do not match.
    pub(super) fn new(
        record: &Record,
        mut items: Vec<Item>,
        blocks: &[Block],
        sends: Sends,
    ) -> Result<Self, TurnError> {
        let (keep, from, open) = match align(record.transcript(), blocks, sends) {
            Alignment::Append { from } => {
                let open = record.open_calls().to_vec();
                (record.transcript().len(), from, open)
            }
            Alignment::Rewrite { keep } => {
                let from = blocks
                    .get(keep)
                    .map_or(items.len(), |block| block.items.start);
                (keep, from, open_calls(&items[..from]))
            }
        };
        let first = blocks.partition_point(|block| block.items.end <= from);
        let mut items = items.split_off(from);
        check_results(&items, &open)?;
        in_order_of(&open, &mut items);
        in_call_order(&mut items);
        Ok(Self {
            asked: first..blocks.len(),
            from,
            items,
            keep,
        })
    }

    /// Whether nothing of the conversation has changed.
    pub(super) fn keeps_all(&self, record: &Record) -> bool {
        self.keep == record.transcript().len()
    }

    /// Whether this is results and then messages, if anything, as a turn that waits can take it.
    pub(super) fn is_results_and_input(&self) -> bool {
        let results = self.results();
        results > 0 && self.items[results..].iter().all(is_input)
    }

    /// Whether this is one message of the user, or nothing at all.
    pub(super) fn is_one_message(&self) -> bool {
        match self.items.as_slice() {
            [] => true,
            [item] => is_user_message(item),
            _ => false,
        }
    }

    /// The results, and the messages behind them.
    pub(super) fn into_results(mut self, tools: &ClientTools) -> (Vec<Item>, Vec<ResponseItem>) {
        let messages = self.items.split_off(self.results());
        let messages = messages.into_iter();
        let messages = messages.filter_map(|item| convert::response_item(item, tools));
        (self.items, messages.collect())
    }

    /// The items up to the user's last message, and that message, if the user spoke last.
    pub(super) fn into_input(mut self, tools: &ClientTools) -> (Vec<ResponseItem>, Vec<UserInput>) {
        let input = match self.items.pop_if(|item| is_user_message(item)) {
            Some(Item::Message { content, .. }) => convert::user_input(content),
            _ => Vec::new(),
        };
        let history = self.items.into_iter();
        let history = history.filter_map(|item| convert::response_item(item, tools));
        (history.collect(), input)
    }

    /// How many results come first.
    fn results(&self) -> usize {
        self.items
            .iter()
            .take_while(|item| matches!(item, Item::ToolResult { .. }))
            .count()
    }
}

fn is_input(item: &Item) -> bool {
    matches!(
        item,
        Item::Message {
            role: Role::User | Role::Developer,
            ..
        }
    )
}

fn is_user_message(item: &Item) -> bool {
    matches!(
        item,
        Item::Message {
            role: Role::User,
            ..
        }
    )
}

/// The calls among `items` that have no result behind them.
fn open_calls(items: &[Item]) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    for item in items {
        match item {
            Item::ToolCall(call) => open.push(call.id.clone()),
            Item::ToolResult { call_id, .. } => open.retain(|id| id != call_id),
            Item::Message { .. } | Item::Reasoning(_) => {}
        }
    }
    open
}

/// Each result answers a call, and each call has its result; calls among the items themselves have
/// theirs, which the translator has seen to.
fn check_results(items: &[Item], open: &[String]) -> Result<(), TurnError> {
    // Of a conversation that is rebuilt, the record has the ids that are on the wire.
    let mut calls: HashSet<Cow<'_, str>> = open.iter().map(|id| wire_call_id(id)).collect();
    for item in items {
        match item {
            Item::ToolCall(call) => {
                calls.insert(wire_call_id(&call.id));
            }
            Item::ToolResult { call_id, param, .. } if !calls.remove(&wire_call_id(call_id)) => {
                return Err(TurnError::UnknownToolCall {
                    call_id: call_id.clone(),
                    param: param.clone(),
                });
            }
            Item::ToolResult { .. } | Item::Message { .. } | Item::Reasoning(_) => {}
        }
    }
    let missing: Vec<String> = open
        .iter()
        .filter(|id| calls.contains(&wire_call_id(id)))
        .cloned()
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(TurnError::MissingToolResults {
            call_ids: missing,
            param: "messages".to_owned(),
        })
    }
}

/// Puts the results at the beginning into the order of the calls that wait for them.
fn in_order_of(open: &[String], items: &mut [Item]) {
    let results = items
        .iter()
        .take_while(|item| matches!(item, Item::ToolResult { .. }))
        .count();
    items[..results].sort_by_key(|item| match item {
        Item::ToolResult { call_id, .. } => open
            .iter()
            .position(|id| wire_call_id(id) == wire_call_id(call_id)),
        _ => None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Part;

    fn result(id: &str) -> Item {
        Item::ToolResult {
            call_id: id.into(),
            output: vec![Part::Text("done".into())],
            param: format!("messages[{id}].tool_call_id"),
        }
    }

    #[test]
    fn results_match_the_calls_that_wait() {
        let open = ["a".to_owned(), "b".to_owned()];
        let mut items = [result("b"), result("a")];
        check_results(&items, &open).unwrap();
        in_order_of(&open, &mut items);
        assert_eq!(items, [result("a"), result("b")]);
        assert_eq!(
            check_results(&[result("b")], &open),
            Err(TurnError::MissingToolResults {
                call_ids: vec!["a".into()],
                param: "messages".into()
            })
        );
        for items in [[result("a"), result("a")], [result("c"), result("a")]] {
            let error = check_results(&items, &open).unwrap_err();
            assert!(
                matches!(error, TurnError::UnknownToolCall { .. }),
                "{error:?}"
            );
        }
    }
}
