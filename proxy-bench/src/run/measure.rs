//! The measuring itself: subjects by turns, in an order that is new each time.

use super::{
    plan::{CONNECTIONS, DELTAS, GAP, Level, Plan},
    stage::Stage,
    tally::{Speed, Tally, Times},
};
use crate::{
    client::{Delivery, Failure, Reply},
    subject::{Subject, Worker, order},
};
use futures_util::{StreamExt, stream};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use std::time::Duration;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// How many clients connect, or begin their threads, at a time.
const AT_ONCE: usize = 32;
/// Of the order of turns, which is the same in each run.
const SEED: u64 = 7;

/// A subject and what came of it.
#[derive(Debug)]
pub struct Row {
    /// Who.
    pub subject: Subject,
    /// What.
    pub tally: Tally,
}

/// What came of one client's replies. A thousand of these are held at a time: they are lists, and
/// no histograms.
#[derive(Debug, Default)]
struct Share {
    first: Vec<Duration>,
    chunks: Vec<u64>,
    failures: Vec<Failure>,
}

impl Share {
    fn add(&mut self, reply: Result<Reply, Failure>) {
        match reply {
            Ok(reply) => {
                self.first.push(reply.first_token);
                self.chunks.extend(reply.chunk_delays);
            }
            Err(failure) => self.failures.push(failure),
        }
    }
}

/// Short replies, one at a time: the first token without anything else to do.
pub async fn alone(plan: &Plan, rows: &mut [Row]) {
    let mut random = StdRng::seed_from_u64(SEED);
    let end = Instant::now() + plan.rounds_end;
    let gap = Duration::from_millis(2);
    let mut workers: Vec<_> = rows.iter().map(|_| None).collect();
    let mut turns: Vec<usize> = (0..rows.len()).collect();
    turns.retain(|&turn| rows[turn].subject.kind.streams());
    for round in 0..plan.warm_up + plan.rounds {
        if Instant::now() >= end {
            break;
        }
        turns.shuffle(&mut random);
        for &turn in &turns {
            let Row { subject, tally } = &mut rows[turn];
            let reply = async {
                let worker = match &mut workers[turn] {
                    Some(worker) => worker,
                    none => none.insert(Worker::connect(subject).await?),
                };
                worker.reply(order(4, gap), Delivery::Stream).await
            };
            match reply.await {
                Ok(reply) if round >= plan.warm_up => tally
                    .alone
                    .extend(&[reply.first_token], &reply.chunk_delays),
                Ok(_) => {}
                Err(failure) => tally.fail(&failure),
            }
        }
    }
}

/// The published pattern with so many streams at a time.
pub async fn paced(plan: &Plan, level: Level, rows: &mut [Row]) {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut turns: Vec<usize> = (0..rows.len()).collect();
    turns.retain(|&turn| {
        let kind = rows[turn].subject.kind;
        kind.streams() && !plan.unpaced.contains(&kind)
    });
    for _ in 0..level.rounds {
        turns.shuffle(&mut random);
        for &turn in &turns {
            let Row { subject, tally } = &mut rows[turn];
            let times = streams(subject, level, DELTAS, tally).await;
            let all = tally.levels.entry(level.concurrency).or_default();
            all.merge(&times);
        }
    }
}

/// Lets so many clients stream at a time. They begin spread over the length of the pattern.
pub async fn streams(subject: &Subject, level: Level, deltas: u32, tally: &mut Tally) -> Times {
    let workers = ready(subject, level.concurrency, tally).await;
    let begin = Instant::now() + Duration::from_millis(20);
    let apart = GAP * DELTAS / u32::try_from(level.concurrency.max(1)).unwrap_or(u32::MAX);
    let mut tasks = JoinSet::new();
    for (mut worker, number) in workers.into_iter().zip(0..) {
        tasks.spawn(async move {
            sleep_until(begin + apart * number).await;
            let mut share = Share::default();
            for _ in 0..level.replies {
                let reply = worker.reply(order(deltas, GAP), Delivery::Stream).await;
                share.add(reply);
            }
            share
        });
    }
    gather(tasks, tally).await
}

/// Whole replies as fast as they come, over a few connections, in slices.
pub async fn full_speed(plan: &Plan, stage: &Stage, rows: &mut [Row]) {
    let mut turns: Vec<usize> = (0..rows.len()).collect();
    turns.retain(|&turn| rows[turn].subject.kind.at_full_speed());
    let length = plan.slice(turns.len());
    let mut random = StdRng::seed_from_u64(SEED);
    for _ in 0..plan.slices {
        turns.shuffle(&mut random);
        for &turn in &turns {
            let Row { subject, tally } = &mut rows[turn];
            let workers = ready(subject, CONNECTIONS, tally).await;
            let cpu = || Some(stage.process(subject.kind)?.usage().ok()?.cpu);
            let (begin, before) = (Instant::now(), cpu());
            let mut tasks = JoinSet::new();
            for mut worker in workers {
                tasks.spawn(async move {
                    let mut share = Share::default();
                    while begin.elapsed() < length && share.failures.len() < 10 {
                        let order = order(DELTAS, Duration::ZERO);
                        let reply = worker.reply(order, Delivery::Whole).await;
                        share.add(reply);
                    }
                    share
                });
            }
            let replies = gather(tasks, tally).await.first.len();
            let elapsed = begin.elapsed();
            let cpu = cpu()
                .zip(before)
                .map(|(after, before)| after.saturating_sub(before));
            tally.speed.add(Speed {
                replies,
                elapsed,
                cpu,
            });
        }
    }
}

/// Clients that are connected and have done what comes before their first reply. Those that could
/// not are failures.
async fn ready(subject: &Subject, count: usize, tally: &mut Tally) -> Vec<Worker> {
    let workers: Vec<_> = stream::iter(0..count)
        .map(|_| async {
            let mut worker = Worker::connect(subject).await?;
            worker.prepare().await?;
            Ok(worker)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut ready = Vec::with_capacity(count);
    for worker in workers {
        match worker {
            Ok(worker) => ready.push(worker),
            Err(failure) => tally.fail(&failure),
        }
    }
    ready
}

/// Waits for all clients and puts their shares together.
async fn gather(mut tasks: JoinSet<Share>, tally: &mut Tally) -> Times {
    let mut times = Times::default();
    while let Some(share) = tasks.join_next().await {
        let Ok(share) = share else {
            let lost = Failure::Garbled("a client of ours has ended by itself".to_owned());
            tally.fail(&lost);
            continue;
        };
        times.extend(&share.first, &share.chunks);
        for failure in &share.failures {
            tally.fail(failure);
        }
    }
    times
}
