//! Nothing that was planted comes through, whatever stands around it.

use super::{super::text, SHAPED, tells};
use crate::{
    config::KeptBodies,
    traffic::{channel::BodyKind, redact},
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a secret may be assigned with. `@` stands for the secret.
const ASSIGNMENTS: [&str; 18] = [
    "API_KEY=@",
    "export OPENAI_API_KEY=\"@\"",
    "password: @",
    "\"client_secret\": \"@\"",
    "{\"accessToken\":\"@\"}",
    "{\\\"refresh_token\\\": \\\"@\\\"}",
    "apiKey = '@'",
    "X-Api-Key: @",
    "Authorization: Bearer @",
    "Authorization: Basic @",
    "Cookie: session=@",
    "https://h.example/?api_key=@&x=1",
    "https://h.example/x?a=1&sig=@",
    "postgres://user:@@host/db",
    "https://@@h.example/x",
    "AccountKey=@;EndpointSuffix=x",
    "--token @",
    "<secret>@</secret>",
];

/// A secret without a shape: letters and digits.
fn shapeless() -> impl Strategy<Value = String> {
    "[a-z][0-9][A-Z][a-zA-Z0-9]{20,40}"
}

/// Text that does not go on from the secret or into it.
fn around() -> impl Strategy<Value = (String, String)> {
    ("(?s).{0,40}", "(?s).{0,40}").prop_map(|(mut before, mut after)| {
        before.push([' ', '\n', '\t'][before.len() % 3]);
        after.insert(0, [' ', '\n'][after.len() % 2]);
        (before, after)
    })
}

fn shaped() -> impl Strategy<Value = String> {
    prop::sample::select(SHAPED).prop_map(str::to_owned)
}

fn assigned() -> impl Strategy<Value = (String, String)> {
    (prop::sample::select(&ASSIGNMENTS[..]), shapeless())
        .prop_map(|(how, secret)| (how.replacen('@', &secret, 1), secret))
}

/// JSON that holds a string somewhere.
fn around_json(string: String) -> impl Strategy<Value = Value> {
    let leaf = Just(Value::from(string));
    leaf.prop_recursive(5, 8, 1, |inner| {
        prop_oneof![
            (inner.clone(), ".{0,8}").prop_map(|(inner, key)| json!({"a": 1, key: inner})),
            inner.clone().prop_map(|inner| json!([null, inner, "x"])),
            inner
                .clone()
                .prop_map(|inner| json!({"arguments": inner.to_string()})),
            inner.prop_map(|inner| json!([inner.to_string()])),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_shape_survives_in_text(secret in shaped(), (before, after) in around()) {
        let given = format!("{before}{secret}{after}");
        let shown = text(&given);
        prop_assert!(!tells(&shown, &secret), "{given:?}: {shown:?}");
    }

    #[test]
    fn no_assigned_secret_survives_in_text(
        (assignment, secret) in assigned(),
        (before, after) in around(),
    ) {
        let given = format!("{before}{assignment}{after}");
        let shown = text(&given);
        prop_assert!(!shown.contains(&secret), "{given:?}: {shown:?}");
    }

    #[test]
    fn no_secret_survives_in_json(
        (planted, secret) in prop_oneof![
            assigned(),
            shaped().prop_map(|secret| (secret.clone(), secret)),
        ].prop_flat_map(|(planted, secret)| (around_json(planted), Just(secret))),
    ) {
        let given = planted.to_string();
        let kept = redact::body(BodyKind::Request, given.as_bytes(), KeptBodies::Redacted);
        prop_assert!(!tells(&kept.text, &secret), "{given}: {}", kept.text);
        prop_assert!(serde_json::from_str::<Value>(&kept.text).is_ok(), "{given}: {}", kept.text);
    }

    #[test]
    fn values_under_a_secret_name_do_not_survive(
        name in prop::sample::select(&["token", "apiKey", "X-API-KEY", "client_secret", "password"][..]),
        value in "[a-zA-Z ]{8,20}",
    ) {
        let given = json!({"x": [{name: {"y": value.clone()}}, {name: value.clone()}]}).to_string();
        let kept = redact::body(BodyKind::Reply, given.as_bytes(), KeptBodies::Redacted);
        prop_assert!(!kept.text.contains(&value), "{given}: {}", kept.text);
        prop_assert!(serde_json::from_str::<Value>(&kept.text).is_ok());
    }

    #[test]
    fn any_text_is_taken(given in "(?s).{0,200}") {
        let shown = text(&given);
        prop_assert_eq!(text(&shown).into_owned(), shown.into_owned());
    }
}
