//! Between OpenAI's wire types and the canonical model.
//!
//! Everything here is pure: no runtime, no clock, no randomness. Ids and times are arguments.

pub mod chat;
mod content;
mod entries;
pub mod request;
pub mod responses;
mod tools;

pub use request::{Translated, from_client};
