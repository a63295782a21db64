//! The document at `/openapi.json`: what it says is so, and all of it.

mod replies;
mod sources;

use super::*;
use crate::{
    http::{
        handlers::openapi::DOCUMENT,
        routes::{Access, TABLE},
    },
    traffic::Event,
    turn::conversation::MAX_CONVERSATION_ID,
};
use std::collections::{BTreeMap, BTreeSet};

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

/// What stands at a `$ref`.
fn resolve<'d>(document: &'d Value, reference: &str) -> &'d Value {
    let found = document.pointer(reference.strip_prefix('#').unwrap());
    found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

/// Every value of a member of this name, however deep.
fn every<'v>(value: &'v Value, name: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| every(value, name, found)),
        Value::Object(members) => {
            for (member, value) in members {
                if member == name {
                    found.push(value);
                }
                every(value, name, found);
            }
        }
        _ => {}
    }
}

/// Every operation with its method, and the paths where it is, parameters without their names.
fn operations(document: &Value) -> Vec<(String, Vec<String>, &Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let servers = item.get("servers").unwrap_or(&document["servers"]);
        let servers = servers.as_array().unwrap().iter();
        let paths: Vec<_> = servers
            .map(|server| server["url"].as_str().unwrap().trim_end_matches('/'))
            .map(|prefix| nameless(&format!("{prefix}{path}")))
            .collect();
        for (method, operation) in item.as_object().unwrap() {
            if operation.get("operationId").is_some() {
                operations.push((method.to_uppercase(), paths.clone(), operation));
            }
        }
    }
    operations
}

/// `/models/{*id}` → `/models/{}`.
fn nameless(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        let is_parameter = segment.starts_with('{');
        if is_parameter { "{}" } else { segment }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn the_document_is_for_those_who_may_use_the_api() {
    let service = Service::start_with(key).await;
    let response = service.get("/openapi.json").send().await.unwrap();
    assert_eq!(response.status(), 401);
    let request = service.get("/openapi.json").bearer_auth("secret");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let served: Value = response.json().await.unwrap();
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(served, document());
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document();
    let described: BTreeSet<_> = operations(&document)
        .into_iter()
        .flat_map(|(method, paths, _)| paths.into_iter().map(move |path| (method.clone(), path)))
        .collect();
    let served: BTreeSet<_> = TABLE
        .iter()
        .map(|(method, path, ..)| (method.to_string(), nameless(path)))
        .collect();
    assert_eq!(described, served);
}

#[test]
fn the_keys_that_open_a_route_are_those_that_are_described() {
    let document = document();
    let keys = json!([{"bearer": []}, {"xApiKey": []}, {"apiKey": []}]);
    let mut viewers = keys.clone();
    viewers
        .as_array_mut()
        .unwrap()
        .push(json!({"logSession": []}));
    assert_eq!(document["security"], keys);
    let access: BTreeMap<_, _> = TABLE
        .iter()
        .map(|(_, path, _, access)| (nameless(path), *access))
        .collect();
    for (method, paths, operation) in operations(&document) {
        let described = operation.get("security").unwrap_or(&keys);
        for path in paths {
            let expected = match access[&path] {
                Access::Guarded => &keys,
                Access::Viewer => &viewers,
                Access::Page | Access::Open => &json!([]),
            };
            assert_eq!(described, expected, "{method} {path}");
        }
    }
}

#[test]
fn references_lead_somewhere_and_every_component_is_used() {
    let document = document();
    let mut references = Vec::new();
    every(&document, "$ref", &mut references);
    let used: BTreeSet<_> = references
        .iter()
        .map(|reference| reference.as_str().unwrap())
        .collect();
    for reference in &used {
        resolve(&document, reference);
    }
    for (kind, components) in document["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            let is_used = kind == "securitySchemes" || used.contains(&*reference);
            assert!(is_used, "nobody uses {reference}");
        }
    }
}

#[test]
fn operations_have_names_of_their_own_and_links_lead_to_them() {
    let document = document();
    let operations = operations(&document);
    let names: BTreeSet<_> = operations
        .iter()
        .map(|(.., operation)| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), operations.len());
    let mut links = Vec::new();
    every(&document["paths"], "links", &mut links);
    assert!(!links.is_empty());
    for link in links
        .into_iter()
        .flat_map(|links| links.as_object().unwrap())
    {
        assert!(
            names.contains(link.1["operationId"].as_str().unwrap()),
            "{link:?}"
        );
    }
}

#[test]
fn words_and_bounds_are_those_of_the_code() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let efforts: Vec<_> = Effort::ALL.iter().map(|effort| effort.as_str()).collect();
    let mut words = schemas["Effort"]["enum"].as_array().unwrap().clone();
    assert_eq!(words.pop(), Some(Value::Null));
    assert_eq!(words, efforts);
    assert_eq!(schemas["LogRecordType"]["enum"], json!(Event::TYPES));
    assert_eq!(
        schemas["ConversationName"]["maxLength"],
        MAX_CONVERSATION_ID
    );
}
