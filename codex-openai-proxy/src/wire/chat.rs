//! Chat Completions: requests, replies and chunks, see
//! <https://platform.openai.com/docs/api-reference/chat>.

pub mod chunk;
pub mod completion;
pub mod message;
pub mod request;
pub mod tool;

pub use chunk::{ChunkTemplate, Delta, ToolCallDelta};
pub use completion::{
    AssistantMessage, ChatCompletion, Choice, CompletionUsage, FunctionCall, ToolCall,
    system_fingerprint,
};
pub use message::{CalledTool, ContentPart, Message, PastToolCall};
pub use request::{ChatRequest, ReasoningOptions, ResponseFormat, StreamOptions};
pub use tool::{Grammar, ToolChoice, ToolDefinition};

#[cfg(test)]
mod tests;
