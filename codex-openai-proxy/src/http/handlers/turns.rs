//! `POST /v1/chat/completions`, Azure's paths for the same, and `POST /v1/responses`.

mod asked;
mod begun;
mod references;

use crate::{
    config::{KeptBodies, WireApi},
    conversation::responses::is_made_here,
    engine::upstream::{Found, Route},
    http::{AppState, admission::Deadline, body::ReplyBody, relay, watch::Watch},
    turn::TurnError,
    wire::peek::{Peek, Shape},
};
use asked::Asked;
use bytes::Bytes;
use http::{HeaderMap, Response};

/// A request for a reply, before it is understood.
pub struct Request<'a> {
    /// The API of the route, which is that of the reply.
    pub api: Shape,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The model, where the path names one.
    pub deployment: Option<&'a str>,
    /// Its body, whose shape need not be that of the route.
    pub body: Bytes,
    /// When its reply has to have ended.
    pub deadline: Deadline,
}

/// A request, understood.
enum Understood {
    /// It is passed on.
    Relay(Box<relay::Request>),
    /// It is answered by what a turn tells.
    Asked(Box<Asked>),
}

/// Who answers, and how.
enum Way {
    /// A provider that speaks the client's API: the body goes on as it is but for the model's name.
    Relay(Box<relay::Request>),
    /// A provider that speaks the other one, or that does not know what the request goes on from.
    Provider(Route),
    /// The engine; by this name of the model, where the client named the engine in front of it.
    Engine(Option<String>),
}

/// Answers a request, as a stream or in one piece.
pub async fn create(
    state: &AppState,
    request: Request<'_>,
    mut watch: Watch,
) -> Response<ReplyBody> {
    watch.on_body(&request.body);
    let understood = state.admission.aside().work(
        request.body.len(),
        request.deadline,
        Box::pin(understand(state, &request, &mut watch)),
    );
    let begun = match understood.await.flatten() {
        Ok(Understood::Relay(relayed)) => {
            drop(request.body);
            return Box::pin(relay::relay(state, *relayed, request.deadline, watch)).await;
        }
        Ok(Understood::Asked(mut asked)) => {
            drop(request.body);
            asked.turn.trace = watch.trace().cloned();
            match &asked.provider {
                Some(route) => watch.on_provider(route),
                None => watch.on_engine(state, &asked.turn.model),
            }
            Box::pin(begun::begin(state, *asked, request.deadline, &mut watch)).await
        }
        Err(error) => {
            watch.on_refused(&request.body);
            Err(error.into())
        }
    };
    match begun {
        Ok(begun) => begun.into_response(state, watch),
        Err(error) => {
            watch.on_error(&error);
            error.into_response()
        }
    }
}

/// Decides who answers, and reads the body as far as that one needs it.
async fn understand(
    state: &AppState,
    request: &Request<'_>,
    watch: &mut Watch,
) -> Result<Understood, TurnError> {
    let asked = match way(state, request, watch.log().bodies()).await? {
        Way::Relay(relayed) => return Ok(Understood::Relay(relayed)),
        Way::Provider(route) => asked::by_provider(state, request, route, watch).await?,
        Way::Engine(name) => asked::by_engine(state, request, name, watch).await?,
    };
    Ok(Understood::Asked(Box::new(asked)))
}

/// Decides who answers. Where there is no provider to choose, the body is not looked at for it.
async fn way(
    state: &AppState,
    request: &Request<'_>,
    bodies: KeptBodies,
) -> Result<Way, TurnError> {
    if state.upstreams.is_empty() {
        return engine(state, None);
    }
    let peek = Peek::of(&request.body)?;
    let model = peek.model_or(request.deployment)?;
    let route = match state.upstreams.find(model, &state.config.aliases) {
        Found::Codex(name) => return engine(state, name),
        Found::Provider(route) => route,
    };
    if state.config.local_only && !route.provider.is_local() {
        return Err(not_local(route.provider.name()));
    }
    let speaks = match route.provider.wire_api() {
        WireApi::Chat => Shape::Chat,
        WireApi::Responses => Shape::Responses,
    };
    // A response of ours means nothing to a provider.
    let previous = peek.previous_response_id.as_deref();
    let follows_ours = match previous {
        Some(id) if is_made_here(id) => matches!(state.responses.place(id).await, Ok(Some(_))),
        _ => false,
    };
    // Each API has its own place for an effort.
    let has_own_effort = peek.x_codex.reasoning_effort.is_some();
    if speaks != request.api || speaks != peek.shape || follows_ours || has_own_effort {
        return Ok(Way::Provider(route));
    }
    let Request { headers, body, .. } = request;
    let relayed = relay::Request::of(&peek, body, headers, model, route, bodies)?;
    Ok(Way::Relay(Box::new(relayed)))
}

/// The engine answers, unless it would ask somebody whom nobody may.
fn engine(state: &AppState, name: Option<&str>) -> Result<Way, TurnError> {
    if state.config.local_only
        && let Some(provider) = state.engine.report().provider
        && !provider.is_local
    {
        return Err(not_local(&provider.name));
    }
    Ok(Way::Engine(name.map(str::to_owned)))
}

fn not_local(provider: &str) -> TurnError {
    TurnError::InvalidRequest {
        message: format!(
            "the provider '{provider}' of this model is not on the proxy's own machine, and \
             CODEX_LOCAL_ONLY (`auth.local_only`) allows no other"
        ),
        param: Some("model".to_owned()),
        code: Some("local_only"),
    }
}
