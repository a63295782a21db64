//! A reply while it is handed over: who waits for whom.

use super::activity::Running;
use http_body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// The body of a reply, which tells the connection whether the client takes what there is.
pub(super) struct Handed<B> {
    body: B,
    running: Running,
}

impl<B> Handed<B> {
    /// A reply that begins now.
    pub(super) fn new(body: B, mut running: Running) -> Self {
        running.on_ready();
        Self { body, running }
    }
}

impl<B: Body + Unpin> Body for Handed<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match &polled {
            Poll::Ready(_) => this.running.on_ready(),
            Poll::Pending => this.running.on_pending(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
