//! What a provider of Responses answers: each line is the data of one event, and all of it is tried as a
//! reply in one piece too.

use super::{chat_replies::tools, most_said::MostSaid, told, writers};
use codex_openai_proxy::{
    translate::responses::ResponseReader,
    turn::{TurnError, TurnEvent},
};
use serde_json::Value;

/// Reads a reply as a stream and in one piece.
///
/// # Panics
///
/// It ends twice or not at all, tells something twice, or cannot be written for a client.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.lines().collect();
    let (events, failure) = stream(lines.iter().copied());
    let told = writers::write(&events, failure.as_ref());
    if let Some(most) = MostSaid::of(lines.iter().copied()) {
        assert!(told.text.len() <= most.text(), "{told:?} of {most:?}");
        assert!(
            told.reasoning.len() <= most.reasoning(),
            "{told:?} of {most:?}"
        );
    }

    // What repeats something is told once, however often it comes.
    let twice = lines.iter().flat_map(|line| {
        let times = if repeats(line) { 2 } else { 1 };
        std::iter::repeat_n(*line, times)
    });
    assert_eq!(stream(twice), (events, failure), "a repetition was told");

    let mut events = Vec::new();
    let mut reader = ResponseReader::new(&tools(), "seed");
    let read = reader.on_whole(data, &mut events);
    writers::write(&events, read.err().as_ref());
}

/// The events of a stream, and the error that ended it.
fn stream<'a>(lines: impl Iterator<Item = &'a str>) -> (Vec<TurnEvent>, Option<TurnError>) {
    let mut reader = ResponseReader::new(&tools(), "seed");
    told::stream(lines, |data, events| match data {
        Some(data) => reader.on_data(data, events),
        None => reader.finish(events),
    })
}

/// Whether an event says of something that it is whole, and of what.
fn repeats(line: &str) -> bool {
    let event: Value = serde_json::from_str(line).unwrap_or_default();
    let is_end = event["type"]
        .as_str()
        .is_some_and(|kind| kind.rsplit('.').next() == Some("done"));
    is_end && event["output_index"].is_u64()
}
