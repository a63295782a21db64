//! Bodies and messages on their way into the log.

use super::samples;
use codex_openai_proxy::{
    config::KeptBodies,
    traffic::{BodyKind, redact},
    wire::peek::Shape,
};
use criterion::{Criterion, Throughput};
use std::hint::black_box;

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("redaction");
    let stream = samples::frames(Shape::Chat).concat();
    for (name, kind, bytes) in [
        (
            "request/chat",
            BodyKind::Request,
            samples::request(Shape::Chat),
        ),
        (
            "request/responses",
            BodyKind::Request,
            samples::request(Shape::Responses),
        ),
        ("stream", BodyKind::Stream, stream),
    ] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| redact::body(kind, black_box(&bytes), KeptBodies::Redacted));
        });
    }
    let message = "Went wrong: export OPENAI_API_KEY=sk-proj-Ab1-cd_Ef2gh3Ij4kl5Mn6op7Qr8st9Uv0wx1Yz2, \
                   then https://h.example/?api_key=q7Zr8Kd2mW4pX9sT1vB6&x=1";
    group.throughput(Throughput::Bytes(message.len() as u64));
    group.bench_function("message", |bencher| {
        bencher.iter(|| redact::text(black_box(message)).into_owned());
    });
    group.finish();
}
