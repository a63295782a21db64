//! How much a stream of Responses can say at most, from what its events repeat.

use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// The lengths of what the provider said, by the position of the item.
#[derive(Debug, Default)]
pub struct MostSaid {
    items: HashMap<u64, Item>,
    /// The ends of items, and their beginnings, by the position.
    told: HashSet<(bool, u64)>,
}

/// What is known of one item.
#[derive(Debug, Default)]
struct Item {
    message: Source,
    summary: Source,
    raw: Source,
}

/// What was said of a text, part by part, in each of the ways to say it: in fragments, as a text, in the
/// item, in the response.
#[derive(Debug, Default)]
struct Source(HashMap<u64, [usize; 4]>);

impl MostSaid {
    /// Reads the events of a stream. `None` where one of them is no JSON or leaves its place out, two items
    /// have the same, or more comes of what was whole: then nothing can be told.
    pub fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut most = Self::default();
        for line in lines.filter(|line| !line.trim().is_empty()) {
            most.read(&serde_json::from_str(line).ok()?)?;
        }
        Some(most)
    }

    /// The longest that the answer may be, in bytes.
    pub fn text(&self) -> usize {
        self.items.values().map(|item| item.message.most()).sum()
    }

    /// The longest that the reasoning may be: summary and raw thought say the same.
    pub fn reasoning(&self) -> usize {
        let most = |item: &Item| item.summary.most().max(item.raw.most());
        self.items.values().map(most).sum()
    }

    fn read(&mut self, event: &Value) -> Option<()> {
        let kind = event["type"].as_str().unwrap_or_default();
        let kind = kind.strip_prefix("response.").unwrap_or_default();
        let place = || event["output_index"].as_u64();
        let (what, step) = kind.rsplit_once('.').unwrap_or_default();
        let (text, part): (fn(&mut Item) -> &mut Source, _) = match what {
            "output_text" | "refusal" => (|item| &mut item.message, "content_index"),
            "reasoning_summary_text" => (|item| &mut item.summary, "summary_index"),
            "reasoning_text" => (|item| &mut item.raw, "content_index"),
            "output_item" => {
                let at = place()?;
                let is_end = step == "done";
                // What begins where something is known already is another item.
                let is_first = is_end || !self.items.contains_key(&at);
                let is_new = self.told.insert((is_end, at));
                self.item(at, &event["item"], 2);
                return (is_first && is_new).then_some(());
            }
            _ => {
                let output = event["response"]["output"].as_array();
                for (at, item) in (0..).zip(output.into_iter().flatten()) {
                    self.item(at, item, 3);
                }
                return Some(());
            }
        };
        let part = event[part].as_u64()?;
        let way = usize::from(step != "delta");
        let said = ["delta", "text", "refusal"].map(|name| length(&event[name]));
        let said = said.into_iter().max().unwrap_or(0);
        let text = text(self.items.entry(place()?).or_default());
        let is_late = way == 0 && text.is_whole(part);
        text.add(part, way, said);
        (!is_late).then_some(())
    }

    fn item(&mut self, at: u64, item: &Value, way: usize) {
        let known = self.items.entry(at).or_default();
        known.message.add_all(&item["content"], way);
        known.raw.add_all(&item["content"], way);
        known.summary.add_all(&item["summary"], way);
    }
}

impl Source {
    fn add(&mut self, part: u64, way: usize, length: usize) {
        let known = &mut self.0.entry(part).or_default()[way];
        // Fragments follow each other; what is told as a whole is the same each time.
        *known = if way == 0 {
            *known + length
        } else {
            length.max(*known)
        };
    }

    /// Whether a part was told as a whole.
    fn is_whole(&self, part: u64) -> bool {
        let ways = self.0.get(&part);
        ways.is_some_and(|ways| ways[1..].iter().any(|length| *length > 0))
    }

    /// Adds the parts of a content.
    fn add_all(&mut self, content: &Value, way: usize) {
        match content {
            Value::Array(parts) => {
                for (part, text) in (0..).zip(parts) {
                    let texts = ["text", "refusal"].map(|name| length(&text[name]));
                    let said = texts.into_iter().max().unwrap_or(0);
                    let rest = if said == 0 { length(text) } else { said };
                    self.add(part, way, rest);
                }
            }
            other => self.add(0, way, length(other)),
        }
    }

    fn most(&self) -> usize {
        let most = |ways: &[usize; 4]| ways.iter().copied().max().unwrap_or(0);
        self.0.values().map(most).sum()
    }
}

/// The length of a text, or of whatever stands in its place.
fn length(text: &Value) -> usize {
    match text {
        Value::String(text) => text.len(),
        Value::Null => 0,
        other => other.to_string().len(),
    }
}
