//! `DELETE /v1/responses/{id}`.

use crate::{
    http::{AppState, body::ReplyBody, error::ErrorReply, reply},
    wire::responses::stored::ResponseDeleted,
};
use http::{Response, StatusCode};

/// Forgets a response that has ended, and with the last response of a conversation that nobody has a
/// name for, that conversation. Others stay as they are.
pub(super) async fn delete(state: &AppState, id: &str) -> Result<Response<ReplyBody>, ErrorReply> {
    if state.running.get(id).is_some() {
        return Err(ErrorReply::running_response(id));
    }
    let gone = state.responses.delete(id).await?;
    if gone.count == 0 {
        return Err(ErrorReply::unknown_response(id));
    }
    for conversation in &gone.orphans {
        state.engine.delete_conversation(conversation).await?;
    }
    Ok(reply::json(StatusCode::OK, &ResponseDeleted::new(id)))
}
