//! Schemas as their authors write them, and what core's own parser makes of them.

use super::{types::ANY, *};
use codex_extension_api::parse_tool_input_schema_without_compaction as parse;
use proptest::{collection::vec, option, prelude::*};

/// What core sends upstream.
fn sent(mut schema: Value) -> Value {
    annotate(&mut schema);
    let once = schema.clone();
    annotate(&mut schema);
    assert_eq!(schema, once, "a second time changes nothing");
    serde_json::to_value(parse(&schema).unwrap()).unwrap()
}

/// What core sends upstream of a property.
fn property(schema: Value) -> Value {
    let mut whole = json!({ "type": "object", "properties": {} });
    whole["properties"]["it"] = schema;
    sent(whole)["properties"]["it"].take()
}

/// The keywords in a node's description.
#[track_caller]
fn told(node: &Value) -> Value {
    let description = node["description"].as_str().unwrap_or_default();
    let (_, keywords) = description.split_once(NOTE).expect("a note");
    serde_json::from_str(keywords).unwrap()
}

#[test]
fn what_core_keeps_stays_as_it_is() {
    let schema = json!({
        "type": "object",
        "description": "Reads a file.",
        "properties": {
            "path": { "type": "string", "description": "Where it is." },
            "mode": { "type": "string", "enum": ["r", "rw"] },
            "lines": { "type": "array", "items": { "type": ["integer", "null"] } },
            "how": { "anyOf": [{ "type": "boolean" }, { "$ref": "#/$defs/how" }] },
            "title": { "type": "object", "properties": {}, "additionalProperties": false },
        },
        "required": ["path"],
        "additionalProperties": { "type": "string" },
        "$defs": { "how": { "type": "string" } },
    });
    let mut annotated = schema.clone();
    annotate(&mut annotated);
    assert_eq!(annotated, schema);
    assert_eq!(sent(schema.clone()), schema);
}

#[test]
fn what_core_drops_is_told_where_it_stood() {
    let node = property(json!({
        "type": "integer", "minimum": 1, "description": "How many.", "default": 5, "maximum": 9,
    }));
    let expected = json!({
        "type": "integer",
        "description": "How many.\n\nJSON Schema: {\"minimum\":1,\"default\":5,\"maximum\":9}",
    });
    assert_eq!(node, expected);
    let node = property(json!({ "type": "string", "pattern": "^\"a\\d$" }));
    let expected = json!({
        "type": "string",
        "description": r#"JSON Schema: {"pattern":"^\"a\\d$"}"#,
    });
    assert_eq!(node, expected);
}

#[test]
fn every_depth_is_reached() {
    let marked = |mark: &str| json!({ "type": "string", "format": mark });
    let schema = sent(json!({
        "type": "object",
        "minProperties": 1,
        "properties": { "list": { "type": "array", "items": {
            "anyOf": [
                { "type": "object", "additionalProperties": marked("deep") },
                { "oneOf": [{ "allOf": [marked("deeper")] }] },
                { "$ref": "#/definitions/it" },
            ],
        } } },
        "definitions": { "it": marked("there") },
    }));
    assert_eq!(told(&schema), json!({ "minProperties": 1 }));
    let choices = &schema["properties"]["list"]["items"]["anyOf"];
    assert_eq!(told(&choices[0]["additionalProperties"])["format"], "deep");
    assert_eq!(
        told(&choices[1]["oneOf"][0]["allOf"][0])["format"],
        "deeper"
    );
    assert_eq!(told(&schema["definitions"]["it"])["format"], "there");
}

#[test]
fn a_description_without_a_type_is_no_longer_lost() {
    let node = property(json!({ "description": "Whatever you like." }));
    assert_eq!(node["description"], "Whatever you like.");
    assert_eq!(node["type"], json!(ANY));
    assert_eq!(node["items"], json!({}));
    assert_eq!(property(json!({})), json!({}));
    assert_eq!(property(json!(true)), json!({}));
    assert_eq!(told(&property(json!(false))), json!({ "not": {} }));
}

#[test]
fn types_are_those_of_the_values() {
    for (schema, expected) in [
        (json!({ "const": 5 }), json!("integer")),
        (json!({ "enum": [1, 2.5] }), json!(["integer", "number"])),
        (json!({ "enum": ["a", null] }), json!(["string", "null"])),
        (json!({ "enum": ["a", "b"] }), json!("string")),
        (json!({ "minLength": 1 }), json!("string")),
        (json!({ "exclusiveMinimum": 0 }), json!("number")),
        (json!({ "uniqueItems": true }), json!("array")),
        (
            json!({ "propertyNames": { "maxLength": 3 } }),
            json!("object"),
        ),
        (json!({ "minLength": 1, "minItems": 1 }), json!(ANY)),
        (json!({ "default": "x" }), json!(ANY)),
        (json!({ "type": "STRING" }), json!("string")),
        (
            json!({ "type": ["Integer", "NULL"] }),
            json!(["integer", "null"]),
        ),
    ] {
        assert_eq!(property(schema.clone())["type"], expected, "{schema}");
    }
    assert_eq!(property(json!({ "const": 5 }))["enum"], json!([5]));
}

#[test]
fn a_type_that_nobody_knows_is_told() {
    let node = property(json!({ "type": "file", "description": "A photo." }));
    assert_eq!(told(&node), json!({ "type": "file" }));
    let node = property(json!({ "type": ["string", "file"] }));
    assert_eq!(told(&node), json!({ "type": ["string", "file"] }));
}

#[test]
fn a_list_of_anything_is_not_made_one_of_strings() {
    assert_eq!(property(json!({ "type": "array" }))["items"], json!({}));
    let nullable = json!({ "type": ["array", "null"], "items": true });
    assert_eq!(property(nullable)["items"], json!({}));
}

#[test]
fn a_tuple_is_a_list_of_its_items_and_told_in_order() {
    let number = json!({ "type": "number" });
    let name = json!({ "type": "string" });
    let both = json!({ "anyOf": [number, name] });
    for tuple in [
        json!({ "type": "array", "prefixItems": [number, name], "items": false }),
        json!({ "type": "array", "items": [number, name, number], "additionalItems": false }),
    ] {
        let node = property(tuple.clone());
        assert_eq!(node["items"], both, "{tuple}");
        let mut expected = tuple;
        expected.as_object_mut().unwrap().remove("type");
        assert_eq!(told(&node), expected);
    }
    let pair = property(json!({ "prefixItems": [number, number], "minItems": 2 }));
    assert_eq!((&pair["type"], &pair["items"]), (&json!("array"), &number));
}

#[test]
fn references_that_core_would_break_are_told_with_what_they_mean() {
    let schema = sent(json!({
        "type": "object",
        "properties": {
            "kept": { "$ref": "#/$defs/tree", "deprecated": true },
            "names": { "type": "object", "patternProperties": {
                "^x-": { "$ref": "#/$defs/value" },
            } },
            "gone": { "$ref": "#/$defs/missing" },
            "far": { "$ref": "https://example.com/schema.json", "description": "Far." },
            "other": { "$ref": "#/components/schemas/Pet" },
            "same": { "$ref": "#/properties/names" },
        },
        "$defs": {
            "tree": { "type": "array", "items": { "$ref": "#/$defs/tree" } },
            "value": { "type": "object", "properties": { "of": { "$ref": "#/$defs/part" } } },
            "part": { "type": "string" },
            "unused": { "type": "string" },
        },
        "components": { "schemas": { "Pet": { "type": "object" } } },
    }));
    let properties = &schema["properties"];
    assert_eq!(properties["kept"]["$ref"], "#/$defs/tree");
    assert_eq!(told(&properties["kept"]), json!({ "deprecated": true }));
    assert_eq!(properties["same"], json!({ "$ref": "#/properties/names" }));
    for (name, reference) in [
        ("gone", "#/$defs/missing"),
        ("far", "https://example.com/schema.json"),
        ("other", "#/components/schemas/Pet"),
    ] {
        assert_eq!(told(&properties[name]), json!({ "$ref": reference }));
        assert_eq!(properties[name].get("$ref"), None);
    }
    let whole = told(&schema);
    assert_eq!(
        whole["components"]["schemas"]["Pet"],
        json!({ "type": "object" })
    );
    let definitions = whole["$defs"].as_object().unwrap();
    assert_eq!(definitions.keys().collect::<Vec<_>>(), ["part", "value"]);
    let kept = schema["$defs"].as_object().unwrap();
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["tree"]);
}

#[test]
fn titles_that_say_nothing_are_not_told() {
    // As pydantic writes the arguments of an MCP server's function.
    let schema = sent(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": "read_pageArguments",
        "properties": {
            "page_url": { "type": "string", "title": "Page Url" },
            "limit": {
                "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "null" }],
                "default": null,
                "title": "The most",
            },
        },
        "required": ["page_url"],
    }));
    assert_eq!(told(&schema), json!({ "title": "read_pageArguments" }));
    let properties = &schema["properties"];
    assert_eq!(properties["page_url"], json!({ "type": "string" }));
    let expected = json!({ "default": null, "title": "The most" });
    assert_eq!(told(&properties["limit"]), expected);
    assert_eq!(
        told(&properties["limit"]["anyOf"][0]),
        json!({ "minimum": 1 })
    );
}

#[test]
fn an_editors_tool_keeps_its_bounds() {
    let schema = sent(json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "todos": {
                "type": "array",
                "minItems": 2,
                "items": {
                    "type": "object",
                    "properties": { "content": { "type": "string", "maxLength": 70 } },
                    "required": ["content"],
                    "additionalProperties": false,
                },
                "description": "What is to be done.",
            },
        },
        "required": ["todos"],
    }));
    assert_eq!(schema.get("description"), None);
    let todos = &schema["properties"]["todos"];
    assert_eq!(told(todos), json!({ "minItems": 2 }));
    let content = &todos["items"]["properties"]["content"];
    assert_eq!(told(content), json!({ "maxLength": 70 }));
    assert_eq!(todos["items"]["additionalProperties"], false);
}

#[test]
fn what_core_would_refuse_is_told_instead() {
    for (key, value) in [
        ("required", json!(true)),
        ("enum", json!("a")),
        ("items", json!("string")),
        ("properties", json!(["a"])),
        ("additionalProperties", json!("string")),
        ("anyOf", json!({ "type": "string" })),
        ("$ref", json!(["#"])),
        ("definitions", json!("none")),
        ("description", json!(["two", "lines"])),
        // Core reads it as a mark of its own.
        ("encrypted", json!(true)),
    ] {
        let mut schema = json!({ "type": "string" });
        schema[key] = value.clone();
        assert_eq!(told(&property(schema))[key], value);
    }
    let schema = sent(json!({
        "type": "object",
        "properties": { "short": "string", "null": null, "list": { "anyOf": ["x"] } },
        "$defs": [],
    }));
    let properties = &schema["properties"];
    assert_eq!(told(&properties["short"]), json!({ "schema": "string" }));
    assert_eq!(told(&properties["null"]), json!({ "schema": null }));
    assert_eq!(
        told(&properties["list"]["anyOf"][0]),
        json!({ "schema": "x" })
    );
    assert_eq!(schema.get("description"), None);
}

#[test]
fn an_empty_table_written_as_a_list_is_one() {
    let schema = sent(json!({ "type": "object", "properties": [] }));
    assert_eq!(schema, json!({ "type": "object", "properties": {} }));
}

/// Schemas of any shape, in which every value that a reader could want to know is `MARK`, to be
/// replaced.
fn schemas() -> impl Strategy<Value = Value> {
    let keyword = prop_oneof![
        Just("description"),
        Just("title"),
        Just("format"),
        Just("default"),
        Just("const"),
        Just("$comment"),
        Just("x-unit"),
        Just("$ref"),
        Just("type"),
        Just("enum"),
        Just("required"),
    ];
    let kind = prop_oneof![
        Just(json!("string")),
        Just(json!("object")),
        Just(json!("array")),
        Just(json!(["integer", "null"])),
    ];
    let leaf = (option::of(kind), vec(keyword, 0..3)).prop_map(|(kind, keywords)| {
        let mut node = Map::new();
        if let Some(kind) = kind {
            node.insert("type".to_owned(), kind);
        }
        for keyword in keywords {
            let value = match keyword {
                "enum" | "required" => json!(["MARK"]),
                _ => json!("MARK"),
            };
            // One value core keeps already.
            if keyword != "enum" || !node.contains_key("const") {
                node.insert(keyword.to_owned(), value);
            }
            if keyword == "const" {
                node.remove("enum");
            }
        }
        Value::Object(node)
    });
    leaf.prop_recursive(4, 24, 4, |inner| {
        let wrapper = prop_oneof![
            Just("items"),
            Just("prefixItems"),
            Just("anyOf"),
            Just("oneOf"),
            Just("allOf"),
            Just("properties"),
            Just("patternProperties"),
            Just("additionalProperties"),
            Just("not"),
        ];
        (inner.clone(), wrapper, vec(inner, 1..3)).prop_map(|(mut node, wrapper, children)| {
            node[wrapper] = match wrapper {
                "items" | "additionalProperties" | "not" => children[0].clone(),
                "properties" | "patternProperties" => {
                    let named = children.into_iter().enumerate();
                    let named = named.map(|(at, child)| (format!("p{at}"), child));
                    Value::Object(named.collect())
                }
                _ => Value::Array(children),
            };
            node
        })
    })
}

/// Makes each mark one of its own, and returns them.
fn number_marks(value: &mut Value, marks: &mut Vec<String>) {
    match value {
        Value::String(text) if text == "MARK" => {
            *text = format!("mark{}.", marks.len());
            marks.push(text.clone());
        }
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| number_marks(value, marks)),
        Value::Object(map) => map
            .values_mut()
            .for_each(|value| number_marks(value, marks)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn nothing_is_lost(inner in schemas()) {
        let mut schema = json!({ "type": "object", "properties": { "it": inner } });
        let mut marks = Vec::new();
        number_marks(&mut schema, &mut marks);
        let sent = sent(schema).to_string();
        for mark in marks {
            prop_assert!(sent.contains(&mark), "{mark} is not in {sent}");
        }
    }
}
