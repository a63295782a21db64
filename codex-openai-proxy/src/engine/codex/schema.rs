//! JSON Schemas, as far as the backend's strict mode is concerned.

use serde_json::{Map, Value};

/// Whether the backend's strict mode takes `schema`: every object lists all of its properties as
/// required and allows no others.
///
/// Source: "Supported schemas" in OpenAI's guide to Structured Outputs.
pub fn is_strict(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object") && strict_node(schema)
}

fn strict_node(node: &Value) -> bool {
    match node {
        Value::Object(node) => {
            (!describes_object(node) || closed(node))
                && node
                    .iter()
                    // The values of these are data, not schemas.
                    .filter(|(key, _)| {
                        !matches!(key.as_str(), "enum" | "const" | "default" | "examples")
                    })
                    .all(|(_, child)| strict_node(child))
        }
        Value::Array(children) => children.iter().all(strict_node),
        _ => true,
    }
}

fn describes_object(node: &Map<String, Value>) -> bool {
    match node.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => false,
    }
}

fn closed(node: &Map<String, Value>) -> bool {
    let required: Vec<&str> = node
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let all_required = node
        .get("properties")
        .and_then(Value::as_object)
        .is_none_or(|properties| {
            properties
                .keys()
                .all(|name| required.contains(&name.as_str()))
        });
    node.get("additionalProperties") == Some(&Value::Bool(false)) && all_required
}

#[cfg(test)]
mod tests {
    use super::is_strict;
    use serde_json::json;

    #[test]
    fn closed_objects_are_strict() {
        let point = json!({"type": "object", "properties": {"x": {"type": "number"}},
            "required": ["x"], "additionalProperties": false});
        assert!(is_strict(&point));
        let list = json!({"type": "object", "properties": {"points": {"type": "array", "items": point}},
            "required": ["points"], "additionalProperties": false});
        assert!(is_strict(&list));
    }

    #[test]
    fn open_objects_are_not() {
        assert!(!is_strict(&json!({"type": "object"})));
        assert!(!is_strict(&json!({"type": "array"})));
        assert!(!is_strict(
            &json!({"type": "object", "additionalProperties": false,
            "properties": {"a": {"type": "string"}}})
        ));
        assert!(!is_strict(
            &json!({"type": "object", "additionalProperties": false,
            "required": ["a"], "properties": {"a": {"type": ["object", "null"]}}})
        ));
    }

    #[test]
    fn data_is_not_read_as_a_schema() {
        assert!(is_strict(
            &json!({"type": "object", "additionalProperties": false,
            "required": ["a"], "properties": {"a": {"enum": [{"type": "object"}]}}})
        ));
    }
}
