//! What goes wrong with responses that are stored or running, in OpenAI's words where it has some.

use super::{ErrorReply, INVALID_REQUEST};
use crate::{conversation::ResponseStoreError, turn::TurnError};
use http::StatusCode;

impl ErrorReply {
    /// No response of that name is stored or running.
    #[must_use]
    pub fn unknown_response(id: &str) -> Self {
        let message = format!("Response with id '{id}' not found.");
        Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, message)
    }

    /// A response that has ended cannot be cancelled. `status` tells how it has ended.
    #[must_use]
    pub fn ended_response(status: &str) -> Self {
        let article = if status.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        let message = format!("Cannot cancel {article} {status} response.");
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
    }

    /// What is asked for can be had only once the response has ended.
    #[must_use]
    pub fn running_response(id: &str) -> Self {
        let message = format!(
            "Response with id '{id}' is still in progress. Wait for its end or cancel it first."
        );
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message).code("response_in_progress")
    }
}

impl From<ResponseStoreError> for ErrorReply {
    fn from(error: ResponseStoreError) -> Self {
        TurnError::from(error).into()
    }
}
