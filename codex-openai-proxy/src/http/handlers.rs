//! What the routes do.

pub mod chat;
pub mod conversations;
pub mod health;
pub mod logs;
pub mod models;
