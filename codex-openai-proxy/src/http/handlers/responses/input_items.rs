//! `GET /v1/responses/{id}/input_items`.

use super::{parameters, stored};
use crate::{
    conversation::ResponseStoreError,
    http::{AppState, body::ReplyBody, error::ErrorReply, reply, watch::Watch},
    wire::responses::stored::PageQuery,
};
use http::{Response, StatusCode, Uri};

/// A page of the items that came with the request for the response. Those of responses before it are
/// not among them.
pub(super) async fn list(
    state: &AppState,
    id: &str,
    uri: &Uri,
    watch: &mut Watch,
) -> Result<Response<ReplyBody>, ErrorReply> {
    let query = PageQuery::read(parameters(uri))?;
    if state.running.get(id).is_some() {
        return Err(ErrorReply::running_response(id));
    }
    let stored = stored(state, id, watch).await?;
    let items = serde_json::from_str(&stored.input)
        .map_err(|error| ResponseStoreError::Damaged(stored.id, error))?;
    Ok(reply::json(StatusCode::OK, &query.page(items)?))
}
