//! The reply of a provider, as it comes.

use crate::turn::TurnError;
use bytes::{Bytes, BytesMut};
use futures_util::{
    FutureExt, Stream, StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use http::{HeaderMap, header};
use std::{
    error::Error,
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long the rest of a reply may take that nobody reads any more.
const REST_TIME: Duration = Duration::from_secs(1);

/// How much it may be, in bytes.
const REST_SIZE: usize = 64 * 1024;

/// How much white space a body may begin with, in bytes, before it says what it is.
const LONGEST_BLANK: usize = 64 * 1024;

/// What the lines of events begin with; a line with nothing before the colon is a comment:
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.
const EVENT_FIELDS: [&str; 5] = ["data:", "event:", "id:", "retry:", ":"];

/// A reply that is a success.
#[derive(Debug)]
pub struct Reply {
    /// Its status: 200, or another of the 2xx.
    pub status: u16,
    /// Its headers, all of them. Whoever hands some on chooses.
    pub headers: HeaderMap,
    /// What its body is.
    pub form: Form,
    /// What it says.
    pub body: ReplyBody,
}

/// The form of a reply's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A stream of events.
    Events,
    /// One JSON document.
    Json,
}

/// The body of a reply: its bytes as they come off the connection.
///
/// Nothing is read ahead but what the connection holds. A silence that is too long and a connection
/// that breaks are errors, after which there is nothing. Dropping it cancels the call.
pub struct ReplyBody {
    chunks: BoxStream<'static, reqwest::Result<Bytes>>,
    /// Who answers, for messages.
    whom: Arc<str>,
    /// How long the next bytes may take.
    patience: Duration,
    /// The whole time that they may take, of which a part may be gone, for messages.
    silence: Duration,
    /// Both, from the first bytes on.
    then: Duration,
    /// When patience ends, if `is_waiting`. A reader that pauses is no silence of the provider's: time
    /// counts from when bytes were asked for and were not there.
    deadline: Pin<Box<Sleep>>,
    is_waiting: bool,
    has_ended: bool,
    /// Done when the process stops.
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Reply {
    /// Whether it is a JSON document.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.form == Form::Json
    }
}

impl Form {
    /// What a content type says.
    fn declared(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let kind = kind.split(';').next()?.trim();
        if kind.eq_ignore_ascii_case("text/event-stream") {
            Some(Self::Events)
        } else if kind.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }

    /// What a body begins as that has no content type of these. It may be cut in the middle of a word.
    fn seen(begin: &[u8]) -> Option<Self> {
        let begin = begin.trim_ascii_start();
        let is_begun = |word: &&str| {
            let word = word.as_bytes();
            begin.starts_with(word) || word.starts_with(begin)
        };
        match begin {
            [] => None,
            [b'{', ..] => Some(Self::Json),
            _ if EVENT_FIELDS.iter().any(is_begun) => Some(Self::Events),
            _ => None,
        }
    }
}

impl ReplyBody {
    /// Of `response`, whose first bytes may take as long as `first`, and the next ones as `then`.
    pub(super) fn new(
        response: reqwest::Response,
        whom: Arc<str>,
        first: Duration,
        then: Duration,
        stop: CancellationToken,
    ) -> Self {
        Self {
            chunks: response.bytes_stream().boxed(),
            whom,
            patience: first,
            silence: first,
            then,
            deadline: Box::pin(tokio::time::sleep(first)),
            is_waiting: false,
            has_ended: false,
            stop: Box::pin(stop.cancelled_owned()),
        }
    }

    /// Sets a time for the first bytes: a part of their time is gone already.
    pub(super) fn expect_by(&mut self, deadline: Instant) {
        self.patience = deadline.saturating_duration_since(Instant::now());
    }

    /// What it is, by these headers, or by its first bytes where they do not tell; `None` where it is
    /// nothing that can be read. Nobody asked for a compressed one.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub(super) async fn form(&mut self, headers: &HeaderMap) -> Result<Option<Form>, TurnError> {
        let encoding = headers.get(header::CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| !encoding.is_empty() && encoding != "identity") {
            return Ok(None);
        }
        if let Some(form) = Form::declared(headers) {
            return Ok(Some(form));
        }
        let mut begin = BytesMut::new();
        while begin.len() <= LONGEST_BLANK && begin.trim_ascii().is_empty() {
            match self.try_next().await? {
                Some(chunk) => begin.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
        let form = Form::seen(&begin);
        // What has been looked at is still to be read.
        let rest = mem::replace(&mut self.chunks, stream::empty().boxed());
        let begin = stream::iter([Ok(begin.freeze())]);
        self.chunks = begin.chain(rest).boxed();
        Ok(form)
    }

    /// All of it, of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`TurnError::Upstream`] where it is longer or breaks off, [`TurnError::Timeout`] where it takes
    /// too long.
    pub async fn whole(mut self, limit: usize) -> Result<Bytes, TurnError> {
        let first = self.try_next().await?.unwrap_or_default();
        let Some(second) = self.try_next().await? else {
            return self.within(limit, first.len()).map(|()| first);
        };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            self.within(limit, whole.len() + chunk.len())?;
            whole.extend_from_slice(&chunk);
            next = self.try_next().await?;
        }
        Ok(whole.freeze())
    }

    /// Lets go of a reply whose last event has been read. The connection can serve another call only
    /// once the end of the body has been seen, which mostly is there already; where it is not, a task
    /// of a second waits for it.
    pub fn release(mut self) {
        if self.has_ended || matches!(self.next().now_or_never(), Some(None | Some(Err(_)))) {
            return;
        }
        let rest = async move {
            let mut size = 0;
            while let Some(Ok(chunk)) = self.next().await {
                size += chunk.len();
                if size > REST_SIZE {
                    break;
                }
            }
        };
        tokio::spawn(tokio::time::timeout(REST_TIME, rest));
    }

    fn within(&self, limit: usize, size: usize) -> Result<(), TurnError> {
        if size > limit {
            let message = format!("the reply of {} is longer than {limit} bytes", self.whom);
            return Err(TurnError::Upstream { message });
        }
        Ok(())
    }
}

impl Stream for ReplyBody {
    type Item = Result<Bytes, TurnError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let item = match self.chunks.poll_next_unpin(cx) {
            // Asked each time: a stream that always has more must end too.
            _ if self.stop.as_mut().poll(cx).is_ready() => Some(Err(TurnError::stopping())),
            Poll::Ready(Some(Ok(chunk))) => {
                self.is_waiting = false;
                self.patience = self.then;
                self.silence = self.then;
                return Poll::Ready(Some(Ok(chunk)));
            }
            Poll::Ready(Some(Err(error))) => {
                let message = format!("{} broke off its reply: {}", self.whom, cause(&error));
                Some(Err(TurnError::Upstream { message }))
            }
            Poll::Ready(None) => None,
            Poll::Pending => {
                if !self.is_waiting {
                    self.is_waiting = true;
                    let deadline = Instant::now() + self.patience;
                    self.deadline.as_mut().reset(deadline);
                }
                if self.deadline.poll_unpin(cx).is_pending() {
                    return Poll::Pending;
                }
                let message = format!(
                    "{} sent nothing for {} seconds",
                    self.whom,
                    self.silence.as_secs()
                );
                Some(Err(TurnError::Timeout { message }))
            }
        };
        self.has_ended = true;
        // The connection is let go of at once.
        self.chunks = stream::empty().boxed();
        Poll::Ready(item)
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyBody")
            .field("whom", &self.whom)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}

/// What lies at the bottom of an error, such as `Connection refused`. The texts above it name the URL,
/// whose query may hold a key.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(below) = cause.and_then(Error::source) {
        cause = Some(below);
    }
    cause.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}
