//! What the figures have to be.

use super::figures::{Figures, Footprint, Report};
use crate::subject::Kind;
use serde::Serialize;

/// One thing that was promised. Ratios are of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Target {
    /// What.
    pub name: String,
    /// Which side of the limit is good.
    pub bound: Bound,
    /// The limit.
    pub limit: f64,
    /// The unit of both.
    pub unit: &'static str,
    /// What it is; `None` where the run did not find out.
    pub measured: Option<f64>,
    /// Whether that is good.
    pub met: Option<bool>,
}

/// A side of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The limit or less.
    AtMost,
    /// The limit or more.
    AtLeast,
}

/// Judges a report.
pub fn targets(report: &Report) -> Vec<Target> {
    let mut all = Vec::new();
    bridge(report, &mut all);
    codex(report, &mut all);
    process("bridge", &report.bridge, &mut all);
    // What it takes at rest is limited above, and holds codex-core where that is built in.
    let [streams, rest] = [
        report.bridge.rss_mib_1000_streams,
        report.bridge.rss_mib_idle,
    ];
    all.push(at_most(
        "bridge: memory that 1,000 streams add",
        60.0,
        "MiB",
        streams.zip(rest).map(|(streams, rest)| streams - rest),
    ));
    process("codex", &report.codex, &mut all);
    all.push(at_most(
        "codex: memory at 1,000 streams",
        700.0,
        "MiB",
        report.codex.rss_mib_1000_streams,
    ));
    all
}

fn bridge(report: &Report, all: &mut Vec<Target>) {
    let bridge = report.get(Kind::Bridge);
    let relay = report.get(Kind::Relay);
    let litellm = report.peer("litellm");
    let of_relay = |figure: fn(&Figures) -> Option<f64>| {
        ratio(bridge.and_then(figure), relay.and_then(figure))
    };
    all.push(at_most(
        "bridge: added first token, p50",
        300.0,
        "µs",
        bridge.and_then(first),
    ));
    all.push(at_most(
        "bridge: added first token, p50, of the relay's",
        2.0,
        "×",
        of_relay(first),
    ));
    all.push(at_most(
        "bridge: added per chunk, p99, of the relay's",
        2.0,
        "×",
        of_relay(chunk),
    ));
    let part = of_relay(rps).map(|ratio| ratio * 100.0);
    all.push(at_least(
        "bridge: replies per second, of the relay's",
        70.0,
        "%",
        part,
    ));
    let cost = report.log_cost_percent();
    all.push(at_most(
        "bridge: throughput that log and metrics cost",
        5.0,
        "%",
        cost,
    ));
    let times = ratio(bridge.and_then(rps), litellm.and_then(rps));
    all.push(at_least(
        "bridge: replies per second, of LiteLLM's",
        20.0,
        "×",
        times,
    ));
    let times = ratio(litellm.and_then(first), bridge.and_then(first));
    all.push(at_least(
        "LiteLLM: added first token, p50, of the bridge's",
        20.0,
        "×",
        times,
    ));
}

fn codex(report: &Report, all: &mut Vec<Target>) {
    let chatmock = report.peer("chatmock").and_then(first);
    for (name, kind, limit) in [
        ("new thread", Kind::Codex, 5.0),
        ("live thread", Kind::CodexLive, 2.0),
    ] {
        let figures = report.get(kind);
        let p50 = figures.and_then(first);
        let p99 = figures.and_then(|figures| figures.delays.added_ttft_us_p99);
        let what = format!("codex, {name}: added first token, p50");
        all.push(at_most(
            &what,
            limit,
            "ms",
            p50.map(|micros| micros / 1000.0),
        ));
        let what = format!("codex, {name}: added first token, p99 of p50");
        all.push(at_most(&what, 4.0, "×", ratio(p99, p50)));
    }
    let live = report.get(Kind::CodexLive).and_then(first);
    let what = "codex, live thread: added first token, p50, of ChatMock's";
    all.push(at_most(what, 1.0, "×", ratio(live, chatmock)));
}

fn process(name: &str, footprint: &Footprint, all: &mut Vec<Target>) {
    let what = |figure: &str| format!("{name}: {figure}");
    all.push(at_most(
        &what("start to listening"),
        300.0,
        "ms",
        footprint.start_ms,
    ));
    all.push(at_most(
        &what("memory at rest"),
        80.0,
        "MiB",
        footprint.rss_mib_idle,
    ));
    let after = ratio(footprint.rss_mib_after, footprint.rss_mib_idle);
    let after = after.map(|ratio| ratio * 100.0);
    all.push(at_most(
        &what("memory a minute after, of that at rest"),
        110.0,
        "%",
        after,
    ));
}

fn first(figures: &Figures) -> Option<f64> {
    figures.delays.added_ttft_us_p50
}

fn chunk(figures: &Figures) -> Option<f64> {
    figures.delays.added_chunk_us_p99
}

fn rps(figures: &Figures) -> Option<f64> {
    figures.rps
}

/// One of the other; `None` where the other is nothing that can be measured.
fn ratio(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    let other = other.filter(|&other| other > 0.0)?;
    Some(one? / other)
}

fn at_most(name: &str, limit: f64, unit: &'static str, measured: Option<f64>) -> Target {
    target(name, Bound::AtMost, limit, unit, measured)
}

fn at_least(name: &str, limit: f64, unit: &'static str, measured: Option<f64>) -> Target {
    target(name, Bound::AtLeast, limit, unit, measured)
}

fn target(
    name: &str,
    bound: Bound,
    limit: f64,
    unit: &'static str,
    measured: Option<f64>,
) -> Target {
    let met = measured.map(|measured| match bound {
        Bound::AtMost => measured <= limit,
        Bound::AtLeast => measured >= limit,
    });
    Target {
        name: name.to_owned(),
        bound,
        limit,
        unit,
        measured: measured.map(|measured| (measured * 100.0).round() / 100.0),
        met,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::{Api, Target as Address},
        run::figures::Delays,
        subject::Subject,
    };

    fn row(kind: Kind, name: &str, first: f64, rps: f64) -> (Subject, Figures) {
        let subject = Subject {
            kind,
            name: name.to_owned(),
            target: Address {
                address: "127.0.0.1:1".parse().unwrap(),
                prefix: String::new(),
                api: Api::Chat,
                model: String::new(),
                key: None,
            },
        };
        let figures = Figures {
            delays: Delays {
                added_ttft_us_p50: Some(first),
                added_ttft_us_p99: Some(first * 5.0),
                ..Delays::default()
            },
            rps: Some(rps),
            ..Figures::default()
        };
        (subject, figures)
    }

    #[test]
    fn each_limit_is_judged_by_what_was_measured() {
        let report = Report {
            rows: vec![
                row(Kind::Relay, "relay", 100.0, 1000.0),
                row(Kind::Bridge, "bridge", 250.0, 800.0),
                row(Kind::CodexLive, "codex-live", 1500.0, 0.0),
                row(Kind::Peer, "LiteLLM-1", 7000.0, 50.0),
            ],
            bridge: Footprint {
                rss_mib_idle: Some(50.0),
                rss_mib_1000_streams: Some(111.0),
                ..Footprint::default()
            },
            codex: Footprint {
                rss_mib_idle: Some(50.0),
                rss_mib_after: Some(60.0),
                ..Footprint::default()
            },
            ..Report::default()
        };
        let all = targets(&report);
        let met = |name: &str| {
            let target = all.iter().find(|target| target.name == name);
            target.unwrap_or_else(|| panic!("{name}")).met
        };
        assert_eq!(met("bridge: added first token, p50"), Some(true));
        assert_eq!(
            met("bridge: added first token, p50, of the relay's"),
            Some(false)
        );
        assert_eq!(met("bridge: added per chunk, p99, of the relay's"), None);
        assert_eq!(
            met("bridge: replies per second, of the relay's"),
            Some(true)
        );
        assert_eq!(met("bridge: replies per second, of LiteLLM's"), Some(false));
        assert_eq!(
            met("LiteLLM: added first token, p50, of the bridge's"),
            Some(true)
        );
        assert_eq!(
            met("codex, live thread: added first token, p50"),
            Some(true)
        );
        assert_eq!(
            met("codex, live thread: added first token, p99 of p50"),
            Some(false)
        );
        assert_eq!(
            met("codex: memory a minute after, of that at rest"),
            Some(false)
        );
        assert_eq!(met("bridge: memory that 1,000 streams add"), Some(false));
        assert_eq!(met("codex: memory at 1,000 streams"), None);
    }

    #[test]
    fn a_relay_that_adds_nothing_is_nothing_to_divide_by() {
        assert_eq!(ratio(Some(1.0), Some(-3.0)), None);
        assert_eq!(ratio(Some(1.0), Some(0.0)), None);
        assert_eq!(ratio(Some(1.0), Some(2.0)), Some(0.5));
    }
}
