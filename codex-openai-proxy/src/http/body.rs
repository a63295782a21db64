//! Bodies: what a reply is made of, and how a request's is read.

use super::{error::ErrorReply, events::EventBody};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use std::{
    convert::Infallible,
    error::Error,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// How long the rest of an unwanted body is read.
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// The body of every reply of ours. Never fails: a stream that breaks says so in its own words.
pub enum ReplyBody {
    /// All there is.
    Whole(Full<Bytes>),
    /// Events as they come.
    Events(Box<EventBody>),
    /// Pieces as they come.
    Pieces(BoxStream<'static, Bytes>),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx),
            Self::Events(body) => Pin::new(body.as_mut()).poll_frame(cx),
            Self::Pieces(pieces) => pieces
                .as_mut()
                .poll_next(cx)
                .map(|piece| piece.map(|piece| Ok(Frame::data(piece)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Events(body) => body.is_end_stream(),
            Self::Pieces(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Events(body) => body.size_hint(),
            Self::Pieces(_) => SizeHint::default(),
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
/// When it is longer than `limit` bytes, which is seen at once where it tells its length, or when
/// the client breaks off.
pub async fn read(headers: &HeaderMap, body: Incoming, limit: usize) -> Result<Bytes, ReadError> {
    let too_large = || ReadError::Refused(ErrorReply::body_too_large(limit));
    let told = body.size_hint().lower();
    if told > u64::try_from(limit).unwrap_or(u64::MAX) {
        discard(headers, body);
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => {
            tracing::debug!(error, "body_unreadable");
            Err(if has_left(error.as_ref()) {
                ReadError::Left
            } else {
                ReadError::Refused(ErrorReply::body_unreadable())
            })
        }
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
