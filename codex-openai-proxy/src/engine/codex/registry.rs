//! Which conversations are live, and which of them a request belongs to.

mod unanswered;

use super::queue::{Job, Keep, QUEUE};
use crate::{
    config::ConversationSettings,
    conversation::{Block, Digest, chains, has_reply, wire_call_id},
    engine::{Threads, TurnStream},
    traffic::{Event, LogChannel, RequestLog, record::ExpiryReason},
    turn::{ConversationId, Item, Sends, TurnError, TurnRequest},
};
use arc_swap::ArcSwap;
use std::{
    collections::{HashMap, hash_map},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Span;
use unanswered::{Says, Unanswered};
use uuid::Uuid;

/// The live conversations, and an index of how requests find them.
#[derive(Debug)]
pub struct Registry {
    settings: ArcSwap<ConversationSettings>,
    channel: LogChannel,
    // Held for lookups only, never while something is waited for.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<ConversationId, Entry>,
    /// Conversations by all that their clients have seen of them.
    chains: HashMap<Digest, ConversationId>,
    /// Conversations by the calls that wait for their results. Several where a model server numbers
    /// the calls of each chat from the start.
    calls: HashMap<String, Vec<ConversationId>>,
    /// Conversations that are no longer live, and whose threads are still being ended.
    ending: HashMap<ConversationId, CancellationToken>,
    /// Counts requests: tells which conversation was used least recently, and one from the next of
    /// the same name.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    jobs: mpsc::Sender<Box<Job>>,
    serial: u64,
    used: u64,
    /// Requests that are being answered, or wait for that.
    busy: usize,
    /// What they say.
    unanswered: Vec<Unanswered>,
    standing: Standing,
    ended: CancellationToken,
}

/// Where a conversation stands between two requests.
#[derive(Debug, Default)]
pub struct Standing {
    /// All that its client has seen of it; `None` before the first reply.
    pub chain: Option<Digest>,
    /// The calls that wait for their results.
    pub calls: Vec<String>,
}

/// Where a request went.
pub struct Routed {
    /// Its reply.
    pub stream: TurnStream,
    /// The conversation that has become live by it, and that somebody has to lead.
    pub begun: Option<Begun>,
}

/// A conversation that has become live.
pub struct Begun {
    /// Its name.
    pub id: ConversationId,
    /// Tells it from others of that name.
    pub serial: u64,
    /// Its requests. Closed when the conversation has to end.
    pub jobs: mpsc::Receiver<Box<Job>>,
    /// Done when the thread of an earlier one of that name has ended.
    pub after: Option<CancellationToken>,
    /// To be cancelled when its own thread has ended.
    pub ended: CancellationToken,
}

/// The conversation that a request belongs to.
enum Place {
    Live(ConversationId, Sends),
    Named(ConversationId, Sends),
    New,
    /// Beside this one, which is busy with something else.
    Forked(ConversationId),
}

impl Registry {
    /// No conversations.
    pub fn new(settings: ConversationSettings, channel: LogChannel) -> Self {
        Self {
            settings: ArcSwap::from_pointee(settings),
            channel,
            state: Mutex::default(),
        }
    }

    /// When and how conversations end.
    pub fn settings(&self) -> ConversationSettings {
        **self.settings.load()
    }

    /// From now on they end by these settings.
    pub fn configure(&self, settings: ConversationSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// How many conversations are live, how many of them wait for the results of calls, and how many
    /// requests wait for another of their conversation.
    pub fn threads(&self) -> Threads {
        let state = self.state();
        let entries = || state.entries.values();
        Threads {
            live: entries().count(),
            parked: entries()
                .filter(|entry| entry.busy == 0 && !entry.standing.calls.is_empty())
                .count(),
            waiting: entries().map(|entry| entry.busy.saturating_sub(1)).sum(),
        }
    }

    /// Whether a conversation of that name is live.
    pub fn has(&self, id: &ConversationId) -> bool {
        self.state().entries.contains_key(id)
    }

    /// Hands a request to the conversation that it names, that it continues, or that waits for the
    /// tool results which are all that it brings; else to a new one.
    ///
    /// # Errors
    ///
    /// [`TurnError::ConversationBusy`] where too many requests wait already.
    pub fn route(
        &self,
        request: TurnRequest,
        blocks: Vec<Block>,
        log: &RequestLog,
    ) -> Result<Routed, TurnError> {
        let mut state = self.state();
        let place = state.place(&request, &blocks);
        let forked_from = match &place {
            Place::Forked(from) => Some(from.clone()),
            _ => None,
        };
        let (id, sends) = match place {
            Place::Live(id, sends) | Place::Named(id, sends) => (id, sends),
            Place::New | Place::Forked(_) => {
                (ConversationId::made_up(Uuid::new_v4()), Sends::Whole)
            }
        };
        let is_named = request.conversation.is_some() && forked_from.is_none();
        let keep = if is_named || request.lasting {
            Keep::Lasting
        } else {
            Keep::WhileLive
        };
        let log = log.of(&id);
        if let Some(from) = forked_from {
            log.publish(Event::Forked { from });
        }
        let (reply, stream) = TurnStream::channel(id.clone());
        let unanswered = Unanswered {
            says: Says::new(&blocks, sends),
            reply: reply.downgrade(),
        };
        let job = Box::new(Job {
            request,
            blocks,
            sends,
            keep,
            reply,
            deadline: Instant::now() + self.settings.load().wait,
            log,
            span: Span::current(),
        });
        state.clock += 1;
        let now = state.clock;
        // Only one whose task has panicked is live and takes no more requests.
        if state
            .entries
            .get(&id)
            .is_some_and(|entry| entry.jobs.is_closed())
        {
            state.remove(&id);
        }
        let begun = match state.entries.get_mut(&id) {
            Some(entry) => {
                if entry.jobs.try_send(job).is_err() {
                    return Err(TurnError::ConversationBusy { id });
                }
                entry.used = now;
                entry.busy += 1;
                entry.unanswered.push(unanswered);
                None
            }
            None => Some(state.begin(id, job, unanswered)),
        };
        self.shrink(&mut state);
        Ok(Routed { stream, begun })
    }

    /// Notes that `count` requests were answered, or given up, and where the conversation stands
    /// by that.
    pub fn answered(&self, id: &ConversationId, serial: u64, count: usize, standing: Standing) {
        let mut state = self.state();
        state.stand(id, serial, standing);
        if let Some(entry) = state.entry(id, serial) {
            entry.busy = entry.busy.saturating_sub(count);
            entry.unanswered.retain(Unanswered::is_awaited);
            if entry.busy == 0 {
                entry.unanswered.clear();
            }
        }
        self.shrink(&mut state);
    }

    /// Takes out what was used least recently while too many are live.
    fn shrink(&self, state: &mut State) {
        for id in state.shrink(self.settings.load().max_live) {
            let reason = ExpiryReason::TooMany;
            self.channel.publish(&id, Event::Expired { reason });
        }
    }

    /// Takes a conversation out, unless a request has just come for it. Says whether it is out.
    pub fn retire(&self, id: &ConversationId, serial: u64) -> bool {
        let mut state = self.state();
        match state.entry(id, serial) {
            Some(entry) if entry.busy > 0 => return false,
            Some(_) => state.remove(id),
            None => {}
        }
        true
    }

    /// Takes a conversation out, whatever it is doing. Gives the sign that its thread has ended,
    /// where there is one.
    pub fn dismiss(&self, id: &ConversationId) -> Option<CancellationToken> {
        let mut state = self.state();
        state.remove(id);
        state.ending.get(id).cloned()
    }

    /// Notes that the thread of a conversation that was taken out has ended.
    pub fn ended(&self, id: &ConversationId, ended: &CancellationToken) {
        ended.cancel();
        let mut state = self.state();
        // One that came after it may be ending by now.
        if state
            .ending
            .get(id)
            .is_some_and(CancellationToken::is_cancelled)
        {
            state.ending.remove(id);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn place(&self, request: &TurnRequest, blocks: &[Block]) -> Place {
        let Some(named) = &request.conversation else {
            return self.place_unnamed(&request.items, blocks);
        };
        let id = named.id.clone();
        match self.entries.get(&id) {
            None => Place::Named(id, named.sends),
            Some(entry) if entry.diverges(&Says::new(blocks, named.sends)) => Place::Forked(id),
            // It follows a response, as others may that are being answered: each is a branch.
            Some(entry) if named.sends == Sends::Whole && id.is_made_up() && entry.is_awaited() => {
                Place::Forked(id)
            }
            Some(_) => Place::Live(id, named.sends),
        }
    }

    /// An unnamed request only seems to belong to a conversation, so it never waits for one.
    fn place_unnamed(&self, items: &[Item], blocks: &[Block]) -> Place {
        let idle =
            |id: &&ConversationId| self.entries.get(*id).is_some_and(|entry| entry.busy == 0);
        let sends = if has_reply(blocks) {
            Sends::Whole
        } else {
            Sends::Either
        };
        let waiting = items.iter().rev().find_map(|item| match item {
            Item::ToolResult { call_id, .. } => Some((call_id, self.waiting_for(call_id)?)),
            _ => None,
        });
        if let Some((call_id, id)) = waiting
            && idle(&id)
            // A history belongs to no conversation of a client's own name, unless it says that name.
            && (sends == Sends::Either || is_unique(call_id) && id.is_made_up())
        {
            return Place::Live(id.clone(), sends);
        }
        let chains = chains(blocks);
        let mut known = chains
            .iter()
            .rev()
            .filter_map(|chain| self.chains.get(chain));
        match known.find(idle) {
            Some(id) => Place::Live(id.clone(), Sends::Whole),
            None => Place::New,
        }
    }

    /// The one conversation that waits for the result of a call.
    fn waiting_for(&self, call_id: &str) -> Option<&ConversationId> {
        match self.calls.get(wire_call_id(call_id).as_ref())?.as_slice() {
            [id] => Some(id),
            _ => None,
        }
    }

    /// Makes a conversation live, with its first request.
    fn begin(&mut self, id: ConversationId, job: Box<Job>, first: Unanswered) -> Begun {
        let (jobs, receiver) = mpsc::channel(QUEUE);
        // A new channel has room.
        let busy = usize::from(jobs.try_send(job).is_ok());
        let ended = CancellationToken::new();
        let serial = self.clock;
        let entry = Entry {
            jobs,
            serial,
            used: serial,
            busy,
            unanswered: vec![first],
            standing: Standing::default(),
            ended: ended.clone(),
        };
        self.entries.insert(id.clone(), entry);
        Begun {
            after: self.ending.get(&id).cloned(),
            id,
            serial,
            jobs: receiver,
            ended,
        }
    }

    fn entry(&mut self, id: &ConversationId, serial: u64) -> Option<&mut Entry> {
        self.entries
            .get_mut(id)
            .filter(|entry| entry.serial == serial)
    }

    fn stand(&mut self, id: &ConversationId, serial: u64, standing: Standing) {
        if self.entry(id, serial).is_none() {
            return;
        }
        self.forget_standing(id);
        if let Some(chain) = standing.chain {
            self.chains.insert(chain, id.clone());
        }
        for call in &standing.calls {
            let waiting = self.calls.entry(call.clone()).or_default();
            waiting.push(id.clone());
        }
        if let Some(entry) = self.entry(id, serial) {
            entry.standing = standing;
        }
    }

    fn forget_standing(&mut self, id: &ConversationId) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        let Standing { chain, calls } = std::mem::take(&mut entry.standing);
        // Two conversations can have said the same; the later one is found by it.
        if let Some(chain) = chain
            && self.chains.get(&chain) == Some(id)
        {
            self.chains.remove(&chain);
        }
        for call in calls {
            if let hash_map::Entry::Occupied(mut waiting) = self.calls.entry(call) {
                waiting.get_mut().retain(|other| other != id);
                if waiting.get().is_empty() {
                    waiting.remove();
                }
            }
        }
    }

    fn remove(&mut self, id: &ConversationId) {
        self.forget_standing(id);
        if let Some(entry) = self.entries.remove(id)
            && !entry.ended.is_cancelled()
        {
            self.ending.insert(id.clone(), entry.ended);
        }
    }

    /// Takes out what was used least recently until no more than `most` are left that nobody asks
    /// anything of.
    fn shrink(&mut self, most: usize) -> Vec<ConversationId> {
        let mut out = Vec::new();
        while self.entries.len() > most {
            let idle = self.entries.iter().filter(|(_, entry)| entry.busy == 0);
            let Some((id, _)) = idle.min_by_key(|(_, entry)| entry.used) else {
                break;
            };
            let id = id.clone();
            self.remove(&id);
            out.push(id);
        }
        out
    }
}

impl Entry {
    /// Whether somebody waits for an answer.
    fn is_awaited(&self) -> bool {
        self.busy > 0 && self.unanswered.iter().any(Unanswered::is_awaited)
    }

    /// Whether a request says something else than one that is not answered yet. One whose client has
    /// left does not count: whoever stops a request and sends another has changed their mind.
    fn diverges(&self, says: &Says) -> bool {
        self.busy > 0
            && self
                .unanswered
                .iter()
                .filter(|unanswered| unanswered.is_awaited())
                .any(|unanswered| unanswered.says.contradicts(says))
    }
}

/// Whether a call id is random enough to be of one conversation alone, wherever it turns up. Some
/// model servers number the calls of each chat from the start.
fn is_unique(call_id: &str) -> bool {
    call_id.len() >= 20
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
