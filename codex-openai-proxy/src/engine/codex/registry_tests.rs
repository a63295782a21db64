//! Who is answered by which conversation, without any thread behind them.

use super::*;
use crate::{
    config::KeptBodies,
    conversation::blocks,
    traffic,
    turn::{
        NamedConversation, OutputFormat, Part, Reasoning, Role, Sampling, ToolCall, ToolChoice,
        ToolKind,
    },
};
use std::time::Duration;
use uuid::Uuid;

fn registry(max_live: usize) -> Registry {
    let settings = ConversationSettings {
        max_live,
        wait: Duration::from_secs(1),
        ..ConversationSettings::default()
    };
    let (channel, _) = traffic::channel(KeptBodies::Off);
    Registry::new(settings, channel)
}

fn said(role: Role, text: &str) -> Item {
    Item::Message {
        role,
        content: vec![Part::Text(text.into())],
    }
}

fn user(text: &str) -> Item {
    said(Role::User, text)
}

fn called(id: &str) -> Item {
    Item::ToolCall(ToolCall {
        id: id.into(),
        name: "look".into(),
        kind: ToolKind::Function,
        arguments: "{}".into(),
    })
}

fn result(id: &str) -> Item {
    Item::ToolResult {
        call_id: id.into(),
        output: vec![Part::Text("seen".into())],
        param: String::new(),
    }
}

fn route(registry: &Registry, name: Option<&str>, sends: Sends, items: Vec<Item>) -> Routed {
    let blocks = blocks(&items);
    let request = TurnRequest {
        conversation: name.map(|name| NamedConversation {
            id: ConversationId::new(name).unwrap(),
            sends,
        }),
        model: "gpt-5.2".into(),
        instructions: None,
        items,
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        parallel_tool_calls: true,
        reasoning: Reasoning::default(),
        verbosity: None,
        output: OutputFormat::Text,
        service_tier: None,
        sampling: Sampling::default(),
        lasting: false,
        cache_key: None,
        trace: None,
    };
    let log = RequestLog::silent();
    registry.route(request, blocks, &log).unwrap()
}

fn unnamed(registry: &Registry, items: Vec<Item>) -> Routed {
    route(registry, None, Sends::Whole, items)
}

/// Begins an unnamed conversation of those items, which ends as they do.
fn settled(registry: &Registry, items: &[Item], calls: &[&str]) -> Begun {
    let begun = unnamed(registry, items[..1].to_vec()).begun.unwrap();
    let chain = chains(&blocks(items)).pop();
    let calls = calls.iter().map(|&call| call.to_owned()).collect();
    registry.answered(&begun.id, begun.serial, 1, Standing { chain, calls });
    begun
}

#[test]
fn a_named_request_waits_or_forks_by_what_it_says() {
    let history = |last: &str| vec![user("Hi"), said(Role::Assistant, "Hello"), user(last)];
    for (first, second, waits) in [
        (history("One"), history("One"), true),
        (history("One"), history("Two"), false),
        // What is only new comes after anything,
        (history("One"), vec![user("Two")], true),
        (vec![user("One")], vec![user("Two")], true),
        // and a history must have what is being answered.
        (vec![user("One")], history("One"), true),
        (vec![user("One")], history("Two"), false),
    ] {
        let registry = registry(10);
        let running = route(&registry, Some("chat-1"), Sends::Either, first.clone());
        assert!(running.begun.is_some());
        let later = route(&registry, Some("chat-1"), Sends::Either, second.clone());
        let name = later.stream.conversation().unwrap();
        assert_eq!(name.as_str() == "chat-1", waits, "{first:?} {second:?}");
        assert_eq!(later.begun.is_none(), waits);
        assert!(waits || name.is_made_up());
    }
}

#[test]
fn whoever_has_left_is_not_waited_for_nor_forked_from() {
    let registry = registry(10);
    let stopped = route(&registry, Some("chat-1"), Sends::Whole, vec![user("One")]);
    let begun = stopped.begun;
    drop(stopped.stream);
    let edited = route(&registry, Some("chat-1"), Sends::Whole, vec![user("Two")]);
    assert_eq!(edited.stream.conversation().unwrap().as_str(), "chat-1");
    // While somebody else is waited for, it is another matter.
    let third = route(&registry, Some("chat-1"), Sends::Whole, vec![user("Three")]);
    assert!(third.stream.conversation().unwrap().is_made_up());
    drop(begun);
}

#[test]
fn requests_that_follow_the_same_response_at_once_are_branches() {
    let registry = registry(10);
    let held = ConversationId::made_up(Uuid::from_u128(7));
    let follow = || {
        route(
            &registry,
            Some(held.as_str()),
            Sends::Whole,
            vec![user("One")],
        )
    };
    let (first, second) = (follow(), follow());
    assert_eq!(first.stream.conversation(), Some(&held));
    assert_ne!(second.stream.conversation(), Some(&held));
    // When nobody waits there any more, it goes on.
    drop(first.stream);
    assert_eq!(follow().stream.conversation(), Some(&held));
}

#[test]
fn an_unnamed_request_finds_its_conversation_by_what_it_repeats() {
    let registry = registry(10);
    let held = [user("Hi"), said(Role::Assistant, "Hello")];
    let begun = settled(&registry, &held, &[]);
    let more = [&held[..], &[user("More")]].concat();
    let found = unnamed(&registry, more.clone());
    assert_eq!(found.stream.conversation().unwrap(), &begun.id);
    // It is busy now, and nobody waits for what they only seem to belong to.
    let other = unnamed(&registry, more);
    assert_ne!(other.stream.conversation().unwrap(), &begun.id);
}

#[test]
fn results_find_the_one_conversation_that_waits_for_them() {
    let long = "call_abcdefghijklmnopqrstuvwx";
    for (id, known_by_history) in [("call_0", false), (long, true)] {
        let registry = registry(10);
        let begun = settled(&registry, &[user("Look"), called(id)], &[id]);
        let alone = unnamed(&registry, vec![result(id)]);
        assert_eq!(alone.stream.conversation().unwrap(), &begun.id);
        registry.answered(
            &begun.id,
            begun.serial,
            1,
            Standing {
                chain: None,
                calls: vec![id.to_owned()],
            },
        );
        let edited = unnamed(&registry, vec![user("Look there"), called(id), result(id)]);
        assert_eq!(
            edited.stream.conversation().unwrap() == &begun.id,
            known_by_history
        );
        // Where two wait for it, nobody can tell.
        let second = settled(&registry, &[user("Look again"), called(id)], &[id]);
        let either = unnamed(&registry, vec![result(id)]);
        assert!(![&begun.id, &second.id].contains(&either.stream.conversation().unwrap()));
    }
}

#[test]
fn the_least_recently_used_makes_room_and_busy_ones_stay() {
    let registry = registry(2);
    let first = settled(&registry, &[user("1"), said(Role::Assistant, "a")], &[]);
    let busy = unnamed(&registry, vec![user("2")]);
    let third = settled(&registry, &[user("3"), said(Role::Assistant, "c")], &[]);
    assert!(!registry.has(&first.id));
    assert!(registry.has(busy.stream.conversation().unwrap()));
    assert!(registry.has(&third.id));
}

#[tokio::test]
async fn a_name_is_led_again_only_when_its_last_thread_has_ended() {
    let registry = registry(10);
    let first = route(&registry, Some("chat-1"), Sends::Either, vec![user("1")]);
    let first = first.begun.unwrap();
    let sign = registry.dismiss(&first.id).unwrap();
    assert!(!sign.is_cancelled());
    let second = route(&registry, Some("chat-1"), Sends::Either, vec![user("2")]);
    let second = second.begun.unwrap();
    assert!(!second.after.as_ref().unwrap().is_cancelled());
    registry.ended(&first.id, &first.ended);
    second.after.unwrap().cancelled().await;
    // What the first still says does not count.
    registry.answered(&first.id, first.serial, 1, Standing::default());
    assert!(!registry.retire(&second.id, second.serial));
    registry.answered(&second.id, second.serial, 1, Standing::default());
    assert!(registry.retire(&second.id, second.serial));
}
