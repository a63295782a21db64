//! Replies that pass, as event streams and in one piece, from providers of both APIs.

use super::{
    members::{self, named, without},
    told::Told,
};
use bytes::Bytes;
use codex_openai_proxy::{
    translate::{
        chat::{CompletionReader, ReplyHead},
        relay::{StreamRelay, Whole},
    },
    turn::{TurnError, TurnEvent},
    wire::{
        error::ErrorBody,
        peek::Shape,
        sse::{Decoder, Event},
    },
};
use serde_json::Value;

/// What the client calls the model.
const MODEL: &str = "mine \"é\"\n";

/// Passes a reply on.
///
/// # Panics
///
/// The client gets something else than the provider sent but for the model's name, or the reply does
/// not end once.
pub fn check(data: &[u8]) {
    let mut events = Vec::new();
    let fed = Decoder::new(usize::MAX).feed(data, &mut events);
    assert_eq!(fed, Ok(()));
    for shape in [Shape::Chat, Shape::Responses] {
        stream(shape, &events);
        whole(shape, data);
    }
}

fn head() -> ReplyHead {
    ReplyHead {
        id: "chatcmpl-x".to_owned(),
        created: 1,
        model: MODEL.to_owned(),
        conversation: None,
    }
}

fn decode(stream: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    let fed = Decoder::new(usize::MAX).feed(stream, &mut events);
    assert_eq!(fed, Ok(()));
    events
}

/// Passes a stream on as `http/relay` does.
fn stream(shape: Shape, events: &[Event]) {
    let mut relay = StreamRelay::new(shape, head()).keeping_object();
    let (mut out, mut said, mut failure) = (Vec::new(), Vec::new(), None);
    for event in events {
        let (before, has_ended) = (out.len(), relay.has_ended());
        let read = relay.on_event(event, &mut out, &mut said);
        let frames = decode(&out[before..]);
        assert!(!has_ended || frames.is_empty(), "more after the end");
        match &frames[..] {
            [] => {}
            [frame] => same_event(shape, event, frame),
            more => panic!("one event became {more:?}"),
        }
        failure = failure.or(read.err());
    }
    // No success is told behind a failure.
    let said_all = Told::of(&said);
    assert!(failure.is_none() || said_all.end.is_none());
    if failure.is_none() {
        failure = relay.finish(&mut out, &mut said).err();
    }
    if failure.is_some() {
        relay.on_error(&ErrorBody::new("server_error", "boo"), &mut out);
    }
    assert!(relay.has_ended());
    let length = out.len();
    relay.on_error(&ErrorBody::new("server_error", "late"), &mut out);
    assert_eq!(out.len(), length, "another end");

    let told = Told::of(&said);
    assert_ne!(told.end.is_some(), failure.is_some(), "one end");
    let frames = decode(&out);
    match shape {
        Shape::Chat => {
            let done = frames
                .iter()
                .filter(|frame| frame.data.trim_ascii() == "[DONE]");
            assert_eq!(done.count(), usize::from(failure.is_none()));
            same_said(events, &told, failure.as_ref());
        }
        Shape::Responses => {
            let last = frames.last().and_then(|frame| frame.event.as_deref());
            let kept = relay.take_object();
            if kept.is_some() {
                assert!(last.is_some() || !events.is_empty());
            }
        }
    }
}

/// Nothing of an event changes but the model's name.
fn same_event(shape: Shape, sent: &Event, passed: &Event) {
    assert_eq!(sent.event, passed.event);
    let Some(one) = members::of(sent.data.as_bytes()) else {
        assert_eq!(sent.data, passed.data, "what is no object is not touched");
        return;
    };
    let Some(other) = members::of(passed.data.as_bytes()) else {
        panic!("it is no object any more: {}", passed.data);
    };
    match shape {
        Shape::Chat => {
            same_but_model(&sent.data, &passed.data);
            let has_choices = named(&one, "choices")
                .last()
                .is_some_and(|list| list.starts_with('['));
            assert!(!has_choices || !named(&other, "model").is_empty());
        }
        Shape::Responses => {
            assert_eq!(without(&one, "response"), without(&other, "response"));
            let (one, other) = (named(&one, "response"), named(&other, "response"));
            assert_eq!(one.len(), other.len());
            for (one, other) in one.into_iter().zip(other) {
                same_but_model(one, other);
            }
        }
    }
}

/// Two texts are the same, but that an object may name the model in other words.
fn same_but_model(sent: &str, passed: &str) {
    let (Some(one), Some(other)) = (members::of(sent.as_bytes()), members::of(passed.as_bytes()))
    else {
        assert_eq!(sent, passed);
        return;
    };
    assert_eq!(without(&one, "model"), without(&other, "model"));
    let names = named(&other, "model");
    assert!(names.len() >= named(&one, "model").len(), "a name is lost");
    for name in names {
        assert_eq!(serde_json::from_str::<Value>(name).ok(), Some(MODEL.into()));
    }
}

/// What is told of a stream is what its reader makes of it, where that can read all of it.
fn same_said(events: &[Event], told: &Told, failure: Option<&TurnError>) {
    let mut reader = CompletionReader::new(&[], "chatcmpl-x");
    let mut said: Vec<TurnEvent> = Vec::new();
    for event in events {
        if reader.on_data(&event.data, &mut said).is_err() {
            return;
        }
    }
    if reader.finish(&mut said).is_ok() {
        assert_eq!(failure, None);
        assert_eq!(told, &Told::of(&said));
    }
}

/// Passes a reply on that came in one piece, as it is and as a stream.
fn whole(shape: Shape, data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let mut said = Vec::new();
    let Ok(whole) = Whole::read(&body, shape, &head(), &mut said) else {
        assert!(members::of(data).is_none(), "an object counts as none");
        return;
    };
    let told = Told::of(&said);
    assert_ne!(told.end.is_some(), whole.failure.is_some(), "one end");
    let (sent, passed) = (str::from_utf8(data), str::from_utf8(&whole.body));
    let (Ok(sent), Ok(passed)) = (sent, passed) else {
        panic!("a reply that is no text");
    };
    same_but_model(sent, passed);
    if whole.failure.is_some() {
        return;
    }
    let mut relay = StreamRelay::new(shape, head());
    let mut out = Vec::new();
    relay.on_whole(&whole, &mut out);
    assert!(relay.has_ended());
    let frames = decode(&out);
    match shape {
        Shape::Chat => assert_eq!(
            frames.last().map(|frame| frame.data.as_str()),
            Some("[DONE]")
        ),
        Shape::Responses => assert!(frames.iter().all(|frame| frame.event.is_some())),
    }
}
