//! Takes secrets and images out of what the log channel keeps.
//!
//! Three things give a secret away: the name that it is stored under (`names`), its own shape
//! (`shapes`), and what it is written behind (`values`). JSON is walked value by value
//! (`json`), strings that hold JSON included; everything else is searched as text (`text`).
//! All of it takes linear time, whatever the input.

mod headers;
mod json;
mod media;
mod names;
mod pairs;
mod pem;
mod shapes;
mod text;
mod values;
mod words;

pub use headers::head;

use super::channel::BodyKind;
use crate::config::KeptBodies;
use serde::Serialize;
use std::{borrow::Cow, iter};

/// What stands in place of a secret.
pub const MASK: &str = "[redacted]";

/// The longest text of a body that is kept, in bytes.
const MAX_TEXT: usize = 8 * 1024 * 1024;

/// A body as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it says.
    pub text: String,
    /// What was done to it.
    pub form: Form,
    /// Whether its end is missing, because it was too long.
    pub truncated: bool,
}

/// What was done to a body before it was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Secrets are masked, images replaced.
    Redacted,
    /// Nothing.
    Full,
}

impl Form {
    /// The word for it, as in its JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redacted => "redacted",
            Self::Full => "full",
        }
    }
}

/// A body in the form in which it is kept, at most 8 MiB of it. Headers, given as [`head`], are redacted
/// in any case.
///
/// Bytes that are no UTF-8 become U+FFFD. A redacted body that was JSON stays JSON unless it is
/// truncated. A secret that a stream brings in several pieces is not found, so streams should be
/// kept in full or not at all.
#[must_use]
pub fn body(kind: BodyKind, bytes: &[u8], how: KeptBodies) -> Kept {
    // Nearly always it is text, which is known sooner than what to replace.
    let body = str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    let form = match how {
        KeptBodies::Full if kind != BodyKind::Headers => Form::Full,
        KeptBodies::Full | KeptBodies::Redacted | KeptBodies::Off => Form::Redacted,
    };
    let text = match (form, kind) {
        (Form::Full, _) => body,
        (Form::Redacted, BodyKind::Stream) => Cow::Owned(stream(&body)),
        (Form::Redacted, BodyKind::Headers) => {
            Cow::Owned(either(&headers::object(&body)).into_owned())
        }
        (Form::Redacted, BodyKind::Request | BodyKind::Reply) => either(&body).into_owned().into(),
    };
    let mut text = text.into_owned();
    let truncated = text.len() > MAX_TEXT;
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    Kept {
        text,
        form,
        truncated,
    }
}

/// Text without its secrets: a message, a preview, the value of a header.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    text::redact(text)
}

/// What is JSON as JSON, the rest as text.
fn either(body: &str) -> Cow<'_, str> {
    json::redact(body, 0).unwrap_or_else(|| text::redact(body))
}

/// Server-sent events: the data of each line on its own.
fn stream(body: &str) -> String {
    let lines = body.split_inclusive('\n').flat_map(|line| {
        let data = line.find(['{', '[']).filter(|_| line.starts_with("data:"));
        let (field, data) = line.split_at(data.unwrap_or(0));
        iter::once(Cow::Borrowed(field)).chain(iter::once(either(data)))
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
