//! A request of Responses into a turn.

use super::input::{conversation, take_tools};
use crate::{
    translate::{
        request::{Own, Translated, translated, verbosity},
        tools,
    },
    turn::{ModelName, TurnError},
    wire::{
        invalid,
        responses::{Include, ResponsesRequest},
    },
};

/// Reads a request whose model name has been resolved, and whose `earlier` holds what
/// `previous_response_id` stands for; see [`translate::from_client`](crate::translate::from_client).
/// What is sealed in `reasoning` items of the input has no effect: an engine that keeps
/// conversations keeps the reasoning in them.
///
/// # Errors
///
/// As there, and for a response in the background.
pub fn from_client(
    mut request: ResponsesRequest,
    model: &ModelName,
) -> Result<Translated, TurnError> {
    if request.background {
        return Err(invalid::unsupported(
            "background".to_owned(),
            "Wait for the response, or have it streamed.",
        ));
    }
    let held = request.earlier.iter_mut().chain(&mut request.input);
    let held = held.flat_map(take_tools).collect();
    let offer = tools::offer(std::mem::take(&mut request.common.tools), held)?;
    let own = Own {
        conversation: conversation(request.instructions, request.earlier, request.input, &offer)?,
        offer,
        verbosity: verbosity("text.verbosity", request.text.verbosity)?,
        format: request.text.format,
        // Streams of that API always do.
        include_usage: true,
        include_encrypted: request.include.contains(&Include::EncryptedReasoning),
    };
    translated(request.common, model, own)
}

#[cfg(test)]
mod tests;
