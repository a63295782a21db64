//! What one core costs: the codec of event streams, the translators, the reading of requests, redaction.
//!
//! `cargo bench -p codex-openai-proxy --no-default-features`, with the beginning of a benchmark's name
//! behind it where only some are wanted. Nothing here waits for anything; what a whole request takes,
//! `proxy-bench` measures.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a benchmark that goes wrong has to stop"
)]

#[path = "codecs/redaction.rs"]
mod redaction;
#[path = "codecs/relay.rs"]
mod relay;
#[path = "codecs/replies.rs"]
mod replies;
#[path = "codecs/requests.rs"]
mod requests;
#[path = "codecs/samples.rs"]
mod samples;
#[path = "codecs/sse.rs"]
mod sse;

use criterion::Criterion;
use std::time::Duration;

fn main() {
    // All of it together takes a minute or two; the command line may ask for more.
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    sse::bench(&mut criterion);
    relay::bench(&mut criterion);
    replies::bench(&mut criterion);
    requests::bench(&mut criterion);
    redaction::bench(&mut criterion);
    criterion.final_summary();
}
