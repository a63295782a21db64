//! Bodies: what a reply is made of, and how a request's is read.

pub mod depth;
mod held;

use super::{
    admission::{
        Deadline,
        gate::Permit,
        room::{Room, Share},
    },
    error::ErrorReply,
    events::EventBody,
    panics,
};
use crate::config::Limits;
use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use held::Held;
pub use held::Watchdog;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::{
    error::Error,
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// How long the rest of an unwanted body is read.
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// How long after the deadline of its request a reply may still be read: it has said by then that the
/// time is over.
const GRACE: Duration = Duration::from_secs(10);

/// The body of every reply of ours. A stream that breaks says so in its own words.
pub enum ReplyBody {
    /// All there is.
    Whole(Full<Bytes>),
    /// Events as they come.
    Events(Box<EventBody>),
    /// Pieces as they come.
    Pieces(BoxStream<'static, Bytes>),
    /// One of these that is not whole, to a request that holds a place until its end.
    Held(Held),
}

/// A reply that ends before its end: the connection, or the stream in it, is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reply broke off")]
pub struct Broken;

type Polled = Poll<Option<Result<Frame<Bytes>, Broken>>>;

impl ReplyBody {
    /// The same, which holds `permit` until all of it has been made. A client that does not read it does not
    /// hold it for long after the deadline: `watchdog` takes it away.
    #[must_use]
    pub fn holding(self, permit: Permit, deadline: Deadline, watchdog: &Watchdog) -> Self {
        match self {
            Self::Whole(_) => self,
            Self::Events(_) | Self::Pieces(_) | Self::Held(_) => {
                let end = deadline.at().and_then(|at| at.checked_add(GRACE));
                let end = end.map(|end| (end, watchdog));
                Self::Held(Held::new(self, permit, end))
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Polled {
        match self {
            Self::Whole(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Self::Events(body) => Pin::new(body.as_mut())
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Self::Pieces(pieces) => pieces
                .as_mut()
                .poll_next(cx)
                .map(|piece| piece.map(|piece| Ok(Frame::data(piece)))),
            Self::Held(held) => held.poll(cx),
        }
    }

    /// What the client gets after a fault of ours. There is no more than that.
    fn after_panic(&mut self) -> Result<Frame<Bytes>, Broken> {
        match mem::take(self) {
            Self::Events(mut body) => catch_unwind(AssertUnwindSafe(|| body.last_words()))
                .map(Frame::data)
                .map_err(|_| Broken),
            Self::Whole(_) | Self::Pieces(_) | Self::Held(_) => Err(Broken),
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = self.get_mut();
        let polled = catch_unwind(AssertUnwindSafe(|| this.poll(cx)));
        polled.unwrap_or_else(|panic| {
            panics::log(panic.as_ref());
            Poll::Ready(Some(this.after_panic()))
        })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Events(body) => body.is_end_stream(),
            Self::Pieces(_) => false,
            Self::Held(held) => held.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Events(body) => body.size_hint(),
            Self::Pieces(_) => SizeHint::default(),
            Self::Held(held) => held.size_hint(),
        }
    }
}

impl Default for ReplyBody {
    fn default() -> Self {
        Self::Whole(Full::default())
    }
}

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::from(bytes))
    }
}

impl From<BoxStream<'static, Bytes>> for ReplyBody {
    fn from(pieces: BoxStream<'static, Bytes>) -> Self {
        Self::Pieces(pieces)
    }
}

impl From<EventBody> for ReplyBody {
    fn from(body: EventBody) -> Self {
        Self::Events(Box::new(body))
    }
}

/// How much of a body is read, and how fast it has to come.
#[derive(Debug, Clone, Copy)]
pub struct Bounds<'a> {
    /// The longest one, in bytes.
    pub bytes: usize,
    /// How long all of it may take.
    pub whole: Duration,
    /// How long nothing may come.
    pub silence: Duration,
    /// Where it is kept, unless it is too short to count.
    pub room: Option<&'a Room>,
}

impl From<&Limits> for Bounds<'_> {
    fn from(limits: &Limits) -> Self {
        Self {
            bytes: limits.max_body_bytes,
            whole: limits.body,
            silence: limits.head,
            room: None,
        }
    }
}

impl<'a> Bounds<'a> {
    /// The same for shorter ones.
    #[must_use]
    pub fn at_most(self, bytes: usize) -> Self {
        let bytes = self.bytes.min(bytes);
        Self { bytes, ..self }
    }

    /// The same for one that is read when there is room for it.
    #[must_use]
    pub fn within(self, room: &'a Room) -> Self {
        let room = Some(room);
        Self { room, ..self }
    }
}

/// Why a request has no body.
#[derive(Debug)]
pub enum ReadError {
    /// It is refused.
    Refused(ErrorReply),
    /// The client has left while it sent it.
    Left,
}

impl From<ReadError> for ErrorReply {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(refusal) => refusal,
            ReadError::Left => Self::body_unreadable(),
        }
    }
}

/// Reads a request's body to its end.
///
/// # Errors
///
/// When it is too long, which is seen at once where it tells its length, when it comes too slowly, when
/// there is no room for it in its time, or when the client breaks off.
pub async fn read(
    headers: &HeaderMap,
    mut body: Incoming,
    bounds: Bounds<'_>,
) -> Result<Bytes, ReadError> {
    let Bounds {
        bytes: limit,
        whole,
        silence,
        room,
    } = bounds;
    let too_large = || ReadError::Refused(ErrorReply::body_too_large(limit));
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        discard(headers, body);
        return Err(too_large());
    }
    let due = Deadline::after(Some(whole));
    // One buffer, and not the pieces as they come: a million of one byte each would cost far more.
    let mut read = BytesMut::new();
    let mut share = room.map(Room::share);
    loop {
        let quiet = Instant::now() + silence;
        let frame = timeout_at(due.or_at(quiet), body.frame());
        let Ok(frame) = frame.await else {
            return Err(ReadError::Refused(ErrorReply::body_too_slow()));
        };
        let data = match frame {
            None => return Ok(held(share, read.freeze())),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(error)) => {
                tracing::debug!(%error, "body_unreadable");
                return Err(if has_left(&error) {
                    ReadError::Left
                } else {
                    ReadError::Refused(ErrorReply::body_unreadable())
                });
            }
        };
        if data.len() > limit - read.len() {
            discard(headers, body);
            return Err(too_large());
        }
        // As it comes, and not as it was promised: a promise costs a client nothing.
        if let Some(share) = &mut share
            && let grown = share.grow(read.len() + data.len())
            && due.cover(grown).await.is_err()
        {
            discard(headers, body);
            return Err(ReadError::Refused(ErrorReply::no_room_for_body()));
        }
        if read.is_empty() && body.is_end_stream() {
            return Ok(held(share, data));
        }
        read.extend_from_slice(&data);
    }
}

/// A body, with its share of the room.
fn held(share: Option<Share>, body: Bytes) -> Bytes {
    match share {
        Some(share) => share.hold(body),
        None => body,
    }
}

/// Whether a body has no end because its connection, or its stream in it, has ended.
fn has_left(error: &(dyn Error + 'static)) -> bool {
    let reset = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
        )
    };
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_canceled() || error.is_closed())
        {
            return true;
        }
        if error.downcast_ref().is_some_and(reset) {
            return true;
        }
        // HTTP/2: the stream was reset.
        if error.to_string().contains("stream error received") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Reads what is left of a body that nobody wants and throws it away, beside the reply.
///
/// Closing a connection on which data still comes in resets it, and the client may then lose the
/// reply that tells it what was wrong. A client that waits for a `100 Continue` sends nothing.
pub fn discard(headers: &HeaderMap, mut body: Incoming) {
    if body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return;
    }
    tokio::spawn(async move {
        let rest = async { while let Some(Ok(_)) = body.frame().await {} };
        // Whoever still sends after that has to live with the reset.
        let _ = tokio::time::timeout(DISCARD_TIME, rest).await;
    });
}
