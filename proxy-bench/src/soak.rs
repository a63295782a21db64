//! `proxy-bench soak`: a day's traffic in a few minutes, and whether anything grows.
//!
//! Ordinary work alone, so that no reply may fail. Conversations and what waits for tools are left
//! alone for the same part of the day as by default, so they come and go as often as in a day.

mod day;
mod trend;
mod worker;

use self::{
    trend::{Allowance, Sample, Trend},
    worker::{Office, Worker},
};
use crate::{figures::Figures, proxy::Proxy, scene::Scene};
use anyhow::{Context, Result, ensure};
use std::{
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// How many failures are told.
const TOLD: usize = 10;

/// What `proxy-bench soak` is told.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How long the day is.
    #[arg(long, value_name = "N", default_value_t = 30.0)]
    minutes: f64,
    /// The work of the day: the same for the same seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How many work at the busiest time.
    #[arg(long, value_name = "K", default_value_t = 48)]
    workers: u64,
    /// The program; by default the one beside this.
    #[arg(long, value_name = "PATH")]
    proxy: Option<PathBuf>,
}

/// A figure that must not grow.
struct Watched {
    name: &'static str,
    value: fn(&Figures) -> f64,
    allowance: Allowance,
}

/// What must not grow, and how much of it is none: memory by a tenth and what an allocator keeps;
/// of the rest so much that a minute's run, whose quarters hold few conversations, passes. In half
/// an hour a leak of one in a hundred pieces of work is far beyond it.
const WATCHED: [Watched; 6] = [
    Watched::new("memory, MiB", Figures::resident_mib, 0.10, 8.0),
    Watched::new("descriptors", |figures| figures.descriptors, 0.10, 32.0),
    Watched::new("threads", |figures| figures.threads, 0.10, 6.0),
    Watched::new("tasks", |figures| figures.tasks, 0.10, 120.0),
    Watched::new("conversations", |figures| figures.live, 0.10, 40.0),
    Watched::new("connections", |figures| figures.connections, 0.10, 32.0),
];

impl Watched {
    const fn new(name: &'static str, value: fn(&Figures) -> f64, share: f64, slack: f64) -> Self {
        Self {
            name,
            value,
            allowance: Allowance { share, slack },
        }
    }
}

/// Runs it, and tells what came of it.
///
/// # Errors
/// Where a reply failed, or something grows.
pub async fn run(options: &Options) -> Result<()> {
    ensure!(options.minutes > 0.0, "--minutes must be more than 0");
    let day = Duration::from_secs_f64(options.minutes * 60.0);
    let scene = Scene::new(options.proxy.clone()).await?;
    let proxy = Proxy::start(&scene.setup.clone().settings(&settings(day))).await?;
    let office = Office::new(&proxy, options.seed, options.workers, day);
    let office = Arc::new(office);
    let mut workers = JoinSet::new();
    for number in 0..options.workers {
        workers.spawn(Worker::new(number, Arc::clone(&office)).work());
    }
    let (samples, cpu) = watch(&proxy, &office).await?;
    while let Some(ended) = workers.join_next().await {
        ended?;
    }
    let status = proxy.into_process().terminate().await?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "seed {}: {} pieces of work in {:.0} s, {:.1} s of processor time, {} samples",
        options.seed,
        office.done(),
        day.as_secs_f64(),
        cpu.as_secs_f64(),
        samples.len()
    )?;
    let growing = report(&mut out, &samples, day)?;
    let failures = office.failures();
    for failure in failures.iter().take(TOLD) {
        writeln!(out, "failed at {failure}")?;
    }
    ensure!(
        failures.is_empty(),
        "seed {}: {} failures",
        options.seed,
        failures.len()
    );
    ensure!(
        growing.is_empty(),
        "seed {}: growing: {}",
        options.seed,
        growing.join("; ")
    );
    ensure!(status.success(), "the product ended with {status}");
    Ok(())
}

/// As much of the day as by default, and a small log.
fn settings(day: Duration) -> String {
    let part = |of_a_day: u64| (day.as_secs() * of_a_day / 86_400).max(2);
    format!(
        "[conversations]\nidle_seconds = {}\nparked_seconds = {}\n[logs]\nmax_mib = 32\n",
        part(1_800),
        part(900)
    )
}

/// Takes samples until the day is over. Gives the processor time of it all, too.
async fn watch(proxy: &Proxy, office: &Office) -> Result<(Vec<(Duration, Figures)>, Duration)> {
    // A few hundred in a day, whose pairs can all be looked at.
    let period = (office.day / 360).clamp(Duration::from_millis(250), Duration::from_secs(10));
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut samples = Vec::new();
    while office.begin.elapsed() < office.day {
        ticks.tick().await;
        let at = office.begin.elapsed();
        samples.push((at, Figures::parse(&proxy.metrics().await?)?));
    }
    Ok((samples, proxy.process().usage()?.cpu))
}

/// Prints the table, and gives what grows.
fn report(
    out: &mut impl Write,
    samples: &[(Duration, Figures)],
    day: Duration,
) -> Result<Vec<String>> {
    let mut growing = Vec::new();
    writeln!(
        out,
        "{:<14} {:>9} {:>9} {:>9} {:>9} {:>10} {:>10} {:>9}",
        "median of", "warm-up", "second", "third", "last", "by medians", "by slope", "allowed"
    )?;
    for watched in &WATCHED {
        let samples: Vec<_> = samples
            .iter()
            .map(|(at, figures)| Sample {
                at: *at,
                value: (watched.value)(figures),
            })
            .collect();
        let trend = Trend::new(&samples, day, watched.allowance);
        let trend = trend.context("there are too few samples: let it run longer")?;
        let [warm, second, third, last] = trend.quarters;
        let medians = trend.growth_of_medians();
        let verdict = if trend.is_growing() { "  grows" } else { "" };
        writeln!(
            out,
            "{:<14} {warm:>9.1} {second:>9.1} {third:>9.1} {last:>9.1} {medians:>+10.1} \
             {:>+10.1} {:>9.1}{verdict}",
            watched.name, trend.growth, trend.allowed
        )?;
        if trend.is_growing() {
            growing.push(format!("{} by {:.1}", watched.name, trend.growth));
        }
    }
    Ok(growing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_named_and_the_rest_is_in_the_table() {
        let day = Duration::from_mins(30);
        let rest = Figures {
            running: 1.0,
            live: 40.0,
            parked: 0.0,
            waiting: 0.0,
            connections: 20.0,
            descriptors: 60.0,
            threads: 12.0,
            tasks: 100.0,
            resident: f64::from(120 << 20),
        };
        let samples: Vec<_> = (0..360)
            .map(|index| {
                let figures = Figures {
                    descriptors: 60.0 + f64::from(index) / 5.0,
                    ..rest
                };
                (Duration::from_secs(5) * index, figures)
            })
            .collect();
        let mut out = Vec::new();
        let growing = report(&mut out, &samples, day).unwrap();
        assert_eq!(growing.len(), 1);
        assert!(growing[0].starts_with("descriptors by 5"), "{growing:?}");
        let table = String::from_utf8(out).unwrap();
        assert_eq!(table.lines().count(), 1 + WATCHED.len());
        assert!(report(&mut Vec::new(), &samples[..4], day).is_err());
    }

    #[test]
    fn what_is_left_alone_is_put_away_in_the_same_part_of_the_day() {
        assert!(settings(Duration::from_mins(30)).contains("idle_seconds = 37\n"));
        assert!(settings(Duration::from_mins(1)).contains("parked_seconds = 2\n"));
    }
}
