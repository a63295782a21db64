//! The body of a streamed reply: a state machine with one timer, and no task of its own.

use super::{
    counts::Running,
    pace::{Pace, Step, Timer},
};
use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame};
use std::{
    fmt::{self, Debug, Formatter},
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Writes the parts of a reply as its protocol has them.
pub(super) trait Script: Send {
    /// What comes before the first delta.
    fn begin(&mut self, out: &mut BytesMut);
    /// The next delta, with the time of now.
    fn delta(&mut self, out: &mut BytesMut);
    /// What comes behind the last delta.
    fn end(&mut self, out: &mut BytesMut);
}

/// A reply under way.
pub(super) struct Paced {
    script: Box<dyn Script>,
    pace: Pace,
    timer: Timer,
    running: Running,
}

impl Paced {
    /// A reply that begins now.
    pub fn new(script: impl Script + 'static, pace: Pace, running: Running) -> Self {
        Self {
            script: Box::new(script),
            pace,
            timer: Timer::default(),
            running,
        }
    }

    /// The next part, when it is due; `None` behind the last.
    ///
    /// # Errors
    /// Where the order says that the connection breaks.
    pub fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Some((step, due)) = self.pace.next() else {
            return Poll::Ready(None);
        };
        ready!(self.timer.poll_until(due, context));
        self.pace.advance();
        let mut part = BytesMut::with_capacity(512);
        match step {
            Step::Begin => self.script.begin(&mut part),
            Step::Delta => self.script.delta(&mut part),
            Step::End => self.script.end(&mut part),
            Step::Half => {
                self.script.delta(&mut part);
                part.truncate(part.len() / 2);
            }
            Step::Break => {}
        }
        if self.pace.next().is_none() {
            self.running.done();
        }
        Poll::Ready(Some(match step {
            Step::Break => Err(io::Error::other("ordered to break")),
            _ => Ok(part.freeze()),
        }))
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let part = ready!(self.poll_part(context));
        Poll::Ready(part.map(|part| part.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.pace.next().is_none()
    }
}

impl Debug for Paced {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Paced")
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}
