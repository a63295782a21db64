//! One client: does what the plan says, and judges what it gets.

mod asking;
mod turns;

use self::asking::{Connection, Ordered};
use super::{
    journal::{Finding, Journal, Results},
    ledger::Ledger,
    outages::Outages,
    plan::{self, Action, Place, Way},
    verdict::Circumstances,
};
use crate::{
    client::{Message, Reply, Target},
    proxy::Engine,
};
use std::{collections::HashMap, mem, sync::Arc};
use tokio::time::Instant;

/// How many turns a chat has before the next one begins.
const TURNS: usize = 24;

/// What a client needs besides itself.
#[derive(Debug)]
pub struct Surroundings {
    /// Of the plan.
    pub seed: u64,
    /// How each way is asked.
    pub targets: HashMap<Way, Target>,
    /// When the proxy was not there.
    pub outages: Outages,
    /// What all clients came to.
    pub results: Results,
    /// When it all began.
    pub start: Instant,
}

/// One client.
#[derive(Debug)]
pub struct Actor {
    number: u64,
    step: u64,
    /// Orders so far in this step.
    orders: u64,
    around: Arc<Surroundings>,
    connections: HashMap<Way, Connection>,
    journal: Journal,
    /// The conversation with a name.
    ledger: Ledger,
    /// How many there were, this one included.
    conversations: u64,
    /// Whether the last request in it was left before its reply's end.
    has_left: bool,
    /// Those before it.
    finished: Vec<Ledger>,
    /// The chat without a name, turn by turn.
    chat: Vec<Vec<Message>>,
}

/// What became of a request.
#[derive(Debug)]
enum Heard {
    Complete(Box<Reply>),
    /// It failed clearly: nothing of it may be kept.
    Failed,
    /// Nobody knows what was kept of it.
    Doubtful,
}

/// Something went wrong that nothing excuses.
type Judged<T> = Result<T, String>;

impl Actor {
    /// A client that has done nothing.
    pub fn new(number: u64, around: Arc<Surroundings>) -> Self {
        Self {
            number,
            step: 0,
            orders: 0,
            connections: HashMap::new(),
            journal: Journal::new(around.start),
            ledger: Ledger::new(format!("chaos-{number}-0")),
            conversations: 1,
            has_left: false,
            finished: Vec::new(),
            chat: Vec::new(),
            around,
        }
    }

    /// Does the steps of the plan until then. The last one is done to its end.
    pub async fn act(&mut self, until: Instant) {
        while Instant::now() < until {
            self.around.outages.up().await;
            let action = plan::action(self.around.seed, self.number, self.step);
            self.journal
                .note(format_args!("step {}: {action:?}", self.step));
            self.orders = 0;
            if let Err(what) = self.perform(action).await {
                self.found(what);
            }
            self.step += 1;
        }
        // A client that pauses holds no connection.
        self.connections.clear();
    }

    /// Asks each conversation what it holds.
    pub async fn close(&mut self) {
        self.orders = 0;
        for ledger in mem::take(&mut self.finished) {
            self.ledger = ledger;
            self.last_account().await;
        }
        self.last_account().await;
        self.connections.clear();
        self.step += 1;
    }

    async fn last_account(&mut self) {
        self.journal
            .note(format_args!("last account of {}", self.ledger.name));
        if let Err(what) = self.account().await {
            self.found(what);
        }
    }

    fn found(&mut self, what: String) {
        // The conversation may not be what the ledger says any more, which is told once.
        self.begin_conversation();
        self.finished.pop();
        self.chat.clear();
        self.around.results.found(Finding {
            client: self.number,
            step: self.step,
            what,
            events: self.journal.last(),
        });
    }

    async fn perform(&mut self, action: Action) -> Judged<()> {
        match action {
            Action::Reply(way, delivery, shape) => {
                let ask = self.order(shape).delivered(delivery);
                self.ask(way, &ask, Circumstances::default()).await?;
            }
            Action::Turn(Place::Named, api, delivery, shape, calls) => {
                if self.ledger.len() >= TURNS {
                    self.begin_conversation();
                }
                if self.ledger.is_doubtful() {
                    self.account().await?;
                }
                let mut ask = self.order(shape).calls(calls).delivered(delivery);
                ask = ask.named(&self.ledger.name);
                self.named_turn(api, ask).await?;
            }
            Action::Turn(Place::Unnamed, api, delivery, shape, calls) => {
                if self.chat.len() >= TURNS {
                    self.chat.clear();
                }
                let ask = self.order(shape).calls(calls).delivered(delivery);
                self.unnamed_turn(api, ask).await?;
            }
            Action::Account => self.account().await?,
            Action::Edit(Place::Named, api, shape, back) => {
                let keep = self.ledger.len().saturating_sub(back);
                let ask = self.order(shape).named(&self.ledger.name);
                if keep == 0 {
                    // Without a reply in it, it would be one more message.
                    self.named_turn(api, ask).await?;
                } else {
                    self.edit(api, keep, ask).await?;
                }
            }
            Action::Edit(Place::Unnamed, api, shape, back) => {
                self.chat.truncate(self.chat.len().saturating_sub(back));
                let ask = self.order(shape);
                self.unnamed_turn(api, ask).await?;
            }
            Action::Leave(place, way, shape, after) => {
                let mut ask = self.order(shape);
                if let (Place::Named, Engine::Codex) = (place, way.engine) {
                    ask = ask.named(&self.ledger.name);
                }
                self.leave(way, &ask, after).await?;
            }
            Action::Stall(way, shape, after, pause) => {
                let ask = self.order(shape);
                self.stall(way, &ask, after, pause).await?;
            }
            Action::Garbage(kind, api) => self.garbage(kind, api).await?,
            Action::Calls(place, api, results) => self.calls(place, api, results).await?,
            Action::Fault(place, way, delivery, shape, fault) => {
                let mut ask = self.order(shape).delivered(delivery).fault(fault);
                if let (Place::Named, Engine::Codex) = (place, way.engine) {
                    ask = ask.named(&self.ledger.name);
                }
                let about = Circumstances {
                    fault: Some(fault),
                    ..Circumstances::default()
                };
                // Whatever became of it: there is nothing to keep.
                self.ask(way, &ask, about).await?;
            }
        }
        Ok(())
    }

    fn begin_conversation(&mut self) {
        // Not by the step: in one, a conversation may be begun, put aside, and another begun.
        let name = format!("chaos-{}-{}", self.number, self.conversations);
        self.conversations += 1;
        let finished = mem::replace(&mut self.ledger, Ledger::new(name));
        self.finished.push(finished);
    }

    /// Leaves a conversation that calls may wait in: it takes no message until it has their results.
    fn put_aside(&mut self) {
        self.journal
            .note(format_args!("{} is put aside", self.ledger.name));
        self.begin_conversation();
        self.finished.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_conversation_has_a_name_of_its_own_however_many_one_step_begins() {
        let mut actor = Actor::new(
            3,
            Arc::new(Surroundings {
                seed: 1,
                targets: HashMap::new(),
                outages: Outages::new(),
                results: Results::default(),
                start: Instant::now(),
            }),
        );
        let mut names = vec![actor.ledger.name.clone()];
        for begin in [Actor::begin_conversation, Actor::put_aside] {
            begin(&mut actor);
            names.push(actor.ledger.name.clone());
        }
        assert_eq!(names, ["chaos-3-0", "chaos-3-1", "chaos-3-2"]);
        // What was put aside is held against nothing.
        assert_eq!(actor.finished.len(), 1);
    }
}
