//! The chunks of a streamed reply, as SSE frames.

use super::{CompletionUsage, StreamOptions, system_fingerprint};
use crate::wire::sse::append_json;
use serde::Serialize;

/// Writes the chunks of one reply.
///
/// All chunks of a reply begin alike, and a long reply has thousands: that part is encoded once
/// and copied from then on.
#[derive(Debug, Clone)]
pub struct ChunkTemplate {
    /// `data: {…,"choices":[{"index":0,"delta":`.
    head: Vec<u8>,
    /// The length of the part of `head` that ends with `"choices":[`.
    bare: usize,
    /// What stands after the choices.
    tail: &'static [u8],
}

/// What all chunks of a reply say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkHead<'a> {
    /// `chatcmpl-…`.
    pub id: &'a str,
    /// When the reply began, in seconds since 1970.
    pub created: u64,
    /// The model's name as the client sent it.
    pub model: &'a str,
    /// The conversation, to go on with: an extension of ours.
    pub conversation_id: Option<&'a str>,
}

/// What a chunk adds to the message. Members that are `None` are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Delta<'a> {
    /// `assistant`, in the first chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// More text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a str>,
    /// More reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<&'a str>,
    /// A tool call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<[ToolCallDelta; 1]>,
}

/// A tool call in a chunk, or more of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolCallDelta {
    /// Its position among the calls of the message.
    pub index: usize,
    /// The id that the result has to name. Only the first fragment of a call has it, as the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Always `function`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// What to call.
    pub function: FunctionDelta,
}

/// A function that is called, or more of its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionDelta {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// All of its arguments, or as many as came.
    pub arguments: String,
}

/// Between a delta and what follows its choice.
const MORE_TO_COME: &[u8] = br#","logprobs":null,"finish_reason":null}]"#;

/// The end of a chunk before the one that tells the usage: OpenAI has it say `null`.
const USAGE_TO_COME: &[u8] = b",\"usage\":null}\n\n";

impl ChunkTemplate {
    /// The template of a reply.
    #[must_use]
    pub fn new(head: ChunkHead<'_>, options: StreamOptions) -> Self {
        #[derive(Serialize)]
        struct Head<'a> {
            id: &'a str,
            object: &'static str,
            created: u64,
            model: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            conversation_id: Option<&'a str>,
            system_fingerprint: &'static str,
        }

        let ChunkHead {
            id,
            created,
            model,
            conversation_id,
        } = head;
        let mut head = b"data: ".to_vec();
        append_json(
            &mut head,
            &Head {
                id,
                object: "chat.completion.chunk",
                created,
                model,
                conversation_id,
                system_fingerprint: system_fingerprint(),
            },
        );
        // The object goes on with what differs.
        head.pop();
        head.extend_from_slice(br#","choices":["#);
        let bare = head.len();
        head.extend_from_slice(br#"{"index":0,"delta":"#);
        let tail = if options.include_usage {
            USAGE_TO_COME
        } else {
            b"}\n\n"
        };
        Self { head, bare, tail }
    }

    /// From now on, chunks are those of a stream that tells its usage.
    pub fn tell_usage(&mut self) {
        self.tail = USAGE_TO_COME;
    }

    /// Appends a chunk with a piece of the message.
    pub fn write_delta(&self, out: &mut Vec<u8>, delta: &Delta<'_>) {
        out.extend_from_slice(&self.head);
        append_json(out, delta);
        out.extend_from_slice(MORE_TO_COME);
        out.extend_from_slice(self.tail);
    }

    /// Appends the chunk that tells why the message ended.
    pub fn write_finish(&self, out: &mut Vec<u8>, finish_reason: &str) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(br#"{},"logprobs":null,"finish_reason":"#);
        append_json(out, finish_reason);
        out.extend_from_slice(b"}]");
        out.extend_from_slice(self.tail);
    }

    /// Appends the chunk that tells the usage and has no choice.
    pub fn write_usage(&self, out: &mut Vec<u8>, usage: &CompletionUsage) {
        out.extend_from_slice(&self.head[..self.bare]);
        out.extend_from_slice(br#"],"usage":"#);
        append_json(out, usage);
        out.extend_from_slice(b"}\n\n");
    }
}
