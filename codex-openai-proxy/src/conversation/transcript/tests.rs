//! Chats cut into requests in every way that clients have, and edited.

use super::*;
use crate::{
    conversation::blocks,
    turn::{ImageDetail, Item, Part, Role, ToolCall, ToolKind},
};
use proptest::{collection::vec, prelude::*, sample::Index};

fn message(role: Role, texts: &[&str]) -> Item {
    let content = texts.iter().map(|&text| Part::Text(text.to_owned()));
    Item::Message {
        role,
        content: content.collect(),
    }
}

fn user(text: &str) -> Item {
    message(Role::User, &[text])
}

fn assistant(text: &str) -> Item {
    message(Role::Assistant, &[text])
}

fn call(id: &str, arguments: &str) -> Item {
    Item::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "read".to_owned(),
        kind: ToolKind::Function,
        arguments: arguments.to_owned(),
    })
}

fn result(id: &str, text: &str) -> Item {
    Item::ToolResult {
        call_id: id.to_owned(),
        output: vec![Part::Text(text.to_owned())],
        param: String::new(),
    }
}

/// A conversation of two turns, the first of which calls two tools.
fn chat() -> Vec<Item> {
    vec![
        message(Role::Developer, &["Be brief."]),
        user("What is in a and b?"),
        assistant("I look."),
        call("1", r#"{"path":"a"}"#),
        call("2", r#"{"path":"b"}"#),
        result("1", "apples"),
        result("2", "bread"),
        assistant("Apples and\nbread."),
        user("Thanks"),
        assistant("Welcome."),
    ]
}

/// What holds the blocks of `items`, each of which is recorded as itself.
fn holding(items: &[Item]) -> Transcript {
    let mut transcript = Transcript::default();
    for block in blocks(items) {
        transcript.push(block.digest, block.items.end);
    }
    transcript
}

fn aligned(held: &[Item], request: &[Item], sends: Sends) -> Alignment {
    align(&holding(held), &blocks(request), sends)
}

fn digests(items: &[Item]) -> Vec<Digest> {
    blocks(items).iter().map(|block| block.digest).collect()
}

#[test]
fn what_belongs_together_is_one_block() {
    use BlockKind::{Input, Reply, Results};
    let found: Vec<_> = blocks(&chat())
        .into_iter()
        .map(|block| (block.kind, block.items))
        .collect();
    let expected = [
        (Input, 0..1),
        (Input, 1..2),
        (Reply, 2..5),
        (Results, 5..7),
        (Reply, 7..8),
        (Input, 8..9),
        (Reply, 9..10),
    ];
    assert_eq!(found, expected);
    assert_eq!(blocks(&[]), []);
}

#[test]
fn a_transcript_survives_as_bytes() {
    let held = holding(&chat());
    let bytes = held.to_bytes();
    assert_eq!(Transcript::from_bytes(&bytes), Some(held));
    assert_eq!(Transcript::from_bytes(&[]), Some(Transcript::default()));
    assert_eq!(Transcript::from_bytes(&bytes[1..]), None);
}

#[test]
fn the_chain_tells_which_prefix_a_transcript_is() {
    let items = chat();
    let blocks = blocks(&items);
    let chains = chains(&blocks);
    for (at, block) in blocks.iter().enumerate() {
        let held = holding(&items[..block.items.end]);
        assert_eq!(held.len(), at + 1);
        assert_eq!(held.chain(), chains[at]);
        assert_eq!(held.end_of(at), block.items.start);
        assert_eq!(held.end_of(at + 1), block.items.end);
        assert_eq!(held.end_of(at + 2), block.items.end);
    }
    let mut cut = holding(&items);
    cut.truncate(3);
    assert_eq!(cut, holding(&items[..5]));
    assert_eq!(cut.chain(), chains[2]);
    cut.truncate(0);
    assert!(cut.is_empty());
    assert!(!chains.contains(&cut.chain()));
}

#[test]
fn what_clients_do_to_a_reply_is_no_edit() {
    let held = chat();
    let mut sent = chat();
    sent.splice(
        2..8,
        [
            message(Role::Assistant, &[" I", "\nlook. "]),
            call("1", "{ \"path\" : \"a\" }"),
            call("2", r#"{"path":"b"}"#),
            result("2", "bread"),
            result("1", "apples"),
            assistant("Apples"),
            assistant("and bread.\n"),
        ],
    );
    assert_eq!(digests(&held), digests(&sent));
}

#[test]
fn a_custom_call_is_the_same_in_either_form_and_under_any_name() {
    let as_sent = [call("1", "*** Begin Patch\n*** End Patch")];
    let [Item::ToolCall(mut recorded)] = as_sent.clone() else {
        unreachable!()
    };
    recorded.arguments = r#"{"input":"*** Begin Patch\n*** End Patch"}"#.to_owned();
    recorded.kind = ToolKind::Custom;
    recorded.name = "apply_patch_1".to_owned();
    assert_eq!(digests(&as_sent), digests(&[Item::ToolCall(recorded)]));
}

#[test]
fn image_details_are_the_same_where_they_are_upstream() {
    let image = |detail| Item::Message {
        role: Role::User,
        content: vec![Part::Image {
            url: "https://example.com/a.png".to_owned(),
            detail,
            param: String::new(),
        }],
    };
    let none = digests(&[image(None)]);
    assert_eq!(none, digests(&[image(Some(ImageDetail::Auto))]));
    assert_eq!(none, digests(&[image(Some(ImageDetail::Low))]));
    assert_ne!(none, digests(&[image(Some(ImageDetail::High))]));
    assert_ne!(none, digests(&[image(Some(ImageDetail::Original))]));
}

#[test]
fn a_long_call_id_is_the_same_as_its_short_one() {
    let long = "toolu_".repeat(20);
    let short = crate::conversation::wire_call_id(&long);
    let items = |id: &str| [call(id, "{}"), result(id, "done")];
    assert_eq!(digests(&items(&long)), digests(&items(&short)));
}

#[test]
fn a_conversation_that_holds_nothing_takes_everything() {
    for sends in [Sends::Either, Sends::Whole] {
        let all = Alignment::Append { from: 0 };
        assert_eq!(aligned(&[], &chat(), sends), all);
        assert_eq!(aligned(&[], &[], sends), all);
    }
}

#[test]
fn the_same_again_asks_the_model_to_go_on() {
    for sends in [Sends::Either, Sends::Whole] {
        let nothing = Alignment::Append { from: 10 };
        assert_eq!(aligned(&chat(), &chat(), sends), nothing);
    }
}

#[test]
fn only_what_is_new_may_be_sent() {
    let held = chat();
    let new = [user("Thanks")];
    let append = Alignment::Append { from: 0 };
    assert_eq!(aligned(&held, &new, Sends::Either), append);
    let rewrite = Alignment::Rewrite { keep: 0 };
    assert_eq!(aligned(&held, &new, Sends::Whole), rewrite);
    let results = [result("2", "bread"), result("1", "apples"), user("And?")];
    assert_eq!(aligned(&held[..5], &results, Sends::Either), append);
}

#[test]
fn what_is_new_may_follow_the_last_that_was_said() {
    let held = chat();
    let after_reply = [assistant("Welcome."), user("Bye")];
    let append = Alignment::Append { from: 1 };
    assert_eq!(aligned(&held, &after_reply, Sends::Either), append);
    // Results that were taken before the upstream failed.
    let again = [result("2", "bread"), result("1", "apples")];
    let append = Alignment::Append { from: 2 };
    assert_eq!(aligned(&held[..7], &again, Sends::Either), append);
    let stranger = [assistant("Wellcome."), user("Bye")];
    let rewrite = Alignment::Rewrite { keep: 0 };
    assert_eq!(aligned(&held, &stranger, Sends::Either), rewrite);
}

#[test]
fn a_shorter_history_takes_back_the_rest() {
    let held = chat();
    for sends in [Sends::Either, Sends::Whole] {
        let rewrite = Alignment::Rewrite { keep: 6 };
        assert_eq!(aligned(&held, &held[..9], sends), rewrite);
    }
}

/// One turn: what the user says, and the calls of each model step but the last.
type Turn = (Vec<String>, Vec<usize>);

/// Chats in which nothing is said twice.
fn chats() -> impl Strategy<Value = Vec<Item>> {
    let turn = (vec("[a-c ]{0,3}", 1..3), vec(1_usize..4, 0..3));
    vec(turn, 1..5).prop_map(|turns: Vec<Turn>| {
        let mut items = Vec::new();
        let mut number = 0;
        let mut next = || {
            number += 1;
            number
        };
        for (inputs, steps) in turns {
            for input in inputs {
                items.push(user(&format!("{input}{}", next())));
            }
            for calls in steps {
                items.push(assistant(&format!("step {}", next())));
                let ids: Vec<_> = (0..calls).map(|_| next().to_string()).collect();
                items.extend(ids.iter().map(|id| call(id, "{}")));
                items.extend(ids.iter().map(|id| result(id, "done")));
            }
            items.push(assistant(&format!("answer {}", next())));
        }
        items
    })
}

/// Changes one item into another of its kind.
fn edit(item: &mut Item) {
    match item {
        Item::Message { content, .. } => content.push(Part::Text("!".to_owned())),
        Item::Reasoning(text) => text.push('!'),
        Item::ToolCall(call) => call.arguments = r#"{"edited":true}"#.to_owned(),
        Item::ToolResult { output, .. } => output.push(Part::Text("!".to_owned())),
    }
}

/// Contents that differ by as little as contents can and still be told apart upstream.
fn contents() -> impl Strategy<Value = Vec<Part>> {
    let detail = prop_oneof![
        Just(None),
        Just(Some(ImageDetail::High)),
        Just(Some(ImageDetail::Original)),
    ];
    let part = prop_oneof![
        "[at]{0,2}".prop_map(Part::Text),
        ("[at]{0,2}", detail).prop_map(|(url, detail)| Part::Image {
            url,
            detail,
            param: String::new(),
        }),
    ];
    vec(part, 0..3)
}

proptest! {
    #[test]
    fn the_whole_history_gives_exactly_the_rest(items in chats(), at: Index) {
        let all = blocks(&items);
        let cut = all[at.index(all.len())].items.end;
        for sends in [Sends::Either, Sends::Whole] {
            let append = Alignment::Append { from: cut };
            prop_assert_eq!(aligned(&items[..cut], &items, sends), append);
        }
    }

    #[test]
    fn what_is_new_gives_exactly_itself(items in chats(), at: Index) {
        let all = blocks(&items);
        let replies: Vec<_> = (0..all.len())
            .filter(|&block| all[block].kind == BlockKind::Reply)
            .collect();
        let reply = replies[at.index(replies.len())];
        let held = &items[..all[reply].items.end];
        let next = all[reply + 1..]
            .iter()
            .take_while(|block| block.kind != BlockKind::Reply)
            .last()
            .map_or(held.len(), |block| block.items.end);
        let append = Alignment::Append { from: 0 };
        prop_assert_eq!(aligned(held, &items[held.len()..next], Sends::Either), append);
    }

    #[test]
    fn a_tail_that_overlaps_gives_exactly_the_rest(items in chats(), one: Index, other: Index) {
        let all = blocks(&items);
        let starts: Vec<_> =
            (0..all.len()).filter(|&block| all[block].kind != BlockKind::Input).collect();
        let first = starts[one.index(starts.len())];
        let last = first + other.index(all.len() - first);
        let (first, last) = (&all[first], &all[last]);
        let (start, cut) = (first.items.start, last.items.end);
        let append = Alignment::Append { from: cut - start };
        prop_assert_eq!(aligned(&items[..cut], &items[start..], Sends::Either), append);
    }

    #[test]
    fn an_edit_is_found_where_it_was_made(items in chats(), at: Index) {
        let at = at.index(items.len());
        let mut edited = items.clone();
        edit(&mut edited[at]);
        let keep = blocks(&items)
            .iter()
            .position(|block| block.items.contains(&at))
            .unwrap();
        for sends in [Sends::Either, Sends::Whole] {
            let rewrite = Alignment::Rewrite { keep };
            prop_assert_eq!(aligned(&items, &edited, sends), rewrite);
        }
    }

    #[test]
    fn whitespace_and_splits_of_a_reply_do_not_count(
        words in vec("[a-z<>é.]{1,4}", 1..6),
        gaps in vec("[ \n\t\u{a0}]{0,3}", 7),
        at: Index,
    ) {
        let straight = [assistant(&words.concat())];
        let (before, after) = words.split_at(at.index(words.len()));
        let wrapped = |words: &[String]| -> String {
            words.iter().zip(&gaps).flat_map(|(word, gap)| [gap.as_str(), word]).collect()
        };
        let (before, after) = (wrapped(before), wrapped(after));
        let in_one = [assistant(&format!("{before}{after}{}", gaps[6]))];
        let in_parts = [message(Role::Assistant, &[&before, &after])];
        let in_messages = [assistant(&before), assistant(&after)];
        prop_assert_eq!(digests(&straight), digests(&in_one));
        prop_assert_eq!(digests(&straight), digests(&in_parts));
        prop_assert_eq!(digests(&straight), digests(&in_messages));
    }

    #[test]
    fn inputs_differ_by_anything(one in contents(), other in contents(), roles: (bool, bool)) {
        let role = |developer| if developer { Role::Developer } else { Role::User };
        let input = |role, content: &Vec<Part>| Item::Message { role, content: content.clone() };
        let one_digest = digests(&[input(role(roles.0), &one)]);
        let other_digest = digests(&[input(role(roles.1), &other)]);
        prop_assert_eq!(one_digest == other_digest, one == other && roles.0 == roles.1);
    }

    #[test]
    fn results_differ_by_anything_but_their_order(
        one in vec(("[ab]{1,2}", contents()), 1..3),
        other in vec(("[ab]{1,2}", contents()), 1..3),
    ) {
        let items = |results: &[(String, Vec<Part>)]| -> Vec<Item> {
            results
                .iter()
                .map(|(id, output)| Item::ToolResult {
                    call_id: id.clone(),
                    output: output.clone(),
                    param: String::new(),
                })
                .collect()
        };
        let sorted = |results: &[(String, Vec<Part>)]| {
            let mut sorted = results.to_vec();
            sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
            sorted
        };
        prop_assert_eq!(
            digests(&items(&one)) == digests(&items(&other)),
            sorted(&one) == sorted(&other)
        );
    }

    #[test]
    fn replies_differ_by_text_and_calls(
        one in ("[ab]{0,2}", vec(("[ab]{1,2}", "[ab]{1,2}"), 0..3)),
        other in ("[ab]{0,2}", vec(("[ab]{1,2}", "[ab]{1,2}"), 0..3)),
    ) {
        let items = |(text, calls): &(String, Vec<(String, String)>)| -> Vec<Item> {
            let calls = calls.iter().map(|(id, arguments)| call(id, arguments));
            std::iter::once(assistant(text)).chain(calls).collect()
        };
        prop_assert_eq!(digests(&items(&one)) == digests(&items(&other)), one == other);
    }
}
