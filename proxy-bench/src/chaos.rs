//! `proxy-bench chaos`: clients that behave badly, an upstream that fails, and a proxy that is killed.
//!
//! The time is divided into three. In the storm, which is the first half, the proxy is ended and
//! started again every so often. Then the clients warm the last one up, and pause, so that it can be
//! seen at rest. In the last third they go on as before; at the end each conversation is asked what
//! it holds, and the proxy has to come back to that rest.

mod client;
mod fleet;
mod garbage;
mod journal;
mod ledger;
mod outages;
mod plan;
mod settle;
mod verdict;

use self::{
    client::{Actor, Surroundings},
    fleet::Fleet,
    journal::Results,
    outages::Outages,
};
use crate::{figures::Figures, scene::Scene};
use anyhow::{Result, bail, ensure};
use futures_util::future::join_all;
use std::{
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// The share of the time that is the storm, and what the warm-up ends at.
const STORM: f64 = 0.5;
const WARM: f64 = 2.0 / 3.0;
/// How many findings are told in full.
const TOLD: usize = 10;

/// What `proxy-bench chaos` is told.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How long, besides the pauses in which the proxy comes to rest.
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    minutes: f64,
    /// The plan of clients and kills: the same for the same seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How many clients there are.
    #[arg(long, value_name = "K", default_value_t = 40)]
    clients: u64,
    /// The program; by default the one beside this.
    #[arg(long, value_name = "PATH")]
    proxy: Option<PathBuf>,
}

/// Runs it, and tells what came of it.
///
/// # Errors
/// Where anything happened that nothing excuses, or anything is left over.
pub async fn run(options: &Options) -> Result<()> {
    ensure!(options.minutes > 0.0, "--minutes must be more than 0");
    ensure!(options.clients > 0, "--clients must be more than 0");
    let whole = Duration::from_secs_f64(options.minutes * 60.0);
    let scene = Scene::new(options.proxy.clone()).await?;
    let mut fleet = Fleet::launch(scene.setup.clone(), scene.upstream()).await?;
    let around = Arc::new(Surroundings {
        seed: options.seed,
        targets: fleet.targets(),
        outages: Outages::new(),
        results: Results::default(),
        start: Instant::now(),
    });
    let clients = (0..options.clients).map(|number| Actor::new(number, Arc::clone(&around)));
    let mut clients: Vec<_> = clients.collect();
    let (storm, warm) = (whole.mul_f64(STORM), whole.mul_f64(WARM));

    say(format_args!(
        "seed {}, {} clients, {:.0} s of which {:.0} s with kills",
        options.seed,
        options.clients,
        whole.as_secs_f64(),
        storm.as_secs_f64()
    ))?;
    let begin = Instant::now();
    let acting = act(clients, begin + warm);
    let kills = outages::plan(options.seed, storm);
    let ending = async {
        for (at, kind) in &kills {
            sleep_until(begin + *at).await;
            fleet = fleet.replace(*kind, &around.outages).await?;
        }
        anyhow::Ok(fleet)
    };
    let (acted, ended) = tokio::join!(acting, ending);
    clients = acted?;
    fleet = ended?;
    let mut left = Vec::new();
    let rested = settle::rest(&fleet.proxy, &scene).await;
    let before = keep(rested, &mut left);
    if let Some(before) = &before {
        say(format_args!(
            "after {} ends, at rest: {before}",
            kills.len()
        ))?;
    }

    clients = act(clients, Instant::now() + whole.saturating_sub(warm)).await?;
    join_all(clients.iter_mut().map(Actor::close)).await;
    if let Some(before) = before {
        let rested = settle::back_to(&before, &fleet.proxy, &scene).await;
        if let Some(after) = keep(rested, &mut left) {
            say(format_args!("at the end:             {after}"))?;
        }
    }
    verdict(options.seed, &around.results, &left)
}

/// Keeps what has not come to rest. Figures that cannot be had count as that, and leave what the
/// clients found to be told.
fn keep(rested: Result<(Figures, Vec<String>)>, left: &mut Vec<String>) -> Option<Figures> {
    match rested {
        Ok((figures, unrest)) => {
            left.extend(unrest);
            Some(figures)
        }
        Err(error) => {
            left.push(format!("{error:#}"));
            None
        }
    }
}

/// Lets all clients act until then.
async fn act(clients: Vec<Actor>, until: Instant) -> Result<Vec<Actor>> {
    let mut acting = JoinSet::new();
    for mut client in clients {
        acting.spawn(async move {
            client.act(until).await;
            client
        });
    }
    let mut clients = Vec::with_capacity(acting.len());
    while let Some(client) = acting.join_next().await {
        clients.push(client?);
    }
    Ok(clients)
}

fn verdict(seed: u64, results: &Results, left: &[String]) -> Result<()> {
    let (tally, findings) = results.take();
    say(format_args!(
        "{} replies complete, {} failed and said so, {} left by their client, \
         {} times garbage refused, {} accounts of conversations right",
        tally.complete, tally.failed, tally.left, tally.garbage, tally.accounts
    ))?;
    for finding in findings.iter().take(TOLD) {
        say(format_args!("seed {seed}, {finding}"))?;
    }
    for left in left {
        say(format_args!("left over: {left}"))?;
    }
    if !findings.is_empty() || !left.is_empty() {
        bail!(
            "seed {seed}: {} findings, {} things left over",
            findings.len(),
            left.len()
        );
    }
    say("every reply was complete or failed clearly, every conversation whole, nothing left over")
}

fn say(line: impl std::fmt::Display) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{line}")?)
}
