//! How a reply may not be what was ordered.

use std::{error::Error, fmt, time::Duration};

/// Why there is no complete reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A status other than 200, with what the error object says.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error's `code`, or its `type` where it has none.
        code: Option<String>,
        /// The error's `message`; the body's beginning where there is no error object.
        message: String,
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The stream, or the whole reply, told of an error and of no success.
    Told {
        /// The error's `code`, or its `type` where it has none.
        code: Option<String>,
        /// The error's `message`.
        message: String,
    },
    /// The stream stopped without its end: a `finish_reason` and `[DONE]`, or `response.completed`.
    Broken {
        /// How many deltas had come.
        deltas: u32,
    },
    /// A reply that ended well, or a mark in it, lacks what was before it, or has something twice.
    Lost {
        /// The index that had to come next, or how many deltas or calls there had to be.
        expected: u32,
        /// What there was instead.
        got: u32,
    },
    /// A mark of another stream.
    Mixed {
        /// The stream that was asked for.
        stream: u64,
        /// The stream of the mark.
        other: u64,
    },
    /// What no upstream and no proxy should write: JSON that is none, text that is no mark, success
    /// after an error.
    Garbled(String),
    /// The reply had not ended by its deadline.
    Timeout,
    /// The connection could not be made, or ended where HTTP does not allow it.
    Io(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused {
                status,
                code,
                message,
                ..
            } => {
                let code = code.as_deref().unwrap_or("no code");
                write!(f, "refused with {status} ({code}): {message}")
            }
            Self::Told { code, message } => {
                let code = code.as_deref().unwrap_or("no code");
                write!(f, "failed ({code}): {message}")
            }
            Self::Broken { deltas } => write!(f, "broken off after {deltas} deltas"),
            Self::Lost { expected, got } => write!(f, "lost: expected {expected}, got {got}"),
            Self::Mixed { stream, other } => {
                write!(f, "mixed up: stream {stream} got a mark of {other}")
            }
            Self::Garbled(what) => write!(f, "garbled: {what}"),
            Self::Timeout => f.write_str("not answered in time"),
            Self::Io(what) => write!(f, "connection: {what}"),
        }
    }
}

impl Error for Failure {}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        let mut text = error.to_string();
        if let Some(source) = error.source() {
            text = format!("{text}: {source}");
        }
        Self::Io(text)
    }
}
