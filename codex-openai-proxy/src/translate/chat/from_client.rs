//! A request of Chat Completions into a turn.

use super::messages::conversation;
use crate::{
    translate::{
        request::{Own, Translated, translated, verbosity},
        tools,
    },
    turn::{ModelName, TurnError},
    wire::chat::ChatRequest,
};

/// Reads a request whose model name has been resolved; see
/// [`translate::from_client`](crate::translate::from_client).
///
/// # Errors
///
/// As there.
pub fn from_client(mut request: ChatRequest, model: &ModelName) -> Result<Translated, TurnError> {
    let offer = tools::offer(std::mem::take(&mut request.common.tools), Vec::new())?;
    let own = Own {
        conversation: conversation(request.messages, &offer.tools)?,
        offer,
        verbosity: verbosity("verbosity", request.verbosity)?,
        format: request.response_format,
        include_usage: request.stream_options.include_usage,
        include_encrypted: false,
    };
    translated(request.common, model, own)
}
