//! The results as a text for people.

use super::{
    figures::{Delays, Footprint, Report},
    machine::Machine,
    targets::{Bound, Target},
};
use std::fmt::Write;

/// All of it: one line per subject and phase, then throughput, memory, failures and targets.
pub fn table(machine: &Machine, report: &Report, targets: &[Target]) -> String {
    let mut text = format!(
        "{} × {}, {} MiB, Linux {}{}\n",
        machine.cpus,
        machine.model,
        machine.memory_mib,
        machine.kernel,
        if machine.optimised {
            ""
        } else {
            " (proxy-bench without optimisation: the figures mean little)"
        }
    );
    text += &delays(report);
    text += &speeds(report);
    text += &footprints(report);
    text += &failures(report);
    text += &judged(targets);
    text
}

fn delays(report: &Report) -> String {
    let mut rows = vec![
        [
            "subject",
            "streams",
            "replies",
            "ttft p50",
            "p99",
            "added",
            "p99",
            "chunk p50",
            "p99",
            "added",
            "p99",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for (subject, figures) in &report.rows {
        // The chunks of this row are those of another: see `Figures::delays`.
        let alone = Delays {
            chunk_us_p50: None,
            chunk_us_p99: None,
            added_chunk_us_p50: None,
            added_chunk_us_p99: None,
            ..figures.delays
        };
        let levels = figures
            .concurrency
            .iter()
            .map(|(streams, delays)| (streams.to_string(), *delays));
        for (streams, delays) in [("short".to_owned(), alone)].into_iter().chain(levels) {
            if delays.replies == 0 {
                continue;
            }
            rows.push(vec![
                subject.name.clone(),
                streams,
                delays.replies.to_string(),
                number(delays.ttft_us_p50),
                number(delays.ttft_us_p99),
                number(delays.added_ttft_us_p50),
                number(delays.added_ttft_us_p99),
                number(delays.chunk_us_p50),
                number(delays.chunk_us_p99),
                number(delays.added_chunk_us_p50),
                number(delays.added_chunk_us_p99),
            ]);
        }
    }
    format!(
        "\nFirst token and delay per chunk, µs; \"short\" is short replies one at a time\n{}",
        columns(&rows)
    )
}

fn speeds(report: &Report) -> String {
    let mut rows = vec![
        ["subject", "replies/s", "CPU µs/reply"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (subject, figures) in report.rows.iter().filter(|(_, row)| row.rps.is_some()) {
        rows.push(vec![
            subject.name.clone(),
            number(figures.rps),
            number(figures.cpu_us_per_reply),
        ]);
    }
    let cost = number(report.log_cost_percent());
    format!(
        "\nWhole replies at full speed\n{}log channel and metrics cost {cost} %\n",
        columns(&rows)
    )
}

fn footprints(report: &Report) -> String {
    let mut rows = vec![
        ["process", "start ms", "at rest", "1,000 streams", "after"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (name, footprint) in [("bridge", &report.bridge), ("codex", &report.codex)] {
        if *footprint != Footprint::default() {
            rows.push(vec![
                name.to_owned(),
                number(footprint.start_ms),
                number(footprint.rss_mib_idle),
                number(footprint.rss_mib_1000_streams),
                number(footprint.rss_mib_after),
            ]);
        }
    }
    format!("\nThe product's processes, MiB\n{}", columns(&rows))
}

fn failures(report: &Report) -> String {
    let mut text = String::new();
    for (subject, figures) in &report.rows {
        for (failure, count) in &figures.failures {
            // Writing to a string does not fail.
            let _ = writeln!(text, "FAILED {}: {count} × {failure}", subject.name);
        }
    }
    if report.failed > 0 {
        let _ = writeln!(text, "FAILED while memory was looked at: {}", report.failed);
    }
    if text.is_empty() {
        text
    } else {
        format!("\n{text}")
    }
}

fn judged(targets: &[Target]) -> String {
    let mut rows = vec![
        ["target", "limit", "measured", ""]
            .map(str::to_owned)
            .to_vec(),
    ];
    for target in targets {
        let sign = match target.bound {
            Bound::AtMost => "≤",
            Bound::AtLeast => "≥",
        };
        let measured = target
            .measured
            .map(|measured| format!("{measured} {}", target.unit));
        rows.push(vec![
            target.name.clone(),
            format!("{sign} {} {}", target.limit, target.unit),
            measured.unwrap_or_else(|| "–".to_owned()),
            match target.met {
                Some(true) => "met",
                Some(false) => "NOT MET",
                None => "not measured",
            }
            .to_owned(),
        ]);
    }
    format!("\n{}", columns(&rows))
}

/// A figure, or a dash where there is none.
fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}"))
}

/// Lines of equal columns: the first to the left, the others to the right.
fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let _ = if column == 0 {
                write!(line, "{cell:<width$}")
            } else {
                write!(line, "  {cell:>width$}")
            };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "µs", "x"], ["long", "12345", ""]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(columns(&rows), "a        µs  x\nlong  12345\n");
    }

    #[test]
    fn targets_tell_whether_they_were_met() {
        let target = |measured: Option<f64>, met| Target {
            name: "start".to_owned(),
            bound: Bound::AtMost,
            limit: 300.0,
            unit: "ms",
            measured,
            met,
        };
        let text = judged(&[
            target(Some(41.5), Some(true)),
            target(Some(301.0), Some(false)),
            target(None, None),
        ]);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert!(lines[0].contains("≤ 300 ms") && lines[0].ends_with("41.5 ms           met"));
        assert!(lines[1].ends_with("NOT MET"));
        assert!(lines[2].contains('–') && lines[2].ends_with("not measured"));
    }
}
