//! Tool calls, as their events come.

use crate::{
    translate::{
        arguments::{is_json, is_object},
        note::Notes,
    },
    turn::{Tool, ToolCall, ToolKind, TurnEvent},
};
use std::collections::HashSet;

/// Characters of a seed that go into an id. Ids of more than 64 characters are refused by many.
const SEED: usize = 48;

/// What all calls of a reply have in common.
#[derive(Debug)]
pub(super) struct Calls {
    /// Bytes of arguments that may still be kept, where there is a bound: of what comes behind it,
    /// only the length is.
    room: Option<usize>,
    /// The custom tools that were offered.
    custom: HashSet<String>,
    /// What ids are made from.
    seed: String,
    /// Ids that were given to calls.
    ids: HashSet<String>,
    /// Calls that were begun.
    begun: usize,
    /// Calls that were told as a whole.
    told: usize,
}

/// One call.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// The tool and the id, once they are known.
    head: Option<Head>,
    /// What came of the arguments. Of a call that was begun, all of it has been told.
    arguments: String,
    /// Bytes of them that came behind that and were not kept.
    skipped: usize,
    /// How its item ended, if it has.
    ending: Option<Ending>,
}

/// How the item of a call ended, or the whole reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// As one that is whole.
    Whole,
    /// The provider says itself that something is missing.
    CutOff,
}

#[derive(Debug)]
struct Head {
    id: String,
    name: String,
    form: Form,
    /// The number under which the call was begun.
    index: Option<usize>,
}

/// What the arguments of a call are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON.
    Json,
    /// Free text.
    Text,
    /// Free text for a custom tool, wrapped in JSON: a provider without custom tools takes them for
    /// functions with one parameter.
    Wrapped,
}

impl Calls {
    /// No calls yet, to `tools`.
    pub(super) fn new(tools: &[Tool], seed: &str) -> Self {
        let custom = tools.iter().filter(|tool| tool.kind == ToolKind::Custom);
        Self {
            room: None,
            custom: custom.map(|tool| tool.name.clone()).collect(),
            seed: seed.chars().take(SEED).collect(),
            ids: HashSet::new(),
            begun: 0,
            told: 0,
        }
    }

    /// Keeps no more than so many bytes of arguments.
    pub(super) fn keep(&mut self, room: usize) {
        self.room = Some(room);
    }

    /// Whether a call of that id was told, or has begun.
    pub(super) fn has_told(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Whether a call was told as a whole.
    pub(super) fn any_told(&self) -> bool {
        self.told > 0
    }

    /// What the arguments of a call to `name` are, whose item is one of a function or of a custom
    /// tool.
    pub(super) fn form(&self, kind: ToolKind, name: &str) -> Form {
        match kind {
            ToolKind::Custom => Form::Text,
            ToolKind::Function if self.custom.contains(name) => Form::Wrapped,
            ToolKind::Function => Form::Json,
        }
    }

    /// An id that no other call of the reply has: the provider's if possible.
    fn id(&mut self, sent: Option<String>, notes: &mut Notes) -> String {
        let mut id = match sent {
            Some(id) if !self.ids.contains(&id) => id,
            Some(id) => {
                notes.take("duplicate_call_id", id);
                format!("call_{}_{}", self.seed, self.ids.len())
            }
            None => format!("call_{}_{}", self.seed, self.ids.len()),
        };
        while !self.ids.insert(id.clone()) {
            id.push('_');
        }
        id
    }
}

impl Call {
    /// Whether the tool is known.
    pub(super) fn has_begun(&self) -> bool {
        self.head.is_some()
    }

    /// Begins the call, or tells what is known of one whose arguments came first.
    pub(super) fn begin(
        &mut self,
        calls: &mut Calls,
        kind: ToolKind,
        id: Option<String>,
        name: String,
        out: &mut Vec<TurnEvent>,
        notes: &mut Notes,
    ) {
        if self.head.is_some() {
            return;
        }
        let id = calls.id(id, notes);
        let form = calls.form(kind, &name);
        let mut index = None;
        if form != Form::Wrapped {
            index = Some(calls.begun);
            out.push(TurnEvent::ToolCallBegun {
                index: calls.begun,
                id: id.clone(),
                name: name.clone(),
                kind,
            });
            tell(calls.begun, self.arguments.clone(), out);
            calls.begun += 1;
        }
        self.head = Some(Head {
            id,
            name,
            form,
            index,
        });
    }

    /// More of the arguments, which are kept as far as there is room.
    pub(super) fn more(&mut self, arguments: String, calls: &mut Calls, out: &mut Vec<TurnEvent>) {
        let left = match calls.room {
            Some(_) if self.skipped > 0 => None,
            Some(room) => room.checked_sub(arguments.len()),
            None => Some(0),
        };
        if let Some(left) = left {
            calls.room = calls.room.map(|_| left);
            self.arguments.push_str(&arguments);
        } else {
            self.skipped = self.skipped.saturating_add(arguments.len());
        }
        if let Some(index) = self.index() {
            tell(index, arguments, out);
        }
    }

    /// All of the arguments. What was told before stays as it was.
    pub(super) fn whole(
        &mut self,
        arguments: &str,
        calls: &mut Calls,
        out: &mut Vec<TurnEvent>,
        notes: &mut Notes,
    ) {
        // What was not kept cannot be compared.
        if self.skipped > 0 {
            return;
        }
        match arguments.strip_prefix(&*self.arguments) {
            Some(rest) => self.more(rest.to_owned(), calls, out),
            // Some servers send them empty in the last event.
            None if arguments.is_empty() => {}
            None => notes.take("arguments_differ", self.name().to_owned()),
        }
    }

    /// Its item has ended. What is whole beyond doubt is told; the rest is given back, for the end of
    /// the reply to decide on.
    pub(super) fn ended(
        mut self,
        ending: Ending,
        calls: &mut Calls,
        out: &mut Vec<TurnEvent>,
        notes: &mut Notes,
    ) -> Option<Self> {
        self.ending = Some(ending);
        self.settle(calls, out, notes)
    }

    /// Tells it if it seems to be whole; else it is given back.
    pub(super) fn settle(
        self,
        calls: &mut Calls,
        out: &mut Vec<TurnEvent>,
        notes: &mut Notes,
    ) -> Option<Self> {
        if self.ending == Some(Ending::CutOff) || !self.is_whole() {
            return Some(self);
        }
        self.tell(calls, out, notes);
        None
    }

    /// The reply has ended, and no more comes. Of one that was cut off, only calls that are whole are
    /// told: to run half of a call would be worse than not to run it.
    pub(super) fn last(
        self,
        reply: Ending,
        calls: &mut Calls,
        out: &mut Vec<TurnEvent>,
        notes: &mut Notes,
    ) {
        let is_whole = self.is_whole();
        if reply == Ending::CutOff {
            // JSON shows by itself where it ends; free text does not.
            let shows = self.form() != Some(Form::Text) && !self.is_empty();
            if self.ending.is_some() || !is_whole || !shows {
                return notes.take("call_cut_off", self.name().to_owned());
            }
        } else if !is_whole && self.skipped == 0 && self.form() == Some(Form::Json) {
            notes.take("arguments_not_json", self.name().to_owned());
        }
        self.tell(calls, out, notes);
    }

    /// Whether what came of the arguments can be all of them. Where not all was kept, nobody knows
    /// but the provider.
    fn is_whole(&self) -> bool {
        match self.form() {
            _ if self.skipped > 0 => self.ending == Some(Ending::Whole),
            Some(Form::Json) => self.is_empty() || is_json(&self.arguments),
            Some(Form::Wrapped) => is_object(&self.arguments),
            Some(Form::Text) | None => true,
        }
    }

    fn is_empty(&self) -> bool {
        self.skipped == 0 && self.arguments.trim_ascii().is_empty()
    }

    /// Tells the call as a whole.
    fn tell(mut self, calls: &mut Calls, out: &mut Vec<TurnEvent>, notes: &mut Notes) {
        if self.is_empty() && self.form() == Some(Form::Json) {
            self.more("{}".to_owned(), calls, out);
        }
        let length = self.arguments.len().saturating_add(self.skipped);
        let Some(Head { id, name, form, .. }) = self.head else {
            return notes.take("call_without_name", String::new());
        };
        if self.skipped > 0 {
            notes.take("arguments_not_kept", format!("{name}: {length} bytes"));
        }
        let (kind, arguments) = match form {
            Form::Json => (ToolKind::Function, self.arguments),
            Form::Text => (ToolKind::Custom, self.arguments),
            Form::Wrapped => {
                let text = Tool::unwrap_input(self.arguments);
                (ToolKind::Custom, text.unwrap_or_else(|as_it_is| as_it_is))
            }
        };
        calls.told += 1;
        out.push(TurnEvent::ToolCall(ToolCall {
            id,
            name,
            kind,
            arguments,
        }));
    }

    /// Its id, once that is known.
    pub(super) fn id(&self) -> Option<&str> {
        self.head.as_ref().map(|head| head.id.as_str())
    }

    fn form(&self) -> Option<Form> {
        self.head.as_ref().map(|head| head.form)
    }

    fn index(&self) -> Option<usize> {
        self.head.as_ref()?.index
    }

    fn name(&self) -> &str {
        self.head.as_ref().map_or("", |head| &head.name)
    }
}

fn tell(index: usize, arguments: String, out: &mut Vec<TurnEvent>) {
    if !arguments.is_empty() {
        out.push(TurnEvent::ToolCallDelta { index, arguments });
    }
}
