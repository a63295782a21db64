//! Orders, the connections that they go over, and what they come to.

use super::{Actor, Heard, Judged};
use crate::{
    chaos::{
        plan::{Shape, Way},
        verdict::{Circumstances, Verdict, judge},
    },
    client::{Ask, Client, Delivery, Failure, Message, Reply, Target},
    pattern::{Fault, Order},
};
use std::time::Duration;
use tokio::time::Instant;

/// Beyond this a request hangs: longer than all that any reply here may wait for.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);
/// How long after its last use a connection is used again. Less than the proxy keeps it, so that
/// none is closed just as a request is written to it.
const KEPT: Duration = Duration::from_secs(1);

/// A kept connection.
#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    used: Instant,
    /// How many outages there had been.
    outages: usize,
}

/// What the plan adds to an order.
pub(super) trait Ordered {
    fn calls(self, calls: u32) -> Self;
    fn fault(self, fault: Fault) -> Self;
    fn delivered(self, delivery: Delivery) -> Self;
}

impl Actor {
    /// Asks, and judges the reply.
    pub(super) async fn ask(&mut self, way: Way, ask: &Ask, about: Circumstances) -> Judged<Heard> {
        let read = async |client: &mut Client| client.ask(ask).await.map(Some);
        let heard = self.exchange(way, about, read).await?;
        Ok(heard.unwrap_or(Heard::Doubtful))
    }

    /// Has `read` ask on a connection, and judges what it gives; `None` where it left.
    pub(super) async fn exchange(
        &mut self,
        way: Way,
        about: Circumstances,
        read: impl AsyncFnOnce(&mut Client) -> Result<Option<Reply>, Failure>,
    ) -> Judged<Option<Heard>> {
        let begin = Instant::now();
        let reply = match self.connection(way).await {
            Ok(client) => read(client).await,
            Err(failure) => Err(failure),
        };
        if let Some(connection) = self.connections.get_mut(&way) {
            connection.used = Instant::now();
        }
        self.judged(way, about, begin, reply)
    }

    /// Judges what a request came to that began then.
    pub(super) fn judged(
        &mut self,
        way: Way,
        mut about: Circumstances,
        begin: Instant,
        reply: Result<Option<Reply>, Failure>,
    ) -> Judged<Option<Heard>> {
        about.outage = self.around.outages.between(begin, Instant::now());
        let results = &self.around.results;
        if let Ok(None) = reply {
            self.journal.note("left");
            results.count(|tally| tally.left += 1);
            return Ok(None);
        }
        match &reply {
            Ok(_) => self.journal.note("complete"),
            Err(failure) => self.journal.note(failure),
        }
        let verdict = judge(&reply, about);
        match verdict.map_err(|what| format!("{way:?}: {what}"))? {
            Verdict::Complete => results.count(|tally| tally.complete += 1),
            Verdict::Failed => results.count(|tally| tally.failed += 1),
        }
        Ok(match reply {
            Ok(reply) => reply.map(|reply| Heard::Complete(Box::new(reply))),
            Err(Failure::Broken { .. } | Failure::Io(_)) => Some(Heard::Doubtful),
            Err(_) => Some(Heard::Failed),
        })
    }

    /// A connection that nobody has closed meanwhile.
    pub(super) async fn connection(&mut self, way: Way) -> Result<&mut Client, Failure> {
        let outages = self.around.outages.count();
        let is_good = |connection: &Connection| {
            connection.outages == outages && connection.used.elapsed() < KEPT
        };
        if !self.connections.get(&way).is_some_and(is_good) {
            self.connections.remove(&way);
            let connection = Connection {
                client: Client::connect(self.target(way)).await?,
                used: Instant::now(),
                outages,
            };
            self.connections.insert(way, connection);
        }
        match self.connections.get_mut(&way) {
            Some(connection) => Ok(&mut connection.client),
            None => Err(Failure::Io("no connection".to_owned())),
        }
    }

    pub(super) fn target(&self, way: Way) -> &Target {
        &self.around.targets[&way]
    }

    /// An order whose number tells where it came from: client, step, and which of the step.
    pub(super) fn order(&mut self, shape: Shape) -> Ask {
        let stream = (self.number + 1) * 100_000_000 + self.step * 100 + self.orders;
        self.orders += 1;
        let order = Order {
            stream,
            deltas: shape.deltas,
            gap: shape.gap,
            calls: 0,
            fault: None,
        };
        Ask {
            deadline: PATIENCE,
            ..Ask::new(order)
        }
    }
}

impl Ordered for Ask {
    fn calls(mut self, calls: u32) -> Self {
        self.order.calls = calls;
        self.messages = vec![Message::User(self.order.prompt())];
        self
    }

    fn fault(mut self, fault: Fault) -> Self {
        self.order.fault = Some(fault);
        self.messages = vec![Message::User(self.order.prompt())];
        self
    }

    fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }
}
