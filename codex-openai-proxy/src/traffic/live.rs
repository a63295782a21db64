//! What watchers see: the latest records, and frames that tell of changes.

use super::{
    channel::LogChannel,
    query::push_list,
    record::{Record, Timestamp},
    stats::{Numbers, Stats},
    store::{Line, Past},
};
use crate::config::KeptBodies;
use bytes::Bytes;
use serde::Serialize;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::broadcast, time::Instant};

/// The time from one frame to the next, at least.
const BETWEEN_FRAMES: Duration = Duration::from_millis(100);

/// Frames that may wait for a viewer: six seconds and more of them.
const FRAMES: usize = 64;

/// The records that viewers who were away for a moment can catch up with.
const RING: usize = 4096;

/// What watchers see.
#[derive(Debug)]
pub(super) struct Live {
    frames: broadcast::Sender<Bytes>,
    channel: LogChannel,
    stats: Stats,
    /// The latest records.
    ring: VecDeque<(u64, Arc<str>)>,
    /// What is not in the ring has numbers up to this.
    gone: u64,
    /// The number of the last record.
    last: u64,
    next: Next,
    /// When the last frame went out.
    sent: Option<Instant>,
    /// The numbers as the last frame told them.
    told: String,
    started: Timestamp,
    /// The same on the clock that nobody sets.
    begun: Instant,
    /// Records and bodies that could not be written.
    unsaved: u64,
}

/// What the next frame tells.
#[derive(Debug, Default)]
struct Next {
    cleared: bool,
    records: Vec<Arc<str>>,
    requests: Vec<Arc<str>>,
    /// Where in `requests` each is.
    places: HashMap<String, usize>,
    /// The numbers, where they have changed.
    stats: Option<String>,
}

/// What a viewer is told first.
#[derive(Debug, Serialize)]
struct Hello {
    /// The number of the last record.
    seq: u64,
    version: &'static str,
    bodies: &'static str,
    /// Whether the viewer has missed more than it gets.
    gap: bool,
    /// When this process began.
    started: Timestamp,
    /// This moment, for viewers whose clocks differ.
    now: Timestamp,
}

/// What a new viewer has missed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// Nothing.
    Nothing,
    /// What is behind this number.
    Behind(u64),
    /// More than is in memory.
    TooMuch,
}

impl Live {
    pub(super) fn new(channel: LogChannel, past: &Past) -> Self {
        Self {
            frames: broadcast::Sender::new(FRAMES),
            channel,
            stats: Stats::new(past.rate_limits.as_deref()),
            ring: VecDeque::with_capacity(RING),
            gone: past.last,
            last: past.last,
            next: Next::default(),
            sent: None,
            told: String::new(),
            started: Timestamp::now(),
            begun: Instant::now(),
            unsaved: 0,
        }
    }

    /// How many watch.
    pub(super) fn viewers(&self) -> usize {
        self.frames.receiver_count()
    }

    /// The number of the last record.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Counts what could not be written.
    pub(super) fn count_unsaved(&mut self, number: usize) {
        self.unsaved += number as u64;
    }

    /// Takes in records, and the requests that they have changed.
    pub(super) fn on_lines(&mut self, lines: &[Line]) {
        for Line { record, json } in lines {
            self.stats.on_record(record, self.begun.elapsed());
            self.keep(record, json);
        }
        if self.viewers() > 0 {
            let lines = lines.iter().map(|line| Arc::clone(&line.json));
            self.next.records.extend(lines);
        }
    }

    /// Takes in the new state of a request.
    pub(super) fn on_request(&mut self, id: &str, json: &Arc<str>) {
        if self.viewers() > 0 {
            self.next.change(id, json);
        }
    }

    /// Takes in that everything was deleted.
    pub(super) fn on_cleared(&mut self) {
        self.ring.clear();
        self.gone = self.last;
        self.next = Next {
            cleared: true,
            ..Next::default()
        };
    }

    /// Takes in that time has passed.
    pub(super) fn on_second(&mut self) {
        let stats = self.numbers();
        if stats != self.told {
            self.told.clone_from(&stats);
            self.next.stats = Some(stats);
        }
    }

    /// When the next frame is due, if there is anything to tell.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.next.is_empty()).then(|| {
            self.sent
                .map_or_else(Instant::now, |sent| sent + BETWEEN_FRAMES)
        })
    }

    /// Sends the next frame if it is due.
    pub(super) fn send_if_due(&mut self) {
        if self.due().is_some_and(|due| due <= Instant::now()) {
            self.send();
        }
    }

    /// Sends the next frame, whenever the last one went out.
    pub(super) fn send(&mut self) {
        let next = std::mem::take(&mut self.next);
        if next.is_empty() || self.viewers() == 0 {
            return;
        }
        // That nobody listens any more is no failure.
        let _ = self.frames.send(next.into_frame());
        self.sent = Some(Instant::now());
    }

    /// What a viewer has missed that has seen everything up to `after`.
    pub(super) fn missed(&self, after: u64) -> Missed {
        if after == self.last {
            Missed::Nothing
        } else if (self.gone..self.last).contains(&after) {
            Missed::Behind(after)
        } else {
            Missed::TooMuch
        }
    }

    /// A new viewer's first frame, and those that follow. `requests` are those that have changed
    /// since it was here.
    pub(super) fn join(
        &mut self,
        missed: &Missed,
        requests: &[String],
    ) -> (Bytes, broadcast::Receiver<Bytes>) {
        // What the others still wait for, the new one gets here.
        self.send();
        let frames = self.frames.subscribe();
        let hello = Hello {
            seq: self.last,
            version: env!("CARGO_PKG_VERSION"),
            bodies: KeptBodies::as_str(self.channel.bodies()),
            gap: *missed == Missed::TooMuch,
            started: self.started,
            now: Timestamp::now(),
        };
        let mut frame = Frame::default();
        frame.field("hello", &to_json(&hello));
        if let Missed::Behind(after) = *missed {
            let missed = self.ring.iter().filter(|(seq, _)| *seq > after);
            frame.list("records", missed.map(|(_, json)| json));
            frame.list("requests", requests);
        }
        frame.field("stats", &self.numbers());
        (frame.end(), frames)
    }

    fn keep(&mut self, record: &Record, json: &Arc<str>) {
        if self.ring.len() == RING
            && let Some((seq, _)) = self.ring.pop_front()
        {
            self.gone = self.gone.max(seq);
        }
        self.ring.push_back((record.seq, Arc::clone(json)));
        self.last = self.last.max(record.seq);
    }

    fn numbers(&mut self) -> String {
        let numbers = Numbers {
            dropped_records: self.channel.dropped(),
            unsaved_records: self.unsaved,
            viewers: self.frames.receiver_count(),
            ..self.stats.at(self.begun.elapsed())
        };
        to_json(&numbers)
    }
}

impl Next {
    fn is_empty(&self) -> bool {
        !self.cleared && self.records.is_empty() && self.requests.is_empty() && self.stats.is_none()
    }

    fn change(&mut self, id: &str, json: &Arc<str>) {
        if let Some(place) = self.places.get(id) {
            self.requests[*place] = Arc::clone(json);
        } else {
            self.places.insert(id.to_owned(), self.requests.len());
            self.requests.push(Arc::clone(json));
        }
    }

    fn into_frame(self) -> Bytes {
        let mut frame = Frame::default();
        if self.cleared {
            frame.field("cleared", "true");
        }
        if !self.records.is_empty() {
            frame.list("records", &self.records);
        }
        if !self.requests.is_empty() {
            frame.list("requests", &self.requests);
        }
        if let Some(stats) = &self.stats {
            frame.field("stats", stats);
        }
        frame.end()
    }
}

/// A JSON object, put together from pieces that are JSON already.
#[derive(Debug, Default)]
struct Frame(String);

impl Frame {
    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    fn field(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.push_str(json);
    }

    fn list<T: AsRef<str>>(&mut self, name: &str, items: impl IntoIterator<Item = T>) {
        self.name(name);
        push_list(&mut self.0, items);
    }

    fn end(mut self) -> Bytes {
        self.0.push('}');
        self.0.into()
    }
}

/// Plain data as JSON, which does not fail.
fn to_json(data: &impl Serialize) -> String {
    serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned())
}
