//! Responses: requests, replies and the events of streams, see
//! <https://platform.openai.com/docs/api-reference/responses/create>.

pub mod added_event;
pub(crate) mod events;
pub mod item;
pub mod reply;
pub mod request;
pub mod stored;
pub mod upstream;
pub mod upstream_request;

pub use item::{InputItem, InputRole};
pub use request::{Include, ResponsesRequest, TextOptions};

#[cfg(test)]
mod tests;
