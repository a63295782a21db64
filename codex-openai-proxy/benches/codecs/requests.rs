//! Requests: looked at to pass, read to be answered, written for a provider.

use super::samples;
use bytes::Bytes;
use codex_openai_proxy::{
    conversation::blocks,
    translate::{
        Translated,
        chat::{self, Dialect},
        from_client, responses,
    },
    turn::{Aliases, Catalog, ModelName},
    wire::{
        peek::{Peek, Shape},
        request::RequestBody,
    },
};
use criterion::{Criterion, Throughput};
use std::hint::black_box;

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("requests");
    for (name, shape) in [("chat", Shape::Chat), ("responses", Shape::Responses)] {
        let body = Bytes::from(samples::request(shape));
        group.throughput(Throughput::Bytes(body.len() as u64));
        // All that a request which passes is asked, and its body for the provider.
        group.bench_function(format!("pass/{name}"), |bencher| {
            bencher.iter(|| {
                let peek = Peek::of(black_box(&body)).unwrap();
                let said: Vec<_> = peek.entries().said().collect();
                black_box((peek.tools(), said));
                peek.rewrite(&body, "llama3")
            });
        });
        group.bench_function(format!("peek/{name}"), |bencher| {
            bencher.iter(|| Peek::of(black_box(&body)).unwrap());
        });
        group.bench_function(format!("read/{name}"), |bencher| {
            bencher.iter(|| RequestBody::parse(black_box(&body), None).unwrap());
        });
        group.bench_function(format!("read_and_translate/{name}"), |bencher| {
            bencher.iter(|| translate(black_box(&body)));
        });
        let turn = translate(&body).turn;
        group.bench_function(format!("write_chat/from_{name}"), |bencher| {
            let dialect = Dialect::default();
            bencher.iter(|| chat::to_upstream(black_box(&turn), "llama3", &dialect).unwrap());
        });
        group.bench_function(format!("write_responses/from_{name}"), |bencher| {
            bencher.iter(|| responses::to_upstream(black_box(&turn), "llama3"));
        });
        // What tells whether a conversation goes on.
        group.bench_function(format!("digest/{name}"), |bencher| {
            bencher.iter(|| blocks(black_box(&turn.items)));
        });
    }
    group.finish();
}

fn translate(body: &[u8]) -> Translated {
    let request = RequestBody::parse(body, None).unwrap();
    let sent = request.common().model.clone();
    let name = ModelName::resolve(&sent, &Aliases::default(), &Catalog::default());
    from_client(request, &name).unwrap()
}
