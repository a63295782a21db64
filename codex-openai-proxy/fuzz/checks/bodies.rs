//! Requests that pass: the first line is the provider's name for the model, the rest is the body.

use super::{members, requests::split_line};
use bytes::Bytes;
use codex_openai_proxy::wire::{
    peek::{Peek, Shape},
    request::RequestBody,
};
use serde_json::Value;

/// Our own fields, which no provider gets.
const OURS: [&str; 2] = ["conversation_id", "x_codex"];

/// Looks at a body, and changes it for a provider.
///
/// # Panics
///
/// Something else changes than the model and our own fields, or a look sees something else than a
/// reader.
pub fn check(data: &[u8]) {
    let (model, body) = split_line(data);
    let model = String::from_utf8_lossy(model);
    let body = Bytes::copy_from_slice(body);
    let read = RequestBody::parse(&body, None);
    let peek = match Peek::of(&body) {
        Ok(peek) => peek,
        Err(error) => {
            assert!(read.is_err(), "a body that only one can read: {error}");
            return;
        }
    };
    if let Ok(read) = &read {
        looks_alike(&peek, read);
    }
    // Nothing that they are used for may fail.
    let _ = peek.tools();
    peek.entries().said().for_each(drop);

    let sent = members::of(&body).unwrap_or_default();
    let written = peek.rewrite(&body, &model);
    let Some(written) = members::of(&written) else {
        panic!("no object: {}", String::from_utf8_lossy(&written));
    };
    let place = sent.iter().position(|(name, _)| name == "model");
    let mut expected: Vec<(&str, Value)> = Vec::new();
    if place.is_none() {
        expected.push(("model", Value::from(&*model)));
    }
    for (name, value) in &sent {
        match name.as_str() {
            "model" => expected.push(("model", Value::from(&*model))),
            ours if OURS.contains(&ours) => {}
            // Not a byte of it changes.
            name => expected.push((name, value.get().into())),
        }
    }
    let written = written.iter().map(|(name, value)| match name.as_str() {
        "model" => (
            "model",
            serde_json::from_str(value.get()).unwrap_or_default(),
        ),
        name => (name, value.get().into()),
    });
    assert_eq!(written.collect::<Vec<_>>(), expected);
}

/// A look tells the same as reading all of it.
fn looks_alike(peek: &Peek<'_>, read: &RequestBody) {
    let common = read.common();
    assert_eq!(peek.model.as_deref(), Some(common.model.as_str()));
    assert_eq!(peek.stream, common.stream);
    assert_eq!(peek.entries().count, read.entries());
    let shape = match read {
        RequestBody::Chat(_) => Shape::Chat,
        RequestBody::Responses(_) => Shape::Responses,
    };
    assert_eq!(peek.shape, shape);
    if let RequestBody::Responses(read) = read {
        assert_eq!(
            peek.previous_response_id.as_deref(),
            read.previous_response_id.as_deref()
        );
        assert_eq!(peek.background, read.background);
    }
}
