//! Reads what scrapers get, and holds it to the rules of the form.

use crate::metrics::Form;
use std::collections::{BTreeMap, HashSet};

/// The samples of one answer, by name and labels as they are written.
pub(crate) struct Samples(BTreeMap<String, f64>);

/// A family, while its samples are read.
#[derive(Default)]
struct Family {
    name: String,
    kind: String,
    /// The last bucket of each set of labels: its bound and its count.
    buckets: BTreeMap<String, (f64, f64)>,
    /// The count of all buckets, by the other labels.
    counts: BTreeMap<String, f64>,
}

impl Samples {
    /// Reads `text`, which must be well-formed.
    pub(crate) fn read(text: &str, form: Form) -> Self {
        let mut samples = BTreeMap::new();
        let mut seen = HashSet::new();
        let mut family = Family::default();
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut lines: Vec<&str> = text.lines().collect();
        if form == Form::OpenMetrics {
            assert_eq!(lines.pop(), Some("# EOF"));
        }
        for line in lines {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(help.ends_with('.') && help.len() > 1, "{line}");
                assert!(seen.insert(name.to_owned()), "{name} comes twice");
                family = Family {
                    name: name.to_owned(),
                    ..Family::default()
                };
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, family.name, "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                kind.clone_into(&mut family.kind);
            } else if let Some(unit) = line.strip_prefix("# UNIT ") {
                assert_eq!(form, Form::OpenMetrics, "{line}");
                let (name, unit) = unit.split_once(' ').unwrap();
                assert_eq!(name, family.name, "{line}");
                assert!(name.ends_with(&format!("_{unit}")), "{line}");
            } else {
                let (key, value) = line.rsplit_once(' ').unwrap();
                let value: f64 = value.parse().unwrap();
                family.check(key, value, form);
                let before = samples.insert(key.to_owned(), value);
                assert_eq!(before, None, "{line}");
            }
        }
        Self(samples)
    }

    /// One sample, such as `requests_total{route="models"}`; 0 where there is none.
    pub(crate) fn get(&self, key: &str) -> f64 {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// The sum of those samples whose names and labels hold all of these.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let of = |key: &str| {
            let (found, rest) = key.split_once('{').unwrap_or((key, ""));
            found == name && labels.iter().all(|label| rest.contains(label))
        };
        self.0
            .iter()
            .filter(|(key, _)| of(key))
            .map(|(_, value)| value)
            .sum()
    }

    /// The values of a label, over all samples.
    pub(crate) fn values(&self, label: &str) -> HashSet<String> {
        let begin = format!("{label}=\"");
        self.0
            .keys()
            .filter_map(|key| key.split_once(&begin)?.1.split('"').next())
            .map(str::to_owned)
            .collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Family {
    fn check(&mut self, key: &str, value: f64, form: Form) {
        let (name, labels) = match key.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (key, ""),
        };
        let pairs = pairs(labels);
        let suffix = name.strip_prefix(&self.name);
        let suffix = suffix.unwrap_or_else(|| panic!("{key} is none of {}", self.name));
        match (self.kind.as_str(), form) {
            ("counter", Form::OpenMetrics) => assert_eq!(suffix, "_total", "{key}"),
            ("counter", Form::Text) => assert!(suffix.is_empty() && name.ends_with("_total")),
            ("gauge", _) => assert_eq!(suffix, "", "{key}"),
            ("histogram", _) => self.check_histogram(suffix, &pairs, value),
            (kind, _) => panic!("{key} is of the kind {kind:?}"),
        }
        assert!(self.kind == "gauge" || value >= 0.0, "{key}");
    }

    fn check_histogram(&mut self, suffix: &str, pairs: &[(String, String)], value: f64) {
        let others: Vec<_> = pairs.iter().filter(|(name, _)| name != "le").collect();
        let others = format!("{others:?}");
        match suffix {
            "_sum" => {}
            "_count" => {
                self.counts.insert(others, value);
            }
            "_bucket" => {
                let bound = &pairs.iter().find(|(name, _)| name == "le").unwrap().1;
                let bound: f64 = bound.replace("+Inf", "inf").parse().unwrap();
                if bound.is_infinite() {
                    let count = self.counts.get(&others).copied();
                    assert_eq!(count, Some(value), "{self:?}");
                }
                let last = self.buckets.insert(others, (bound, value));
                let (last_bound, last_value) = last.unwrap_or((f64::NEG_INFINITY, 0.0));
                assert!(bound > last_bound && value >= last_value, "{self:?}");
            }
            _ => panic!("{suffix} is no part of a histogram"),
        }
    }
}

impl std::fmt::Debug for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {:?}", self.kind, self.name, self.buckets)
    }
}

/// The labels of a sample, taken apart.
fn pairs(mut labels: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    while !labels.is_empty() {
        let (name, rest) = labels.split_once("=\"").unwrap();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        assert!(name.bytes().all(is_name), "{labels}");
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at + 1,
                (_, '\\') => {
                    let (_, escaped) = chars.next().unwrap();
                    assert!(['\\', '"', 'n'].contains(&escaped), "{labels}");
                    value.push(escaped);
                }
                (_, char) => value.push(char),
            }
        };
        pairs.push((name.to_owned(), value));
        let rest = &rest[end..];
        labels = rest.strip_prefix(',').unwrap_or(rest);
        assert!(rest.is_empty() || rest.starts_with(','), "{rest}");
    }
    pairs
}
