//! Replies that pass: an event goes on, and what it says is told.

use super::samples;
use bytes::Bytes;
use codex_openai_proxy::{
    translate::relay::{StreamRelay, Whole},
    wire::{peek::Shape, sse::Event},
};
use criterion::{Criterion, Throughput};
use serde_json::json;
use std::hint::black_box;

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("relay");
    for (name, shape) in [("chat", Shape::Chat), ("responses", Shape::Responses)] {
        let events = samples::events(shape);
        group.throughput(Throughput::Elements(events.len() as u64));
        group.bench_function(format!("stream/{name}"), |bencher| {
            bencher.iter(|| stream(shape, &events));
        });
    }
    let content = "The value is \"trimmed\" before its quotes are taken off.\n".repeat(40);
    let body = json!({
        "id": "c1", "object": "chat.completion", "created": 1_760_000_000, "model": "llama3",
        "choices": [{
            "index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 1200, "completion_tokens": 500, "total_tokens": 1700},
    });
    let body = Bytes::from(body.to_string());
    let head = samples::head();
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("whole/chat", |bencher| {
        bencher.iter(|| {
            let mut said = Vec::new();
            let whole = Whole::read(black_box(&body), Shape::Chat, &head, &mut said).unwrap();
            black_box((whole, said))
        });
    });
    group.finish();
}

/// Passes a reply on, each event in a frame of its own, as `http/relay` does.
fn stream(shape: Shape, events: &[Event]) {
    let mut relay = StreamRelay::new(shape, samples::head());
    let mut said = Vec::new();
    for event in events {
        let mut out = Vec::new();
        relay.on_event(event, &mut out, &mut said).unwrap();
        black_box((out, relay.notes()));
        said.clear();
    }
    assert!(relay.has_ended());
}
