//! The figures of a run: what its subjects add to what they stand in front of.

use super::{
    measure::Row,
    memory::Memory,
    stage::Product,
    tally::{Tally, Times},
};
use crate::subject::{Kind, Subject};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// With so many streams at a time, the figures per chunk are told.
pub const CHUNK_STREAMS: usize = 64;

/// Times of one subject and phase, in microseconds. `added` is over what the subject is compared to;
/// `null` where there is nothing to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Delays {
    pub ttft_us_p50: Option<f64>,
    pub ttft_us_p99: Option<f64>,
    pub chunk_us_p50: Option<f64>,
    pub chunk_us_p99: Option<f64>,
    pub added_ttft_us_p50: Option<f64>,
    pub added_ttft_us_p99: Option<f64>,
    pub added_chunk_us_p50: Option<f64>,
    pub added_chunk_us_p99: Option<f64>,
    /// Replies that these come from.
    pub replies: u64,
}

/// All figures of one subject.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// First tokens of requests that come one at a time; chunks of 64 streams at a time, or of the
    /// most that there were.
    #[serde(flatten)]
    pub delays: Delays,
    /// Whole replies per second at full speed.
    pub rps: Option<f64>,
    /// Processor time of the subject's process for each of them.
    pub cpu_us_per_reply: Option<f64>,
    /// The paced pattern, by the number of streams.
    pub concurrency: BTreeMap<usize, Delays>,
    /// Replies that were not what was ordered.
    pub failed: u64,
    /// The same by what they were instead.
    pub failures: BTreeMap<String, u64>,
}

/// What is known of a process of the product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Footprint {
    pub start_ms: Option<f64>,
    pub rss_mib_idle: Option<f64>,
    pub rss_mib_1000_streams: Option<f64>,
    pub rss_mib_after: Option<f64>,
}

/// Everything that was found out.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// By subject, in the order of the table.
    pub rows: Vec<(Subject, Figures)>,
    /// The process of the bridge.
    pub bridge: Footprint,
    /// The process of the Codex engine.
    pub codex: Footprint,
    /// Failures of the streams under which memory was looked at.
    pub failed: u64,
}

impl Delays {
    fn of(times: &Times, direct: Option<&Times>) -> Self {
        let (first, chunks) = (&times.first, &times.chunks);
        let own = |samples: &crate::stats::Samples, quantile| {
            (!samples.is_empty()).then(|| round(samples.quantile_us(quantile)))
        };
        let base = direct.filter(|direct| !direct.first.is_empty() && !first.is_empty());
        let added = |quantile| base.map(|base| round(first.added_us(&base.first, quantile)));
        let based = direct.filter(|direct| !direct.chunks.is_empty() && !chunks.is_empty());
        let delayed = |quantile| based.map(|base| round(chunks.added_us(&base.chunks, quantile)));
        Self {
            ttft_us_p50: own(first, 0.5),
            ttft_us_p99: own(first, 0.99),
            chunk_us_p50: own(chunks, 0.5),
            chunk_us_p99: own(chunks, 0.99),
            added_ttft_us_p50: added(0.5),
            added_ttft_us_p99: added(0.99),
            added_chunk_us_p50: delayed(0.5),
            added_chunk_us_p99: delayed(0.99),
            replies: first.len(),
        }
    }
}

impl Figures {
    /// What a subject's replies come to beside those of what it is compared to, which is itself for
    /// the upstream.
    pub fn of(tally: &Tally, direct: Option<&Tally>) -> Self {
        let concurrency: BTreeMap<_, _> = tally
            .levels
            .iter()
            .map(|(&streams, times)| {
                let direct = direct.and_then(|direct| direct.levels.get(&streams));
                (streams, Delays::of(times, direct))
            })
            .collect();
        let alone = Delays::of(&tally.alone, direct.map(|direct| &direct.alone));
        let last = concurrency.last_key_value().map(|(_, delays)| delays);
        let chunks = concurrency.get(&CHUNK_STREAMS).or(last);
        let chunks = chunks.copied().unwrap_or_default();
        Self {
            delays: Delays {
                chunk_us_p50: chunks.chunk_us_p50,
                chunk_us_p99: chunks.chunk_us_p99,
                added_chunk_us_p50: chunks.added_chunk_us_p50,
                added_chunk_us_p99: chunks.added_chunk_us_p99,
                ..alone
            },
            rps: tally.speed.per_second().map(round),
            cpu_us_per_reply: tally.speed.cpu_us().map(round),
            concurrency,
            failed: tally.failed(),
            failures: tally.failures.clone(),
        }
    }
}

impl Footprint {
    /// A process, and its memory where that was looked at.
    pub fn of(product: &Product, memory: Option<Memory>) -> Self {
        Self {
            start_ms: Some(round(product.start.as_secs_f64() * 1e3)),
            rss_mib_idle: Some(mib(product.idle)),
            rss_mib_1000_streams: memory.map(|memory| mib(memory.many)),
            rss_mib_after: memory.and_then(|memory| memory.after).map(mib),
        }
    }
}

impl Report {
    /// Puts rows beside what each is compared to.
    pub fn of(rows: &[Row]) -> Self {
        let tally = |kind| {
            let row = rows.iter().find(|row| row.subject.kind == kind);
            row.map(|row| &row.tally)
        };
        let rows = rows
            .iter()
            .map(|row| {
                let base = row.subject.base();
                let direct = tally(base).filter(|_| row.subject.kind != base);
                (row.subject.clone(), Figures::of(&row.tally, direct))
            })
            .collect();
        Self {
            rows,
            ..Self::default()
        }
    }

    /// One of our own subjects; `None` where it took no part.
    pub fn get(&self, kind: Kind) -> Option<&Figures> {
        let found = self.rows.iter().find(|(subject, _)| subject.kind == kind);
        found.map(|(_, figures)| figures)
    }

    /// A peer whose name has this in it, in whatever case.
    pub fn peer(&self, name: &str) -> Option<&Figures> {
        let fits = |subject: &Subject| {
            subject.kind == Kind::Peer && subject.name.to_lowercase().contains(name)
        };
        let found = self.rows.iter().find(|(subject, _)| fits(subject));
        found.map(|(_, figures)| figures)
    }

    /// How much of the bridge's replies per second the log channel and the metrics take, in percent.
    pub fn log_cost_percent(&self) -> Option<f64> {
        let with = self.get(Kind::Bridge)?.rps?;
        let without = self.get(Kind::Quiet)?.rps?;
        Some(round((1.0 - with / without) * 100.0))
    }

    /// Replies that were not what was ordered, of all subjects.
    pub fn all_failed(&self) -> u64 {
        let failed: u64 = self.rows.iter().map(|(_, figures)| figures.failed).sum();
        failed + self.failed
    }

    /// The figures as JSON, by what they are of.
    pub fn json(&self) -> Map<String, Value> {
        let object = |kind| self.get(kind).map(|figures| json!(figures));
        // Where only variants took part, they stand in an object without figures of its own.
        let product = |kinds: &[Kind]| {
            let any = kinds.iter().any(|&kind| self.get(kind).is_some());
            any.then(|| object(kinds[0]).unwrap_or_else(|| json!({})))
        };
        let mut all = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                all.insert(name.to_owned(), value);
            }
        };
        put("direct", object(Kind::Direct));
        put("direct_responses", object(Kind::DirectResponses));
        put("floor", object(Kind::Relay));
        let bridge = product(&[Kind::Bridge, Kind::BridgeResponses]).map(|bridge| {
            let cost = json!({"log_cost_percent": self.log_cost_percent()});
            let bridge = merged(merged(bridge, &json!(self.bridge)), &cost);
            nested(bridge, "responses_to_chat", object(Kind::BridgeResponses))
        });
        put("bridge", bridge);
        put("bridge_quiet", object(Kind::Quiet));
        let codex = product(&[Kind::Codex, Kind::CodexLive, Kind::CodexTools]).map(|codex| {
            let codex = merged(codex, &json!(self.codex));
            let codex = nested(codex, "live", object(Kind::CodexLive));
            nested(codex, "tool_loop", object(Kind::CodexTools))
        });
        put("codex", codex);
        let peers = self.rows.iter().filter(|(peer, _)| peer.kind == Kind::Peer);
        let peers: Map<_, _> = peers
            .map(|(peer, figures)| (peer.name.clone(), json!(figures)))
            .collect();
        put("peers", Some(Value::Object(peers)));
        put("failed_for_memory", Some(json!(self.failed)));
        all
    }
}

/// One object with the other's members.
fn merged(mut value: Value, more: &Value) -> Value {
    if let (Some(object), Some(more)) = (value.as_object_mut(), more.as_object()) {
        object.extend(more.clone());
    }
    value
}

/// An object with one more member, if there is one.
fn nested(mut value: Value, name: &str, member: Option<Value>) -> Value {
    if let (Some(object), Some(member)) = (value.as_object_mut(), member) {
        object.insert(name.to_owned(), member);
    }
    value
}

#[expect(
    clippy::cast_precision_loss,
    reason = "memory is told to a tenth of a MiB"
)]
fn mib(bytes: u64) -> f64 {
    round(bytes as f64 / f64::from(1 << 20))
}

/// To one digit behind the point.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Api, Target};
    use std::time::Duration;

    fn times(first_us: u64, chunk_us: u64) -> Times {
        let mut times = Times::default();
        times.extend(&[Duration::from_micros(first_us)], &[chunk_us * 1000]);
        times
    }

    fn row(kind: Kind, first: u64, chunk: u64, replies: u64) -> Row {
        let target = Target {
            address: "127.0.0.1:1".parse().unwrap(),
            prefix: String::new(),
            api: if kind == Kind::BridgeResponses {
                Api::Responses
            } else {
                Api::Chat
            },
            model: String::new(),
            key: None,
        };
        let mut tally = Tally {
            alone: times(first, 1),
            ..Tally::default()
        };
        tally.levels.insert(64, times(first * 2, chunk));
        tally.levels.insert(256, times(first * 3, chunk * 7));
        tally.speed.replies = replies;
        tally.speed.elapsed = Duration::from_secs(1);
        let subject = Subject::own(kind, target);
        Row { subject, tally }
    }

    #[test]
    fn what_is_added_is_told_by_phase_and_over_the_same_api() {
        let report = Report::of(&[
            row(Kind::Direct, 100, 50, 1000),
            row(Kind::DirectResponses, 200, 50, 1000),
            row(Kind::Bridge, 400, 90, 950),
            row(Kind::Quiet, 400, 90, 1000),
            row(Kind::BridgeResponses, 900, 90, 500),
        ]);
        let json = Value::Object(report.json());
        let near = |path: &str, wanted: f64| {
            let got = json.pointer(path).and_then(Value::as_f64).unwrap();
            assert!((got - wanted).abs() < wanted / 100.0, "{path}: {got}");
        };
        near("/bridge/added_ttft_us_p50", 300.0);
        near("/bridge/added_chunk_us_p99", 40.0);
        near("/bridge/concurrency/64/added_ttft_us_p99", 600.0);
        near("/bridge/concurrency/256/added_chunk_us_p50", 280.0);
        near("/bridge/rps", 950.0);
        near("/bridge/log_cost_percent", 5.0);
        near("/bridge/responses_to_chat/added_ttft_us_p50", 700.0);
        near("/direct/ttft_us_p50", 100.0);
        assert_eq!(json["direct"]["added_ttft_us_p50"], Value::Null);
        assert_eq!(json["bridge"]["rss_mib_after"], Value::Null);
        assert_eq!(json["peers"], json!({}));
        assert_eq!(json.get("codex"), None);
    }

    #[test]
    fn variants_alone_still_have_their_place() {
        let report = Report::of(&[row(Kind::CodexLive, 1, 1, 1)]);
        let json = report.json();
        assert!(json["codex"]["live"]["ttft_us_p50"].is_f64());
        assert!(json["codex"]["live"]["added_ttft_us_p50"].is_null());
    }
}
