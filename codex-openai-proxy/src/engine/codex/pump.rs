//! Forwards the events of a turn to the reply of one request.

use super::{
    breaks::Watch,
    convert,
    events::{End, EventReader, Step, TurnState},
    figures::Figures,
    queue::Queue,
    thread::Thread,
    tools::ClientTools,
};
use crate::{
    engine::TurnSender,
    traffic::RequestLog,
    turn::{TurnError, TurnEvent},
};
use codex_protocol::{
    models::ResponseItem,
    protocol::{Event, EventMsg},
};
use std::{collections::HashSet, sync::Arc, time::SystemTime};
use tokio_util::sync::CancellationToken;

/// What it takes to forward one reply.
pub struct Pump<'a> {
    /// The thread whose turn has begun, or goes on.
    pub thread: &'a Thread,
    /// The tools that it offers.
    pub tools: Arc<ClientTools>,
    /// Where the reply goes.
    pub reply: &'a TurnSender,
    /// The requests that wait for this one.
    pub queue: &'a mut Queue,
    /// Cancelled when the process stops.
    pub stop: &'a CancellationToken,
    /// What there is to tell of the engine.
    pub figures: &'a Figures,
    /// What is told of the request.
    pub log: &'a RequestLog,
}

/// How a reply ended. Its last event has not been sent.
#[derive(Debug)]
pub enum Over {
    /// With this event, or with an error in its place.
    Ended {
        /// The event.
        outcome: Result<TurnEvent, TurnError>,
        /// Whether the turn is over too.
        turn: TurnState,
    },
    /// The client has left.
    Abandoned,
}

/// What core recorded meanwhile.
#[derive(Debug, Default)]
pub struct Recorded {
    /// What went upstream and came back.
    pub items: Vec<ResponseItem>,
    /// The places among them of calls to tools that were never offered. core answers those.
    pub hidden: HashSet<usize>,
}

impl Recorded {
    fn note(&mut self, item: ResponseItem, tools: &ClientTools) {
        match &item {
            // Made anew for each request upstream.
            ResponseItem::AdditionalTools { .. }
            | ResponseItem::CompactionTrigger { .. }
            | ResponseItem::Other => return,
            ResponseItem::FunctionCall { name, .. } if !tools.offers(name) => {
                self.hidden.insert(self.items.len());
            }
            _ => {}
        }
        self.items.push(item);
    }
}

impl Pump<'_> {
    /// Forwards events until the reply is over or the client has left.
    pub async fn run(self, recorded: &mut Recorded) -> Over {
        let Self {
            thread,
            tools,
            reply,
            queue,
            stop,
            figures,
            log,
        } = self;
        let mut reader = EventReader::new(Arc::clone(&tools));
        // Anew for each reply: what failed in an earlier one is no business of this.
        let watch = Watch::new(thread.id());
        let mut out = Vec::new();
        loop {
            let step = tokio::select! {
                // Events before failures: what came before a reply broke off is read first.
                biased;
                () = reply.closed() => return Over::Abandoned,
                () = stop.cancelled() => failed(stopping(), TurnState::Running),
                () = queue.tend() => failed(deleted(), TurnState::Running),
                event = thread.next_event() => match event {
                    Ok(Event { msg: EventMsg::RawResponseItem(raw), .. }) => {
                        let step = reader.on_item(&raw.item, &mut out);
                        recorded.note(raw.item, &tools);
                        step
                    }
                    Ok(Event { msg, .. }) => reader.on_event(msg, SystemTime::now(), &mut out),
                    Err(error) => failed(error, TurnState::Over),
                },
                () = watch.failed() => reader.on_reply_failed(),
            };
            for note in reader.notes() {
                figures.on_event(&note);
                log.publish(note);
            }
            for event in out.drain(..) {
                // A client that does not read holds up nobody but itself.
                let stopped = tokio::select! {
                    biased;
                    sent = reply.send(Ok(event)) => match sent {
                        Ok(()) => continue,
                        Err(_) => return Over::Abandoned,
                    },
                    () = stop.cancelled() => stopping(),
                    () = queue.tend() => deleted(),
                };
                return Over::Ended {
                    outcome: Err(stopped),
                    turn: TurnState::Running,
                };
            }
            if let Step::End(End { outcome, turn }) = step {
                // A reply that was cut at a limit is a reply, and core records whole messages only.
                if let (Ok(_), Some(text)) = (&outcome, reader.unfinished()) {
                    recorded.items.push(convert::answer(text.to_owned()));
                }
                return Over::Ended { outcome, turn };
            }
        }
    }
}

fn failed(error: TurnError, turn: TurnState) -> Step {
    Step::End(End {
        outcome: Err(error),
        turn,
    })
}

/// The error of a reply that the end of the process cuts off.
pub fn stopping() -> TurnError {
    TurnError::stopping()
}

/// The error of a reply whose conversation is deleted meanwhile.
pub fn deleted() -> TurnError {
    TurnError::ConversationDeleted
}
