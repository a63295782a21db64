//! `DELETE /v1/responses/{id}`.

use crate::{
    http::{AppState, body::ReplyBody, error::ErrorReply, reply},
    wire::responses::stored::ResponseDeleted,
};
use http::{Response, StatusCode};

/// Forgets a response that has ended. The conversation that it belongs to, if any, stays as it is: it
/// may go on by its name.
pub(super) async fn delete(state: &AppState, id: &str) -> Result<Response<ReplyBody>, ErrorReply> {
    if state.running.get(id).is_some() {
        return Err(ErrorReply::running_response(id));
    }
    if !state.responses.delete(id).await? {
        return Err(ErrorReply::unknown_response(id));
    }
    Ok(reply::json(StatusCode::OK, &ResponseDeleted::new(id)))
}
