//! Events that are put into the stream of a response which somebody else writes.

use crate::wire::sse;
use serde::Serialize;

/// An event of any type, see <https://platform.openai.com/docs/api-reference/responses-streaming>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddedEvent<'a, T> {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// Its number in the stream.
    pub sequence_number: u64,
    /// Its other members.
    #[serde(flatten)]
    pub members: T,
}

/// The members of an event that tells how a response stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfResponse<T> {
    /// The response.
    pub response: T,
}

impl<T: Serialize> AddedEvent<'_, T> {
    /// Appends its frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(self.kind.as_bytes());
        out.push(b'\n');
        sse::write_data(out, self);
    }
}
