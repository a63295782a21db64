//! Chat Completions: requests, replies and chunks, see
//! <https://platform.openai.com/docs/api-reference/chat>.

pub mod chunk;
pub mod completion;
pub mod message;
pub mod request;
pub mod upstream;
pub mod upstream_request;

pub use chunk::{ChunkHead, ChunkTemplate, Delta, FunctionDelta, ToolCallDelta};
pub use completion::{
    AssistantMessage, ChatCompletion, Choice, CompletionUsage, FunctionCall, ToolCall,
    system_fingerprint,
};
pub use message::{Message, PastToolCall};
pub use request::{ChatRequest, StreamOptions};

#[cfg(test)]
mod tests;
