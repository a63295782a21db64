//! What a conversation is to its client, and what is kept of it.
//!
//! Nothing here knows how a model is asked: [`transcript`] compares what a request sends with what
//! a conversation holds, [`store`] remembers the conversations that outlast this process, and
//! [`responses`] what the Responses API keeps of what was said.

pub mod block;
pub mod call;
pub mod responses;
pub mod store;
pub mod transcript;

pub use block::{Block, BlockKind, Digest, blocks, has_reply};
pub use call::{in_call_order, wire_call_id};
pub use responses::{Chain, ResponseStore, ResponseStoreError, StoredResponse};
pub use store::{Row, Store, StoreError};
pub use transcript::{Alignment, Transcript, align, chains};
