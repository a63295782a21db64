//! What the routes do.

pub mod conversations;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod models;
pub mod openapi;
pub mod responses;
pub mod turns;
