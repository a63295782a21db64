//! Between OpenAI's wire types and the canonical model.
//!
//! Everything here is pure: no runtime, no clock, no randomness. Ids and times are arguments.

mod arguments;
pub mod chat;
mod content;
mod entries;
mod failure;
pub mod note;
pub mod relay;
pub mod request;
pub mod responses;
pub mod tool_names;
mod tools;

pub use note::Note;
pub use request::{Translated, from_client};
pub use tool_names::ToolNames;

/// What a schema is called whose author gave it no name: providers want one.
const SCHEMA_NAME: &str = "response";
