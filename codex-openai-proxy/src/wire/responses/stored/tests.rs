//! Pages of input items, and how items are completed.

use super::*;

fn items(count: usize) -> Vec<Value> {
    (0..count)
        .map(|index| json!({ "id": index.to_string() }))
        .collect()
}

/// The ids on a page of that many items, and whether there is another page.
fn page(query: &str, count: usize) -> Result<(Vec<String>, bool), TurnError> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| (Cow::from(name), Cow::from(value)));
    let list = PageQuery::read(pairs)?.page(items(count))?;
    let ids: Vec<_> = list.data.iter().filter_map(id).map(str::to_owned).collect();
    assert_eq!(list.first_id.as_ref(), ids.first());
    assert_eq!(list.last_id.as_ref(), ids.last());
    Ok((ids, list.has_more))
}

#[test]
fn pages_go_backwards_unless_asked_otherwise() {
    for (query, expected, has_more) in [
        ("", &["2", "1", "0"][..], false),
        ("order=desc&limit=2", &["2", "1"], true),
        ("order=desc&limit=2&after=1", &["0"], false),
        ("order=asc", &["0", "1", "2"], false),
        ("order=asc&limit=1&after=0", &["1"], true),
        ("order=asc&limit=2&after=0", &["1", "2"], false),
        ("order=asc&after=2", &[], false),
        (
            "include[]=x&include[]=y&api-version=1",
            &["2", "1", "0"],
            false,
        ),
    ] {
        let expected = expected.iter().map(ToString::to_string).collect();
        assert_eq!(page(query, 3), Ok((expected, has_more)), "{query}");
    }
}

#[test]
fn a_page_has_twenty_items_and_may_have_a_hundred() {
    for (query, count) in [("", 20), ("limit=100", 100), ("limit=1", 1)] {
        let (ids, has_more) = page(query, 150).unwrap();
        assert_eq!((ids.len(), has_more), (count, true), "{query}");
    }
}

#[test]
fn following_the_pages_shows_every_item_once() {
    for order in ["asc", "desc"] {
        let mut seen = Vec::new();
        let mut query = format!("limit=7&order={order}");
        loop {
            let (ids, has_more) = page(&query, 30).unwrap();
            seen.extend(ids);
            if !has_more {
                break;
            }
            query = format!("limit=7&order={order}&after={}", seen.last().unwrap());
        }
        let mut expected: Vec<_> = (0..30).map(|index| index.to_string()).collect();
        if order == "desc" {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
}

#[test]
fn parameters_that_mean_nothing_are_refused() {
    for (query, param) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("order=random", "order"),
        ("after=9", "after"),
        ("before=1", "before"),
    ] {
        let refused = page(query, 3);
        let Err(TurnError::InvalidRequest { param: found, .. }) = refused else {
            panic!("{query}: {refused:?}");
        };
        assert_eq!(found.as_deref(), Some(param));
    }
}

#[test]
fn a_text_is_one_message_of_the_user() {
    let expected = json!([{
        "id": "msg_abcin0",
        "type": "message",
        "role": "user",
        "content": [{ "type": "input_text", "text": "Hi" }],
    }]);
    assert_eq!(Value::from(input_items(json!("Hi"), "resp_abc")), expected);
}

#[test]
fn items_are_completed_and_otherwise_left_as_they_are() {
    let sent = json!([
        { "role": "developer", "content": "Be brief." },
        { "type": "message", "role": "user", "id": "mine", "content": [{ "type": "input_text", "text": "Hi" }] },
        { "role": "assistant", "content": "Hello", "phase": "final" },
        { "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": null },
        { "type": "function_call_output", "call_id": "c", "output": "1" },
        { "type": "new_thing", "content": "left alone" },
    ]);
    let expected = json!([
        { "id": "msg_abcin0", "type": "message", "role": "developer", "content": [{ "type": "input_text", "text": "Be brief." }] },
        { "type": "message", "role": "user", "id": "mine", "content": [{ "type": "input_text", "text": "Hi" }] },
        { "id": "msg_abcin2", "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Hello", "annotations": [] }], "phase": "final" },
        { "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "fc_abcin3" },
        { "id": "fco_abcin4", "type": "function_call_output", "call_id": "c", "output": "1" },
        { "id": "item_abcin5", "type": "new_thing", "content": "left alone" },
    ]);
    assert_eq!(Value::from(input_items(sent, "resp_abc")), expected);
}

#[test]
fn no_two_items_get_the_same_id() {
    let message = json!({ "role": "user", "content": "Hi" });
    let sent = Value::from(vec![message; 30]);
    let items = input_items(sent, "resp_abc");
    let ids: std::collections::HashSet<_> = items.iter().filter_map(id).collect();
    assert_eq!(ids.len(), 30);
}
