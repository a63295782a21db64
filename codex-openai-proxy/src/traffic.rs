//! The log channel: what happened to each request and conversation, as typed records.
//!
//! Both edges publish: the HTTP side what came in and what went out, the engine what it did with it.
//! A record's way: [`LogChannel`] (never waits; what does not fit is dropped and counted) →
//! `recorder` (one task: numbers become summaries, bodies are redacted) → `store` (SQLite, bounded
//! by age and size), `live` (whoever watches `/logs`) and [`lines`] (the program's own log).

pub mod background;
mod channel;
pub mod export;
mod handle;
pub mod lines;
mod live;
mod query;
pub mod record;
mod recorder;
pub mod redact;
mod stats;
mod store;
pub mod summary;
#[cfg(test)]
mod tests;
mod watcher;
mod words;

pub use channel::{Body, BodyKind, Entry, Inbox, LogChannel, RequestLog, channel};
pub use handle::{Details, Traffic};
pub use query::{
    Detail, LogError, Page, RecordFilter, RequestFilter, StatusFilter, StoredBody, ToolCall,
};
pub use record::{Event, Record};
pub use summary::Summary;
pub use watcher::Watcher;
