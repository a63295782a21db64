//! What has been heard of a reply, and whether it is what was ordered.

use super::{
    Api, Ask, Call, Check, Delivery, Failure, Message, Reply, chat, responses, sse::Lines,
};
use crate::pattern::{Mark, Order};
use hyper::header::HeaderMap;
use std::time::Duration;

/// A reply, as far as it has come.
#[derive(Debug)]
pub(super) struct Heard {
    api: Api,
    delivery: Delivery,
    content: Content,
    lines: Lines,
    /// The body of a reply in one piece.
    body: Vec<u8>,
}

/// What a reply says, in whichever protocol.
#[derive(Debug)]
pub(super) struct Content {
    order: Order,
    check: Check,
    /// Whether it comes delta by delta.
    streamed: bool,
    /// Whether the calls are due, and not the text behind them.
    calls_due: bool,
    /// When the request was handed over.
    begin: u64,
    /// When its present part came.
    now: u64,
    /// When the first text or call came.
    first: Option<u64>,
    /// Where the mark begins in the text whose end has not come yet.
    mark: usize,
    stage: Stage,
    told: Option<Failure>,
    reply: Reply,
}

/// How far a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Speaking,
    /// It has told that it is complete.
    Finished,
    /// Nothing more may come.
    Closed,
}

impl Heard {
    /// Nothing yet. `begin` is when the request was handed over, by [`clock::now`](crate::clock::now).
    pub(super) fn new(ask: &Ask, api: Api, begin: u64) -> Self {
        let answered = matches!(ask.messages.last(), Some(Message::Result { .. }));
        let mut reply = Reply::default();
        if ask.check == Check::Marks && ask.delivery == Delivery::Stream {
            reply.chunk_delays.reserve(ask.order.deltas as usize);
        }
        Self {
            api,
            delivery: ask.delivery,
            lines: Lines::default(),
            body: Vec::new(),
            content: Content {
                order: ask.order,
                check: ask.check,
                streamed: ask.delivery == Delivery::Stream,
                calls_due: ask.order.calls > 0 && !answered,
                begin,
                now: begin,
                first: None,
                mark: 0,
                stage: Stage::Speaking,
                told: None,
                reply,
            },
        }
    }

    /// The head has come.
    pub(super) fn head(&mut self, headers: &HeaderMap, now: u64) {
        let conversation = headers.get("x-conversation-id");
        let conversation = conversation.and_then(|name| name.to_str().ok());
        self.content.reply.conversation = conversation.map(str::to_owned);
        self.content.reply.first_byte = self.content.since_begin(now);
    }

    /// More has come.
    pub(super) fn frame(&mut self, frame: &[u8], now: u64) -> Result<(), Failure> {
        let Self { api, content, .. } = self;
        content.now = now;
        match (self.delivery, api) {
            (Delivery::Whole, _) => {
                self.body.extend_from_slice(frame);
                Ok(())
            }
            (Delivery::Stream, Api::Chat) => {
                self.lines.feed(frame, |data| chat::chunk(data, content))
            }
            (Delivery::Stream, Api::Responses) => self
                .lines
                .feed(frame, |data| responses::event(data, content)),
        }
    }

    /// It has ended.
    pub(super) fn end(&mut self, now: u64) -> Result<(), Failure> {
        let content = &mut self.content;
        content.now = now;
        content.reply.total = content.since_begin(now);
        match (self.delivery, self.api) {
            (Delivery::Stream, _) => Ok(()),
            (Delivery::Whole, Api::Chat) => chat::whole(&self.body, content),
            (Delivery::Whole, Api::Responses) => responses::whole(&self.body, content),
        }
    }

    /// What it is as far as it has come.
    pub(super) fn so_far(&self) -> &Reply {
        &self.content.reply
    }

    /// It has been cut off: what it told of that counts more.
    pub(super) fn cut_off(&mut self, failure: Failure) -> Failure {
        self.content.told.take().unwrap_or(failure)
    }

    /// Whether it was complete.
    pub(super) fn judge(self) -> Result<Reply, Failure> {
        self.content.judge()
    }
}

impl Content {
    pub(super) fn id(&mut self, id: &str) {
        if self.reply.id.is_empty() {
            id.clone_into(&mut self.reply.id);
        }
    }

    /// More text, which may end within a mark.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        self.still_speaking("text")?;
        self.first.get_or_insert(self.now);
        self.reply.text.push_str(text);
        if self.check == Check::Nothing {
            self.reply.deltas += 1;
            return Ok(());
        }
        while let Some(length) = self.reply.text[self.mark..].find(';') {
            let mark = &self.reply.text[self.mark..self.mark + length];
            let mark = Mark::parse(mark).ok_or_else(|| garbled("no mark", mark.as_bytes()))?;
            self.mark += length + 1;
            self.marked(mark)?;
        }
        Ok(())
    }

    /// A call, or more of one: a piece that has no name goes on with the last.
    pub(super) fn call(&mut self, id: &str, name: &str, arguments: &str) -> Result<(), Failure> {
        self.still_speaking("a call")?;
        self.first.get_or_insert(self.now);
        match self.reply.calls.last_mut() {
            Some(call) if name.is_empty() => call.arguments.push_str(arguments),
            _ => self.reply.calls.push(Call {
                id: id.to_owned(),
                name: name.to_owned(),
                arguments: arguments.to_owned(),
            }),
        }
        Ok(())
    }

    /// It has told its usage.
    pub(super) fn usage(&mut self) {
        self.reply.usage = true;
    }

    /// It has told of an error. What still comes is heard: success must not.
    pub(super) fn told(&mut self, code: Option<String>, message: String) {
        self.told.get_or_insert(Failure::Told { code, message });
    }

    /// It has told that it is complete.
    pub(super) fn finished(&mut self) -> Result<(), Failure> {
        self.still_speaking("another end")?;
        if let Some(told) = &self.told {
            return Err(Failure::Garbled(format!("success, but {told}")));
        }
        self.stage = Stage::Finished;
        Ok(())
    }

    /// Nothing more comes.
    pub(super) fn closed(&mut self) -> Result<(), Failure> {
        if self.stage == Stage::Closed {
            return Err(Failure::Garbled("more behind the end".to_owned()));
        }
        // Only what has finished can be complete; whatever closes without that is broken off.
        if self.stage == Stage::Finished {
            self.stage = Stage::Closed;
        }
        Ok(())
    }

    /// Whether nothing more may come.
    pub(super) fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    fn marked(&mut self, mark: Mark) -> Result<(), Failure> {
        let (stream, expected) = (self.order.stream, self.reply.deltas);
        if mark.stream != stream {
            let other = mark.stream;
            return Err(Failure::Mixed { stream, other });
        }
        if mark.index != expected || expected >= self.order.deltas {
            let got = mark.index;
            return Err(Failure::Lost { expected, got });
        }
        if self.streamed && expected > 0 {
            let delay = self.now.saturating_sub(mark.sent);
            self.reply.chunk_delays.push(delay);
        }
        self.reply.deltas += 1;
        Ok(())
    }

    fn still_speaking(&self, what: &str) -> Result<(), Failure> {
        match self.stage {
            Stage::Speaking => Ok(()),
            _ => Err(Failure::Garbled(format!("{what} behind the end"))),
        }
    }

    fn since_begin(&self, now: u64) -> Duration {
        Duration::from_nanos(now.saturating_sub(self.begin))
    }

    fn judge(mut self) -> Result<Reply, Failure> {
        if let Some(told) = self.told {
            return Err(told);
        }
        let deltas = self.reply.deltas;
        if self.stage != Stage::Closed {
            return Err(Failure::Broken { deltas });
        }
        if self.check == Check::Marks {
            let rest = &self.reply.text[self.mark..];
            if !rest.is_empty() {
                return Err(garbled("half a mark", rest.as_bytes()));
            }
            let calls = u32::try_from(self.reply.calls.len()).unwrap_or(u32::MAX);
            let (calls_wanted, deltas_wanted) = if self.calls_due {
                (self.order.calls, 0)
            } else {
                (0, self.order.deltas)
            };
            for (expected, got) in [(calls_wanted, calls), (deltas_wanted, deltas)] {
                if expected != got {
                    return Err(Failure::Lost { expected, got });
                }
            }
        }
        self.reply.first_token = self.since_begin(self.first.unwrap_or(self.now));
        Ok(self.reply)
    }
}

/// A failure that shows what could not be read, as far as it is short.
pub(super) fn garbled(what: &str, bytes: &[u8]) -> Failure {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    Failure::Garbled(format!("{what}: {shown}"))
}
