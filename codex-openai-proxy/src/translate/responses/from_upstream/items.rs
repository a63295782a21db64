//! The items of a reply, as their events come.

use super::{
    calls::{Call, Calls},
    thought::{Source, Thought},
};
use crate::{
    translate::note::Notes,
    turn::{Tool, ToolKind, TurnEvent},
    wire::{
        chat::upstream::{Content, Field, List, Piece},
        responses::upstream::Item,
    },
};
use std::{borrow::Cow, collections::BTreeMap, mem};

/// The items of the output.
#[derive(Debug)]
pub(super) struct Items {
    /// How far each is, by its position in the output.
    states: BTreeMap<u64, State>,
    /// The item of reasoning that is being told.
    thinking: Option<u64>,
    calls: Calls,
    /// Whether a message said something.
    has_spoken: bool,
    /// Whether there was reasoning.
    has_thought: bool,
    /// What becomes of items that a turn has no place for.
    pub(super) passing: Passing,
    /// What the log should know.
    pub(super) notes: Notes,
}

/// What becomes of items that a turn has no place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passing {
    /// They are lost, which is noted.
    Over,
    /// The client gets them by another way.
    On,
}

/// How far an item is.
#[derive(Debug)]
enum State {
    /// A message: the parts that something was told of.
    Message(Vec<u64>),
    Reasoning(Thought),
    Call(Call),
    /// All is told, or it is nothing that a client has a use for.
    Done,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ItemKind {
    Message,
    Reasoning,
    Call(ToolKind),
    /// What the provider does by itself.
    Other,
}

impl Items {
    /// None yet, of a reply to a request that offered `tools`.
    pub(super) fn new(tools: &[Tool], seed: &str) -> Self {
        Self {
            states: BTreeMap::new(),
            thinking: None,
            calls: Calls::new(tools, seed),
            has_spoken: false,
            has_thought: false,
            passing: Passing::Over,
            notes: Notes::default(),
        }
    }

    /// The last position that is known.
    pub(super) fn latest(&self) -> Option<u64> {
        self.states.last_key_value().map(|(at, _)| *at)
    }

    /// Whether a call was told as a whole.
    pub(super) fn any_call_told(&self) -> bool {
        self.calls.any_told()
    }

    /// More of a message.
    pub(super) fn say(&mut self, at: u64, part: u64, text: String, out: &mut Vec<TurnEvent>) {
        if text.is_empty() {
            return;
        }
        self.turn_to(at, out);
        let state = self.states.entry(at);
        if let State::Message(parts) = state.or_insert_with(|| State::Message(Vec::new())) {
            if !parts.contains(&part) {
                parts.push(part);
            }
            self.has_spoken = true;
            out.push(TurnEvent::Text(text));
        }
    }

    /// All of a part of a message, which is told unless it was.
    pub(super) fn said(&mut self, at: u64, part: u64, text: String, out: &mut Vec<TurnEvent>) {
        let is_told = match self.states.get(&at) {
            Some(State::Message(parts)) => parts.contains(&part),
            _ => false,
        };
        if !is_told {
            self.say(at, part, text, out);
        }
    }

    /// The reasoning at a position, begun where there is none. `None` where it is something else.
    pub(super) fn thought(&mut self, at: u64, out: &mut Vec<TurnEvent>) -> Option<&mut Thought> {
        self.turn_to(at, out);
        let state = self.states.entry(at);
        match state.or_insert_with(|| State::Reasoning(Thought::begun())) {
            State::Reasoning(thought) => {
                self.thinking = Some(at);
                self.has_thought = true;
                Some(thought)
            }
            _ => None,
        }
    }

    /// More of the arguments of a call, of which nothing else may be known yet.
    pub(super) fn argue(&mut self, at: u64, arguments: String, out: &mut Vec<TurnEvent>) {
        self.turn_to(at, out);
        let state = self.states.entry(at);
        if let State::Call(call) = state.or_insert_with(|| State::Call(Call::default())) {
            call.more(arguments, out);
        }
    }

    /// What comes next belongs to the item at `at`: reasoning at another position has ended.
    fn turn_to(&mut self, at: u64, out: &mut Vec<TurnEvent>) {
        let Some(other) = self.thinking.take_if(|thinking| *thinking != at) else {
            return;
        };
        if let Some(State::Reasoning(thought)) = self.states.get_mut(&other) {
            thought.end(None, out);
        }
    }

    /// An item begins.
    pub(super) fn begin(&mut self, at: u64, item: Item<'_>, out: &mut Vec<TurnEvent>) {
        let kind = ItemKind::of(&item);
        self.turn_to(at, out);
        let state = match (self.states.remove(&at), kind) {
            // Its arguments came first.
            (Some(State::Call(call)), ItemKind::Call(_)) if !call.has_begun() => State::Call(call),
            (before, kind) => {
                // Some servers do not count the items: another had this position.
                if let Some(before) = before {
                    self.close(before, out);
                }
                kind.begun()
            }
        };
        let state = match (state, kind) {
            (State::Call(mut call), ItemKind::Call(kind)) => {
                // Otherwise they come with the end of the item.
                if let (Some(id), Some(name)) = (filled(item.call_id), filled(item.name)) {
                    call.begin(&mut self.calls, kind, Some(id), name, out, &mut self.notes);
                }
                State::Call(call)
            }
            (State::Reasoning(thought), _) => {
                self.thinking = Some(at);
                State::Reasoning(thought)
            }
            (state, ItemKind::Other) => {
                self.pass_over(&item);
                state
            }
            (state, _) => state,
        };
        self.states.insert(at, state);
    }

    /// An item has ended: what was not told of it is told.
    pub(super) fn complete(&mut self, at: u64, item: Item<'_>, out: &mut Vec<TurnEvent>) {
        let kind = ItemKind::of(&item);
        self.turn_to(at, out);
        let state = match (self.states.insert(at, State::Done), kind) {
            (Some(State::Done), _) => return,
            (Some(state @ State::Message(_)), ItemKind::Message)
            | (Some(state @ State::Reasoning(_)), ItemKind::Reasoning)
            | (Some(state @ State::Call(_)), ItemKind::Call(_)) => state,
            (before, kind) => {
                if let Some(before) = before {
                    self.close(before, out);
                }
                kind.begun()
            }
        };
        match (state, kind) {
            (State::Message(parts), _) => {
                let mut has_spoken = !parts.is_empty();
                if !has_spoken {
                    for text in texts(item.content) {
                        out.push(TurnEvent::Text(text));
                        has_spoken = true;
                    }
                }
                if has_spoken {
                    self.has_spoken = true;
                    out.push(TurnEvent::MessageEnd);
                }
            }
            (State::Reasoning(mut thought), _) => {
                self.thinking = None;
                self.has_thought = true;
                if !thought.is_told() {
                    for (part, text) in (0..).zip(texts(item.summary)) {
                        thought.more(Source::Summary, part, text, out);
                    }
                    for (part, text) in (0..).zip(texts(item.content)) {
                        thought.more(Source::Raw, part, text, out);
                    }
                }
                thought.end(filled(item.encrypted_content), out);
            }
            (State::Call(mut call), ItemKind::Call(kind)) => {
                let Self { calls, notes, .. } = self;
                if let Some(name) = filled(item.name) {
                    let id = filled(item.call_id).or_else(|| filled(item.id));
                    call.begin(calls, kind, id, name, out, notes);
                }
                let arguments = item.arguments.get().map(|arguments| arguments.0);
                let whole = arguments.or_else(|| item.input.get()).unwrap_or_default();
                call.whole(&whole, out, notes);
                call.end(calls, out, notes);
            }
            (State::Call(_) | State::Done, _) => self.pass_over(&item),
        }
    }

    /// Ends an item of which no more is known.
    fn close(&mut self, state: State, out: &mut Vec<TurnEvent>) {
        match state {
            State::Message(parts) => {
                if !parts.is_empty() {
                    out.push(TurnEvent::MessageEnd);
                }
            }
            State::Reasoning(mut thought) => thought.end(None, out),
            State::Call(call) => call.end(&mut self.calls, out, &mut self.notes),
            State::Done => {}
        }
    }

    /// An item that is nothing to a client: what the provider does by itself.
    fn pass_over(&mut self, item: &Item<'_>) {
        if self.passing == Passing::Over {
            let kind = item.kind.as_deref().unwrap_or_default();
            self.notes.take("item_without_effect", kind.to_owned());
        }
    }

    /// Tells what only the last event holds, and ends what is open. What has been told is found by its position; where a
    /// provider counts differently there, by what it is.
    pub(super) fn end(&mut self, output: Field<List<Item<'_>>>, out: &mut Vec<TurnEvent>) {
        let (has_spoken, has_thought) = (self.has_spoken, self.has_thought);
        let output = output.get().map_or_else(Vec::new, |List(items)| items);
        for (at, item) in (0..).zip(output) {
            let is_told = match item.kind.as_deref() {
                Some("message") => has_spoken,
                Some("reasoning") => has_thought,
                _ => match item.call_id.as_deref() {
                    Some(id) => self.calls.has_told(id),
                    None => false,
                },
            };
            if self.states.contains_key(&at) || !is_told {
                self.complete(at, item, out);
            }
        }
        for state in mem::take(&mut self.states).into_values() {
            self.close(state, out);
        }
    }
}

impl ItemKind {
    fn of(item: &Item<'_>) -> Self {
        match item.kind.as_deref() {
            Some("message") => Self::Message,
            Some("reasoning") => Self::Reasoning,
            Some("function_call") => Self::Call(ToolKind::Function),
            Some("custom_tool_call") => Self::Call(ToolKind::Custom),
            _ => Self::Other,
        }
    }

    /// The state of such an item when it begins.
    fn begun(self) -> State {
        match self {
            Self::Message => State::Message(Vec::new()),
            Self::Reasoning => State::Reasoning(Thought::begun()),
            Self::Call(_) => State::Call(Call::default()),
            Self::Other => State::Done,
        }
    }
}

/// Text that says something.
fn filled(text: Field<Cow<'_, str>>) -> Option<String> {
    let text = text.get().filter(|text| !text.is_empty());
    text.map(Cow::into_owned)
}

/// The texts of content that say something.
fn texts(content: Field<Content<'_>>) -> impl Iterator<Item = String> {
    let pieces = content.get().into_iter().flat_map(Content::pieces);
    pieces.filter_map(|piece| match piece {
        Piece::Text(text) if !text.is_empty() => Some(text.into_owned()),
        Piece::Text(_) | Piece::Thinking(_) => None,
    })
}
