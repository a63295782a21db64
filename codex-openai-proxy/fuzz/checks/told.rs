//! What a turn told, held to what [`TurnEvent`] promises.

use codex_openai_proxy::turn::{FinishReason, ToolCall, ToolKind, TurnError, TurnEvent, Usage};
use std::collections::HashMap;

/// The events of one turn, put together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The answer.
    pub text: String,
    /// The answer with an empty line between its messages.
    pub paragraphs: String,
    /// The reasoning, without anything between its parts.
    pub reasoning: String,
    /// The calls that were told whole, in their order.
    pub calls: Vec<ToolCall>,
    /// The calls that were begun.
    begun: Vec<Begun>,
    /// Which of them has an id; `None` where a call of that id was told whole at once.
    ids: HashMap<String, Option<usize>>,
    /// How it ended, if it did.
    pub end: Option<(FinishReason, Option<Usage>)>,
}

/// A call as far as its fragments have come.
#[derive(Debug, PartialEq, Eq)]
struct Begun {
    name: String,
    kind: ToolKind,
    arguments: String,
    is_whole: bool,
}

/// Reads a stream with `read`, which gets the data of each event, and `None` at the end. Returns what it
/// told, and the error that ended it.
///
/// # Panics
///
/// Something comes after an end.
pub fn stream<'a>(
    lines: impl Iterator<Item = &'a str>,
    mut read: impl FnMut(Option<&str>, &mut Vec<TurnEvent>) -> Result<(), TurnError>,
) -> (Vec<TurnEvent>, Option<TurnError>) {
    let (mut events, mut failure) = (Vec::new(), None);
    for line in lines.map(Some).chain([None]) {
        let told = events.len();
        let has_ended = failure.is_some() || Told::has_end(&events);
        let read = read(line, &mut events);
        if has_ended {
            assert_eq!((read, events.len()), (Ok(()), told), "more after the end");
        } else {
            failure = read.err();
        }
    }
    (events, failure)
}

impl Told {
    /// Puts events together.
    ///
    /// # Panics
    ///
    /// They are not those of a turn.
    pub fn of(events: &[TurnEvent]) -> Self {
        let mut told = Self::default();
        let mut message_ended = false;
        for event in events {
            assert!(told.end.is_none(), "{event:?} comes after the end");
            match event {
                TurnEvent::Text(text) => {
                    assert!(!text.is_empty(), "a text that says nothing");
                    if std::mem::take(&mut message_ended) && !told.text.is_empty() {
                        told.paragraphs.push_str("\n\n");
                    }
                    told.text.push_str(text);
                    told.paragraphs.push_str(text);
                }
                TurnEvent::MessageEnd => message_ended = true,
                TurnEvent::Reasoning(text) => {
                    assert!(!text.is_empty(), "reasoning that says nothing");
                    told.reasoning.push_str(text);
                }
                TurnEvent::ReasoningBreak | TurnEvent::ReasoningEnd { .. } => {}
                TurnEvent::ToolCallBegun {
                    index,
                    id,
                    name,
                    kind,
                } => {
                    assert_eq!(*index, told.begun.len(), "calls are counted");
                    let other = told.ids.insert(id.clone(), Some(*index));
                    assert_eq!(other, None, "two calls have the id {id}");
                    assert!(!name.is_empty(), "a call of no tool");
                    told.begun.push(Begun {
                        name: name.clone(),
                        kind: *kind,
                        arguments: String::new(),
                        is_whole: false,
                    });
                }
                TurnEvent::ToolCallDelta { index, arguments } => {
                    assert!(!arguments.is_empty(), "a fragment that says nothing");
                    let call = &mut told.begun[*index];
                    assert!(!call.is_whole, "more of a call that was whole");
                    call.arguments.push_str(arguments);
                }
                TurnEvent::ToolCall(call) => told.take(call),
                TurnEvent::Finished { reason, usage } => told.finish(*reason, *usage),
            }
        }
        told
    }

    /// Whether the last event is the end of the turn.
    fn has_end(events: &[TurnEvent]) -> bool {
        matches!(events.last(), Some(TurnEvent::Finished { .. }))
    }

    /// How many bytes were told.
    pub fn length(&self) -> usize {
        let whole = self.calls.iter().map(|call| call.arguments.len());
        let cut = self.begun.iter().filter(|call| !call.is_whole);
        let cut = cut.map(|call| call.arguments.len());
        self.text.len() + self.reasoning.len() + whole.chain(cut).sum::<usize>()
    }

    fn take(&mut self, call: &ToolCall) {
        assert!(!call.name.is_empty(), "a call of no tool");
        match self.ids.get(&call.id) {
            Some(Some(at)) => {
                let begun = &mut self.begun[*at];
                assert!(!begun.is_whole, "a call is whole twice: {call:?}");
                begun.is_whole = true;
                assert_eq!((&begun.name, begun.kind), (&call.name, call.kind));
                assert_eq!(
                    begun.arguments, call.arguments,
                    "what was told of it before"
                );
            }
            Some(None) => panic!("two calls have one id: {call:?}"),
            None => drop(self.ids.insert(call.id.clone(), None)),
        }
        self.calls.push(call.clone());
    }

    fn finish(&mut self, reason: FinishReason, usage: Option<Usage>) {
        self.end = Some((reason, usage));
        if matches!(reason, FinishReason::Stop | FinishReason::ToolCalls) {
            let open = self.begun.iter().find(|begun| !begun.is_whole);
            assert!(open.is_none(), "a call is never whole: {open:?}");
            let calls = reason == FinishReason::ToolCalls;
            assert_eq!(calls, !self.calls.is_empty(), "{reason:?}");
        }
    }
}
