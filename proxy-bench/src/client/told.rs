//! What both protocols say alike.

use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// A string, borrowed where nothing in it is escaped. serde would copy a bare `Option<Cow<str>>`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Why a request, or a reply, failed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorObject {
    pub(super) message: String,
    #[serde(rename = "type")]
    kind: Value,
    code: Value,
}

/// The body of a refusal.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) error: ErrorObject,
}

impl ErrorObject {
    /// The code, or the type where there is none.
    pub(super) fn code(&self) -> Option<String> {
        [&self.code, &self.kind]
            .into_iter()
            .find_map(|name| match name {
                Value::String(name) => Some(name.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
    }
}
