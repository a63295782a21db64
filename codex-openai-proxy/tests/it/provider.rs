//! A fake HTTP provider, and a proxy that knows it by its configuration.

mod chat;
mod script;
mod setup;

pub use chat::{Call, ChatReply};
pub use script::Script;
pub use setup::Setup;

use crate::upstream::Upstream;
use serde_json::{Value, json};
use std::ops::Deref;

/// A fake provider; it stops when dropped. Acts as the [`Upstream`] that it is.
pub struct Provider {
    upstream: Upstream,
    wire_api: &'static str,
}

impl Provider {
    /// One that speaks Chat Completions.
    pub async fn chat() -> Self {
        Self::start("chat").await
    }

    /// One that speaks Responses.
    pub async fn responses() -> Self {
        Self::start("responses").await
    }

    /// One that speaks this.
    pub async fn start(wire_api: &'static str) -> Self {
        Self {
            upstream: Upstream::start().await,
            wire_api,
        }
    }

    /// Says the same to everyone, in the form that is asked for.
    pub fn says(&self, script: Script) {
        let wire_api = self.wire_api;
        self.otherwise(move |seen| script.reply(wire_api, seen));
    }

    /// What it speaks, in the configuration's words.
    pub fn wire_api(&self) -> &'static str {
        self.wire_api
    }
}

impl Deref for Provider {
    type Target = Upstream;

    fn deref(&self) -> &Upstream {
        &self.upstream
    }
}

/// A request of Chat Completions that says `text`.
pub fn chat(model: &str, text: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": text }] })
}

/// A request of Responses that says `text`.
pub fn responses(model: &str, text: &str) -> Value {
    json!({ "model": model, "input": text })
}

/// The same with more fields.
pub fn with(mut body: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        panic!("fields: {fields}")
    };
    body.as_object_mut().expect("an object").extend(fields);
    body
}

/// Asserts that `actual` has every field of `expected`; more is fine. Lists are as long as expected.
#[track_caller]
pub fn covers(actual: &Value, expected: &Value) {
    match (actual, expected) {
        (_, Value::Object(fields)) => {
            for (name, value) in fields {
                covers(&actual[name], value);
            }
        }
        (Value::Array(actual), Value::Array(expected)) if actual.len() == expected.len() => {
            for (actual, expected) in actual.iter().zip(expected) {
                covers(actual, expected);
            }
        }
        _ => assert_eq!(actual, expected),
    }
}
