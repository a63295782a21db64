//! References within a schema: which of them codex-core keeps whole.

use super::COMPOSITIONS;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashSet};

/// The tables of definitions. Core drops from those at the root what nothing that it keeps refers
/// to.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// The references of a schema.
pub struct References {
    /// Those that lead to something, and to something that core keeps.
    holding: HashSet<String>,
    /// Definitions that are referred to where core does not look.
    mentioned: Vec<Definition>,
}

/// A definition at the root: its table and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Definition(&'static str, String);

impl References {
    /// Finds those of `schema`, as its author wrote it.
    pub fn of(schema: &Value) -> Self {
        let mut holding = HashSet::new();
        visit(schema, &mut |reference| {
            if !holding.contains(reference) && holds(schema, reference) {
                holding.insert(reference.to_owned());
            }
        });
        Self {
            holding,
            mentioned: Vec::new(),
        }
    }

    /// Whether core keeps what `reference` leads to.
    pub fn holds(&self, reference: &str) -> bool {
        self.holding.contains(reference)
    }

    /// Notes the references of a keyword that core will not see.
    pub fn mention(&mut self, key: &str, value: &Value) {
        visit_entry(key, value, &mut |reference| {
            self.mentioned.extend(Definition::of(reference));
        });
    }

    /// The definitions that are told of in descriptions and that core drops, in their tables.
    /// `schema` is the rewritten schema.
    pub fn untold_definitions(self, schema: &Value) -> Map<String, Value> {
        let mut tables = Map::new();
        if self.mentioned.is_empty() {
            return tables;
        }
        let mut referred = Vec::new();
        for (key, value) in schema.as_object().into_iter().flatten() {
            if !DEFINITIONS.contains(&key.as_str()) {
                visit_entry(key, value, &mut |reference| {
                    referred.extend(Definition::of(reference));
                });
            }
        }
        let kept = reachable(schema, referred);
        for definition in reachable(schema, self.mentioned).difference(&kept) {
            let Definition(table, name) = definition;
            let table = tables
                .entry(*table)
                .or_insert_with(|| Value::Object(Map::new()));
            if let (Value::Object(table), Some(value)) = (table, definition.find(schema)) {
                table.insert(name.clone(), value.clone());
            }
        }
        tables
    }
}

impl Definition {
    /// The definition that a reference leads to, or into.
    fn of(reference: &str) -> Option<Self> {
        let mut tokens = tokens(reference)?.into_iter();
        let table = tokens.next()?;
        let table = DEFINITIONS.into_iter().find(|known| *known == table)?;
        Some(Self(table, tokens.next()?))
    }

    fn find<'a>(&self, schema: &'a Value) -> Option<&'a Value> {
        schema.get(self.0)?.get(&self.1)
    }
}

/// `definitions`, and those that they refer to.
fn reachable(schema: &Value, definitions: Vec<Definition>) -> BTreeSet<Definition> {
    let mut found = BTreeSet::new();
    let mut pending = definitions;
    while let Some(definition) = pending.pop() {
        let Some(value) = definition.find(schema) else {
            continue;
        };
        if found.insert(definition) {
            visit(value, &mut |reference| {
                pending.extend(Definition::of(reference));
            });
        }
    }
    found
}

/// Calls `visitor` with each reference in `value`.
fn visit(value: &Value, visitor: &mut impl FnMut(&str)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                visit_entry(key, value, visitor);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| visit(value, visitor)),
        _ => {}
    }
}

fn visit_entry(key: &str, value: &Value, visitor: &mut impl FnMut(&str)) {
    match value {
        Value::String(reference) if key == "$ref" => visitor(reference),
        value => visit(value, visitor),
    }
}

/// The steps of a reference into the same document. Source: RFC 6901, section 6.
fn tokens(reference: &str) -> Option<Vec<String>> {
    let pointer = percent_decode_str(reference.strip_prefix('#')?).decode_utf8();
    let pointer = pointer.ok()?;
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let tokens = pointer.strip_prefix('/')?.split('/');
    Some(
        tokens
            .map(|token| token.replace("~1", "/").replace("~0", "~"))
            .collect(),
    )
}

/// Whether `reference` leads to a schema, by keywords alone whose schemas core keeps where they
/// are.
fn holds(schema: &Value, reference: &str) -> bool {
    let Some(tokens) = tokens(reference) else {
        return false;
    };
    let mut tokens = tokens.iter().map(String::as_str);
    let mut node = schema;
    while let Some(keyword) = tokens.next() {
        let child = node.get(keyword);
        let child = match keyword {
            "items" | "additionalProperties" => child,
            "properties" | "$defs" | "definitions" => child
                .and_then(Value::as_object)
                .zip(tokens.next())
                .and_then(|(table, name)| table.get(name)),
            _ if COMPOSITIONS.contains(&keyword) => child
                .and_then(Value::as_array)
                .zip(tokens.next())
                .and_then(|(list, index)| list.get(index.parse::<usize>().ok()?)),
            _ => None,
        };
        match child {
            Some(child) => node = child,
            None => return false,
        }
    }
    node.is_object() || node.is_boolean()
}
