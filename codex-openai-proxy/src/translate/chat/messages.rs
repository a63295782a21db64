//! The messages of a request into instructions and items.

use crate::{
    translate::entries::{Conversation, Entries},
    turn::{Tool, TurnError},
    wire::chat::Message,
};

/// Reads the messages of a request that offers `tools`.
pub(super) fn conversation(
    messages: Vec<Message>,
    tools: &[Tool],
) -> Result<Conversation, TurnError> {
    let mut entries = Entries::new(tools);
    for (at, message) in messages.into_iter().enumerate() {
        match message {
            Message::Developer { content } => entries.developer(content),
            Message::User { content } => entries.user(content)?,
            Message::Assistant {
                reasoning,
                content,
                tool_calls,
            } => {
                entries.reasoning(reasoning);
                entries.assistant(content);
                for (nth, call) in tool_calls.into_iter().enumerate() {
                    let param = || format!("messages[{at}].tool_calls[{nth}].id");
                    entries.call(at, call.id, call.tool, param)?;
                }
            }
            Message::Tool {
                tool_call_id,
                content,
            } => {
                let param = format!("messages[{at}].tool_call_id");
                entries.result(tool_call_id, content, param)?;
            }
        }
    }
    entries.finish("messages", |at| format!("messages[{at}].tool_calls"))
}
