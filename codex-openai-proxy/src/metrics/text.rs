//! The forms in which figures are written.

use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    registry::Registry,
};
use std::{collections::HashSet, fmt};

/// A form that scrapers read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `OpenMetrics` 1.0.0: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
    OpenMetrics,
    /// The text form that Prometheus had before:
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.
    Text,
}

impl Form {
    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Writes all of these.
pub(super) fn write(registries: &[&Registry], form: Form) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for registry in registries {
        encode_registry(&mut text, registry)?;
    }
    encode_eof(&mut text)?;
    Ok(match form {
        Form::OpenMetrics => text,
        Form::Text => older(&text),
    })
}

/// The same in the older form: a counter's type and help are told by the name of its sample, which ends
/// in `_total`; units, and the end, are not told.
fn older(text: &str) -> String {
    let described = |line: &str, what: &str| -> Option<(String, String)> {
        let (name, rest) = line.strip_prefix(what)?.split_once(' ')?;
        Some((name.to_owned(), rest.to_owned()))
    };
    let counters: HashSet<String> = text
        .lines()
        .filter_map(|line| described(line, "# TYPE "))
        .filter_map(|(name, kind)| (kind == "counter").then_some(name))
        .collect();
    let mut older = String::with_capacity(text.len());
    for line in text.lines() {
        if line.starts_with("# UNIT ") || line == "# EOF" {
            continue;
        }
        let told = ["# HELP ", "# TYPE "]
            .into_iter()
            .find_map(|what| Some((what, described(line, what)?)));
        match told {
            Some((what, (name, rest))) if counters.contains(&name) => {
                older.extend([what, &name, "_total ", &rest]);
            }
            _ => older.push_str(line),
        }
        older.push('\n');
    }
    older
}
