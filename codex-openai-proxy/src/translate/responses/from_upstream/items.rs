//! The items of a reply, as their events come.

use super::{
    calls::{Call, Calls, Ending},
    state::{ItemKind, Spoken, State, filled, said, said_in, texts},
    thought::{Source, Thought},
};
use crate::{
    translate::note::Notes,
    turn::{Tool, TurnEvent},
    wire::{
        responses::upstream::Item,
        upstream::{Content, Field, List},
    },
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    mem,
};

/// The items of the output.
#[derive(Debug)]
pub(super) struct Items {
    /// How far each is, by its position in the output.
    states: BTreeMap<u64, State>,
    /// The positions of items by their ids, for events that leave the position out.
    places: HashMap<String, u64>,
    /// The item of reasoning that is being told.
    thinking: Option<u64>,
    /// The message that is being told.
    speaking: Option<u64>,
    /// Calls that lost their position to another item before they were whole.
    unfinished: Vec<Call>,
    /// Sealed reasoning whose item had been ended before that came.
    late: Vec<String>,
    calls: Calls,
    /// Whether a message said something.
    has_spoken: bool,
    /// Whether there was reasoning.
    has_thought: bool,
    /// What becomes of items that a turn has no place for.
    passing: Passing,
    /// What the log should know.
    pub(super) notes: Notes,
}

/// What becomes of items that a turn has no place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// They are lost, which is noted.
    Over,
    /// The client gets them by another way.
    On,
}

impl Items {
    /// None yet, of a reply to a request that offered `tools`.
    pub(super) fn new(tools: &[Tool], seed: &str) -> Self {
        Self {
            states: BTreeMap::new(),
            places: HashMap::new(),
            thinking: None,
            speaking: None,
            unfinished: Vec::new(),
            late: Vec::new(),
            calls: Calls::new(tools, seed),
            has_spoken: false,
            has_thought: false,
            passing: Passing::Over,
            notes: Notes::default(),
        }
    }

    /// Of a reply that is only watched: the client gets by another way what a turn has no place for,
    /// and no more than so many bytes of arguments are kept.
    pub(super) fn watch(&mut self, room: usize) {
        self.passing = Passing::On;
        self.calls.keep(room);
    }

    /// Whether a call was told as a whole.
    pub(super) fn any_call_told(&self) -> bool {
        self.calls.any_told()
    }

    /// The position of the item that an event tells more of: the one of that id, else the last if it
    /// is of that kind and open, else the next.
    pub(super) fn place(&self, kind: ItemKind, id: Option<&str>) -> u64 {
        if let Some(at) = id.and_then(|id| self.places.get(id)) {
            return *at;
        }
        match self.states.last_key_value() {
            Some((at, state)) if state.fits(kind, None) => *at,
            _ => self.next(),
        }
    }

    /// The position of an item that has ended. Some servers leave it out, and some count nothing: an
    /// item that is not known cannot be one that has ended already.
    fn place_of(&self, told: Option<u64>, item: &Item<'_>) -> u64 {
        let mut ids = [&item.call_id, &item.id].into_iter().filter_map(said);
        let known = ids.clone().find_map(|id| self.places.get(id));
        if let Some(at) = told {
            let is_another = known.is_none() && ids.next().is_some();
            let is_taken = matches!(self.states.get(&at), Some(State::Done));
            return if is_taken && is_another {
                self.next()
            } else {
                at
            };
        }
        match (known, self.states.last_key_value()) {
            (Some(at), _) => *at,
            (None, Some((at, state))) if state.fits(ItemKind::of(item), said(&item.call_id)) => *at,
            _ => self.next(),
        }
    }

    /// The position behind the last that is known.
    fn next(&self) -> u64 {
        let last = self.states.last_key_value();
        last.map_or(0, |(at, _)| at.saturating_add(1))
    }

    /// Remembers where an item is.
    fn put(&mut self, at: u64, item: &Item<'_>) {
        for id in [&item.call_id, &item.id].into_iter().filter_map(said) {
            self.places.insert(id.to_owned(), at);
        }
    }

    /// More of a message.
    pub(super) fn say(&mut self, at: u64, part: u64, text: String, out: &mut Vec<TurnEvent>) {
        if text.is_empty() || !self.turn_to(at, out) {
            return;
        }
        let state = self.states.entry(at);
        let state = state.or_insert_with(|| State::Message(Spoken::default()));
        let State::Message(spoken) = state else {
            return;
        };
        spoken.parts.insert(part);
        spoken.length += text.len();
        if self.speaking.replace(at).is_some_and(|other| other != at) {
            out.push(TurnEvent::MessageEnd);
        }
        self.has_spoken = true;
        out.push(TurnEvent::Text(text));
    }

    /// All of a part of a message, which is told unless it was.
    pub(super) fn said(
        &mut self,
        at: u64,
        part: u64,
        text: Cow<'_, str>,
        out: &mut Vec<TurnEvent>,
    ) {
        let is_told = match self.states.get(&at) {
            Some(State::Message(spoken)) => spoken.parts.contains(&part),
            _ => false,
        };
        if !is_told {
            self.say(at, part, text.into_owned(), out);
        }
    }

    /// The reasoning at a position, begun where there is none. `None` where it is something else.
    pub(super) fn thought(&mut self, at: u64, out: &mut Vec<TurnEvent>) -> Option<&mut Thought> {
        if !self.turn_to(at, out) {
            return None;
        }
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
        if !self.turn_to(at, out) {
            return;
        }
        let state = self.states.entry(at);
        if let State::Call(call) = state.or_insert_with(|| State::Call(Call::default())) {
            call.more(arguments, &mut self.calls, out);
        }
    }

    /// What comes next belongs to the item at `at`: reasoning at another position has ended. Says no
    /// where the item itself has: whatever comes of it is a repetition.
    fn turn_to(&mut self, at: u64, out: &mut Vec<TurnEvent>) -> bool {
        let goes_on = !matches!(self.states.get(&at), Some(State::Done));
        if goes_on {
            self.turn_from_others(at, out);
        }
        goes_on
    }

    /// Reasoning at another position than `at` has ended.
    fn turn_from_others(&mut self, at: u64, out: &mut Vec<TurnEvent>) {
        let Some(other) = self.thinking.take_if(|thinking| *thinking != at) else {
            return;
        };
        if let Some(State::Reasoning(thought)) = self.states.get_mut(&other) {
            thought.end(None, out);
        }
    }

    /// An item begins.
    pub(super) fn begin(&mut self, told: Option<u64>, item: Item<'_>, out: &mut Vec<TurnEvent>) {
        let kind = ItemKind::of(&item);
        let at = told.unwrap_or_else(|| self.next());
        self.put(at, &item);
        self.turn_from_others(at, out);
        let state = match (self.states.remove(&at), kind) {
            // Its arguments came first.
            (Some(State::Call(call)), ItemKind::Call(_)) if !call.has_begun() => State::Call(call),
            (before, kind) => {
                // Some servers do not count the items: another had this position.
                self.replace(at, before, out);
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
    pub(super) fn complete(&mut self, told: Option<u64>, item: Item<'_>, out: &mut Vec<TurnEvent>) {
        let at = self.place_of(told, &item);
        self.put(at, &item);
        self.complete_at(at, item, out);
        self.tell_late(out);
    }

    fn complete_at(&mut self, at: u64, item: Item<'_>, out: &mut Vec<TurnEvent>) {
        let kind = ItemKind::of(&item);
        let is_cut = matches!(item.status.as_deref(), Some("incomplete" | "in_progress"));
        let is_late = kind == ItemKind::Reasoning
            && matches!(
                self.states.get(&at),
                Some(State::Reasoning(thought)) if !thought.is_open() && thought.is_told()
            );
        if !is_late && !self.turn_to(at, out) {
            return;
        }
        let state = match (self.states.insert(at, State::Done), kind) {
            (Some(state), kind) if state.fits(kind, None) => state,
            (before, kind) => {
                self.replace(at, before, out);
                kind.begun()
            }
        };
        match (state, kind) {
            (State::Message(spoken), _) => {
                self.speak_rest(at, spoken, item.content, out);
                // Of one that is cut off, the end of the reply tells that.
                if !is_cut {
                    self.hush(at, out);
                }
            }
            (State::Reasoning(mut thought), _) => {
                self.thinking.take_if(|thinking| *thinking == at);
                self.has_thought = true;
                if !thought.is_told() {
                    for (part, text) in (0..).zip(texts(item.summary)) {
                        thought.more(Source::Summary, part, text, out);
                    }
                    for (part, text) in (0..).zip(texts(item.content)) {
                        thought.more(Source::Raw, part, text, out);
                    }
                }
                let late = thought.end(filled(item.encrypted_content), out);
                self.late.extend(late);
            }
            (State::Call(mut call), ItemKind::Call(kind)) => {
                let Self { calls, notes, .. } = self;
                if let Some(name) = filled(item.name) {
                    let id = filled(item.call_id).or_else(|| filled(item.id));
                    call.begin(calls, kind, id, name, out, notes);
                }
                let arguments = item.arguments.get().map(|arguments| arguments.0);
                let whole = arguments.or_else(|| item.input.get()).unwrap_or_default();
                call.whole(&whole, calls, out, notes);
                let ending = if is_cut {
                    Ending::CutOff
                } else {
                    Ending::Whole
                };
                if let Some(call) = call.ended(ending, calls, out, notes) {
                    self.states.insert(at, State::Call(call));
                }
            }
            (State::Call(_) | State::Done, _) => self.pass_over(&item),
        }
    }

    /// Tells those parts of a message that came only as a whole. Not all servers number the parts
    /// of what they stream, so that how much was told counts too.
    fn speak_rest(
        &mut self,
        at: u64,
        mut spoken: Spoken,
        content: Field<Content<'_>>,
        out: &mut Vec<TurnEvent>,
    ) {
        let texts: Vec<(u64, String)> = (0..)
            .zip(content.get().into_iter().flat_map(Content::pieces))
            .filter_map(|(part, piece)| Some((part, said_in(piece)?)))
            .collect();
        let all: usize = texts.iter().map(|(_, text)| text.len()).sum();
        for (part, text) in texts {
            let is_new = !spoken.parts.contains(&part) && spoken.length + text.len() <= all;
            if is_new {
                spoken.length += text.len();
                if self.speaking.replace(at).is_some_and(|other| other != at) {
                    out.push(TurnEvent::MessageEnd);
                }
                self.has_spoken = true;
                out.push(TurnEvent::Text(text));
            }
        }
    }

    /// The message at a position has ended.
    fn hush(&mut self, at: u64, out: &mut Vec<TurnEvent>) {
        if self.speaking.take_if(|speaking| *speaking == at).is_some() {
            out.push(TurnEvent::MessageEnd);
        }
    }

    /// Ends the item that was at a position which another has now.
    fn replace(&mut self, at: u64, before: Option<State>, out: &mut Vec<TurnEvent>) {
        match before {
            Some(State::Message(_)) => self.hush(at, out),
            Some(State::Reasoning(mut thought)) => {
                thought.end(None, out);
            }
            Some(State::Call(call)) => {
                let rest = call.settle(&mut self.calls, out, &mut self.notes);
                self.unfinished.extend(rest);
            }
            Some(State::Done) | None => {}
        }
    }

    /// Tells sealed reasoning that came late, as an item of its own: not while another item is told,
    /// which it would break in two.
    fn tell_late(&mut self, out: &mut Vec<TurnEvent>) {
        if self.speaking.is_none() && self.thinking.is_none() {
            let late = mem::take(&mut self.late).into_iter();
            out.extend(late.map(|sealed| TurnEvent::ReasoningEnd {
                sealed: Some(sealed),
            }));
        }
    }

    /// An item that is nothing to a client: what the provider does by itself.
    fn pass_over(&mut self, item: &Item<'_>) {
        if self.passing == Passing::Over {
            let kind = item.kind.as_deref().unwrap_or_default();
            self.notes.take("item_without_effect", kind.to_owned());
        }
    }

    /// Tells what only the last event holds, and ends what is open. What has been told is found by
    /// its position; where a provider counts differently there, by what it is. Of a reply that was
    /// cut off, calls may be unfinished.
    pub(super) fn end(
        &mut self,
        output: Field<List<Item<'_>>>,
        ending: Ending,
        out: &mut Vec<TurnEvent>,
    ) {
        let (has_spoken, has_thought) = (self.has_spoken, self.has_thought);
        let output = output.get().map_or_else(Vec::new, |List(items)| items);
        for (at, item) in (0..).zip(output) {
            let kind = ItemKind::of(&item);
            let state = self.states.get(&at);
            if state.is_some_and(|state| state.fits(kind, said(&item.call_id))) {
                self.complete_at(at, item, out);
                continue;
            }
            let is_told = match kind {
                ItemKind::Message => has_spoken,
                ItemKind::Reasoning => has_thought,
                ItemKind::Call(_) | ItemKind::Other => {
                    match said(&item.call_id).or_else(|| said(&item.id)) {
                        Some(id) => self.calls.has_told(id) || self.places.contains_key(id),
                        None => matches!(state, Some(State::Done)),
                    }
                }
            };
            if !is_told {
                let at = self.next();
                self.complete_at(at, item, out);
            }
        }
        for (at, state) in mem::take(&mut self.states) {
            match state {
                State::Call(call) => call.last(ending, &mut self.calls, out, &mut self.notes),
                State::Message(_) if ending == Ending::CutOff => {}
                state => self.replace(at, Some(state), out),
            }
        }
        for call in mem::take(&mut self.unfinished) {
            call.last(ending, &mut self.calls, out, &mut self.notes);
        }
        (self.thinking, self.speaking) = (None, None);
        self.tell_late(out);
    }
}
