//! The input of a request into instructions and items.

use crate::{
    translate::{
        entries::{Conversation, Entries},
        tools::Offer,
    },
    turn::TurnError,
    wire::{
        responses::{InputItem, InputRole, item::EARLIER},
        tools::{CalledTool, ToolDefinition},
    },
};

/// Reads what was said before, and the input of a request.
pub(super) fn conversation(
    instructions: Option<String>,
    earlier: Vec<InputItem>,
    input: Vec<InputItem>,
    offer: &Offer,
) -> Result<Conversation, TurnError> {
    let mut entries = Entries::new(&offer.tools);
    if let Some(instructions) = instructions {
        entries.instructions(instructions);
    }
    let before = earlier.len();
    // The field of an item, among those of both lists. Clients know the positions in their own.
    let path = |at: usize| match at.checked_sub(before) {
        Some(at) => format!("input[{at}]"),
        None => EARLIER.to_owned(),
    };
    let call_path = |at: usize| match at.checked_sub(before) {
        Some(at) => format!("input[{at}].call_id"),
        None => EARLIER.to_owned(),
    };
    // Where the calls began that the model made at once: each is an item of its own here.
    let mut first_call = None;
    for (at, item) in earlier.into_iter().chain(input).enumerate() {
        match item {
            InputItem::Message { role, content } => {
                first_call = None;
                match role {
                    InputRole::Developer => entries.developer(content),
                    InputRole::User => entries.user(content)?,
                    InputRole::Assistant => entries.assistant(content),
                }
            }
            InputItem::ToolCall {
                call_id,
                namespace,
                mut tool,
            } => {
                let holder = *first_call.get_or_insert(at);
                let (CalledTool::Function { name, .. } | CalledTool::Custom { name, .. }) =
                    &mut tool;
                *name = match namespace {
                    Some(namespace) => offer.names.flat(&namespace, name),
                    None => offer.resolve(name).to_owned(),
                };
                entries.call(holder, call_id, tool, || call_path(at))?;
            }
            InputItem::ToolOutput { call_id, output } => {
                first_call = None;
                entries.result(call_id, output, call_path(at))?;
            }
            // It stands between calls that were made at once, too.
            InputItem::Reasoning(text) => entries.reasoning(text),
            InputItem::Tools(_) | InputItem::Dropped => {}
        }
    }
    entries.finish("input", path)
}

/// The tools that an item holds.
pub(super) fn take_tools(item: &mut InputItem) -> Vec<ToolDefinition> {
    match item {
        InputItem::Tools(tools) => std::mem::take(tools),
        _ => Vec::new(),
    }
}
