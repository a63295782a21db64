//! Whether the proxy comes to rest, and to the same rest as before.

use crate::{figures::Figures, proxy::Proxy, scene::Scene};
use anyhow::Result;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long everything may take to come to rest.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is looked at what still runs.
const PERIOD: Duration = Duration::from_millis(500);
/// For so long nobody asks for anything before figures are compared: threads for blocking work go
/// when they were idle for ten seconds, and each question for the figures gives one of them work.
const SILENCE: Duration = Duration::from_secs(15);
/// Descriptors that a database or a kept connection may hold besides.
const DESCRIPTORS: f64 = 8.0;
/// Threads of connections to databases that were opened meanwhile: each has one.
const THREADS: f64 = 8.0;
/// Tasks that wait for a timer or for such a connection.
const TASKS: f64 = 8.0;
/// How much memory may grow: both limits hold.
const SHARE: f64 = 0.25;
const MIB: f64 = 48.0;

/// What is left over where something still runs: a word for each figure.
pub fn unrest(figures: &Figures, open: u64) -> Vec<String> {
    let mut left = Vec::new();
    // The question for the figures is a request on a connection of its own.
    for (what, value, most) in [
        ("requests under way", figures.running, 1.0),
        ("connections", figures.connections, 1.0),
        ("live conversations", figures.live, 0.0),
        ("parked turns", figures.parked, 0.0),
        ("waiting requests", figures.waiting, 0.0),
    ] {
        if value > most {
            left.push(format!("{what}: {value}"));
        }
    }
    if open > 0 {
        left.push(format!("replies of the upstream under way: {open}"));
    }
    left
}

/// What is left over compared to an earlier rest.
pub fn growth(before: &Figures, now: &Figures) -> Vec<String> {
    let mut grown = Vec::new();
    for (what, before, now, more) in [
        (
            "descriptors",
            before.descriptors,
            now.descriptors,
            DESCRIPTORS,
        ),
        ("threads", before.threads, now.threads, THREADS),
        ("tasks", before.tasks, now.tasks, TASKS),
    ] {
        if now > before + more {
            grown.push(format!("{what}: {before} before, {now} now"));
        }
    }
    let (before, now) = (before.resident_mib(), now.resident_mib());
    if now > before * (1.0 + SHARE) || now > before + MIB {
        grown.push(format!("memory: {before:.1} MiB before, {now:.1} MiB now"));
    }
    grown
}

/// Waits until nothing runs, and then for a while. What does not come to rest is in the second part.
///
/// # Errors
/// Where the figures cannot be had.
pub async fn rest(proxy: &Proxy, scene: &Scene) -> Result<(Figures, Vec<String>)> {
    let end = Instant::now() + PATIENCE;
    loop {
        let (figures, left) = look(proxy, scene).await?;
        if end <= Instant::now() {
            return Ok((figures, left));
        }
        if left.is_empty() {
            sleep(SILENCE).await;
            return look(proxy, scene).await;
        }
        sleep(PERIOD).await;
    }
}

/// Waits until the figures are those of an earlier rest again. Gives what is not.
///
/// # Errors
/// Where the figures cannot be had.
pub async fn back_to(
    before: &Figures,
    proxy: &Proxy,
    scene: &Scene,
) -> Result<(Figures, Vec<String>)> {
    let end = Instant::now() + PATIENCE;
    loop {
        let (figures, mut left) = rest(proxy, scene).await?;
        left.extend(growth(before, &figures));
        if left.is_empty() || end <= Instant::now() {
            return Ok((figures, left));
        }
    }
}

async fn look(proxy: &Proxy, scene: &Scene) -> Result<(Figures, Vec<String>)> {
    let figures = Figures::parse(&proxy.metrics().await?)?;
    let left = unrest(&figures, scene.open().await?);
    Ok((figures, left))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Figures = Figures {
        running: 1.0,
        live: 0.0,
        parked: 0.0,
        waiting: 0.0,
        connections: 1.0,
        descriptors: 30.0,
        threads: 9.0,
        tasks: 20.0,
        resident: 100.0 * 1024.0 * 1024.0,
    };

    #[test]
    fn the_question_for_the_figures_is_no_unrest() {
        assert!(unrest(&REST, 0).is_empty());
        let busy = Figures {
            parked: 2.0,
            connections: 3.0,
            ..REST
        };
        let left = unrest(&busy, 1);
        assert_eq!(left.len(), 3, "{left:?}");
        assert!(left[0].contains("connections: 3"), "{left:?}");
    }

    #[test]
    fn what_has_grown_is_told_and_what_has_shrunk_is_not() {
        assert!(growth(&REST, &REST).is_empty());
        let more = |resident| Figures { resident, ..REST };
        assert!(growth(&REST, &more(REST.resident * 1.2)).is_empty());
        assert_eq!(growth(&REST, &more(REST.resident * 1.3)).len(), 1);
        let large = more(REST.resident * 4.0);
        assert_eq!(growth(&large, &more(REST.resident * 4.6)).len(), 1);
        let grown = Figures {
            descriptors: 39.0,
            threads: 18.0,
            tasks: 29.0,
            ..REST
        };
        assert_eq!(growth(&REST, &grown).len(), 3);
        assert!(growth(&grown, &REST).is_empty());
    }
}
