//! What the product tells of itself: the figures of `/metrics` that must come back to rest.

use anyhow::{Context, Result};
use std::fmt;

/// Figures at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Requests that are being answered, the one for the figures among them or not.
    pub running: f64,
    /// Threads of the Codex engine in memory.
    pub live: f64,
    /// Turns that wait for the results of their calls.
    pub parked: f64,
    /// Requests that wait for another of their conversation.
    pub waiting: f64,
    /// Open connections of clients, the one for the figures among them.
    pub connections: f64,
    /// Descriptors.
    pub descriptors: f64,
    /// Threads of the system.
    pub threads: f64,
    /// Tasks of the runtime.
    pub tasks: f64,
    /// Resident memory in bytes.
    pub resident: f64,
}

impl Figures {
    /// Reads the text of `/metrics`.
    ///
    /// # Errors
    /// Where one is missing.
    pub fn parse(text: &str) -> Result<Self> {
        let figure = |name: &str| sum(text, name).with_context(|| format!("no {name} in /metrics"));
        let state = |state| figure(&format!("codex_proxy_threads{{state=\"{state}\"}}"));
        Ok(Self {
            // A route has one from its first request on.
            running: sum(text, "codex_proxy_requests_in_flight").unwrap_or_default(),
            live: state("live")?,
            parked: state("parked")?,
            waiting: state("waiting")?,
            connections: figure("codex_proxy_connections")?,
            descriptors: figure("process_open_fds")?,
            threads: figure("process_threads")?,
            tasks: figure("tokio_alive_tasks")?,
            resident: figure("process_resident_memory_bytes")?,
        })
    }

    /// Resident memory in MiB.
    pub fn resident_mib(&self) -> f64 {
        self.resident / (1024.0 * 1024.0)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} MiB, {} tasks, {} threads, {} descriptors, {} connections, {} requests, \
             {} conversations live, {} parked, {} waiting",
            self.resident_mib(),
            self.tasks,
            self.threads,
            self.descriptors,
            self.connections,
            self.running,
            self.live,
            self.parked,
            self.waiting
        )
    }
}

/// The sum of a figure over those of its labels that `name` leaves open; `None` where there is none.
fn sum(text: &str, name: &str) -> Option<f64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let rest = match rest.strip_prefix('{') {
            Some(labels) => labels.split_once("} ")?.1,
            None => rest.strip_prefix(' ')?,
        };
        rest.split(' ').next()?.parse::<f64>().ok()
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or_default() + value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE codex_proxy_connections gauge\n\
        codex_proxy_connections 3\n\
        codex_proxy_requests_in_flight{route=\"/v1/a b\"} 1\n\
        codex_proxy_requests_in_flight{route=\"/metrics\"} 2\n\
        codex_proxy_threads{state=\"live\"} 5\n\
        codex_proxy_threads{state=\"parked\"} 4\n\
        codex_proxy_threads{state=\"waiting\"} 0\n\
        process_open_fds 30\n\
        process_threads 9\n\
        tokio_alive_tasks 17\n\
        process_resident_memory_bytes 1048576.0\n\
        # EOF\n";

    #[test]
    fn figures_are_read_and_summed_over_their_labels() {
        let figures = Figures::parse(TEXT).unwrap();
        assert!((figures.running - 3.0).abs() < f64::EPSILON);
        assert!((figures.parked - 4.0).abs() < f64::EPSILON);
        assert!((figures.connections - 3.0).abs() < f64::EPSILON);
        assert!(
            figures
                .to_string()
                .starts_with("1.0 MiB, 17 tasks, 9 threads")
        );
    }

    #[test]
    fn a_figure_that_is_missing_is_named() {
        let text = TEXT.replace("tokio_alive", "tokio_dead");
        let error = Figures::parse(&text).unwrap_err().to_string();
        assert_eq!(error, "no tokio_alive_tasks in /metrics");
    }
}
