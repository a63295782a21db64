//! `GET /v1/models` and `GET /v1/models/{id}`.

use crate::{
    http::{AppState, body::ReplyBody, error::ErrorReply, reply},
    translate::chat::model_list,
    turn::ModelName,
    wire::models::ModelObject,
};
use http::{Response, StatusCode};

/// Every name that may be asked for.
#[must_use]
pub fn list(state: &AppState) -> Response<ReplyBody> {
    let catalog = state.engine.catalog();
    let list = model_list(&catalog, &state.config.aliases, state.started);
    reply::json(StatusCode::OK, &list)
}

/// One model, under the name by which it was asked for.
///
/// # Errors
///
/// 404 where the name leads to no model that is known.
pub fn get(state: &AppState, id: &str) -> Result<Response<ReplyBody>, ErrorReply> {
    let catalog = state.engine.catalog();
    let aliases = &state.config.aliases;
    let list = model_list(&catalog, aliases, state.started);
    if let Some(model) = list.get(id) {
        return Ok(reply::json(StatusCode::OK, model));
    }
    // The list does not have every spelling that a request may use.
    let name = ModelName::resolve(id, aliases, &catalog);
    let Some(model) = catalog.get(&name.slug) else {
        return Err(ErrorReply::unknown_model(id));
    };
    let model = ModelObject::new(name.sent, state.started, model.provider.clone());
    Ok(reply::json(StatusCode::OK, &model))
}
