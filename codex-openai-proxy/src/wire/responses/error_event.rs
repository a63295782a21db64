//! The event that ends a stream which failed outside the model, see
//! <https://platform.openai.com/docs/api-reference/responses-streaming/error>.

use crate::wire::{error::ErrorObject, sse};
use serde::Serialize;

/// The `error` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorEvent<'a> {
    /// Always `error`.
    #[serde(rename = "type")]
    kind: &'static str,
    code: Option<&'a str>,
    message: &'a str,
    param: Option<&'a str>,
    sequence_number: u64,
}

impl<'a> ErrorEvent<'a> {
    const KIND: &'static str = "error";

    /// This error, as the event of that number.
    #[must_use]
    pub fn new(error: &'a ErrorObject, sequence_number: u64) -> Self {
        Self {
            kind: Self::KIND,
            code: error.code.as_deref(),
            message: &error.message,
            param: error.param.as_deref(),
            sequence_number,
        }
    }

    /// Appends its frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(Self::KIND.as_bytes());
        out.push(b'\n');
        sse::write_data(out, self);
    }
}
