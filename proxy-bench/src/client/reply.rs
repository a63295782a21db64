//! What a reply was, and when its parts came.

use super::{Call, Message};
use std::time::Duration;

/// A reply that is complete and whose marks are all there.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The reply's id.
    pub id: String,
    /// The conversation that it belongs to, where the head tells one.
    pub conversation: Option<String>,
    /// From the request's handing over, on an open connection, to the reply's head.
    pub first_byte: Duration,
    /// The same, to the first delta of text or, in a reply of calls, to the first call. In one piece,
    /// to the end.
    pub first_token: Duration,
    /// The same, to the end.
    pub total: Duration,
    /// For each delta but the first, how long it was under way, in nanoseconds. None in one piece.
    pub chunk_delays: Vec<u64>,
    /// How many marks there were.
    pub deltas: u32,
    /// All of the text.
    pub text: String,
    /// The calls, in their order.
    pub calls: Vec<Call>,
    /// Whether the reply told its usage.
    pub usage: bool,
}

impl Reply {
    /// The reply as a later request repeats it.
    pub fn messages(&self) -> impl Iterator<Item = Message> {
        let text = (!self.text.is_empty()).then(|| Message::Assistant(self.text.clone()));
        let calls = self.calls.iter().cloned().map(Message::Call);
        text.into_iter().chain(calls)
    }
}
