//! A response that is being made: what it says so far, who may call it off, and where it is kept.

use super::running::RunningGuard;
use crate::{
    conversation::responses::{ResponseStore, StoredResponse},
    translate::responses::{ResponseHead, ResponseWriter, WriterOptions},
    turn::{ConversationId, TurnEvent},
    wire::{error::ErrorBody, responses::reply::ResponseStatus},
};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::Value;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// A response that is being made.
pub struct Responding {
    writer: ResponseWriter,
    /// Others may ask for it, and call it off. `None` once it has ended.
    guard: Option<RunningGuard>,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    kept: Option<Kept>,
}

/// How a response is to be kept.
#[derive(Debug)]
pub struct Kept {
    /// Where.
    pub store: ResponseStore,
    /// The items that it answers, as a JSON array.
    pub input: String,
    /// The response that it follows.
    pub previous: Option<String>,
    /// The conversation that holds it.
    pub conversation: Option<ConversationId>,
}

impl Responding {
    /// A response that has not begun, and that others hear of by `begin`, which gets it as it stands.
    #[must_use]
    pub fn new(
        head: ResponseHead,
        options: WriterOptions,
        kept: Option<Kept>,
        begin: impl FnOnce(Bytes) -> RunningGuard,
    ) -> Self {
        let writer = ResponseWriter::new(head, options);
        let guard = begin(object(&writer));
        Self {
            writer,
            cancelled: Box::pin(guard.cancellation().clone().cancelled_owned()),
            guard: Some(guard),
            kept,
        }
    }

    /// Appends the frames that `event` causes.
    pub fn on_event(&mut self, event: TurnEvent, out: &mut Vec<u8>) {
        self.writer.on_event(event, out);
    }

    /// Takes an event of a reply that is not streamed.
    pub fn fold(&mut self, event: TurnEvent) {
        self.writer.fold(event);
    }

    /// Appends a sign of life.
    pub fn on_silence(&mut self, out: &mut Vec<u8>) {
        self.writer.on_silence(out);
    }

    /// Appends the frame that ends a stream which failed.
    pub fn on_error(&mut self, error: &ErrorBody, out: &mut Vec<u8>) {
        self.writer.on_error(error, out);
    }

    /// Appends the frame that ends a stream which was called off.
    pub fn on_cancelled(&mut self, out: &mut Vec<u8>) {
        self.writer.on_cancelled(out);
    }

    /// Ends a reply that is not streamed, and was called off.
    pub fn cancel(&mut self) {
        self.writer.cancel();
    }

    /// Ready when somebody has called it off.
    pub fn poll_cancelled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.cancelled.as_mut().poll(cx)
    }

    /// Waits until somebody calls it off.
    pub async fn cancelled(&mut self) {
        self.cancelled.as_mut().await;
    }

    /// The response as it stands, as JSON.
    #[must_use]
    pub fn object(&self) -> Bytes {
        object(&self.writer)
    }

    /// Keeps the response, which has ended as `object` says, if it is to be kept. It counts as running
    /// until that is done, so that nobody who asks for it misses it.
    pub fn keep(&mut self, object: &Bytes) -> Option<BoxFuture<'static, ()>> {
        let guard = self.guard.take()?;
        guard.tell(object.clone());
        let Kept {
            store,
            input,
            previous,
            conversation,
        } = self.kept.take()?;
        let response = self.writer.response();
        let mut row = StoredResponse {
            id: response.id.to_owned(),
            conversation,
            previous,
            model: response.model.to_owned(),
            created: response.created_at,
            status: status(response.status).to_owned(),
            input,
            response: String::from_utf8_lossy(object).into_owned(),
        };
        // It is kept even where the client does not wait for the end.
        let keep = tokio::spawn(async move {
            row.previous = follows(&store, &row).await;
            if let Err(error) = store.put(&row).await {
                // The client has its answer all the same.
                tracing::error!(%error, "response_not_stored");
            }
            drop(guard);
        });
        Some(keep.map(drop).boxed())
    }
}

fn object(writer: &ResponseWriter) -> Bytes {
    // The types of a response hold nothing that JSON lacks.
    serde_json::to_vec(&writer.response())
        .unwrap_or_default()
        .into()
}

/// The response that this one follows: the one that the client named, or, where it named a conversation
/// of its own and sent only what is new, the last of that.
async fn follows(store: &ResponseStore, row: &StoredResponse) -> Option<String> {
    let named = row.conversation.as_ref().filter(|id| !id.is_made_up());
    match (&row.previous, named) {
        (None, Some(conversation)) if is_news(&row.input) => {
            store.latest(conversation).await.ok().flatten()
        }
        _ => row.previous.clone(),
    }
}

/// Whether items hold nothing that a model has said.
fn is_news(items: &str) -> bool {
    let items: Vec<Value> = serde_json::from_str(items).unwrap_or_default();
    !items.iter().any(|item| {
        let is_call = |kind: &str| kind.ends_with("_call");
        item["role"] == "assistant" || item["type"].as_str().is_some_and(is_call)
    })
}

fn status(status: ResponseStatus) -> &'static str {
    match status {
        ResponseStatus::InProgress => "in_progress",
        ResponseStatus::Completed => "completed",
        ResponseStatus::Incomplete => "incomplete",
        ResponseStatus::Failed => "failed",
        ResponseStatus::Cancelled => "cancelled",
    }
}
