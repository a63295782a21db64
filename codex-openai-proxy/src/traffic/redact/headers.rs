//! Headers, which tell secrets by their names.

use super::{MASK, names, text, values};
use serde_json::{Map, Value};

/// Headers as text: a line for each, as HTTP/1.1 writes them. So they are handed over for being kept, which
/// is little work while their request waits.
#[must_use]
pub fn head<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    for (name, value) in headers {
        for part in [name.as_bytes(), b": ", value, b"\n"] {
            head.extend_from_slice(part);
        }
    }
    head
}

/// The same as a JSON object of names and values, those that tell secrets masked. The scheme of an
/// `Authorization` stays; headers of the same name become one, as HTTP has it.
pub(super) fn object(head: &str) -> String {
    let mut object = Map::new();
    for line in head.lines() {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        let value = shown(name, value);
        match object.get_mut(name) {
            Some(Value::String(values)) => values.extend([", ", &value]),
            _ => drop(object.insert(name.to_owned(), value.into())),
        }
    }
    Value::Object(object).to_string()
}

fn shown(name: &str, value: &str) -> String {
    if !names::is_secret_header(name) {
        return text::redact(value).into_owned();
    }
    match value.trim().split_once(' ') {
        Some((scheme, _)) if values::is_scheme(scheme) => format!("{scheme} {MASK}"),
        _ => MASK.to_owned(),
    }
}
