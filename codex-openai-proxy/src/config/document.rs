//! A TOML file as a tree that knows where everything stands.

use super::{Mistake, error::Place};
use std::path::{Path, PathBuf};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A file that was read, as far as it could be.
pub(super) struct Document {
    /// The file.
    pub(super) path: PathBuf,
    /// What stands in it; what follows a fault is there too.
    pub(super) root: Table,
    /// What is no TOML.
    pub(super) faults: Vec<Mistake>,
}

/// A table, in the order of the file. There may be keys in it, so that nothing shows it whole.
#[derive(Clone, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Where the key stands.
    pub(super) at: Position,
    pub(super) item: Item,
}

/// A value, and where it stands.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) at: Position,
    pub(super) value: Value,
}

/// A value as it was written, in the file or elsewhere.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Switch(bool),
    List(Vec<Item>),
    Table(Table),
    /// What no setting takes, by the name of its type.
    Other(&'static str),
}

/// Where something stands in a file. Both count from 1; columns count characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Position {
    pub(super) fn of(self, file: &Path) -> Place {
        Place {
            file: file.to_owned(),
            line: self.line,
            column: self.column,
        }
    }
}

impl Document {
    /// A file with nothing in it.
    pub(super) fn empty(path: PathBuf) -> Self {
        Self {
            path,
            root: Table::default(),
            faults: Vec::new(),
        }
    }

    /// Reads TOML, which is UTF-8.
    pub(super) fn read(path: PathBuf, bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(path, text),
            Err(error) => {
                let good = &bytes[..error.valid_up_to()];
                let at = Lines::new(&String::from_utf8_lossy(good)).position(good.len());
                let fault = Mistake::of_syntax("has a byte here that is no UTF-8", at.of(&path));
                Self {
                    faults: vec![fault],
                    ..Self::empty(path)
                }
            }
        }
    }

    /// Reads TOML. Goes on behind what is none, so that all faults are told at once.
    fn parse(path: PathBuf, text: &str) -> Self {
        let lines = Lines::new(text);
        let (root, errors) = DeTable::parse_recoverable(text);
        let faults = errors.iter().map(|error| {
            let at = lines.position(error.span().map_or(0, |span| span.start));
            // The message alone: what it is displayed with is the line, which may hold a key.
            Mistake::of_syntax(error.message(), at.of(&path))
        });
        Self {
            faults: faults.collect(),
            root: Table::new(root.get_ref(), &lines),
            path,
        }
    }
}

impl Table {
    fn new(table: &DeTable<'_>, lines: &Lines<'_>) -> Self {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().to_string(),
                at: lines.position(key.span().start),
                item: Item::new(value, lines),
            })
            .collect();
        entries.sort_by_key(|entry| entry.at);
        Self { entries }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// What stands under a key with dots.
    pub(super) fn find(&self, path: &str) -> Option<&Entry> {
        match path.split_once('.') {
            None => self.get(path),
            Some((section, rest)) => self.get(section)?.item.value.as_table()?.find(rest),
        }
    }
}

impl Item {
    fn new(value: &Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Self {
        let at = lines.position(value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Value::Other("number that is too large"), Value::Number),
            DeValue::Boolean(switch) => Value::Switch(*switch),
            DeValue::Array(items) => {
                Value::List(items.iter().map(|item| Self::new(item, lines)).collect())
            }
            DeValue::Table(table) => Value::Table(Table::new(table, lines)),
            DeValue::Float(_) => Value::Other("number with a point"),
            DeValue::Datetime(_) => Value::Other("date or time"),
        };
        Self { at, value }
    }
}

impl Value {
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_table(&self) -> Option<&Table> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Number(_) => "number",
            Self::Switch(_) => "boolean",
            Self::List(_) => "list",
            Self::Table(_) => "table",
            Self::Other(kind) => kind,
        }
    }
}

/// Finds the line of a byte.
struct Lines<'t> {
    text: &'t str,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(after).collect(),
        }
    }

    fn position(&self, byte: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..byte).unwrap_or_default();
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }
}
