//! `GET /v1/responses/{id}`.

use super::{parameters, stored};
use crate::{
    http::{AppState, body::ReplyBody, error::ErrorReply, reply, watch::Watch},
    wire::invalid,
};
use http::{Response, StatusCode, Uri};

/// The response object, as its client got it, or as it began while it is running. `include` adds
/// nothing: what the request that made the response wanted included is in it.
pub(super) async fn get(
    state: &AppState,
    id: &str,
    uri: &Uri,
    watch: &mut Watch,
) -> Result<Response<ReplyBody>, ErrorReply> {
    if parameters(uri).any(|(name, value)| name == "stream" && value != "false") {
        let message = "A response that was made already comes in one piece only.";
        return Err(invalid::unsupported("stream".to_owned(), message).into());
    }
    // In this order: whoever ends stores first and is off the list then.
    let object = match state.running.get(id) {
        Some(running) => running.object(),
        None => stored(state, id, watch).await?.response.into(),
    };
    Ok(reply::json_bytes(StatusCode::OK, object))
}
