//! Keeps what the author of a tool wrote into its schema from being lost on the way upstream.
//!
//! codex-core knows a part of JSON Schema only (`JsonSchema` of its tools crate). It drops the rest,
//! refuses some malformed schemas and reads some gaps as strings. Here, before core sees it, a schema
//! is made into one that says the same in the part that core keeps; what cannot be said in it is
//! written, as JSON, into the description of the node at which it stood.
//!
//! Two things are lost none the less: the order of properties, which core sorts, and what concerns
//! no reader of the schema (`UNTOLD`).

mod references;
#[cfg(test)]
mod tests;
mod types;

use references::References;
use serde_json::{Map, Value, json};
use std::mem;
use types::{has_type, known_types, tell_type};

/// What stands before the keywords in a description.
const NOTE: &str = "JSON Schema: ";

/// Keywords under which core keeps a list of schemas.
const COMPOSITIONS: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// Keywords under which core keeps schemas by name.
const TABLES: [&str; 3] = ["properties", "$defs", "definitions"];

/// Keywords that tell tools apart which dialect a schema is in, or which schema it is. Nothing that
/// a model could obey.
const UNTOLD: [&str; 5] = ["$schema", "$vocabulary", "$id", "$anchor", "$dynamicAnchor"];

/// Rewrites `schema`, the JSON Schema of a tool's arguments, so that core's parser takes it and
/// keeps all that it says. A schema that core keeps as it is stays as it is.
pub fn annotate(schema: &mut Value) {
    let mut notes = Notes {
        references: References::of(schema),
    };
    let mut lost = notes.node(schema, None);
    lost.extend(notes.references.untold_definitions(schema));
    write_note(schema, lost);
}

/// A walk through a schema.
struct Notes {
    references: References,
}

impl Notes {
    /// Rewrites a schema within the schema; `name` is that of the property which it describes.
    fn child(&mut self, schema: &mut Value, name: Option<&str>) {
        let lost = self.node(schema, name);
        write_note(schema, lost);
    }

    /// As [`Self::child`], but returns what core would lose of this very node.
    fn node(&mut self, schema: &mut Value, name: Option<&str>) -> Map<String, Value> {
        let mut lost = Map::new();
        let said = match mem::take(schema) {
            Value::Object(said) => said,
            // Core would read both as strings. `true` takes anything, `false` nothing.
            Value::Bool(true) => Map::new(),
            Value::Bool(false) => {
                lost.insert("not".to_owned(), json!({}));
                Map::new()
            }
            // Core would refuse the tool.
            other => {
                lost.insert("schema".to_owned(), other);
                Map::new()
            }
        };
        let mut kept = Map::with_capacity(said.len());
        let mut tuple = Vec::new();
        for (key, value) in said {
            match self.judge(&key, &value, name) {
                Verdict::Keep => drop(kept.insert(key, value)),
                Verdict::Rewrite(value) => drop(kept.insert(key, value)),
                Verdict::Drop => {}
                Verdict::Tell => {
                    if let ("items" | "prefixItems", Value::Array(items)) = (key.as_str(), &value) {
                        tuple.extend(items.iter().cloned());
                    }
                    self.references.mention(&key, &value);
                    lost.insert(key, value);
                }
            }
        }
        if !tuple.is_empty() {
            join_tuple(tuple, &mut kept, &mut lost);
        }
        tell_type(&mut kept, &lost);
        if has_type(&kept, "array") && !kept.contains_key("items") {
            // Core would make them strings.
            kept.insert("items".to_owned(), json!({}));
        }
        self.children(&mut kept);
        *schema = Value::Object(kept);
        lost
    }

    fn children(&mut self, node: &mut Map<String, Value>) {
        for table in TABLES {
            if let Some(Value::Object(schemas)) = node.get_mut(table) {
                let is_property = table == "properties";
                for (name, schema) in schemas {
                    self.child(schema, is_property.then_some(name));
                }
            }
        }
        for key in COMPOSITIONS {
            if let Some(Value::Array(schemas)) = node.get_mut(key) {
                for schema in schemas {
                    self.child(schema, None);
                }
            }
        }
        if let Some(items) = node.get_mut("items") {
            self.child(items, None);
        }
        if let Some(values @ Value::Object(_)) = node.get_mut("additionalProperties") {
            self.child(values, None);
        }
    }

    /// What becomes of a keyword.
    fn judge(&self, key: &str, value: &Value, name: Option<&str>) -> Verdict {
        let is_kept = match key {
            // Core makes an enumeration of one value of it, also where the value is null.
            "const" => return Verdict::Keep,
            "type" => match known_types(value) {
                Some(known) if known == *value => true,
                Some(known) => return Verdict::Rewrite(known),
                None => false,
            },
            "description" => value.is_string(),
            "enum" => value.is_array(),
            "items" | "additionalProperties" => value.is_object() || value.is_boolean(),
            "required" => {
                matches!(value, Value::Array(names) if names.iter().all(Value::is_string))
            }
            "$ref" => value
                .as_str()
                .is_some_and(|reference| self.references.holds(reference)),
            _ if TABLES.contains(&key) => {
                // An empty table is written as a list in some languages.
                if matches!(value, Value::Array(list) if list.is_empty()) {
                    return Verdict::Drop;
                }
                value.is_object()
            }
            _ if COMPOSITIONS.contains(&key) => value.is_array(),
            _ if UNTOLD.contains(&key) => return Verdict::Drop,
            // Generated: the property's name in other letters.
            "title" if restates(value, name) => return Verdict::Drop,
            _ => return Verdict::Tell,
        };
        match value {
            _ if is_kept => Verdict::Keep,
            // As good as absent, for core too.
            Value::Null => Verdict::Drop,
            _ => Verdict::Tell,
        }
    }
}

/// What becomes of a keyword.
enum Verdict {
    /// Core keeps it.
    Keep,
    /// Core keeps this, which says the same.
    Rewrite(Value),
    /// It says nothing.
    Drop,
    /// It goes into the description.
    Tell,
}

/// Lets the items of a tuple be any of those that it lists, since core knows one schema for all
/// items; the list itself is among what is told.
fn join_tuple(tuple: Vec<Value>, kept: &mut Map<String, Value>, lost: &mut Map<String, Value>) {
    let mut choices: Vec<Value> = Vec::with_capacity(tuple.len());
    let rest = kept.remove("items");
    for schema in tuple.into_iter().chain(rest.clone()) {
        // Nothing more may follow.
        if schema != Value::Bool(false) && !choices.contains(&schema) {
            choices.push(schema);
        }
    }
    if let Some(rest) = rest {
        lost.insert("items".to_owned(), rest);
    }
    let items = match choices.as_mut_slice() {
        [] => json!({}),
        [one] => one.take(),
        several => json!({ "anyOf": several }),
    };
    kept.insert("items".to_owned(), items);
}

/// Whether a title is no more than the property's name in other letters.
fn restates(title: &Value, name: Option<&str>) -> bool {
    let letters = |text: &str| -> String {
        let letters = text.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    match (title, name) {
        (Value::String(title), Some(name)) => letters(title) == letters(name),
        _ => false,
    }
}

/// Writes what core would lose into the description.
fn write_note(schema: &mut Value, lost: Map<String, Value>) {
    let Value::Object(schema) = schema else {
        return;
    };
    if lost.is_empty() {
        return;
    }
    let keywords = Value::Object(lost);
    match schema.get_mut("description") {
        Some(Value::String(description)) if !description.is_empty() => {
            *description = format!("{description}\n\n{NOTE}{keywords}");
        }
        _ => {
            let note = format!("{NOTE}{keywords}");
            schema.insert("description".to_owned(), note.into());
        }
    }
}
