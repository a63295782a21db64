//! The entries of a request into instructions and items, whichever API it was written for.

use super::content::{parts, texts, without_thoughts};
use crate::{
    turn::{Item, Part, Role, Tool, ToolCall, ToolKind, TurnError},
    wire::{content::ContentPart, invalid, tools::CalledTool},
};
use std::collections::{HashMap, HashSet};

/// What the entries of a request say.
#[derive(Debug, PartialEq)]
pub(super) struct Conversation {
    /// The leading system and developer messages, or the instructions that stand apart.
    pub instructions: Option<String>,
    /// The rest; never empty.
    pub items: Vec<Item>,
}

/// Gathers entries in their order.
///
/// System and developer messages before any other become the instructions. Where there is no
/// other, the last of them stays an item: a model has to be asked something.
///
/// A result may come without its call, which the conversation then waits for; whoever knows the
/// conversation checks that. A call without its result is refused here.
pub(super) struct Entries<'a> {
    /// The texts of the leading messages.
    leading: Vec<String>,
    /// Another message has come: what leads is over.
    past_leading: bool,
    items: Vec<Item>,
    /// What is known of each call, by its id.
    calls: HashMap<String, Call>,
    /// The names of the request's custom tools.
    custom: HashSet<&'a str>,
}

/// What is known of a call.
#[derive(PartialEq, Eq)]
enum Call {
    /// Made by the entry at this position, and not answered yet.
    Open(usize),
    Answered,
    /// Answered, but not made: the field that names it.
    Unknown(String),
}

impl<'a> Entries<'a> {
    /// No entries, of a request with these tools.
    pub(super) fn new(tools: &'a [Tool]) -> Self {
        let custom = tools
            .iter()
            .filter(|tool| tool.kind == ToolKind::Custom)
            .map(|tool| tool.name.as_str());
        Self {
            leading: Vec::new(),
            past_leading: false,
            items: Vec::new(),
            calls: HashMap::new(),
            custom: custom.collect(),
        }
    }

    /// The instructions stand apart from the entries: no message leads.
    pub(super) fn instructions(&mut self, text: String) {
        if !text.is_empty() {
            self.leading.push(text);
            self.past_leading = true;
        }
    }

    /// A system or developer message.
    pub(super) fn developer(&mut self, content: Vec<ContentPart>) {
        let mut texts = texts(content);
        if !self.past_leading {
            self.leading.append(&mut texts);
        } else if !texts.is_empty() {
            let content = texts.into_iter().map(Part::Text).collect();
            self.message(Role::Developer, content);
        }
    }

    /// A message of the user.
    pub(super) fn user(&mut self, content: Vec<ContentPart>) -> Result<(), TurnError> {
        self.past_leading = true;
        self.message(Role::User, parts(content)?);
        Ok(())
    }

    /// A message of the assistant; one that says nothing leaves no item.
    pub(super) fn assistant(&mut self, content: Vec<ContentPart>) {
        self.past_leading = true;
        let content = without_thoughts(texts(content));
        if !content.is_empty() {
            self.message(Role::Assistant, content);
        }
    }

    /// What the assistant thought; nothing leaves no item.
    pub(super) fn reasoning(&mut self, text: String) {
        if !text.is_empty() {
            self.items.push(Item::Reasoning(text));
        }
    }

    /// A call, made by the entry `holder`; `param` is the field that holds its id.
    ///
    /// It is one of a custom tool where it says so, or where this request offers a custom tool of
    /// that name: such calls are sent to clients as calls of functions.
    pub(super) fn call(
        &mut self,
        holder: usize,
        id: String,
        tool: CalledTool,
        param: impl FnOnce() -> String,
    ) -> Result<(), TurnError> {
        self.past_leading = true;
        match self.calls.insert(id.clone(), Call::Open(holder)) {
            // Some model servers number the calls of each step from the start.
            None | Some(Call::Answered) => {}
            Some(Call::Unknown(param)) => {
                return Err(TurnError::UnknownToolCall { call_id: id, param });
            }
            Some(Call::Open(_)) => {
                return Err(invalid::value(
                    param(),
                    "an earlier tool call has the same id.",
                ));
            }
        }
        let (name, kind, arguments) = match tool {
            CalledTool::Custom { name, input } => (name, ToolKind::Custom, input),
            CalledTool::Function { name, arguments } => {
                let kind = if self.custom.contains(name.as_str()) {
                    ToolKind::Custom
                } else {
                    ToolKind::Function
                };
                (name, kind, arguments)
            }
        };
        self.items.push(Item::ToolCall(ToolCall {
            id,
            name,
            kind,
            arguments,
        }));
        Ok(())
    }

    /// The result of a call; `param` is the field that names the call.
    pub(super) fn result(
        &mut self,
        call_id: String,
        content: Vec<ContentPart>,
        param: String,
    ) -> Result<(), TurnError> {
        self.past_leading = true;
        match self.calls.get_mut(&call_id) {
            Some(call @ Call::Open(_)) => *call = Call::Answered,
            Some(Call::Answered | Call::Unknown(_)) => {
                return Err(invalid::value(
                    param,
                    "an earlier message has answered this tool call.",
                ));
            }
            None => {
                let unknown = Call::Unknown(param.clone());
                self.calls.insert(call_id.clone(), unknown);
            }
        }
        self.items.push(Item::ToolResult {
            call_id,
            output: parts(content)?,
            param,
        });
        Ok(())
    }

    /// Ends the gathering. `field` is the one that holds the entries, `calls` names the place of
    /// the calls that an entry made.
    pub(super) fn finish(
        mut self,
        field: &str,
        calls: impl FnOnce(usize) -> String,
    ) -> Result<Conversation, TurnError> {
        self.check_answers(calls)?;
        let thinks = |item: &Item| matches!(item, Item::Reasoning(_));
        if self.items.iter().all(thinks) {
            let last = if self.past_leading {
                None
            } else {
                self.leading.pop()
            };
            let Some(last) = last else {
                return Err(invalid::value(
                    field.to_owned(),
                    "there is nothing to answer: every message is empty.",
                ));
            };
            self.message(Role::Developer, vec![Part::Text(last)]);
        }
        let instructions = match self.leading.len() {
            // The usual case, and often long: moved, not copied.
            0 | 1 => self.leading.pop(),
            _ => Some(self.leading.join("\n\n")),
        };
        Ok(Conversation {
            instructions,
            items: self.items,
        })
    }

    fn message(&mut self, role: Role, content: Vec<Part>) {
        self.items.push(Item::Message { role, content });
    }

    /// Refuses calls without a result, and names those of the first entry that has some.
    fn check_answers(&self, calls: impl FnOnce(usize) -> String) -> Result<(), TurnError> {
        let open = self.calls.values().filter_map(|call| match call {
            Call::Open(at) => Some(*at),
            Call::Answered | Call::Unknown(_) => None,
        });
        let Some(first) = open.min() else {
            return Ok(());
        };
        let call_ids = self
            .items
            .iter()
            .filter_map(|item| match item {
                Item::ToolCall(call) => Some(&call.id),
                _ => None,
            })
            .filter(|id| self.calls.get(*id) == Some(&Call::Open(first)))
            .cloned()
            .collect();
        Err(TurnError::MissingToolResults {
            call_ids,
            param: calls(first),
        })
    }
}
