//! `DELETE /v1/conversations/{id}`.

use crate::{
    http::{AppState, body::ReplyBody, error::ErrorReply, reply, watch::Watch},
    traffic::Event,
    turn::ConversationId,
    wire::conversation::ConversationDeleted,
};
use http::{Response, StatusCode};

/// Forgets a conversation.
///
/// # Errors
///
/// 404 where there is none of that name.
pub async fn delete(
    state: &AppState,
    id: &str,
    watch: &mut Watch,
) -> Result<Response<ReplyBody>, ErrorReply> {
    let unknown = || ErrorReply::unknown_conversation(id);
    let id = ConversationId::new(id).ok_or_else(unknown)?;
    if !state.engine.delete_conversation(&id).await? {
        return Err(unknown());
    }
    watch.on_conversation(&id);
    watch.publish(Event::ConversationDeleted);
    Ok(reply::json(StatusCode::OK, &ConversationDeleted::new(&id)))
}
