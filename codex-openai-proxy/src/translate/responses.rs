//! Responses: requests into turns.

mod from_client;
mod input;

pub use from_client::from_client;
