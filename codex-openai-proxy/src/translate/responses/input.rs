//! The input of a request into instructions and items.

use crate::{
    translate::entries::{Conversation, Entries},
    turn::{Tool, TurnError},
    wire::responses::{InputItem, InputRole},
};

/// Reads the input of a request that offers `tools`.
pub(super) fn conversation(
    instructions: Option<String>,
    input: Vec<InputItem>,
    tools: &[Tool],
) -> Result<Conversation, TurnError> {
    let mut entries = Entries::new(tools);
    if let Some(instructions) = instructions {
        entries.instructions(instructions);
    }
    // Where the calls began that the model made at once: each is an item of its own here.
    let mut first_call = None;
    for (at, item) in input.into_iter().enumerate() {
        match item {
            InputItem::Message { role, content } => {
                first_call = None;
                match role {
                    InputRole::Developer => entries.developer(content),
                    InputRole::User => entries.user(content)?,
                    InputRole::Assistant => entries.assistant(content),
                }
            }
            InputItem::ToolCall { call_id, tool } => {
                let holder = *first_call.get_or_insert(at);
                entries.call(holder, call_id, tool, || format!("input[{at}].call_id"))?;
            }
            InputItem::ToolOutput { call_id, output } => {
                first_call = None;
                entries.result(call_id, output, format!("input[{at}].call_id"))?;
            }
            InputItem::Dropped => {}
        }
    }
    entries.finish("input", |at| format!("input[{at}]"))
}
