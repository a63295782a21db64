//! The end of the log channel that everybody publishes to.

use super::record::{Event, Record, Timestamp};
use crate::{
    config::KeptBodies,
    turn::{ConversationId, TraceId},
};
use bytes::Bytes;
use serde::Serialize;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::sync::mpsc;

/// Entries that may wait for the recorder.
const ENTRIES: usize = 8192;

/// Places beyond those, for how requests begin and end alone: what floods the channel must not make
/// others look as if they ran for ever.
const RESERVE: usize = 4096;

/// Of these, the places for the ends of requests that have begun to be told of. While no more are left,
/// those that begin are not told of at all: in a flood, what is told of most would be dropped again.
const FOR_ENDS: usize = RESERVE / 2;

/// Bytes of bodies that may wait for the recorder.
const BODY_BYTES: usize = 64 * 1024 * 1024;

/// Where everything that happens is told. A cheap handle. Publishing never waits: what does not fit
/// is dropped and counted.
#[derive(Debug, Clone)]
pub struct LogChannel(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    entries: mpsc::Sender<Entry>,
    seq: AtomicU64,
    dropped: AtomicU64,
    body_bytes: Arc<AtomicUsize>,
    /// A [`KeptBodies`].
    bodies: AtomicU8,
}

/// What is published of one request. A cheap handle.
#[derive(Debug, Clone)]
pub struct RequestLog {
    /// `None` where nobody is to hear of it.
    channel: Option<LogChannel>,
    id: Arc<str>,
    conversation: Option<ConversationId>,
    trace: Option<TraceId>,
    /// As of the request's beginning.
    bodies: KeptBodies,
}

/// What the recorder gets.
#[derive(Debug)]
pub enum Entry {
    /// Something happened.
    Record(Box<Record>),
    /// What came in or went out with a request.
    Body(Body),
}

/// A body as it was on the wire.
pub struct Body {
    /// The request that it belongs to.
    pub request: Arc<str>,
    /// What it is.
    pub kind: BodyKind,
    /// How it is kept.
    pub how: KeptBodies,
    /// The bytes.
    pub bytes: Bytes,
    _held: Held,
}

/// What a kept body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// The headers of the request: handed over as [`redact::head`](super::redact::head), kept as a JSON
    /// object.
    Headers,
    /// The body of the request.
    Request,
    /// The reply as one JSON object, however it was sent.
    Reply,
    /// A streamed reply as it was sent.
    Stream,
}

/// The recorder's end of a [`LogChannel`].
#[derive(Debug)]
pub struct Inbox {
    entries: mpsc::Receiver<Entry>,
    /// The channel that it belongs to.
    pub channel: LogChannel,
}

/// Counts the bytes of a body for as long as it waits.
struct Held {
    bytes: usize,
    of: Arc<AtomicUsize>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Relaxed);
    }
}

/// A channel and its other end.
#[must_use]
pub fn channel(bodies: KeptBodies) -> (LogChannel, Inbox) {
    let (sender, entries) = mpsc::channel(ENTRIES + RESERVE);
    let channel = LogChannel(Arc::new(Shared {
        entries: sender,
        seq: AtomicU64::new(1),
        dropped: AtomicU64::new(0),
        body_bytes: Arc::default(),
        bodies: AtomicU8::new(bodies as u8),
    }));
    let inbox = Inbox {
        entries,
        channel: channel.clone(),
    };
    (channel, inbox)
}

impl LogChannel {
    /// What will be published of a request. Its bodies are kept as the settings are now. Where there is
    /// room for the ends of others alone, nobody is to hear of it, and it is counted.
    #[must_use]
    pub fn request(&self, id: Arc<str>) -> RequestLog {
        if self.0.entries.capacity() <= FOR_ENDS {
            self.count_dropped(1);
            return RequestLog::silent();
        }
        RequestLog {
            channel: Some(self.clone()),
            id,
            conversation: None,
            trace: None,
            bodies: self.bodies(),
        }
    }

    /// Tells what happened to a conversation without a request being the cause.
    pub fn publish(&self, conversation: &ConversationId, event: Event) {
        self.send(None, Some(conversation.clone()), None, event);
    }

    /// Warns whoever runs the proxy, by a word and a sentence.
    pub fn warn(&self, what: &'static str, detail: String) {
        self.tell(Event::Warning { what, detail });
    }

    /// Tells what happened to the proxy itself.
    pub fn tell(&self, event: Event) {
        self.send(None, None, None, event);
    }

    /// Numbers records from behind `last` on, which is the last that an earlier process wrote.
    pub fn go_on_after(&self, last: u64) {
        self.0.seq.fetch_max(last + 1, Relaxed);
    }

    /// How many records and bodies were dropped because they did not fit. A request of which nothing is told
    /// counts as one.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Relaxed)
    }

    /// Which bodies of requests that begin now are kept, and how.
    #[must_use]
    pub fn bodies(&self) -> KeptBodies {
        const FULL: u8 = KeptBodies::Full as u8;
        const REDACTED: u8 = KeptBodies::Redacted as u8;
        match self.0.bodies.load(Relaxed) {
            FULL => KeptBodies::Full,
            REDACTED => KeptBodies::Redacted,
            _ => KeptBodies::Off,
        }
    }

    /// From now on, bodies are kept like this. Requests that have begun keep to what was before.
    pub fn keep_bodies(&self, how: KeptBodies) {
        self.0.bodies.store(how as u8, Relaxed);
    }

    /// Counts what the recorder could not take in.
    pub(super) fn count_dropped(&self, number: usize) {
        self.0.dropped.fetch_add(number as u64, Relaxed);
    }

    fn send(
        &self,
        request: Option<Arc<str>>,
        conversation: Option<ConversationId>,
        trace: Option<TraceId>,
        event: Event,
    ) {
        let mut record = Box::new(Record {
            seq: self.0.seq.fetch_add(1, Relaxed),
            time: Timestamp::now(),
            request,
            conversation,
            trace,
            event,
        });
        record.cut();
        self.enter(Entry::Record(record));
    }

    fn enter(&self, entry: Entry) {
        let entries = &self.0.entries;
        let fits = entry.frames_request() || entries.capacity() > RESERVE;
        if !fits || entries.try_send(entry).is_err() {
            self.0.dropped.fetch_add(1, Relaxed);
        }
    }
}

impl Entry {
    /// Whether it tells how a request begins or ends.
    fn frames_request(&self) -> bool {
        match self {
            Self::Record(record) => {
                matches!(record.event, Event::IncomingRequest(_)) || record.event.is_end()
            }
            Self::Body(_) => false,
        }
    }
}

impl RequestLog {
    /// Of a request that nobody is to hear of.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            channel: None,
            id: Arc::default(),
            conversation: None,
            trace: None,
            bodies: KeptBodies::Off,
        }
    }

    /// Whether nobody is to hear of it.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.channel.is_none()
    }

    /// The request's id in the log.
    #[must_use]
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The same request, now that its conversation is known.
    #[must_use]
    pub fn of(&self, conversation: &ConversationId) -> Self {
        Self {
            conversation: Some(conversation.clone()),
            ..self.clone()
        }
    }

    /// The same request, which belongs to this trace.
    #[must_use]
    pub fn in_trace(mut self, trace: Option<TraceId>) -> Self {
        self.trace = trace;
        self
    }

    /// Tells what happened.
    pub fn publish(&self, event: Event) {
        if let Some(channel) = &self.channel {
            let request = Some(Arc::clone(&self.id));
            channel.send(request, self.conversation.clone(), self.trace, event);
        }
    }

    /// Which bodies are kept, and how.
    #[must_use]
    pub fn bodies(&self) -> KeptBodies {
        self.bodies
    }

    /// Hands a body over. Nothing is copied.
    pub fn body(&self, kind: BodyKind, bytes: Bytes) {
        let Some(channel) = &self.channel else {
            return;
        };
        if self.bodies == KeptBodies::Off {
            return;
        }
        let shared = &channel.0;
        let held = Held {
            bytes: bytes.len(),
            of: Arc::clone(&shared.body_bytes),
        };
        if shared.body_bytes.fetch_add(held.bytes, Relaxed) + held.bytes > BODY_BYTES {
            shared.dropped.fetch_add(1, Relaxed);
            return;
        }
        channel.enter(Entry::Body(Body {
            request: Arc::clone(&self.id),
            kind,
            how: self.bodies,
            bytes,
            _held: held,
        }));
    }
}

impl BodyKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Headers, Self::Request, Self::Reply, Self::Stream];

    /// The word for it in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Request => "request",
            Self::Reply => "reply",
            Self::Stream => "stream",
        }
    }

    /// The media type of its text.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Headers | Self::Request | Self::Reply => "application/json",
            Self::Stream => "text/event-stream",
        }
    }
}

impl Inbox {
    /// The next entries, at most `most` of them; none once the channel has no publisher left.
    pub async fn next(&mut self, into: &mut Vec<Entry>, most: usize) -> usize {
        self.entries.recv_many(into, most).await
    }

    /// How many entries wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.entries.len()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What it says is nobody's business.
        f.debug_struct("Body")
            .field("request", &self.request)
            .field("kind", &self.kind)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
