//! `POST /v1/responses/{id}/cancel`.

use super::stored;
use crate::{
    http::{AppState, body::ReplyBody, error::ErrorReply, reply, watch::Watch},
    wire::responses::reply::ResponseStatus,
};
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::timeout;

/// How long to wait until whoever answers has stopped. A client that does not read its stream holds
/// that up.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// How a response has ended that was cancelled.
const CANCELLED: &str = ResponseStatus::Cancelled.as_str();

/// Stops a response that is running, and shows what there is of it. One that was cancelled already is
/// shown as it is. Unlike OpenAI's, it need not run in the background.
pub(super) async fn cancel(
    state: &AppState,
    id: &str,
    watch: &mut Watch,
) -> Result<Response<ReplyBody>, ErrorReply> {
    let object = if let Some(mut running) = state.running.get(id) {
        running.cancel();
        // Whether it has stopped by then or not: nothing keeps it going.
        let _ = timeout(STOPS_WITHIN, running.ended()).await;
        let object = as_cancelled(running.object());
        // It may have come to its end just before.
        let status = status(&object);
        if status.as_deref() != Some(CANCELLED) {
            return Err(ErrorReply::ended_response(
                status.as_deref().unwrap_or_default(),
            ));
        }
        object
    } else {
        let stored = stored(state, id, watch).await?;
        if stored.status != CANCELLED {
            return Err(ErrorReply::ended_response(&stored.status));
        }
        stored.response.into()
    };
    Ok(reply::json_bytes(StatusCode::OK, object))
}

/// How a response has ended.
fn status(object: &[u8]) -> Option<String> {
    let members: Map<String, Value> = serde_json::from_slice(object).ok()?;
    Some(members.get("status")?.as_str()?.to_owned())
}

/// The same response object, but that it is not in progress any more.
fn as_cancelled(object: Bytes) -> Bytes {
    let Ok(mut members) = serde_json::from_slice::<Map<String, Value>>(&object) else {
        return object;
    };
    match members.get_mut("status") {
        Some(status) if status == ResponseStatus::InProgress.as_str() => *status = CANCELLED.into(),
        _ => return object,
    }
    serde_json::to_vec(&members).map_or(object, Bytes::from)
}
