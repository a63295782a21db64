//! `proxy-bench load`: many streams at once on each engine.
//!
//! None may fail, lose a delta or get one of another stream, and the slowest may not take much
//! longer than the middle one.

use crate::{
    client::{Api, Ask, Client, Failure, Reply},
    pattern::Order,
    proxy::{Engine, Proxy},
    scene::Scene,
    stats::Samples,
};
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use std::{
    fmt,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Barrier, task::JoinSet};

/// How many prepare themselves at once.
const PREPARING: usize = 32;
/// How many failures are told.
const TOLD: usize = 10;
/// The live threads of all streams stay, and nothing of a run is kept on disk but them.
const SETTINGS: &str = "[conversations]\nmax_live = 20000\n[server]\nmax_connections = 20000\n";

/// What `proxy-bench load` is told.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many streams there are at once.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    streams: u32,
    /// How many deltas each has.
    #[arg(long, value_name = "N", default_value_t = 64)]
    deltas: u32,
    /// Between two deltas, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 20)]
    gap: u64,
    /// Who answers.
    #[arg(long, value_enum, default_value_t = Which::All)]
    engine: Which,
    /// How much longer than the middle one the slowest stream may take.
    #[arg(long, value_name = "RATIO", default_value_t = 2.0)]
    fairness: f64,
    /// The program; by default the one beside this.
    #[arg(long, value_name = "PATH")]
    proxy: Option<PathBuf>,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The bridge, passing Chat Completions on.
    Bridge,
    /// The bridge, translating Responses to Chat Completions.
    Responses,
    /// Codex, a new thread for each stream.
    Codex,
    /// Codex, on threads that have answered before.
    Live,
    /// All of them, one after another.
    All,
}

/// What the streams of one engine came to.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    streams: usize,
    /// What was wrong with those that failed.
    failures: Vec<String>,
    /// How long the complete ones took.
    median: Duration,
    slowest: Duration,
}

impl Which {
    fn each(self) -> Vec<Self> {
        match self {
            Self::All => vec![Self::Bridge, Self::Responses, Self::Codex, Self::Live],
            one => vec![one],
        }
    }

    fn engine(self) -> Engine {
        match self {
            Self::Bridge | Self::Responses => Engine::Bridge,
            Self::Codex | Self::Live | Self::All => Engine::Codex,
        }
    }

    fn api(self) -> Api {
        match self {
            Self::Responses => Api::Responses,
            _ => Api::Chat,
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bridge => "bridge",
            Self::Responses => "responses",
            Self::Codex => "codex",
            Self::Live => "live",
            Self::All => "all",
        })
    }
}

impl Outcome {
    fn new(replies: impl IntoIterator<Item = (u64, Result<Duration, Failure>)>) -> Self {
        let (mut times, mut failures) = (Vec::new(), Vec::new());
        for (stream, reply) in replies {
            match reply {
                Ok(time) => times.push(time),
                Err(failure) => failures.push(format!("stream {stream}: {failure}")),
            }
        }
        times.sort_unstable();
        let middle = times.get(times.len() / 2);
        Self {
            streams: times.len() + failures.len(),
            failures,
            median: middle.copied().unwrap_or_default(),
            slowest: times.last().copied().unwrap_or_default(),
        }
    }

    /// How many times longer than the middle one the slowest took.
    fn ratio(&self) -> f64 {
        if self.median.is_zero() {
            return 0.0;
        }
        self.slowest.as_secs_f64() / self.median.as_secs_f64()
    }

    /// What is wrong, in a few lines; none where it is all as it should be.
    fn reasons(&self, fairness: f64) -> Vec<String> {
        let mut reasons: Vec<_> = self.failures.iter().take(TOLD).cloned().collect();
        if self.failures.len() > TOLD {
            reasons.push(format!("and {} more", self.failures.len() - TOLD));
        }
        if self.ratio() > fairness {
            reasons.push(format!(
                "unfair: the slowest stream took {:.2} times as long as the middle one",
                self.ratio()
            ));
        }
        reasons
    }
}

/// Runs it, and tells what came of it.
///
/// # Errors
/// Where a stream failed, or one was much slower than the others.
pub async fn run(options: &Options) -> Result<()> {
    ensure!(options.streams > 0, "--streams must be more than 0");
    ensure!(options.deltas > 0, "--deltas must be more than 0");
    let scene = Scene::new(options.proxy.clone()).await?;
    let mut wrong = Vec::new();
    for which in options.engine.each() {
        let reasons = one(&scene, options, which).await?;
        wrong.extend(reasons.iter().map(|reason| format!("{which}: {reason}")));
    }
    for reason in &wrong {
        writeln!(io::stdout().lock(), "{reason}")?;
    }
    ensure!(wrong.is_empty(), "not all streams were complete and fair");
    Ok(())
}

/// Asks one engine, prints a line, and gives what is wrong.
async fn one(scene: &Scene, options: &Options, which: Which) -> Result<Vec<String>> {
    let proxy = Proxy::start(&scene.setup.clone().settings(SETTINGS)).await?;
    let clients = prepare(&proxy, options, which).await?;
    let idle = proxy.process().usage()?;
    let mut asking = ask_all(clients, options);
    let mut peak = idle.resident_bytes;
    let (mut replies, mut first) = (Vec::new(), Samples::new());
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            asked = asking.join_next() => {
                let Some(asked) = asked else { break };
                let (stream, reply) = asked?;
                if let Ok(reply) = &reply {
                    first.record(reply.first_token);
                }
                replies.push((stream, reply.map(|reply| reply.total)));
            }
            _ = tick.tick() => {
                peak = peak.max(proxy.process().usage().map_or(0, |usage| usage.resident_bytes));
            }
        }
    }
    let cpu = proxy.process().usage()?.cpu.saturating_sub(idle.cpu);
    let outcome = Outcome::new(replies);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    writeln!(
        io::stdout().lock(),
        "{:<10} {} streams, {} failed; median {:.0} ms, slowest {:.0} ms ({:.2}x); first token \
         p50 {:.1} ms, p99 {:.1} ms; {:.2} s of processor time; {} MiB before, {} MiB at most",
        which.to_string(),
        outcome.streams,
        outcome.failures.len(),
        ms(outcome.median),
        ms(outcome.slowest),
        outcome.ratio(),
        first.quantile_us(0.5) / 1e3,
        first.quantile_us(0.99) / 1e3,
        cpu.as_secs_f64(),
        idle.resident_bytes >> 20,
        peak >> 20,
    )?;
    let status = proxy.into_process().terminate().await?;
    if !status.success() {
        bail!("{which}: the product ended with {status}");
    }
    Ok(outcome.reasons(options.fairness))
}

/// A client with what it will ask.
type Prepared = (Client, Ask);

/// Connects all clients, and gives those of live threads their first turn.
async fn prepare(proxy: &Proxy, options: &Options, which: Which) -> Result<Vec<Prepared>> {
    let target = proxy.target(which.engine(), which.api());
    let target = &target;
    let gap = Duration::from_millis(options.gap);
    let client = |number: u32| async move {
        let mut order = Order::paced(u64::from(number) * 10);
        order.deltas = 1;
        let mut client = Client::connect(target).await?;
        let mut first = Ask::new(order);
        (order.stream, order.deltas, order.gap) = (order.stream + 1, options.deltas, gap);
        let mut ask = Ask::new(order);
        if which == Which::Live {
            let name = format!("load-{number}");
            first = first.named(&name);
            ask = ask.named(&name);
            client.ask(&first).await?;
        }
        Ok::<_, Failure>((client, ask))
    };
    let clients = stream::iter((1..=options.streams).map(client));
    let clients = clients.buffer_unordered(PREPARING).try_collect().await;
    clients.with_context(|| format!("{which}: the clients could not prepare themselves"))
}

/// Lets all clients ask at once.
fn ask_all(clients: Vec<Prepared>, options: &Options) -> JoinSet<(u64, Result<Reply, Failure>)> {
    // Far beyond what is fair, so that a failure is told as what it is.
    let gap = Duration::from_millis(options.gap);
    let deadline = Duration::from_mins(2) + gap * options.deltas * 4;
    let barrier = Arc::new(Barrier::new(clients.len()));
    let mut asking = JoinSet::new();
    for (mut client, mut ask) in clients {
        ask.deadline = deadline;
        let barrier = Arc::clone(&barrier);
        asking.spawn(async move {
            barrier.wait().await;
            (ask.order.stream, client.ask(&ask).await)
        });
    }
    asking
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(times: &[u64]) -> Outcome {
        let replies = times.iter().enumerate().map(|(stream, time)| {
            let reply = match time {
                0 => Err(Failure::Lost {
                    expected: 3,
                    got: 4,
                }),
                time => Ok(Duration::from_millis(*time)),
            };
            (stream as u64, reply)
        });
        Outcome::new(replies)
    }

    #[test]
    fn the_slowest_stream_is_held_against_the_middle_one() {
        let fair = outcome(&[100, 110, 90, 200, 100]);
        assert!((fair.ratio() - 2.0).abs() < 1e-9, "{fair:?}");
        assert!(fair.reasons(2.0).is_empty());
        let unfair = outcome(&[100, 110, 90, 210, 100]);
        let reasons = unfair.reasons(2.0);
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].contains("2.10 times"), "{reasons:?}");
        assert!(unfair.reasons(2.2).is_empty());
    }

    #[test]
    fn failures_are_counted_and_the_first_ones_are_told() {
        let some = outcome(&[100, 0, 100]);
        assert_eq!((some.streams, some.failures.len()), (3, 1));
        assert!(some.reasons(2.0)[0].starts_with("stream 1: lost"));
        let all = outcome(&[0; 15]);
        assert_eq!(all.streams, 15);
        let reasons = all.reasons(2.0);
        assert_eq!(reasons.len(), 11);
        assert_eq!(reasons[10], "and 5 more");
    }
}
