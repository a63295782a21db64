//! Tool calls, gathered from their fragments.

use crate::{
    translate::{
        arguments::{begins_object, is_json, is_object},
        note::Notes,
    },
    turn::{Tool, ToolCall, ToolKind, TurnEvent},
};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    mem,
};

/// Characters of a seed that go into an id. Ids of more than 64 characters are refused by many.
const SEED: usize = 48;

/// The calls of one reply.
///
/// Fragments find their call by its index, by its id or by their place, in whatever order they come.
/// Functions are told as they grow; custom tools when they are whole, since their text is wrapped in
/// JSON.
#[derive(Debug)]
pub(super) struct Calls {
    /// Bytes of arguments that may still be kept, where there is a bound: of what comes behind it,
    /// only the length is.
    room: Option<usize>,
    /// The tools that the request offered.
    tools: Vec<(String, ToolKind)>,
    /// What ids are made from.
    seed: String,
    gathered: Vec<Call>,
    places: Places,
    /// How many were begun.
    begun: usize,
    /// Whether any was told.
    told: bool,
}

/// Where calls are found again, however many there are.
#[derive(Debug, Default)]
struct Places {
    /// The last call of each index.
    indexes: HashMap<u64, usize>,
    /// The last call of each id that the provider has for one.
    ids: HashMap<String, usize>,
    /// The ids under which the client knows calls.
    told: HashSet<String>,
}

/// A piece of a call.
#[derive(Debug, Default)]
pub(super) struct Fragment<'a> {
    /// The call's index, where the provider tells it.
    pub index: Option<u64>,
    /// The fragment's position in a list of several.
    pub position: Option<usize>,
    /// The call's id. Never empty.
    pub id: Option<Cow<'a, str>>,
    /// The tool's name, or a piece of it. Never empty.
    pub name: Option<Cow<'a, str>>,
    /// More of the arguments.
    pub arguments: Cow<'a, str>,
    /// What the arguments are written in.
    pub form: Form,
}

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The model said all that it wanted to say.
    Whole,
    /// It was cut off: what is not whole by now is left as it is.
    CutOff,
}

/// What the arguments of a call are written in, on their way from the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON, as with all functions.
    #[default]
    Json,
    /// Free text.
    Text,
}

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    /// As the provider has it.
    sent_id: Option<String>,
    /// As it was told, where it was.
    id: Option<String>,
    name: String,
    arguments: String,
    /// Bytes of the arguments that were not kept.
    skipped: usize,
    form: Form,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing of it was told.
    Gathered,
    /// Its fragments are told, under this index.
    Begun(usize),
}

impl Fragment<'_> {
    /// Whether it says nothing of a call. Some servers send such along with other things.
    pub(super) fn is_empty(&self) -> bool {
        self.id.is_none() && self.name.is_none() && self.arguments.is_empty()
    }
}

impl Calls {
    /// No calls, in a reply to a request that offered `tools`.
    pub(super) fn new(tools: &[Tool], seed: &str) -> Self {
        let tools = tools.iter().map(|tool| (tool.name.clone(), tool.kind));
        let seed = seed.chars().filter(char::is_ascii_alphanumeric);
        Self {
            room: None,
            tools: tools.collect(),
            seed: seed.take(SEED).collect(),
            gathered: Vec::new(),
            places: Places::default(),
            begun: 0,
            told: false,
        }
    }

    /// Keeps no more than so many bytes of arguments.
    pub(super) fn keeping(self, room: usize) -> Self {
        let room = Some(room);
        Self { room, ..self }
    }

    /// Whether the client hears of any.
    pub(super) fn any_told(&self) -> bool {
        self.told
    }

    /// Adds a fragment to its call, and tells what can be told of it.
    pub(super) fn feed(
        &mut self,
        fragment: Fragment<'_>,
        out: &mut Vec<TurnEvent>,
        notes: &mut Notes,
    ) {
        let at = self.find(&fragment).unwrap_or(self.gathered.len());
        if at == self.gathered.len() {
            self.gathered.push(Call::new(&fragment));
            let index = fragment.index;
            self.places.indexes.extend(index.map(|index| (index, at)));
        }
        let call = &mut self.gathered[at];
        call.add_head(fragment.id, fragment.name);
        if let Some(id) = &call.sent_id
            && self.places.ids.get(id).is_none_or(|last| *last < at)
        {
            self.places.ids.insert(id.clone(), at);
        }
        call.add_arguments(&fragment.arguments, &mut self.room);
        if let Stage::Begun(index) = call.stage {
            if !fragment.arguments.is_empty() {
                out.push(TurnEvent::ToolCallDelta {
                    index,
                    arguments: fragment.arguments.into_owned(),
                });
            }
        } else if self.can_begin(at) {
            self.begin(at, out, notes);
        }
    }

    /// Tells the calls that were gathered: no more of them comes.
    pub(super) fn settle(&mut self, ending: Ending, out: &mut Vec<TurnEvent>, notes: &mut Notes) {
        for at in 0..self.gathered.len() {
            if self.gathered[at].name.is_empty() {
                notes.take("call_without_name", String::new());
                continue;
            }
            if ending == Ending::CutOff && self.is_cut_off(at) {
                notes.take("call_cut_off", self.gathered[at].name.clone());
                continue;
            }
            let id = self.told_id(at, notes);
            let kind = self.kind(at);
            let call = &mut self.gathered[at];
            let arguments = mem::take(&mut call.arguments);
            let arguments = match (kind, call.form) {
                _ if call.skipped > 0 => {
                    let length = arguments.len() + call.skipped;
                    notes.take(
                        "arguments_not_kept",
                        format!("{}: {length} bytes", call.name),
                    );
                    arguments
                }
                (ToolKind::Custom, Form::Text) => arguments,
                (ToolKind::Custom, Form::Json) => {
                    Tool::unwrap_input(arguments).unwrap_or_else(|as_it_is| as_it_is)
                }
                (ToolKind::Function, _) => checked(arguments, call, out, notes),
            };
            self.told = true;
            out.push(TurnEvent::ToolCall(ToolCall {
                id,
                name: call.name.clone(),
                kind,
                arguments,
            }));
        }
    }

    /// Whether a call is not whole, in a reply that was cut off.
    fn is_cut_off(&self, at: usize) -> bool {
        let call = &self.gathered[at];
        match call.form {
            // Nothing shows where free text ends but the call that comes behind it.
            Form::Text => at + 1 == self.gathered.len(),
            Form::Json => call.skipped > 0 || !is_json(&call.arguments),
        }
    }

    /// The call that a fragment belongs to; `None` where it begins one.
    fn find(&self, fragment: &Fragment<'_>) -> Option<usize> {
        let same_id = fragment
            .id
            .as_deref()
            .and_then(|id| self.places.ids.get(id));
        let same_id = same_id.copied();
        let found = if let Some(index) = fragment.index {
            let same_both = same_id.filter(|at| self.gathered[*at].index == Some(index));
            same_both.or_else(|| self.places.indexes.get(&index).copied())
        } else {
            same_id.or_else(|| match fragment.position {
                Some(position) => (position < self.gathered.len()).then_some(position),
                None => self.gathered.len().checked_sub(1),
            })
        };
        found.filter(|at| !self.is_another(&self.gathered[*at], fragment))
    }

    /// Whether a fragment begins another call in the place of one: some servers give all calls the
    /// same index, or none.
    fn is_another(&self, call: &Call, fragment: &Fragment<'_>) -> bool {
        // Only the beginning of a call names a tool, though some repeat it in each fragment.
        let Some(name) = &fragment.name else {
            return false;
        };
        if let (Some(own), Some(id)) = (&call.sent_id, &fragment.id) {
            return own != id;
        }
        let known = |name: &str| self.tools.iter().any(|(tool, _)| tool == name);
        (*name != call.name && known(name) && known(&call.name))
            || (begins_object(&fragment.arguments) && is_object(&call.arguments))
    }

    /// Whether a call's name and id are known, and it is not one to be told whole. A name that could
    /// go on is whole when the arguments have begun; an id that has not come by then does not come.
    fn can_begin(&self, at: usize) -> bool {
        let call = &self.gathered[at];
        if call.name.is_empty() || self.kind(at) == ToolKind::Custom {
            return false;
        }
        // One tool of that name, and none whose name goes on.
        let is_settled = || {
            let names = self.tools.iter().map(|(tool, _)| tool);
            let mut candidates = names.filter(|tool| tool.starts_with(&call.name)).peekable();
            candidates.peek().is_some() && candidates.all(|tool| *tool == call.name)
        };
        !call.arguments.is_empty() || (call.sent_id.is_some() && is_settled())
    }

    fn begin(&mut self, at: usize, out: &mut Vec<TurnEvent>, notes: &mut Notes) {
        let id = self.told_id(at, notes);
        let index = self.begun;
        self.begun += 1;
        self.told = true;
        let call = &mut self.gathered[at];
        call.stage = Stage::Begun(index);
        out.push(TurnEvent::ToolCallBegun {
            index,
            id,
            name: call.name.clone(),
            kind: ToolKind::Function,
        });
        if !call.arguments.is_empty() {
            out.push(TurnEvent::ToolCallDelta {
                index,
                arguments: call.arguments.clone(),
            });
        }
    }

    /// The kind of the tool that is called, as far as its name is known.
    fn kind(&self, at: usize) -> ToolKind {
        let Call { name, form, .. } = &self.gathered[at];
        let tool = self.tools.iter().find(|(tool, _)| tool == name);
        match form {
            Form::Text => ToolKind::Custom,
            Form::Json => tool.map_or(ToolKind::Function, |(_, kind)| *kind),
        }
    }

    /// The id under which the client knows a call: the provider's, or one that is made. Another call
    /// of the reply never has the same.
    fn told_id(&mut self, at: usize, notes: &mut Notes) -> String {
        if let Some(id) = &self.gathered[at].id {
            return id.clone();
        }
        let is_taken = |id: &str| self.places.told.contains(id);
        let own = match &self.gathered[at].sent_id {
            Some(id) if is_taken(id) => {
                notes.take("duplicate_call_id", id.clone());
                None
            }
            sent => sent.clone(),
        };
        let id = own.unwrap_or_else(|| {
            let mut id = format!("call_{}_{at}", self.seed);
            while is_taken(&id) {
                id.push('_');
            }
            id
        });
        self.places.told.insert(id.clone());
        self.gathered[at].id = Some(id.clone());
        id
    }
}

impl Call {
    /// A call that begins with `fragment`, which is still to be added.
    fn new(fragment: &Fragment<'_>) -> Self {
        Self {
            index: fragment.index,
            sent_id: None,
            id: None,
            name: String::new(),
            arguments: String::new(),
            skipped: 0,
            form: fragment.form,
            stage: Stage::Gathered,
        }
    }

    /// Adds what a fragment says of the arguments, as far as there is room.
    fn add_arguments(&mut self, more: &str, room: &mut Option<usize>) {
        let left = match room {
            Some(_) if self.skipped > 0 => None,
            Some(room) => room.checked_sub(more.len()),
            None => Some(0),
        };
        let Some(left) = left else {
            self.skipped = self.skipped.saturating_add(more.len());
            return;
        };
        *room = room.map(|_| left);
        self.arguments.push_str(more);
    }

    /// Adds what a fragment says besides the arguments, unless it was told already.
    fn add_head(&mut self, id: Option<Cow<'_, str>>, name: Option<Cow<'_, str>>) {
        if self.stage != Stage::Gathered {
            return;
        }
        if self.sent_id.is_none() {
            self.sent_id = id.map(Cow::into_owned);
        }
        // Some repeat the name, and some cut it into pieces.
        if let Some(name) = name.filter(|name| *name != self.name) {
            self.name.push_str(&name);
        }
    }
}

/// A function's arguments as they are told. No arguments are an object without members.
fn checked(
    mut arguments: String,
    call: &Call,
    out: &mut Vec<TurnEvent>,
    notes: &mut Notes,
) -> String {
    if arguments.trim_ascii().is_empty() {
        arguments.push_str("{}");
        if let Stage::Begun(index) = call.stage {
            let arguments = "{}".to_owned();
            out.push(TurnEvent::ToolCallDelta { index, arguments });
        }
    } else if !is_json(&arguments) {
        notes.take("arguments_not_json", call.name.clone());
    }
    arguments
}
