//! `GET /v1/models` and `GET /v1/models/{id}`.

use crate::{
    http::{AppState, body::ReplyBody, error::ErrorReply, reply},
    translate::chat::model_list,
    turn::ModelName,
    wire::models::{ModelList, ModelObject},
};
use http::{Response, StatusCode};

/// Every name that may be asked for.
pub async fn list(state: &AppState) -> Response<ReplyBody> {
    reply::json(StatusCode::OK, &names(state).await)
}

/// One model, under the name by which it was asked for.
///
/// # Errors
///
/// 404 where the name leads to no model that is known.
pub async fn get(state: &AppState, id: &str) -> Result<Response<ReplyBody>, ErrorReply> {
    let list = names(state).await;
    if let Some(model) = list.get(id) {
        return Ok(reply::json(StatusCode::OK, model));
    }
    // The list does not have every spelling that a request may use.
    let catalog = state.engine.catalog();
    let name = ModelName::resolve(id, &state.config.aliases, &catalog);
    let Some(model) = catalog.get(&name.slug) else {
        return Err(ErrorReply::unknown_model(id));
    };
    let model = ModelObject::new(name.sent, state.started, model.provider.clone());
    Ok(reply::json(StatusCode::OK, &model))
}

/// The engine's models, and those of the providers.
async fn names(state: &AppState) -> ModelList {
    let catalog = state.engine.catalog();
    let mut list = model_list(&catalog, &state.config.aliases, state.started);
    if !state.upstreams.is_empty() {
        let models = state.upstreams.models().await;
        list.extend(
            models
                .into_iter()
                .map(|model| ModelObject::new(model.id, state.started, model.owned_by)),
        );
    }
    list
}
