//! Between OpenAI's wire types and the canonical model.
//!
//! Everything here is pure: no runtime, no clock, no randomness. Ids and times are arguments.

pub mod chat;
