//! A request as it is passed on.

use crate::{
    config::KeptBodies,
    engine::upstream::{Route, passed_on},
    http::{body::depth, conversation::CONVERSATION_ID, watch},
    traffic::record::Asks,
    turn::TurnError,
    wire::{
        invalid,
        peek::{Peek, Shape},
    },
};
use bytes::Bytes;
use http::HeaderMap;

/// As deep as what is read here may be nested (`serde_json`). What goes on is held to the same.
const DEEPEST: usize = 127;

/// A request that is passed on.
#[derive(Debug)]
pub struct Request {
    /// What the client and the provider speak.
    pub(super) api: Shape,
    /// The request as the provider gets it.
    pub(super) body: Bytes,
    /// What of the client's headers the provider gets.
    pub(super) headers: HeaderMap,
    /// What it asks for, for the log.
    pub(super) asks: Asks,
    /// Who answers.
    pub(super) route: Route,
}

impl Request {
    /// The request with this body and these headers, of which `peek` is a look at the body, and in
    /// which the client calls its model `model`. `bodies` says whether the log keeps what is said.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`] where it asks for a response in the background: the client would
    /// have to ask for it here, where nobody knows it.
    pub fn of(
        peek: &Peek<'_>,
        body: &Bytes,
        headers: &HeaderMap,
        model: &str,
        route: Route,
        bodies: KeptBodies,
    ) -> Result<Self, TurnError> {
        if peek.shape == Shape::Responses && peek.background {
            return Err(invalid::unsupported(
                "background".to_owned(),
                "Wait for the response, or have it streamed.",
            ));
        }
        if depth::is_beyond(body, DEEPEST) {
            return Err(TurnError::InvalidRequest {
                message: format!("the request body is nested in more than {DEEPEST} levels"),
                param: None,
                code: None,
            });
        }
        Ok(Self {
            api: peek.shape,
            body: peek.rewrite(body, &route.model),
            headers: passed_on(headers),
            asks: asks(peek, headers, model, bodies),
            route,
        })
    }
}

/// What a request asks for, as far as a look tells. Conversations are the provider's business; where
/// ours is named, it has no effect.
fn asks(peek: &Peek<'_>, headers: &HeaderMap, model: &str, bodies: KeptBodies) -> Asks {
    let mut dropped = peek.dropped.clone();
    if headers.contains_key(CONVERSATION_ID) {
        dropped.push(CONVERSATION_ID.as_str().to_owned());
    }
    let entries = peek.entries();
    let preview = (bodies != KeptBodies::Off).then(|| {
        let said: Vec<_> = entries.said().collect();
        watch::preview(said.iter().map(AsRef::as_ref))
    });
    Asks {
        model: model.to_owned(),
        stream: peek.stream,
        messages: entries.count,
        tools: peek.tools(),
        dropped,
        preview: preview.flatten(),
    }
}
