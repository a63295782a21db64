//! The Responses API beside the making of responses: what is stored can be looked at and deleted, what
//! runs can be cancelled.

mod cancel;
mod delete;
mod get;
mod input_items;

use crate::{
    conversation::StoredResponse,
    http::{AppState, body::ReplyBody, error::ErrorReply, routes::ResponseAction, watch::Watch},
};
use http::{Response, Uri};
use std::borrow::Cow;

/// Does this with the response `id`.
///
/// # Errors
///
/// 404 where there is none, 400 where it cannot be done, 503 where none can be stored.
pub async fn act(
    state: &AppState,
    action: ResponseAction,
    id: &str,
    uri: &Uri,
    watch: &mut Watch,
) -> Result<Response<ReplyBody>, ErrorReply> {
    match action {
        ResponseAction::Get => get::get(state, id, uri, watch).await,
        ResponseAction::Delete => delete::delete(state, id).await,
        ResponseAction::InputItems => input_items::list(state, id, uri, watch).await,
        ResponseAction::Cancel => cancel::cancel(state, id, watch).await,
    }
}

/// The response of that name, if it has ended and is stored.
async fn stored(
    state: &AppState,
    id: &str,
    watch: &mut Watch,
) -> Result<StoredResponse, ErrorReply> {
    let stored = state.responses.get(id).await?;
    let stored = stored.ok_or_else(|| ErrorReply::unknown_response(id))?;
    if let Some(conversation) = &stored.conversation {
        watch.on_conversation(conversation);
    }
    Ok(stored)
}

/// The parameters of a query, of which lists have some several times.
fn parameters(uri: &Uri) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
}
