//! The proxy as its clients and its upstream see it.
//!
//! Everything but the fake upstream is real: the HTTP side, the translators, and in the modules
//! that need the `codex` feature the engine too.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod access;
mod bridge;
mod conversations_command;
mod demo_model;
mod harness;
mod process;
mod provider;
mod reload;
mod routes;
mod scripted;
mod settings;
mod upstream;

#[cfg(feature = "codex")]
mod body;
#[cfg(feature = "codex")]
mod breaks;
#[cfg(feature = "codex")]
mod chat;
#[cfg(feature = "codex")]
mod commands;
#[cfg(feature = "codex")]
mod conversations;
#[cfg(feature = "codex")]
mod crowd;
#[cfg(feature = "codex")]
mod cursor;
#[cfg(feature = "codex")]
mod cuts;
#[cfg(feature = "codex")]
mod errors;
#[cfg(feature = "codex")]
mod faults;
#[cfg(feature = "codex")]
mod images;
#[cfg(feature = "codex")]
mod login;
#[cfg(feature = "codex")]
mod logs;
#[cfg(feature = "codex")]
mod modes;
#[cfg(feature = "codex")]
mod names;
#[cfg(feature = "codex")]
mod responses;
#[cfg(feature = "codex")]
mod restart;
#[cfg(feature = "codex")]
mod secrets;
#[cfg(feature = "codex")]
mod stop;
#[cfg(feature = "codex")]
mod tool_shapes;
#[cfg(feature = "codex")]
mod tools;
