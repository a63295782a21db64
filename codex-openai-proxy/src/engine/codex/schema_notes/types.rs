//! The types of a schema, told in such a way that codex-core reads them right.

use super::COMPOSITIONS;
use serde_json::{Map, Value, json};

/// The types of JSON Schema.
const TYPES: [&str; 7] = [
    "string", "number", "boolean", "integer", "object", "array", "null",
];

/// Any type, with none named twice: a number may be an integer.
pub const ANY: [&str; 6] = ["string", "number", "boolean", "object", "array", "null"];

/// Keywords that concern values of one type only, and so tell the type where it is not told.
const HINTS: [(&str, &[&str]); 4] = [
    (
        "string",
        &[
            "pattern",
            "format",
            "minLength",
            "maxLength",
            "contentEncoding",
            "contentMediaType",
            "contentSchema",
        ],
    ),
    (
        "number",
        &[
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
        ],
    ),
    (
        "array",
        &[
            "additionalItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "minContains",
            "maxContains",
            "unevaluatedItems",
        ],
    ),
    (
        "object",
        &[
            "minProperties",
            "maxProperties",
            "patternProperties",
            "propertyNames",
            "dependencies",
            "dependentRequired",
            "dependentSchemas",
            "unevaluatedProperties",
        ],
    ),
];

/// Names the type where core would guess it wrong, or would drop the node because it finds nothing
/// to guess from.
pub fn tell_type(kept: &mut Map<String, Value>, lost: &Map<String, Value>) {
    let has = |keys: &[&str]| keys.iter().any(|key| kept.contains_key(*key));
    if has(&["type", "$ref"]) || has(&COMPOSITIONS) {
        return;
    }
    let listed = match (kept.get("const"), kept.get("enum")) {
        (Some(value), _) => std::slice::from_ref(value),
        (None, Some(Value::Array(values))) => values.as_slice(),
        _ => &[],
    };
    let types = if !listed.is_empty() {
        if listed.iter().all(Value::is_string) {
            return;
        }
        types_of(listed)
    } else if has(&[
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
    ]) {
        return;
    } else {
        let mut hinted = HINTS
            .iter()
            .filter(|(_, keys)| keys.iter().any(|key| lost.contains_key(*key)))
            .map(|(kind, _)| *kind);
        match (hinted.next(), hinted.next()) {
            (Some(kind), None) => vec![kind],
            _ if kept.is_empty() && lost.is_empty() => return,
            _ => ANY.to_vec(),
        }
    };
    let types = match types.as_slice() {
        [one] => json!(one),
        several => json!(several),
    };
    kept.insert("type".to_owned(), types);
}

/// Whether a value of the type `name` may stand there.
pub fn has_type(node: &Map<String, Value>, name: &str) -> bool {
    match node.get("type") {
        Some(Value::Array(types)) => types.iter().any(|kind| kind == name),
        Some(kind) => kind == name,
        None => false,
    }
}

/// The types of `values`, each once.
fn types_of(values: &[Value]) -> Vec<&'static str> {
    let mut types = Vec::new();
    for value in values {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    types
}

/// A `type` in JSON Schema's own spelling, since some write types in capitals. `None` if any is
/// none of JSON Schema's: core would drop it.
pub fn known_types(value: &Value) -> Option<Value> {
    let known = |word: &Value| {
        let word = word.as_str()?;
        let mut types = TYPES.into_iter();
        types.find(|kind| kind.eq_ignore_ascii_case(word))
    };
    match value {
        Value::Array(words) => {
            let types: Option<Vec<_>> = words.iter().map(known).collect();
            types
                .filter(|types| !types.is_empty())
                .map(|types| json!(types))
        }
        word => known(word).map(|kind| json!(kind)),
    }
}
