//! An engine that says the same to everyone, for tests of the HTTP side alone.

use codex_openai_proxy::{
    engine::{Engine, Readiness, TurnStream},
    traffic::RequestLog,
    turn::{
        Catalog, ConversationId, Effort, FinishReason, Model, TurnError, TurnEvent, TurnRequest,
    },
};
use futures_util::future::{BoxFuture, FutureExt, ready};
use std::sync::Arc;

/// Knows one model and greets.
pub struct Greeter;

impl Engine for Greeter {
    fn catalog(&self) -> Arc<Catalog> {
        Arc::new(Catalog {
            models: vec![Model {
                slug: "gpt-5.2".to_owned(),
                efforts: vec![Effort::Low, Effort::High],
                provider: "fake".to_owned(),
            }],
        })
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn start(
        &self,
        _request: TurnRequest,
        _log: RequestLog,
    ) -> BoxFuture<'_, Result<TurnStream, TurnError>> {
        async {
            let (sender, stream) = TurnStream::channel(ConversationId::new("greeting").unwrap());
            for event in [
                TurnEvent::Text("Hello".to_owned()),
                TurnEvent::Finished {
                    reason: FinishReason::Stop,
                    usage: None,
                },
            ] {
                sender.send(Ok(event)).await.unwrap();
            }
            Ok(stream)
        }
        .boxed()
    }

    fn delete_conversation<'a>(
        &'a self,
        _id: &'a ConversationId,
    ) -> BoxFuture<'a, Result<bool, TurnError>> {
        ready(Ok(false)).boxed()
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}
