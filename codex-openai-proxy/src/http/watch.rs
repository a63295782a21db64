//! Watches one request from its arrival to its end, and tells the log channel and the figures.

mod asks;
mod figures;
mod said;

pub use asks::{asks, preview, results};

use super::{
    access::Caller, dispatch::Peer, error::ErrorReply, routes::Endpoint, service::RequestName,
};
use crate::{
    config::KeptBodies,
    metrics::RequestMeter,
    traffic::{
        BodyKind, Event, RequestLog,
        record::{
            Asks, CursorResponse, IncomingRequest, RequestFailed, TokenKind, Tokens, cached_share,
        },
        redact,
    },
    translate::chat::{ReasoningStyle, ReplyHead},
    turn::{ConversationId, FinishReason, TraceContext, TurnError, TurnEvent, Usage},
    wire::request::Glimpse,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, request::Parts};
use said::Said;
use std::{
    borrow::Cow,
    mem, thread,
    time::{Duration, Instant},
};
use tracing::{Span, field};

/// The longest part of a streamed reply that is kept as it was sent, in bytes.
const KEPT_STREAM: usize = 8 * 1024 * 1024;

/// The longest value of a header that is kept, in bytes.
const KEPT_HEADER: usize = 4096;

/// What is kept in place of a longer one.
const TOO_LONG: &[u8] = b"(too long to be kept)";

/// Tells the log channel of one request: that it came, what happened at this edge, and, exactly
/// once, how it ended. Dropped before the end, it tells that the client has left.
#[derive(Debug)]
pub struct Watch {
    log: RequestLog,
    /// Measures it, where it is one that counts.
    meter: Option<RequestMeter>,
    /// The trace that it belongs to.
    trace: Option<TraceContext>,
    /// The conversation that it belongs to, as far as that is known.
    conversation: Option<ConversationId>,
    begun: Instant,
    /// What its endpoint is called.
    route: Option<&'static str>,
    /// What came in, until it is told.
    incoming: Option<Box<IncomingRequest>>,
    /// How reasoning is shown to the client.
    style: ReasoningStyle,
    /// The reply that has begun, and what was said, where that is put together here.
    gathered: Option<(ReplyHead, Said)>,
    /// Whether the reply was handed over as one object.
    has_object: bool,
    /// A streamed reply as it was sent, where that is kept.
    frames: Vec<Bytes>,
    frame_bytes: usize,
    /// Whether its status was sent.
    streaming: bool,
    first_token: Option<Duration>,
    ended: bool,
}

impl Watch {
    /// Begins with a request that has arrived, and that `log` is to hear of.
    #[must_use]
    pub fn arrived(log: RequestLog, head: &Parts, endpoint: Option<Endpoint>) -> Self {
        let name = head.extensions.get::<RequestName>();
        Self {
            meter: None,
            conversation: None,
            begun: Instant::now(),
            route: endpoint.map(route),
            incoming: (!log.is_silent()).then(|| incoming(head, endpoint)),
            log,
            trace: name.and_then(|name| name.trace.clone()),
            style: ReasoningStyle::Content,
            gathered: None,
            has_object: false,
            frames: Vec::new(),
            frame_bytes: 0,
            streaming: false,
            first_token: None,
            ended: false,
        }
    }

    /// From now on `log` hears of the request, of which nobody did.
    pub fn speak(&mut self, log: RequestLog, head: &Parts) {
        self.log = log;
        self.incoming = Some(incoming(head, None));
    }

    /// From now on nobody hears of the request. It counts as before.
    pub fn mute(&mut self) {
        self.log = RequestLog::silent();
        self.incoming = None;
    }

    /// Sees who was let in.
    pub fn on_caller(&mut self, caller: &Caller) {
        if let (Some(incoming), Some(key)) = (&mut self.incoming, caller.key()) {
            incoming.key = Some(key.to_string());
        }
    }

    /// Sees a request let in. Of one that is not, no more is kept than its records: strangers are not
    /// to fill the log.
    pub fn on_admitted(&self, headers: &HeaderMap) {
        if self.log.bodies() == KeptBodies::Off {
            return;
        }
        let headers = headers.iter().map(|(name, value)| {
            let value = value.as_bytes();
            let is_short = value.len() <= KEPT_HEADER;
            (name.as_str(), if is_short { value } else { TOO_LONG })
        });
        self.log
            .body(BodyKind::Headers, redact::head(headers).into());
    }

    /// Sees a request for a reply refused for what is in it, and tells as much of it as can be told.
    pub fn on_refused(&mut self, body: &[u8]) {
        if let Some(incoming) = &mut self.incoming {
            let Glimpse {
                model,
                stream,
                entries,
            } = Glimpse::of(body);
            incoming.asks = model.map(|model| Asks {
                model,
                stream,
                messages: entries,
                ..Asks::default()
            });
        }
    }

    /// Sees the body, whole.
    pub fn on_body(&mut self, body: &Bytes) {
        if let Some(incoming) = &mut self.incoming {
            incoming.bytes = body.len();
            incoming.read = self.begun.elapsed();
        }
        self.log.body(BodyKind::Request, body.clone());
    }

    /// Sees all that a request for a reply asks for, and of which conversation, if it says so.
    pub fn on_asks(&mut self, asks: Asks, conversation: Option<&ConversationId>) {
        if let Some(incoming) = &mut self.incoming {
            incoming.asks = Some(asks);
        }
        if let Some(conversation) = conversation {
            self.on_conversation(conversation);
        }
        self.tell_incoming();
    }

    /// Tells of something that came with the request, or that it has done to a conversation.
    pub fn publish(&mut self, event: Event) {
        self.tell_incoming();
        self.log.publish(event);
    }

    /// Sees what conversation it is about.
    pub fn on_conversation(&mut self, id: &ConversationId) {
        if self.conversation.as_ref() == Some(id) {
            return;
        }
        self.log = self.log.of(id);
        Span::current().record("conversation", field::display(id));
        self.conversation = Some(id.clone());
    }

    /// The trace that it belongs to, where its client told.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    /// What the engine tells of the request goes here.
    #[must_use]
    pub fn log(&self) -> &RequestLog {
        &self.log
    }

    /// Sees a reply begin, which belongs to this conversation.
    pub fn on_reply(&mut self, conversation: Option<&ConversationId>, style: ReasoningStyle) {
        if let Some(conversation) = conversation {
            self.on_conversation(conversation);
        }
        self.style = style;
    }

    /// From now on what is said is put together as one `chat.completion` with this head. Of a reply
    /// that has another form, [`Watch::on_object`] is told.
    pub fn gather(&mut self, head: ReplyHead) {
        if self.keeps_bodies() {
            self.gathered = Some((head, Said::default()));
        }
    }

    /// Whether anybody wants to know what is said.
    #[must_use]
    pub fn keeps_bodies(&self) -> bool {
        self.log.bodies() != KeptBodies::Off
    }

    /// Sees the reply as one object, as far as it has come.
    pub fn on_object(&mut self, reply: Bytes) {
        self.gathered = None;
        if !self.has_object {
            self.has_object = true;
            self.log.body(BodyKind::Reply, reply);
        }
    }

    /// Sees the status of a stream go out: an error comes too late for it from now on.
    pub fn on_stream(&mut self) {
        self.streaming = true;
    }

    /// Sees an event go to the client.
    pub fn on_event(&mut self, event: &TurnEvent) {
        match event {
            TurnEvent::Text(_) => self.on_token(TokenKind::Text),
            TurnEvent::Reasoning(_) => self.on_token(TokenKind::Reasoning),
            TurnEvent::ToolCall(_) | TurnEvent::ToolCallBegun { .. } => {
                self.on_token(TokenKind::ToolCall);
            }
            TurnEvent::MessageEnd
            | TurnEvent::ReasoningBreak
            | TurnEvent::ReasoningEnd { .. }
            | TurnEvent::ToolCallDelta { .. }
            | TurnEvent::Finished { .. } => {}
        }
        if let Some((_, said)) = &mut self.gathered {
            said.add(event);
        }
        match event {
            TurnEvent::ToolCall(call) => self.publish(asks::forwarded(call)),
            TurnEvent::Finished { reason, usage } => self.on_finished(*reason, *usage),
            _ => {}
        }
    }

    fn on_token(&mut self, kind: TokenKind) {
        // What the client does not get to see is not its first.
        let is_shown = kind != TokenKind::Reasoning || self.style != ReasoningStyle::Off;
        if self.first_token.is_none() && is_shown {
            let after = self.begun.elapsed();
            self.first_token = Some(after);
            if let Some(meter) = &self.meter {
                meter.on_first_token(after);
            }
            self.publish(Event::FirstToken { after, kind });
        }
    }

    /// Sees a part of a stream go to the client.
    pub fn on_frame(&mut self, frame: &Bytes) {
        if self.log.bodies() == KeptBodies::Full && self.frame_bytes < KEPT_STREAM {
            self.frame_bytes += frame.len();
            self.frames.push(frame.clone());
        }
        // The last frame comes after the event that ended the reply.
        if self.ended {
            self.keep_stream();
        }
    }

    /// Sees a request that wants no reply of a model answered.
    pub fn on_answer(&mut self, status: StatusCode) {
        self.end(Event::CursorResponse(CursorResponse {
            status: status.as_u16(),
            duration: self.begun.elapsed(),
            ..CursorResponse::default()
        }));
    }

    /// Sees the error that the client gets.
    pub fn on_error(&mut self, error: &ErrorReply) {
        let object = &error.body.error;
        self.keep_reply();
        if let (Some(meter), Some(fault)) = (&self.meter, error.fault()) {
            meter.on_failure(fault.as_str());
        }
        if let Some(detail) = error.detail() {
            self.publish(Event::Warning {
                what: "internal_error",
                detail: detail.to_owned(),
            });
        }
        self.end(Event::RequestFailed(Box::new(RequestFailed {
            status: error.status.as_u16(),
            error_type: object.kind.clone().into_owned(),
            code: object.code.clone().map(Cow::into_owned),
            param: object.param.clone(),
            message: object.message.clone(),
            in_stream: self.streaming,
            first_token: self.first_token,
            duration: self.begun.elapsed(),
        })));
    }

    /// Sees the error that the conversation does not fit the model, in whose place the client gets
    /// an empty reply.
    pub fn on_overflow(&mut self, error: &TurnError) {
        self.publish(Event::Warning {
            what: "context_overflow_hidden",
            detail: error.to_string(),
        });
        self.end(Event::CursorResponse(CursorResponse {
            status: StatusCode::OK.as_u16(),
            finish_reason: Some(FinishReason::Stop.as_str()),
            duration: self.begun.elapsed(),
            note: Some("context_overflow_hidden"),
            ..CursorResponse::default()
        }));
    }

    /// Sees a reply end well.
    pub fn on_finished(&mut self, reason: FinishReason, usage: Option<Usage>) {
        if let Some((_, said)) = &mut self.gathered {
            said.finished(reason, usage);
        }
        self.keep_reply();
        if let (Some(meter), Some(usage)) = (&self.meter, usage) {
            meter.on_tokens(usage.into());
        }
        self.end(Event::CursorResponse(CursorResponse {
            status: StatusCode::OK.as_u16(),
            finish_reason: Some(reason.as_str()),
            usage: usage.map(Tokens::from),
            cached_share: usage.as_ref().and_then(cached_share),
            first_token: self.first_token,
            duration: self.begun.elapsed(),
            note: None,
        }));
    }

    /// Sees a reply end because its client has called it off.
    pub fn on_cancelled(&mut self) {
        self.keep_reply();
        self.end(Event::CursorResponse(CursorResponse {
            status: StatusCode::OK.as_u16(),
            first_token: self.first_token,
            duration: self.begun.elapsed(),
            note: Some("cancelled"),
            ..CursorResponse::default()
        }));
    }

    fn tell_incoming(&mut self) {
        if let Some(incoming) = self.incoming.take() {
            let event = Event::IncomingRequest(incoming);
            self.log.publish(event);
        }
    }

    fn end(&mut self, event: Event) {
        if mem::replace(&mut self.ended, true) {
            return;
        }
        self.measure_end(&event);
        self.publish(event);
    }

    /// Hands over what was said, as far as it came.
    fn keep_reply(&mut self) {
        if let Some((head, said)) = self.gathered.take()
            && let Some(reply) = said.into_json(head)
        {
            self.log.body(BodyKind::Reply, reply);
        }
    }

    fn keep_stream(&mut self) {
        if !self.frames.is_empty() {
            let stream = mem::take(&mut self.frames).concat();
            self.log.body(BodyKind::Stream, stream.into());
        }
    }
}

/// What is known of a request when it arrives.
fn incoming(head: &Parts, endpoint: Option<Endpoint>) -> Box<IncomingRequest> {
    let name = head.extensions.get::<RequestName>();
    let agent = head.headers.get(header::USER_AGENT);
    let peer = head.extensions.get::<Peer>();
    Box::new(IncomingRequest {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        route: endpoint.map(route),
        client_id: name.and_then(|name| name.client_id.clone()),
        peer: peer.map(|peer| peer.0.to_canonical().to_string()),
        user_agent: agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned()),
        ..IncomingRequest::default()
    })
}

/// What an endpoint is called in the log.
fn route(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions => "chat_completions",
        Endpoint::Responses => "responses",
        Endpoint::StoredResponse(_) => "stored_response",
        Endpoint::Models => "models",
        Endpoint::Model => "model",
        Endpoint::DeleteConversation => "delete_conversation",
        // Not logged.
        Endpoint::Health(_) => "health",
        Endpoint::Metrics => "metrics",
        Endpoint::OpenApi => "openapi",
        Endpoint::Logs(_) => "logs",
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.ended {
            return self.keep_stream();
        }
        if thread::panicking() {
            return self.on_error(&ErrorReply::panicked());
        }
        self.keep_reply();
        self.keep_stream();
        self.end(Event::ClientDisconnected {
            first_token: self.first_token,
            duration: self.begun.elapsed(),
        });
    }
}
