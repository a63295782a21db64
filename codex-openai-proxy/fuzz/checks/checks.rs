//! What must hold for any input: one function for each fuzz target, which panics where it does not.
//!
//! The fuzz targets feed them with what they make up, and `tests/corpus.rs` with the inputs that are
//! kept, so that what was found once is tried by every `cargo test`.

pub mod bodies;
pub mod chat_client;
pub mod chat_replies;
pub mod configs;
pub mod exports;
pub mod heads;
pub mod members;
pub mod most_said;
pub mod names;
pub mod relays;
pub mod requests;
pub mod response_client;
pub mod response_replies;
pub mod secrets;
pub mod streams;
pub mod told;
pub mod writers;

/// A check of one input.
pub type Check = fn(&[u8]);

/// Every check, under the name of its fuzz target and of its folder in the corpus.
pub const ALL: [(&str, Check); 11] = [
    ("bodies", bodies::check),
    ("chat_replies", chat_replies::check),
    ("configs", configs::check),
    ("exports", exports::check),
    ("heads", heads::check),
    ("names", names::check),
    ("relays", relays::check),
    ("requests", requests::check),
    ("response_replies", response_replies::check),
    ("secrets", secrets::check),
    ("streams", streams::check),
];
