//! OpenAI's error envelope, see
//! <https://platform.openai.com/docs/guides/error-codes/api-errors>.

use serde::Serialize;
use std::borrow::Cow;

/// The body of every reply that is an error, and the last event of a stream that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorObject,
}

/// What went wrong. All four members are always on the wire, `null` where there is nothing to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorObject {
    /// For a person.
    pub message: String,
    /// OpenAI's class of error, such as `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The request field at fault, as a path such as `messages[2].content`.
    pub param: Option<String>,
    /// For a program, such as `context_length_exceeded`.
    pub code: Option<Cow<'static, str>>,
}

impl ErrorBody {
    /// An error without `param` and `code`.
    pub fn new(kind: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            error: ErrorObject {
                message: message.into(),
                kind: kind.into(),
                param: None,
                code: None,
            },
        }
    }

    /// The same, at the fault of a request field.
    #[must_use]
    pub fn with_param(mut self, param: Option<String>) -> Self {
        self.error.param = param;
        self
    }

    /// The same with a code.
    #[must_use]
    pub fn with_code(mut self, code: Option<impl Into<Cow<'static, str>>>) -> Self {
        self.error.code = code.map(Into::into);
        self
    }
}
