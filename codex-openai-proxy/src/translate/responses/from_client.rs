//! A request of Responses into a turn.

use super::input::conversation;
use crate::{
    translate::{
        request::{Own, Translated, translated, verbosity},
        tools,
    },
    turn::{ModelName, TurnError},
    wire::{invalid, responses::ResponsesRequest},
};

/// Reads a request whose model name has been resolved; see
/// [`translate::from_client`](crate::translate::from_client). `reasoning` items of the input have
/// no effect: the engine keeps the reasoning of its conversations, with what is sealed in it.
///
/// # Errors
///
/// As there, and for state that OpenAI would keep: an earlier response, a conversation of its
/// Conversations API, a response in the background.
pub fn from_client(
    mut request: ResponsesRequest,
    model: &ModelName,
) -> Result<Translated, TurnError> {
    refuse_stored(&request)?;
    let tools = tools::tools(std::mem::take(&mut request.common.tools))?;
    let own = Own {
        conversation: conversation(request.instructions, request.input, &tools)?,
        tools,
        verbosity: verbosity("text.verbosity", request.text.verbosity)?,
        format: request.text.format,
        // Streams of that API always do.
        include_usage: true,
    };
    translated(request.common, model, own)
}

fn refuse_stored(request: &ResponsesRequest) -> Result<(), TurnError> {
    const INSTEAD: &str = "Send the whole input, or name the conversation in 'conversation_id'.";

    let refused = |param: &str, why| Err(invalid::unsupported(param.to_owned(), why));
    if request.previous_response_id.is_some() {
        refused("previous_response_id", INSTEAD)
    } else if request.conversation.is_some() {
        refused("conversation", INSTEAD)
    } else if request.background {
        refused("background", "Replies are not kept for later.")
    } else {
        Ok(())
    }
}
