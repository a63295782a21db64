//! `GET /v1/models` and `GET /v1/models/{id}`.

use crate::{
    engine::upstream::{Found, Provider},
    http::{AppState, body::ReplyBody, error::ErrorReply, reply},
    translate::chat::model_list,
    turn::ModelName,
    wire::models::{ModelList, ModelObject},
};
use http::{Response, StatusCode};

/// Every name that may be asked for.
pub async fn list(state: &AppState) -> Response<ReplyBody> {
    let mut list = engine_names(state);
    if !state.upstreams.is_empty() {
        let only_local = state.config.local_only;
        let may_be_asked = |provider: &Provider| !only_local || provider.is_local();
        let models = state.upstreams.models(may_be_asked).await;
        list.extend(
            models
                .into_iter()
                .map(|model| ModelObject::new(model.id, state.started, model.owned_by)),
        );
    }
    reply::json(StatusCode::OK, &list)
}

/// One model, under the name by which it was asked for.
///
/// # Errors
///
/// 404 where the name leads to no model that is known.
pub fn get(state: &AppState, id: &str) -> Result<Response<ReplyBody>, ErrorReply> {
    let aliases = &state.config.aliases;
    let name = match state.upstreams.find(id, aliases) {
        // Whether the provider has a model of that name, it alone knows.
        Found::Provider(route) => {
            let model = ModelObject::new(id, state.started, route.provider.name());
            return Ok(reply::json(StatusCode::OK, &model));
        }
        Found::Codex(name) => name.unwrap_or(id),
    };
    let catalog = state.engine.catalog();
    let list = model_list(&catalog, aliases, state.started);
    if let Some(model) = list.get(name) {
        let model = ModelObject::new(id, state.started, model.owned_by.clone());
        return Ok(reply::json(StatusCode::OK, &model));
    }
    // The list does not have every spelling that a request may use.
    let resolved = ModelName::resolve(name, aliases, &catalog);
    let Some(model) = catalog.get(&resolved.slug) else {
        return Err(ErrorReply::unknown_model(id));
    };
    let model = ModelObject::new(id, state.started, model.provider.clone());
    Ok(reply::json(StatusCode::OK, &model))
}

/// The engine's models. Where a provider would take a name, it stands there with the engine's before it.
fn engine_names(state: &AppState) -> ModelList {
    let catalog = state.engine.catalog();
    let aliases = &state.config.aliases;
    let mut list = model_list(&catalog, aliases, state.started);
    if state.upstreams.is_empty() {
        return list;
    }
    for model in &mut list.data {
        let is_taken = matches!(state.upstreams.find(&model.id, aliases), Found::Provider(_));
        if is_taken && aliases.get(&model.id).is_none() {
            model.id.insert_str(0, "codex/");
        }
    }
    list
}
