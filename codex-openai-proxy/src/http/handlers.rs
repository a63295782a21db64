//! What the routes do.

pub mod chat;
pub mod health;
pub mod models;
