//! A provider as an engine: turns in, events out.

use super::{Call, Expects, Handling, Provider, Reply, ReplyBody, trace};
use crate::{
    config::WireApi,
    engine::TurnStream,
    traffic::{Event, RequestLog},
    translate::{
        Note,
        chat::{self, CompletionReader, Written},
        responses::{self, ResponseReader},
    },
    turn::{Tool, TraceContext, TurnError, TurnEvent, TurnRequest},
    wire::sse,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::HeaderMap;
use std::{collections::VecDeque, mem, sync::Arc};

/// The longest event that is read, in bytes.
const LONGEST_EVENT: usize = 16 * 1024 * 1024;

/// The longest reply that comes in one piece, in bytes.
const LONGEST_REPLY: usize = 64 * 1024 * 1024;

/// A turn that runs, or will once somebody asks for its first event.
struct Turn {
    provider: Arc<Provider>,
    log: RequestLog,
    stage: Stage,
    /// Events that have come and have not been asked for.
    ready: VecDeque<TurnEvent>,
    /// Why the turn ends after those.
    failure: Option<TurnError>,
}

enum Stage {
    /// The provider has not been called.
    New(Request),
    /// Its reply comes, event by event.
    Streaming(Box<Streaming>),
    /// The reply, or what there was of it, has been read.
    Ended,
}

struct Request {
    model: String,
    body: Bytes,
    tools: Vec<Tool>,
    trace: Option<TraceContext>,
}

struct Streaming {
    body: ReplyBody,
    decoder: sse::Decoder,
    reader: Reader,
    /// Kept for their allocations.
    frames: Vec<sse::Event>,
    events: Vec<TurnEvent>,
}

/// What reads a reply in the provider's protocol.
enum Reader {
    Chat(CompletionReader),
    Responses(ResponseReader),
}

impl Provider {
    /// Begins a turn of the provider's `model`: its events come as the provider's reply does, which
    /// is waited for behind the stream.
    #[must_use]
    pub fn start(
        self: &Arc<Self>,
        turn: TurnRequest,
        model: impl Into<String>,
        log: RequestLog,
    ) -> TurnStream {
        let model = model.into();
        let written = match self.wire_api() {
            WireApi::Chat => chat::to_upstream(&turn, &model, &self.dialect(&model)),
            WireApi::Responses => Ok(Written {
                body: responses::to_upstream(&turn, &model),
                notes: Vec::new(),
            }),
        };
        let (stage, notes, failure) = match written {
            Ok(Written { body, notes }) => {
                let request = Request {
                    model,
                    body: body.into(),
                    tools: turn.tools,
                    trace: turn.trace,
                };
                (Stage::New(request), notes, None)
            }
            Err(error) => (Stage::Ended, Vec::new(), Some(error)),
        };
        let turn = Turn {
            provider: Arc::clone(self),
            log,
            stage,
            ready: VecDeque::new(),
            failure,
        };
        turn.tell(notes);
        TurnStream::unnamed(stream::unfold(turn, |mut turn| async move {
            let item = turn.next().await?;
            Some((item, turn))
        }))
    }
}

impl Turn {
    async fn next(&mut self) -> Option<Result<TurnEvent, TurnError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if let Some(error) = self.failure.take() {
                return Some(Err(error));
            }
            let read = match mem::replace(&mut self.stage, Stage::Ended) {
                Stage::New(request) => self.call(request).await,
                Stage::Streaming(reply) => self.read_on(reply).await,
                Stage::Ended => return None,
            };
            self.failure = read.err();
        }
    }

    /// Calls the provider. A reply that comes in one piece is read here.
    async fn call(&mut self, request: Request) -> Result<(), TurnError> {
        let mut headers = HeaderMap::new();
        if let Some(context) = &request.trace {
            trace::tell(context, &mut headers);
        }
        let call = Call {
            model: &request.model,
            body: request.body,
            expects: Expects::Stream,
            handling: Handling::Translated,
            headers,
        };
        let reply = self.provider.call(call, &self.log).await?;
        let (tools, seed) = (&request.tools, self.log.id());
        let reader = match self.provider.wire_api() {
            WireApi::Chat => Reader::Chat(CompletionReader::new(tools, seed)),
            WireApi::Responses => Reader::Responses(ResponseReader::new(tools, seed)),
        };
        if reply.is_json() {
            return self.read_whole(reply, reader).await;
        }
        self.stage = Stage::Streaming(Box::new(Streaming {
            body: reply.body,
            decoder: sse::Decoder::new(LONGEST_EVENT),
            reader,
            frames: Vec::new(),
            events: Vec::new(),
        }));
        Ok(())
    }

    /// A provider that does not stream.
    async fn read_whole(&mut self, reply: Reply, mut reader: Reader) -> Result<(), TurnError> {
        let body = reply.body.whole(LONGEST_REPLY).await?;
        let mut events = Vec::new();
        let read = reader.on_whole(&body, &mut events);
        self.tell(reader.notes());
        self.ready.extend(events);
        read
    }

    /// Reads the next bytes of a stream.
    async fn read_on(&mut self, mut reply: Box<Streaming>) -> Result<(), TurnError> {
        let chunk = reply.body.next().await.transpose()?;
        let read = match &chunk {
            Some(bytes) => reply.on_bytes(bytes),
            None => reply.reader.finish(&mut reply.events),
        };
        self.tell(reply.reader.notes());
        let has_finished = matches!(reply.events.last(), Some(TurnEvent::Finished { .. }));
        self.ready.extend(reply.events.drain(..));
        if has_finished {
            // Whatever is wrong behind the end is nobody's concern.
            reply.body.release();
            return Ok(());
        }
        if chunk.is_some() && read.is_ok() {
            self.stage = Stage::Streaming(reply);
        }
        read
    }

    fn tell(&self, notes: Vec<Note>) {
        for Note { what, detail } in notes {
            self.log.publish(Event::Warning { what, detail });
        }
    }
}

impl Streaming {
    fn on_bytes(&mut self, bytes: &[u8]) -> Result<(), TurnError> {
        let decoded = self.decoder.feed(bytes, &mut self.frames);
        for frame in self.frames.drain(..) {
            self.reader.on_data(&frame.data, &mut self.events)?;
        }
        decoded.map_err(|error| TurnError::Upstream {
            message: format!("The provider's reply cannot be read: {error}."),
        })
    }
}

impl Reader {
    fn on_data(&mut self, data: &str, events: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        match self {
            Self::Chat(reader) => reader.on_data(data, events),
            Self::Responses(reader) => reader.on_data(data, events),
        }
    }

    fn on_whole(&mut self, body: &[u8], events: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        match self {
            Self::Chat(reader) => reader.on_whole(body, events),
            Self::Responses(reader) => reader.on_whole(body, events),
        }
    }

    fn finish(&mut self, events: &mut Vec<TurnEvent>) -> Result<(), TurnError> {
        match self {
            Self::Chat(reader) => reader.finish(events),
            Self::Responses(reader) => reader.finish(events),
        }
    }

    fn notes(&mut self) -> Vec<Note> {
        match self {
            Self::Chat(reader) => reader.notes(),
            Self::Responses(reader) => reader.notes(),
        }
    }
}
