//! A response that is being made: what it says so far, who may call it off, and where it is kept.

use super::running::{Running, RunningGuard};
use crate::{
    conversation::responses::{ResponseStore, StoredResponse},
    translate::responses::{ResponseHead, ResponseWriter, WriterOptions},
    turn::{ConversationId, Sends, TurnEvent},
    wire::error::ErrorBody,
};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};
use tokio_util::{sync::WaitForCancellationFutureOwned, task::TaskTracker};
use tracing::Instrument;

/// A response that is being made.
pub struct Responding {
    writer: ResponseWriter,
    /// What of it outlasts its reply. `None` once that has been seen to, or where nothing does.
    lasting: Option<Lasting>,
}

/// A response that is stored: others may ask for it, and call it off.
struct Lasting {
    kept: Kept,
    guard: RunningGuard,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// The items that a response answers.
#[derive(Debug)]
pub struct Input {
    /// A JSON array.
    pub items: String,
    /// Whether nothing in it was said by a model.
    pub is_news: bool,
}

/// How a response is to be kept.
#[derive(Debug)]
pub struct Kept {
    /// Where.
    pub store: ResponseStore,
    /// Who waits until that is done.
    pub tasks: TaskTracker,
    /// What it answers.
    pub input: Input,
    /// The response that it follows.
    pub previous: Option<String>,
    /// The conversation that holds it.
    pub conversation: Option<ConversationId>,
    /// How much of the conversation the items are.
    pub sends: Sends,
}

impl Responding {
    /// A response that has not begun. One that is kept is running from now on, as `running` has it.
    #[must_use]
    pub fn new(
        head: ResponseHead,
        options: WriterOptions,
        kept: Option<Kept>,
        running: &Running,
    ) -> Self {
        let id = head.id.clone();
        let writer = ResponseWriter::new(head, options);
        let lasting = kept.map(|kept| {
            let guard = running.begin(&id, object(&writer));
            Lasting {
                kept,
                cancelled: Box::pin(guard.cancellation().clone().cancelled_owned()),
                guard,
            }
        });
        Self { writer, lasting }
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
        match &mut self.lasting {
            Some(lasting) => lasting.cancelled.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// Waits until somebody calls it off.
    pub async fn cancelled(&mut self) {
        poll_fn(|cx| self.poll_cancelled(cx)).await;
    }

    /// Does not keep it after all.
    pub fn forget(&mut self) {
        self.lasting = None;
    }

    /// Whether it is to be kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.lasting.is_some()
    }

    /// The response as it stands, as JSON.
    #[must_use]
    pub fn object(&self) -> Bytes {
        object(&self.writer)
    }

    /// Keeps the response, which has ended as `object` says, if it is to be kept. It counts as running
    /// until that is done, so that nobody who asks for it misses it.
    pub fn keep(&mut self, object: &Bytes) -> Option<BoxFuture<'static, ()>> {
        let Lasting { kept, guard, .. } = self.lasting.take()?;
        guard.tell(object.clone());
        let response = self.writer.response();
        let Kept {
            store,
            tasks,
            input,
            previous,
            conversation,
            sends,
        } = kept;
        let mut row = StoredResponse {
            id: response.id.to_owned(),
            conversation,
            previous,
            model: response.model.to_owned(),
            created: response.created_at,
            status: response.status.as_str().to_owned(),
            input: input.items,
            response: String::from_utf8_lossy(object).into_owned(),
        };
        // It is kept even where the client does not wait for the end.
        let keep = async move {
            if row.previous.is_none() && sends == Sends::Either && input.is_news {
                row.previous = last_of(&store, row.conversation.as_ref()).await;
            }
            if let Err(error) = store.put(&row).await {
                // The client has its answer all the same.
                tracing::error!(%error, "response_not_stored");
            }
            drop(guard);
        };
        let keep = tasks.spawn(keep.in_current_span());
        Some(keep.map(drop).boxed())
    }
}

fn object(writer: &ResponseWriter) -> Bytes {
    // The types of a response hold nothing that JSON lacks.
    serde_json::to_vec(&writer.response())
        .unwrap_or_default()
        .into()
}

/// The response that one follows which brings only what is new to a conversation of the client's own.
async fn last_of(store: &ResponseStore, conversation: Option<&ConversationId>) -> Option<String> {
    let named = conversation.filter(|id| !id.is_made_up())?;
    store.latest(named).await.ok().flatten()
}
