//! Numbers for whoever watches: how much comes in, how it ends, how soon it begins.

use super::record::{Event, Record, as_millis};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

#[cfg(test)]
mod tests;

/// "A minute" and "lately", in seconds.
const MINUTE: u64 = 60;
const LATELY: u64 = 5 * MINUTE;

/// The most times of first tokens that are kept; the last ones tell enough.
const TOKENS: usize = 4096;

/// Requests that can be known to be running.
const RUNNING: usize = 16_384;

/// Counts what the records of the last minutes tell. Time is what has passed since it began: the
/// clock that records tell may be set back.
#[derive(Debug, Default)]
pub(super) struct Stats {
    /// The last seconds in which anything happened, oldest first.
    seconds: VecDeque<Second>,
    /// When the first tokens of late came, and after how many milliseconds.
    first_tokens: VecDeque<(Duration, f64)>,
    running: HashSet<Arc<str>>,
    rate_limits: Option<Value>,
}

/// What happened in one second.
#[derive(Debug)]
struct Second {
    /// Which one, since it began.
    number: u64,
    came: u32,
    ended: u32,
    failed: u32,
}

/// The numbers at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Numbers<'a> {
    /// Requests that came in within the last 60 seconds.
    pub(super) requests_per_minute: u32,
    /// The share of those that ended within the last five minutes that failed, 0 to 1.
    pub(super) error_rate: Option<f64>,
    /// The median of the first tokens of the last five minutes, in milliseconds since their request.
    pub(super) median_first_token_ms: Option<f64>,
    /// Requests that have not ended.
    pub(super) running: usize,
    /// Records and bodies that did not fit into the channel, and requests that are not told of for that reason.
    pub(super) dropped_records: u64,
    /// Records and bodies that could not be written.
    pub(super) unsaved_records: u64,
    /// How many watch.
    pub(super) viewers: usize,
    /// The last limits that the upstream told of.
    pub(super) rate_limits: Option<&'a Value>,
}

impl Stats {
    /// Begins with the limits that an earlier process had heard of, as the JSON of their record.
    pub(super) fn new(rate_limits: Option<&str>) -> Self {
        let record = rate_limits.and_then(|json| serde_json::from_str(json).ok());
        Self {
            rate_limits: record.map(limits),
            ..Self::default()
        }
    }

    /// Takes in what has just happened.
    pub(super) fn on_record(&mut self, record: &Record, now: Duration) {
        match &record.event {
            Event::IncomingRequest(_) => {
                self.second(now).came += 1;
                if let Some(request) = &record.request
                    && self.running.len() < RUNNING
                {
                    self.running.insert(Arc::clone(request));
                }
            }
            Event::FirstToken { after, .. } => self.on_first_token(now, *after),
            Event::CursorResponse(_) | Event::ClientDisconnected { .. } => {
                self.second(now).ended += 1;
                self.on_end(record);
            }
            Event::RequestFailed(_) => {
                let second = self.second(now);
                second.ended += 1;
                second.failed += 1;
                self.on_end(record);
            }
            Event::RateLimits { .. } => {
                self.rate_limits = serde_json::to_value(record).ok().map(limits);
            }
            _ => {}
        }
    }

    /// The numbers at this moment; those that are counted elsewhere are 0.
    pub(super) fn at(&mut self, now: Duration) -> Numbers<'_> {
        self.forget(now);
        let now = now.as_secs();
        let came = |second: &Second| (second.number + MINUTE > now).then_some(second.came);
        let ended: u32 = self.seconds.iter().map(|second| second.ended).sum();
        let failed: u32 = self.seconds.iter().map(|second| second.failed).sum();
        Numbers {
            requests_per_minute: self.seconds.iter().filter_map(came).sum(),
            error_rate: (ended > 0).then(|| f64::from(failed) / f64::from(ended)),
            median_first_token_ms: self.median(),
            running: self.running.len(),
            dropped_records: 0,
            unsaved_records: 0,
            viewers: 0,
            rate_limits: self.rate_limits.as_ref(),
        }
    }

    fn on_first_token(&mut self, time: Duration, after: Duration) {
        if self.first_tokens.len() == TOKENS {
            self.first_tokens.pop_front();
        }
        self.first_tokens.push_back((time, as_millis(after)));
    }

    fn on_end(&mut self, record: &Record) {
        if let Some(request) = &record.request {
            self.running.remove(request);
        }
    }

    /// The second that something happened in. What comes late counts for the last one.
    fn second(&mut self, time: Duration) -> &mut Second {
        let second = time.as_secs();
        if self.seconds.back().is_none_or(|last| last.number < second) {
            self.forget(time);
            self.seconds.push_back(Second {
                number: second,
                came: 0,
                ended: 0,
                failed: 0,
            });
        }
        let last = self.seconds.len() - 1;
        &mut self.seconds[last]
    }

    /// Forgets what is too long ago to count.
    fn forget(&mut self, now: Duration) {
        let is_old = |second: u64| second + LATELY <= now.as_secs();
        while self.seconds.front().is_some_and(|old| is_old(old.number)) {
            self.seconds.pop_front();
        }
        let tokens = &mut self.first_tokens;
        while tokens.front().is_some_and(|old| is_old(old.0.as_secs())) {
            tokens.pop_front();
        }
    }

    fn median(&self) -> Option<f64> {
        let mut times: Vec<f64> = self.first_tokens.iter().map(|token| token.1).collect();
        if times.is_empty() {
            return None;
        }
        let middle = times.len() / 2;
        let is_even = times.len().is_multiple_of(2);
        let (below, upper, _) = times.select_nth_unstable_by(middle, f64::total_cmp);
        let lower = below.iter().copied().max_by(f64::total_cmp);
        Some(
            lower
                .filter(|_| is_even)
                .map_or(*upper, |lower| lower.midpoint(*upper)),
        )
    }
}

/// What a record tells of limits.
fn limits(record: Value) -> Value {
    let Value::Object(fields) = record else {
        return Value::Null;
    };
    let told = |name: &str| !matches!(name, "seq" | "request" | "conversation" | "type");
    let fields: Map<String, Value> = fields.into_iter().filter(|(name, _)| told(name)).collect();
    Value::Object(fields)
}
