//! What goes over the wire: OpenAI's requests, replies, errors and event streams.
//!
//! These types know the shapes of OpenAI's API and nothing of what they mean;
//! [`translate`](crate::translate) turns them into the canonical model and back.

pub mod chat;
pub mod common;
pub mod content;
pub mod conversation;
pub mod dropped;
pub mod error;
pub mod invalid;
pub mod members;
pub mod models;
pub mod object;
pub mod options;
pub mod peek;
pub mod request;
pub mod responses;
mod sampling;
pub mod splice;
pub mod sse;
pub mod tools;
pub mod upstream;
pub mod x_codex;
