//! Replies that are translated: a provider's events become those of a turn, and these the client's.

use super::samples;
use codex_openai_proxy::{
    translate::{
        ToolNames,
        chat::{ChunkWriter, CompletionReader, ReasoningStyle},
        responses::{Echo, ResponseHead, ResponseReader, ResponseWriter, WriterOptions},
    },
    turn::TurnEvent,
    wire::{object::Object, peek::Shape},
};
use criterion::{Criterion, Throughput};
use std::hint::black_box;

/// What reads a provider's reply.
enum Reader {
    Chat(CompletionReader),
    Responses(ResponseReader),
}

/// What writes a client's.
enum Writer {
    Chat(ChunkWriter),
    Responses(Box<ResponseWriter>),
}

pub fn bench(criterion: &mut Criterion) {
    let shapes = [("chat", Shape::Chat), ("responses", Shape::Responses)];
    let request = Object::parse(&samples::request(Shape::Responses)).unwrap();
    let echo = Echo::of(&request);
    let mut group = criterion.benchmark_group("replies");
    for (from, provider) in shapes {
        let payloads = samples::payloads(provider);
        group.throughput(Throughput::Elements(payloads.len() as u64));
        group.bench_function(format!("{from}_read"), |bencher| {
            bencher.iter(|| {
                translate(&payloads, Reader::new(provider), |event| {
                    black_box(event);
                });
            });
        });
        for (to, client) in shapes {
            group.bench_function(format!("{from}_to_{to}"), |bencher| {
                bencher.iter(|| {
                    let mut writer = Writer::new(client, &echo);
                    translate(&payloads, Reader::new(provider), |event| {
                        let mut out = Vec::new();
                        writer.on_event(event, &mut out);
                        black_box(&out);
                    });
                });
            });
        }
    }
    group.finish();
}

/// Reads a reply event by event, and hands out what each says.
fn translate(payloads: &[String], mut reader: Reader, mut on_event: impl FnMut(TurnEvent)) {
    let (mut said, mut is_finished) = (Vec::new(), false);
    for payload in payloads {
        reader.on_data(payload, &mut said);
        for event in said.drain(..) {
            is_finished |= matches!(event, TurnEvent::Finished { .. });
            on_event(event);
        }
    }
    assert!(is_finished);
}

impl Reader {
    fn new(provider: Shape) -> Self {
        match provider {
            Shape::Chat => Self::Chat(CompletionReader::new(&[], "seed")),
            Shape::Responses => Self::Responses(ResponseReader::new(&[], "seed")),
        }
    }

    fn on_data(&mut self, data: &str, said: &mut Vec<TurnEvent>) {
        let read = match self {
            Self::Chat(reader) => reader.on_data(data, said),
            Self::Responses(reader) => reader.on_data(data, said),
        };
        read.unwrap();
    }
}

impl Writer {
    fn new(client: Shape, echo: &Echo) -> Self {
        let reasoning = ReasoningStyle::Content;
        match client {
            Shape::Chat => Self::Chat(ChunkWriter::new(&samples::head(), reasoning, true)),
            Shape::Responses => {
                let head = ResponseHead {
                    id: "resp_01981d2c5f6b7c8d9e0f".to_owned(),
                    created_at: 1_760_000_000,
                    model: "my-model".to_owned(),
                    conversation: None,
                    store: false,
                    echo: echo.clone(),
                };
                let options = WriterOptions {
                    reasoning,
                    include_encrypted: true,
                    tool_names: ToolNames::default(),
                };
                Self::Responses(Box::new(ResponseWriter::new(head, options)))
            }
        }
    }

    fn on_event(&mut self, event: TurnEvent, out: &mut Vec<u8>) {
        match self {
            Self::Chat(writer) => writer.on_event(event, out),
            Self::Responses(writer) => writer.on_event(event, out),
        }
    }
}
