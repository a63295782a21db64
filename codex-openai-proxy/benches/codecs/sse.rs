//! Event streams: read as they come, and written.

use super::samples;
use codex_openai_proxy::wire::{
    peek::Shape,
    sse::{self, Decoder, Event},
};
use criterion::{Criterion, Throughput};
use serde_json::value::RawValue;
use std::hint::black_box;

/// A piece that ends in the middle of most frames.
const PIECE: usize = 100;

pub fn bench(criterion: &mut Criterion) {
    let frames = samples::frames(Shape::Chat);
    let stream = frames.concat();
    let mut group = criterion.benchmark_group("sse");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    // How a model's deltas come: each with its own packet.
    group.bench_function("decode/a_frame_each", |bencher| {
        bencher.iter(|| decode(frames.iter().map(Vec::as_slice)));
    });
    group.bench_function("decode/split_frames", |bencher| {
        bencher.iter(|| decode(black_box(&stream).chunks(PIECE)));
    });
    group.bench_function("decode/all_at_once", |bencher| {
        bencher.iter(|| decode([black_box(&stream).as_slice()]));
    });

    let values: Vec<Box<RawValue>> = samples::payloads(Shape::Chat)
        .into_iter()
        .filter_map(|payload| RawValue::from_string(payload).ok())
        .collect();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            let mut out = Vec::new();
            for value in &values {
                out.clear();
                sse::write_data(&mut out, value);
                black_box(&out);
            }
        });
    });
    group.finish();
}

/// Decodes a stream that comes in these pieces. Events are gone before the next piece comes, as in a reply
/// that passes.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) {
    let mut decoder = Decoder::new(1 << 20);
    let mut events: Vec<Event> = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut events).unwrap();
        black_box(&events);
        events.clear();
    }
}
