//! An OpenAI-compatible proxy whose answers come from Codex threads that run in this process.
//!
//! Modules stand in the order in which they may see each other; `tests/tidy.rs` holds them to it.

pub mod files;
pub mod metrics;
pub mod sqlite;
pub mod turn;
pub mod wire;

pub mod config;
pub mod traffic;

pub mod translate;

pub mod conversation;

pub mod engine;

pub mod http;

pub mod app;
pub mod cli;
