//! The canonical model: what a client asked for, what a model answered, and how it failed.
//!
//! Both client protocols and every engine meet here. Nothing in this module knows HTTP, JSON wire
//! shapes, a runtime or a clock.

pub mod conversation;
pub mod error;
pub mod event;
pub mod fault;
pub mod item;
pub mod model;
pub mod model_name;
pub mod request;
pub mod tool;
pub mod trace;
pub mod usage;

pub use conversation::{ConversationId, NamedConversation, Sends};
pub use error::{ProviderError, TurnError};
pub use event::{FinishReason, TurnEvent};
pub use fault::Fault;
pub use item::{ImageDetail, Item, Part, Role};
pub use model::{Catalog, Model};
pub use model_name::{Aliases, ModelName};
pub use request::{
    Effort, OutputFormat, Reasoning, ReasoningSummary, Sampling, TurnRequest, Verbosity,
};
pub use tool::{Grammar, Tool, ToolCall, ToolChoice, ToolKind};
pub use trace::{TraceContext, TraceId};
pub use usage::Usage;
