//! What a client does in its chats, and what is to be kept of it.

use super::{
    Actor, Heard, Judged,
    asking::{Ordered, PATIENCE},
};
use crate::{
    account::{Account, Entry},
    chaos::{
        garbage,
        ledger::Turn,
        plan::{Garbage, Place, Results as Brought, Shape, Way},
        verdict::Circumstances,
    },
    client::{self, Api, Ask, Check, Client, Message, Reply},
    dice::dice,
    pattern::Order,
    proxy::Engine,
};
use std::{mem, time::Duration};
use tokio::time::{Instant, sleep};

impl Actor {
    /// A turn of the conversation with a name: the new message, and what its calls come to.
    pub(super) async fn named_turn(&mut self, api: Api, ask: Ask) -> Judged<()> {
        let way = Way::new(Engine::Codex, api);
        let entry = entry(&ask.order);
        let mut said = ask.messages.clone();
        let mut reply = match self.ask(way, &ask, Circumstances::default()).await? {
            Heard::Complete(reply) => reply,
            Heard::Failed => return Ok(()),
            Heard::Doubtful => {
                // With calls, all that may be kept so far is the message, with calls that wait.
                if ask.order.calls > 0 {
                    self.put_aside();
                } else {
                    self.ledger.doubt(&[entry]);
                }
                return Ok(());
            }
        };
        if !reply.calls.is_empty() {
            said.extend(reply.messages());
            let results: Vec<_> = reply.calls.iter().map(Message::result_of).collect();
            said.extend(results.iter().cloned());
            let ask = Ask {
                messages: results,
                ..ask
            };
            reply = match self.ask(way, &ask, Circumstances::default()).await? {
                Heard::Complete(reply) => reply,
                Heard::Failed | Heard::Doubtful => {
                    self.put_aside();
                    return Ok(());
                }
            };
        }
        said.extend(reply.messages());
        if self.stays(&reply)? {
            self.ledger.acknowledge(Turn { entry, said });
        }
        Ok(())
    }

    /// A turn of the chat without a name, all of which is sent.
    pub(super) async fn unnamed_turn(&mut self, api: Api, ask: Ask) -> Judged<()> {
        let way = Way::new(Engine::Codex, api);
        let before = self.chat.len();
        let history: Vec<_> = self.chat.iter().flatten().cloned().collect();
        let first = history.len();
        let mut ask = ask.after(history);
        let mut heard = self.ask(way, &ask, Circumstances::default()).await?;
        if let Heard::Complete(reply) = &heard
            && !reply.calls.is_empty()
        {
            ask = ask.with_results(&reply.calls);
            heard = self.ask(way, &ask, Circumstances::default()).await?;
        }
        if let Heard::Complete(reply) = heard {
            let mut turn = ask.messages.split_off(first);
            turn.extend(reply.messages());
            self.chat.truncate(before);
            self.chat.push(turn);
        }
        Ok(())
    }

    /// Goes on from an earlier turn of the conversation with a name.
    pub(super) async fn edit(&mut self, api: Api, keep: usize, ask: Ask) -> Judged<()> {
        let entry = entry(&ask.order);
        let mut said = ask.messages.clone();
        let history: Vec<_> = self.ledger.said(keep).collect();
        let ask = ask.after(history);
        let way = Way::new(Engine::Codex, api);
        match self.ask(way, &ask, Circumstances::default()).await? {
            // The request that the client left was still answered: then this one is a conversation
            // of its own, and its reply says so.
            Heard::Complete(reply) if !self.stays(&reply)? => {}
            Heard::Complete(reply) => {
                said.extend(reply.messages());
                self.ledger.acknowledge_edit(keep, Turn { entry, said });
            }
            Heard::Failed => {}
            Heard::Doubtful => self.ledger.doubt_edit(keep, entry),
        }
        Ok(())
    }

    /// Asks the conversation with a name what it holds.
    pub(super) async fn account(&mut self) -> Judged<()> {
        let shape = Shape {
            deltas: 0,
            gap: Duration::ZERO,
        };
        let mut ask = self.order(shape).named(&self.ledger.name);
        ask.check = Check::Nothing;
        let entry = entry(&ask.order);
        let way = Way::new(Engine::Codex, Api::Chat);
        match self.ask(way, &ask, Circumstances::default()).await? {
            Heard::Complete(reply) => {
                let Some(account) = Account::parse(&reply.text) else {
                    return Err(format!("no account: {}", reply.text));
                };
                self.ledger.check(&account)?;
                self.around.results.count(|tally| tally.accounts += 1);
                let said = ask.messages.into_iter().chain(reply.messages());
                self.ledger.acknowledge(Turn {
                    entry,
                    said: said.collect(),
                });
            }
            Heard::Failed => {}
            Heard::Doubtful => self.ledger.doubt(&[entry]),
        }
        Ok(())
    }

    /// Whether a reply belongs to the conversation with a name. It may be another's only where the
    /// request before it was left and may still be running.
    fn stays(&mut self, reply: &Reply) -> Judged<bool> {
        let has_left = mem::take(&mut self.has_left);
        if reply.conversation.as_ref() == Some(&self.ledger.name) {
            return Ok(true);
        }
        self.journal
            .note(format_args!("in {:?}", reply.conversation));
        if has_left {
            return Ok(false);
        }
        Err(format!(
            "asked in {}, answered in {:?}",
            self.ledger.name, reply.conversation
        ))
    }

    pub(super) async fn leave(&mut self, way: Way, ask: &Ask, after: u32) -> Judged<()> {
        let entry = entry(&ask.order);
        let read = async |client: &mut Client| {
            let mut exchange = client.begin(ask).await?;
            while let Some(deltas) = exchange.step().await? {
                if deltas > after {
                    return Ok(None);
                }
            }
            exchange.finish().await.map(Some)
        };
        let heard = self.exchange(way, Circumstances::default(), read).await?;
        if ask.conversation.is_none() {
            return Ok(());
        }
        match heard {
            Some(Heard::Complete(reply)) => {
                self.stays(&reply)?;
                let said = ask.messages.iter().cloned().chain(reply.messages());
                self.ledger.acknowledge(Turn {
                    entry,
                    said: said.collect(),
                });
            }
            Some(Heard::Failed) => {}
            // The proxy may have been done with it when the client left.
            Some(Heard::Doubtful) | None => {
                self.ledger.doubt(&[entry]);
                self.has_left = true;
            }
        }
        Ok(())
    }

    pub(super) async fn stall(
        &mut self,
        way: Way,
        ask: &Ask,
        after: u32,
        pause: Duration,
    ) -> Judged<()> {
        let begin = Instant::now();
        let reply = async {
            let mut client = Client::narrow(self.target(way)).await?;
            let mut exchange = client.begin(ask).await?;
            while let Some(deltas) = exchange.step().await? {
                if deltas > after {
                    break;
                }
            }
            sleep(pause).await;
            exchange.finish().await.map(Some)
        };
        let reply = reply.await;
        self.judged(way, Circumstances::default(), begin, reply)?;
        Ok(())
    }

    pub(super) async fn garbage(&mut self, kind: Garbage, api: Api) -> Judged<()> {
        let way = Way::new(Engine::Codex, api);
        let target = self.target(way).clone();
        let mut dice = dice(self.around.seed, self.number, self.step);
        let bytes = garbage::bytes(kind, &target, &mut dice);
        let begin = Instant::now();
        let status = if kind == Garbage::NoHttp {
            client::raw(target.address, &bytes, PATIENCE).await
        } else {
            let answer = async {
                let client = self.connection(way).await?;
                client.post(bytes.into()).await
            };
            answer.await.map(|answer| Some(answer.status))
        };
        self.journal.note(format_args!("{status:?}"));
        let outage = self.around.outages.between(begin, Instant::now());
        match status {
            Ok(Some(400..=499)) => {}
            Ok(None) if kind == Garbage::NoHttp => {}
            _ if outage.is_some() => {}
            Ok(status) => return Err(format!("garbage is answered with {status:?}")),
            Err(failure) => return Err(format!("garbage: {failure}")),
        }
        self.around.results.count(|tally| tally.garbage += 1);
        Ok(())
    }

    /// Gets calls in a chat of its own, and does with them what the plan says.
    pub(super) async fn calls(&mut self, place: Place, api: Api, brought: Brought) -> Judged<()> {
        let way = Way::new(Engine::Codex, api);
        let shape = Shape {
            deltas: 8,
            gap: Duration::from_millis(5),
        };
        let mut ask = self.order(shape).calls(2);
        if place == Place::Named {
            ask = ask.named(format!("calls-{}-{}", self.number, self.step));
        }
        let Heard::Complete(reply) = self.ask(way, &ask, Circumstances::default()).await? else {
            return Ok(());
        };
        match brought {
            Brought::Never => return Ok(()),
            Brought::After(pause) => sleep(pause).await,
            Brought::Late => {
                let mut on = self.order(shape);
                if place == Place::Named {
                    on.conversation.clone_from(&ask.conversation);
                } else {
                    on = on.after(ask.messages.iter().cloned().chain(reply.messages()));
                }
                let about = Circumstances {
                    unfit: true,
                    ..Circumstances::default()
                };
                self.ask(way, &on, about).await?;
            }
        }
        if place == Place::Named {
            ask.messages = reply.calls.iter().map(Message::result_of).collect();
        } else {
            ask = ask.with_results(&reply.calls);
        }
        self.ask(way, &ask, Circumstances::default()).await?;
        Ok(())
    }
}

/// What an account tells of an order whose reply was complete.
fn entry(order: &Order) -> Entry {
    Entry {
        stream: order.stream,
        deltas: order.deltas,
    }
}
