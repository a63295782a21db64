//! What a request asks for and brings along, in the words of the log.

use crate::{
    config::KeptBodies,
    traffic::{
        Event,
        record::{Asks, PREVIEW},
    },
    turn::{Item, ModelName, Part, Role, ToolCall, ToolKind, TurnRequest},
};
use std::collections::HashMap;

/// How many results of one request are told one by one.
const RESULTS: usize = 64;

/// Where Cursor puts what its user typed, among much else.
const TYPED: (&str, &str) = ("<user_query>", "</user_query>");

/// What a request asks for. `messages` counts what came, `dropped` names the fields without effect.
#[must_use]
pub fn asks(
    turn: &TurnRequest,
    model: &ModelName,
    messages: usize,
    stream: bool,
    dropped: Vec<String>,
    bodies: KeptBodies,
) -> Asks {
    Asks {
        model: model.sent.clone(),
        stream,
        messages,
        tools: turn.tools.len(),
        dropped,
        preview: (bodies != KeptBodies::Off)
            .then(|| preview_of(&turn.items))
            .flatten(),
    }
}

/// The tool results with which a request ends: those that are new. Of very many, the first, and how
/// many there are.
pub fn results(items: &[Item]) -> Vec<Event> {
    let answered = items.iter().rposition(is_reply).map_or(0, |last| last + 1);
    let (before, new) = items.split_at(answered);
    let results = new.iter().filter_map(|item| match item {
        Item::ToolResult {
            call_id, output, ..
        } => Some((call_id.as_str(), output)),
        Item::Message { .. } | Item::Reasoning(_) | Item::ToolCall(_) => None,
    });
    let count = results.clone().count();
    if count == 0 {
        return Vec::new();
    }
    // Where an id was used before, the last one counts.
    let names: HashMap<&str, &str> = before
        .iter()
        .filter_map(|item| match item {
            Item::ToolCall(call) => Some((call.id.as_str(), call.name.as_str())),
            Item::ToolResult { .. } | Item::Reasoning(_) | Item::Message { .. } => None,
        })
        .collect();
    let told = results
        .take(RESULTS)
        .map(|(id, output)| Event::ToolResultReceived {
            call_id: id.to_owned(),
            name: names.get(id).map(|&name| name.to_owned()),
            bytes: output.iter().map(size).sum(),
        });
    let more = (count > RESULTS).then(|| Event::Warning {
        what: "many_tool_results",
        detail: format!("{count} came, and the first {RESULTS} of them are told"),
    });
    told.chain(more).collect()
}

/// That a call went out.
pub(super) fn forwarded(call: &ToolCall) -> Event {
    Event::ToolCallForwarded {
        name: call.name.clone(),
        call_id: call.id.clone(),
        kind: match call.kind {
            ToolKind::Function => "function",
            ToolKind::Custom => "custom",
        },
        bytes: call.arguments.len(),
    }
}

fn is_reply(item: &Item) -> bool {
    matches!(
        item,
        Item::ToolCall(_)
            | Item::Message {
                role: Role::Assistant,
                ..
            }
    )
}

fn size(part: &Part) -> usize {
    match part {
        Part::Text(text) => text.len(),
        Part::Image { url, .. } => url.len(),
    }
}

/// How the user's last message begins, see [`preview`].
fn preview_of(items: &[Item]) -> Option<String> {
    let content = items.iter().rev().find_map(|item| match item {
        Item::Message {
            role: Role::User,
            content,
        } => Some(content),
        _ => None,
    })?;
    preview(content.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Image { .. } => None,
    }))
}

/// How a message begins that has these texts: more of it than is kept, so that what is secret in it can
/// be known by its end.
pub fn preview<'a>(mut texts: impl DoubleEndedIterator<Item = &'a str> + Clone) -> Option<String> {
    let typed = texts.clone().find_map(typed);
    let text = typed.or_else(|| texts.next_back())?.trim();
    Some(text.chars().take(2 * PREVIEW).collect())
}

fn typed(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once(TYPED.0)?;
    Some(rest.split_once(TYPED.1).map_or(rest, |(typed, _)| typed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Item {
        Item::Message {
            role: Role::User,
            content: vec![Part::Text(text.to_owned())],
        }
    }

    fn call(id: &str, name: &str) -> Item {
        Item::ToolCall(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            kind: ToolKind::Function,
            arguments: "{}".to_owned(),
        })
    }

    fn result(id: &str) -> Item {
        Item::ToolResult {
            call_id: id.to_owned(),
            output: vec![Part::Text("done".to_owned())],
            param: String::new(),
        }
    }

    fn told(items: &[Item]) -> Vec<(String, Option<String>)> {
        let results = results(items).into_iter();
        results
            .filter_map(|event| match event {
                Event::ToolResultReceived { call_id, name, .. } => Some((call_id, name)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn only_new_results_are_told_with_the_tools_last_name() {
        let history = [
            user("a"),
            call("1", "old"),
            result("1"),
            call("1", "grep"),
            call("2", "ls"),
            result("2"),
            result("1"),
            user("and"),
        ];
        let grep = ("1".to_owned(), Some("grep".to_owned()));
        let ls = ("2".to_owned(), Some("ls".to_owned()));
        assert_eq!(told(&history), [ls, grep]);
        assert_eq!(told(&[result("x")]), [("x".to_owned(), None)]);
        let answered = [call("1", "grep"), result("1"), call("2", "ls")];
        assert_eq!(told(&answered), []);
    }

    #[test]
    fn very_many_results_are_counted() {
        let items: Vec<_> = (0..100).map(|id| result(&id.to_string())).collect();
        assert_eq!(told(&items).len(), RESULTS);
        let last = results(&items).pop();
        let Some(Event::Warning { detail, .. }) = last else {
            panic!("{last:?}");
        };
        assert!(detail.starts_with("100 came"), "{detail}");
    }

    #[test]
    fn the_preview_is_what_the_user_typed() {
        let seen = |texts: &[&str]| {
            let content = texts.iter().map(|text| Part::Text((*text).to_owned()));
            preview_of(&[Item::Message {
                role: Role::User,
                content: content.collect(),
            }])
        };
        let typed = "<files>a.rs</files>\n<user_query>\nFix it\n</user_query>";
        assert_eq!(seen(&[typed]).as_deref(), Some("Fix it"));
        assert_eq!(seen(&["context", "Fix it"]).as_deref(), Some("Fix it"));
        assert_eq!(seen(&[]), None);
        assert_eq!(preview_of(&[call("1", "grep")]), None);
    }
}
