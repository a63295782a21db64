//! The arguments of functions, which are JSON text if the model kept to its form.

use serde::de::IgnoredAny;
use serde_json::json;
use std::borrow::Cow;

/// Holds what a model wrote as the arguments of a call, where it is no JSON object.
const ARGUMENTS: &str = "arguments";

/// Bytes of arguments that are kept of a reply that is only watched.
pub(super) const WATCHED: usize = 1024 * 1024;

/// The arguments of a past call to a function, as providers can read them: some stumble over none, and
/// refuse, from then on, each request with arguments that are no object.
pub(super) fn readable(arguments: &str) -> Cow<'_, str> {
    if arguments.trim_ascii().is_empty() {
        Cow::Borrowed("{}")
    } else if is_object(arguments) {
        Cow::Borrowed(arguments)
    } else {
        Cow::Owned(json!({ ARGUMENTS: arguments }).to_string())
    }
}

/// Whether this is one object, complete.
pub(super) fn is_object(json: &str) -> bool {
    begins_object(json) && json.trim_ascii_end().ends_with('}') && is_json(json)
}

/// Whether this is an object if it is JSON at all.
pub(super) fn begins_object(json: &str) -> bool {
    json.trim_ascii_start().starts_with('{')
}

/// Whether this is JSON, complete.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}
