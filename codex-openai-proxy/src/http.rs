//! The HTTP side: accepts, authenticates, routes, and writes replies whole or as event streams.
//!
//! A request's way: [`server`] → [`service`] (middleware) → [`dispatch`] (access, then [`routes`])
//! → [`handlers`] → [`reply`], with [`events`] as the body of a streamed one. [`error`] is the only
//! place that knows which failure is which status.

pub mod access;
pub mod admission;
pub mod body;
pub mod conversation;
pub mod dispatch;
pub mod error;
pub mod events;
pub mod handlers;
mod panics;
pub mod phase;
pub mod relay;
pub mod reply;
pub mod responding;
pub mod routes;
pub mod running;
pub mod server;
pub mod service;
pub mod session;
pub mod state;
#[cfg(test)]
mod tests;
pub mod watch;

pub use server::Server;
pub use state::AppState;
