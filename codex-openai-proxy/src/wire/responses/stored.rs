//! What is kept of a response's input, and the replies about responses that are stored: see
//! <https://platform.openai.com/docs/api-reference/responses/input-items> and
//! <https://platform.openai.com/docs/api-reference/responses/delete>.

use crate::{turn::TurnError, wire::invalid};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{borrow::Cow, mem};

#[cfg(test)]
mod tests;

/// How many items a page has where nobody says how many.
const PAGE: usize = 20;

/// How many items a page may have.
const MAX_PAGE: usize = 100;

/// The reply to `DELETE /v1/responses/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResponseDeleted<'a> {
    /// What was deleted.
    pub id: &'a str,
    /// Always `response`.
    pub object: &'static str,
    /// Always true.
    pub deleted: bool,
}

/// The reply to `GET /v1/responses/{id}/input_items`: a page of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InputItemList {
    /// Always `list`.
    pub object: &'static str,
    /// The items.
    pub data: Vec<Value>,
    /// The `id` of the first of them.
    pub first_id: Option<String>,
    /// The `id` of the last of them, behind which the next page begins.
    pub last_id: Option<String>,
    /// Whether there is a next page.
    pub has_more: bool,
}

/// Which of the items are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    order: Order,
    limit: usize,
    /// The item behind which the page begins.
    after: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// As they were sent.
    Ascending,
    /// The last one first.
    Descending,
}

impl<'a> ResponseDeleted<'a> {
    /// The response `id` is gone.
    #[must_use]
    pub fn new(id: &'a str) -> Self {
        Self {
            id,
            object: "response",
            deleted: true,
        }
    }
}

impl PageQuery {
    /// Reads the parameters of a query. What others there are has no effect on a page.
    ///
    /// # Errors
    ///
    /// When one of them has a value that it cannot have, or is `before`, which OpenAI has given up.
    pub fn read<'a>(
        parameters: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<Self, TurnError> {
        let mut query = Self {
            order: Order::Descending,
            limit: PAGE,
            after: None,
        };
        for (name, value) in parameters {
            match &*name {
                "limit" => query.limit = limit(&value)?,
                "order" => query.order = order(&value)?,
                "after" => query.after = Some(value.into_owned()),
                "before" => {
                    let message = "Use 'after' and 'order'.";
                    return Err(invalid::unsupported(name.into_owned(), message));
                }
                _ => {}
            }
        }
        Ok(query)
    }

    /// This page of `items`, which stand as they were sent.
    ///
    /// # Errors
    ///
    /// When there is no item behind which the page could begin.
    pub fn page(&self, mut items: Vec<Value>) -> Result<InputItemList, TurnError> {
        if self.order == Order::Descending {
            items.reverse();
        }
        let begin = match &self.after {
            None => 0,
            Some(after) => {
                let place = items.iter().position(|item| id(item) == Some(after));
                let place = place.ok_or_else(|| {
                    let message = "the response has no input item with this id.";
                    invalid::value("after".to_owned(), message)
                })?;
                place + 1
            }
        };
        let mut data = items.split_off(begin);
        let has_more = data.len() > self.limit;
        data.truncate(self.limit);
        let id_of = |item: Option<&Value>| item.and_then(id).map(str::to_owned);
        Ok(InputItemList {
            object: "list",
            first_id: id_of(data.first()),
            last_id: id_of(data.last()),
            has_more,
            data,
        })
    }
}

/// A request's `input`, a text or a list of items, as it is stored: each item says what it is, has its
/// content in parts, and has an `id`, which is the client's or follows from `response_id`.
#[must_use]
pub fn input_items(input: Value, response_id: &str) -> Vec<Value> {
    let mut items = match input {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        text => vec![json!({ "role": "user", "content": text })],
    };
    let seed = response_id.strip_prefix("resp_").unwrap_or(response_id);
    for (index, item) in items.iter_mut().enumerate() {
        if let Value::Object(item) = item {
            complete(item, seed, index);
        }
    }
    items
}

/// Puts into an item what a client may leave out.
fn complete(item: &mut Map<String, Value>, seed: &str, index: usize) {
    if !item.get("type").is_some_and(Value::is_string) {
        item.shift_insert(0, "type".to_owned(), "message".into());
    }
    if item["type"] == "message" {
        let is_answer = item.get("role").is_some_and(|role| role == "assistant");
        if let Some(content @ Value::String(_)) = item.get_mut("content") {
            let text = mem::take(content);
            *content = if is_answer {
                json!([{ "type": "output_text", "text": text, "annotations": [] }])
            } else {
                json!([{ "type": "input_text", "text": text }])
            };
        }
    }
    if !item.get("id").is_some_and(Value::is_string) {
        let prefix = prefix(&item["type"]);
        // Items of the output count from the same seed.
        let id = format!("{prefix}_{seed}in{index}");
        item.shift_insert(0, "id".to_owned(), id.into());
    }
}

/// How ids of items of this kind begin.
fn prefix(kind: &Value) -> &'static str {
    match kind.as_str().unwrap_or_default() {
        "message" => "msg",
        "reasoning" => "rs",
        "function_call" => "fc",
        "function_call_output" => "fco",
        "custom_tool_call" => "ctc",
        "custom_tool_call_output" => "ctco",
        _ => "item",
    }
}

fn id(item: &Value) -> Option<&str> {
    item.get("id")?.as_str()
}

fn limit(value: &str) -> Result<usize, TurnError> {
    let limit = value.parse().ok();
    limit
        .filter(|limit| (1..=MAX_PAGE).contains(limit))
        .ok_or_else(|| {
            let message = format!("expected an integer from 1 to {MAX_PAGE}.");
            invalid::value("limit".to_owned(), &message)
        })
}

fn order(value: &str) -> Result<Order, TurnError> {
    match value {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => Err(invalid::word("order".to_owned(), value, &["asc", "desc"])),
    }
}
