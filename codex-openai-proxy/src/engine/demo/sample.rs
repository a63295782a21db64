//! Makes a value that a JSON Schema allows: arguments of a tool call, or a structured answer.

use serde_json::{Map, Value, json};

/// How deep schemas are followed. One may contain itself; nobody reads a demo deeper than this.
const MAX_DEPTH: usize = 8;

/// A plausible value for `schema`: required properties only, strings filled with `text`.
///
/// The same schema and text always give the same value.
pub(super) fn value(schema: &Value, text: &str) -> Value {
    let sampler = Sampler { root: schema, text };
    sampler.value(schema, MAX_DEPTH)
}

struct Sampler<'a> {
    /// Where `$ref`s point into.
    root: &'a Value,
    text: &'a str,
}

impl Sampler<'_> {
    fn value(&self, schema: &Value, depth: usize) -> Value {
        if depth == 0 {
            return Value::Null;
        }
        if let Some(target) = self.reference(schema) {
            return self.value(target, depth - 1);
        }
        for keyword in ["const", "default"] {
            if let Some(value) = schema.get(keyword) {
                return value.clone();
            }
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.choice(values);
        }
        for keyword in ["anyOf", "oneOf", "allOf"] {
            if let Some(first) = schema[keyword].as_array().and_then(|all| all.first()) {
                return self.value(first, depth - 1);
            }
        }
        match type_of(schema) {
            Some("object") => self.object(schema, depth),
            Some("array") => {
                let count = usize::try_from(schema["minItems"].as_u64().unwrap_or(1)).unwrap_or(1);
                let item = self.value(&schema["items"], depth - 1);
                Value::Array(vec![item; count.clamp(1, MAX_DEPTH)])
            }
            Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(1)),
            Some("number") => schema.get("minimum").cloned().unwrap_or(json!(1.5)),
            Some("boolean") => json!(true),
            Some("null") => Value::Null,
            _ => json!(self.text),
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
        let fields = required.iter().filter_map(Value::as_str).map(|name| {
            let property = &schema["properties"][name];
            (name.to_owned(), self.value(property, depth - 1))
        });
        Value::Object(fields.collect::<Map<_, _>>())
    }

    /// The allowed value that the text mentions, else the first.
    fn choice(&self, values: &[Value]) -> Value {
        let text = self.text.to_lowercase();
        let mentioned = |value: &&Value| {
            let word = value.as_str().unwrap_or_default();
            !word.is_empty() && text.contains(&word.to_lowercase())
        };
        values
            .iter()
            .find(mentioned)
            .or(values.first())
            .cloned()
            .unwrap_or_default()
    }

    fn reference(&self, schema: &Value) -> Option<&Value> {
        let pointer = schema["$ref"].as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }
}

/// The schema's type, or the first one where it has several; an object where it has properties.
fn type_of(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(name) => Some(name),
        Value::Array(names) => names.first().and_then(Value::as_str),
        _ if schema["properties"].is_object() => Some("object"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_required_properties_and_leaves_the_rest() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": { "type": "string" },
                "unit": { "enum": ["celsius", "fahrenheit"] },
                "days": { "type": "integer", "minimum": 3 },
                "ratio": { "type": "number" },
                "exact": { "type": "boolean" },
                "tags": { "type": "array", "items": { "type": "string" } },
                "note": { "type": ["string", "null"] },
                "extra": { "type": "string" },
            },
            "required": ["city", "unit", "days", "ratio", "exact", "tags", "note"],
        });
        assert_eq!(
            value(&schema, "Paris, in Fahrenheit"),
            json!({
                "city": "Paris, in Fahrenheit",
                "unit": "fahrenheit",
                "days": 3,
                "ratio": 1.5,
                "exact": true,
                "tags": ["Paris, in Fahrenheit"],
                "note": "Paris, in Fahrenheit",
            })
        );
    }

    #[test]
    fn follows_references_and_first_alternatives() {
        let schema = json!({
            "properties": {
                "where": { "$ref": "#/$defs/Place" },
                "when": { "anyOf": [{ "const": "now" }, { "type": "null" }] },
            },
            "required": ["where", "when"],
            "$defs": {
                "Place": {
                    "type": "object",
                    "properties": { "name": { "type": "string" } },
                    "required": ["name"],
                },
            },
        });
        assert_eq!(
            value(&schema, "home"),
            json!({ "where": { "name": "home" }, "when": "now" })
        );
    }

    #[test]
    fn stops_in_a_schema_that_contains_itself() {
        let schema = json!({
            "type": "object",
            "properties": { "next": { "$ref": "#" } },
            "required": ["next"],
        });
        let mut depth = 0;
        let mut sample = &value(&schema, "x");
        while let Some(next) = sample.get("next") {
            depth += 1;
            sample = next;
        }
        assert!((1..=MAX_DEPTH).contains(&depth), "{depth}");
    }

    #[test]
    fn a_schema_that_says_nothing_gets_the_text() {
        assert_eq!(value(&Value::Null, "x"), json!("x"));
        assert_eq!(value(&json!({ "type": "object" }), "x"), json!({}));
    }
}
