//! What the routes do.

pub mod conversations;
pub mod health;
pub mod logs;
pub mod models;
pub mod responses;
pub mod turns;
