//! Responses: requests, see <https://platform.openai.com/docs/api-reference/responses/create>.

pub mod item;
pub mod request;

pub use item::{InputItem, InputRole};
pub use request::{ResponsesRequest, TextOptions};

#[cfg(test)]
mod tests;
