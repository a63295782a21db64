//! Refusals of a request, in OpenAI's words and with its codes.

use crate::turn::TurnError;
use serde_json::Value;

/// Longest piece of a client's own text that is repeated to it, in characters.
const MAX_ECHO: usize = 64;

/// The body is not JSON; serde's message tells where, and repeats nothing of the body.
#[must_use]
pub fn json(error: &serde_json::Error) -> TurnError {
    TurnError::InvalidRequest {
        message: format!("We could not parse the JSON body of your request: {error}."),
        param: None,
        code: None,
    }
}

/// A field holds the wrong kind of value; `expected` reads like `a string`.
#[must_use]
pub fn wrong_type(param: String, expected: &str, got: &Value) -> TurnError {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    with_code("invalid_type", param, |param| {
        format!("Invalid type for '{param}': expected {expected}, but got {got} instead.")
    })
}

/// A field that must be there is not.
#[must_use]
pub fn missing(param: String) -> TurnError {
    with_code("missing_required_parameter", param, |param| {
        format!("Missing required parameter: '{param}'.")
    })
}

/// A string that must say something is empty.
#[must_use]
pub fn empty_string(param: String) -> TurnError {
    with_code("empty_string", param, |param| {
        format!(
            "Invalid '{param}': empty string. Expected a string with minimum length 1, but got \
             an empty string instead."
        )
    })
}

/// An array that must hold something is empty.
#[must_use]
pub fn empty_array(param: String) -> TurnError {
    with_code("empty_array", param, |param| {
        format!(
            "Invalid '{param}': empty array. Expected an array with minimum length 1, but got an \
             empty array instead."
        )
    })
}

/// A word that is none of those that the field takes.
#[must_use]
pub fn word(param: String, got: &str, supported: &[&str]) -> TurnError {
    let mut echo: String = got.chars().take(MAX_ECHO).collect();
    if echo.len() < got.len() {
        echo.push('…');
    }
    let supported: Vec<String> = supported.iter().map(|word| format!("'{word}'")).collect();
    with_code("invalid_value", param, |_| {
        format!(
            "Invalid value: '{echo}'. Supported values are: {}.",
            supported.join(", ")
        )
    })
}

/// A value that has the right type and makes no sense; `message` is a sentence.
#[must_use]
pub fn value(param: String, message: &str) -> TurnError {
    with_code("invalid_value", param, |param| {
        format!("Invalid '{param}': {message}")
    })
}

/// Something that OpenAI has and this proxy has not; `message` is a sentence.
#[must_use]
pub fn unsupported(param: String, message: &str) -> TurnError {
    with_code("unsupported_parameter", param, |param| {
        format!("Unsupported parameter: '{param}'. {message}")
    })
}

fn with_code(code: &'static str, param: String, message: impl FnOnce(&str) -> String) -> TurnError {
    TurnError::InvalidRequest {
        message: message(&param),
        param: Some(param),
        code: Some(code),
    }
}
