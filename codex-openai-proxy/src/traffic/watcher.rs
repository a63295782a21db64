//! Somebody who watches the log live.

use super::recorder::Command;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// The frames for one viewer, each a JSON object. Ends when the log closes. A viewer that reads too
/// slowly misses frames and gets one that says so.
pub struct Watcher(Pin<Box<dyn Stream<Item = Bytes> + Send>>);

/// Where a viewer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// With what happens next.
    Now,
    /// Behind the record with this number, which it has seen.
    Behind(u64),
    /// It had begun, but was too slow.
    Lagged,
}

/// What a new viewer gets.
#[derive(Debug)]
pub(super) struct Joined {
    /// Its first frame.
    pub(super) hello: Bytes,
    /// Those for everybody, from there on.
    pub(super) frames: broadcast::Receiver<Bytes>,
}

/// How far a watcher has come.
struct Watching {
    commands: mpsc::Sender<Command>,
    state: State,
}

enum State {
    Joining(Since),
    Joined(broadcast::Receiver<Bytes>),
}

impl Watcher {
    pub(super) fn new(
        commands: mpsc::Sender<Command>,
        until: CancellationToken,
        since: Since,
    ) -> Self {
        let watching = Watching {
            commands,
            state: State::Joining(since),
        };
        let frames = stream::unfold(watching, async |mut watching| {
            let frame = watching.next().await?;
            Some((frame, watching))
        });
        Self(Box::pin(frames.take_until(until.cancelled_owned())))
    }
}

impl Stream for Watcher {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}

impl Watching {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match &mut self.state {
                State::Joining(since) => {
                    let (answer, joined) = oneshot::channel();
                    let command = Command::Watch(*since, answer);
                    self.commands.send(command).await.ok()?;
                    let Joined { hello, frames } = joined.await.ok()?;
                    self.state = State::Joined(frames);
                    return Some(hello);
                }
                State::Joined(frames) => match frames.recv().await {
                    Ok(frame) => return Some(frame),
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.state = State::Joining(Since::Lagged);
                    }
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            }
        }
    }
}
