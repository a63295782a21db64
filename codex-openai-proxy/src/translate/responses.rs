//! Responses: requests into turns, events into a response or the stream of one.

mod echo;
mod from_client;
mod from_upstream;
mod input;
mod items;
mod output;
mod to_upstream;
mod writer;

pub use echo::Echo;
pub use from_client::from_client;
pub use from_upstream::ResponseReader;
pub use to_upstream::{HONOURED, to_upstream};
pub use writer::{ResponseHead, ResponseWriter, WriterOptions};
