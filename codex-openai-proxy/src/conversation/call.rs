//! Tool calls as they are compared, ordered and named upstream.

use crate::turn::Item;
use serde_json::Value;
use std::{borrow::Cow, collections::HashMap, mem};

/// The longest call id that the backend takes, in characters.
pub const MAX_CALL_ID: usize = 64;

/// The id by which the upstream knows a call: the client's own, or a short one made from it where
/// that is too long. The same for the same id, always.
#[must_use]
pub fn wire_call_id(id: &str) -> Cow<'_, str> {
    if id.chars().nth(MAX_CALL_ID).is_none() {
        return Cow::Borrowed(id);
    }
    let hash = blake3::hash(id.as_bytes()).to_hex();
    Cow::Owned(format!("call_{}", &hash[..32]))
}

/// Puts the results of each run into the order in which their calls were made, which is the order
/// that the model expects. Results of calls that are not among the items come last and stay as
/// they are.
pub fn in_call_order(items: &mut [Item]) {
    let mut ranks = HashMap::new();
    let mut calls = 0;
    let mut rest = items;
    while !rest.is_empty() {
        let end = rest
            .iter()
            .position(|item| matches!(item, Item::ToolResult { .. }))
            .unwrap_or(rest.len());
        let (before, tail) = mem::take(&mut rest).split_at_mut(end);
        for item in &*before {
            if let Item::ToolCall(call) = item {
                ranks.insert(call.id.as_str(), calls);
                calls += 1;
            }
        }
        let end = tail
            .iter()
            .position(|item| !matches!(item, Item::ToolResult { .. }))
            .unwrap_or(tail.len());
        let (results, tail) = tail.split_at_mut(end);
        results.sort_by_key(|item| match item {
            Item::ToolResult { call_id, .. } => {
                ranks.get(call_id.as_str()).copied().unwrap_or(usize::MAX)
            }
            _ => usize::MAX,
        });
        rest = tail;
    }
}

/// A call's arguments in the one form that all their forms have in common: JSON without
/// insignificant whitespace, its keys sorted; an `input` alone is the free text of a custom tool,
/// and stands for itself. No arguments are no properties.
pub(super) fn plain_arguments(arguments: &str) -> Cow<'_, str> {
    if arguments.trim_ascii().is_empty() {
        return Cow::Borrowed("{}");
    }
    let Ok(mut value) = serde_json::from_str::<Value>(arguments) else {
        return Cow::Borrowed(arguments);
    };
    if let Value::Object(properties) = &value
        && properties.len() == 1
        && let Some(Value::String(input)) = properties.get("input")
    {
        // Free text may be JSON too, and would have been read as such had it come alone.
        return Cow::Owned(plain_arguments(input).into_owned());
    }
    value.sort_all_objects();
    Cow::Owned(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::{Part, ToolCall, ToolKind};

    fn call(id: &str) -> Item {
        Item::ToolCall(ToolCall {
            id: id.to_owned(),
            name: "read".to_owned(),
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

    /// What stands where, in the shape in which the tests write it.
    fn shape(items: &[Item]) -> Vec<String> {
        let name = |item: &Item| match item {
            Item::ToolCall(call) => format!("call {}", call.id),
            Item::ToolResult { call_id, .. } => format!("result {call_id}"),
            Item::Message { .. } | Item::Reasoning(_) => "message".to_owned(),
        };
        items.iter().map(name).collect()
    }

    #[test]
    fn results_are_put_into_the_order_of_their_calls() {
        let mut items = vec![
            call("a"),
            call("b"),
            result("b"),
            result("a"),
            call("d"),
            call("c"),
            result("x"),
            result("c"),
            result("b"),
            result("w"),
            result("d"),
        ];
        in_call_order(&mut items);
        let expected = [
            "call a", "call b", "result a", "result b", "call d", "call c", "result b", "result d",
            "result c", "result x", "result w",
        ];
        assert_eq!(shape(&items), expected);
    }

    #[test]
    fn results_alone_stay_as_they_are() {
        let mut items = vec![result("b"), result("a")];
        in_call_order(&mut items);
        assert_eq!(shape(&items), ["result b", "result a"]);
        in_call_order(&mut []);
    }

    #[test]
    fn long_ids_are_shortened_and_stay_apart() {
        let longest = "é".repeat(MAX_CALL_ID);
        assert_eq!(wire_call_id(&longest), longest);
        let long = "x".repeat(MAX_CALL_ID + 1);
        let short = wire_call_id(&long);
        assert_eq!(short.len(), "call_".len() + 32);
        assert!(short.starts_with("call_"));
        assert_eq!(short, wire_call_id(&long));
        assert_ne!(short, wire_call_id(&format!("{long}x")));
        assert_eq!(wire_call_id(&short), short);
    }

    #[test]
    fn arguments_are_the_same_in_all_their_forms() {
        for forms in [
            &[
                r#"{"b":1,"a":{"d":[2],"c":"x y"}}"#,
                "{ \"a\": {\"c\":\"x y\",\"d\":[ 2 ]},\n\"b\":1 }",
            ][..],
            &[
                "ls -l\n",
                r#"{"input":"ls -l\n"}"#,
                r#"{ "input" : "ls -l\n" }"#,
            ],
            &[r#"{"a": 1}"#, r#"{"input":"{\"a\": 1}"}"#],
            &["", "{}", " \n", r#"{"input":""}"#],
        ] {
            for form in forms {
                assert_eq!(plain_arguments(form), plain_arguments(forms[0]), "{form}");
            }
        }
    }

    #[test]
    fn different_arguments_stay_different() {
        let different = [
            "x y",
            "xy",
            r#""x y""#,
            r#"{"a":"x y"}"#,
            r#"{"a":"xy"}"#,
            r#"{"a":["x","y"]}"#,
            r#"{"a":["y","x"]}"#,
            r#"{"input":"x","other":1}"#,
            r#"{"input":["x"]}"#,
            r#"{"a":1"#,
        ];
        for (at, one) in different.iter().enumerate() {
            for other in &different[at + 1..] {
                assert_ne!(plain_arguments(one), plain_arguments(other));
            }
        }
    }
}
