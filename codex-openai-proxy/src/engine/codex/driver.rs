//! Leads one conversation: answers its requests one after another, each by a turn of its thread.
//!
//! The thread goes on where it can. Where it cannot, because it is gone or because the request
//! changes what a thread cannot change, another takes its place with the same id and the same
//! history, and neither the client nor the upstream's cache sees a difference.

mod kept;
mod tail;

use super::{
    events::TurnState,
    notes,
    plan::Plan,
    pump::{Over, Pump, Recorded, deleted, stopping},
    queue::{Job, Keep, Queue},
    record::{Exchange, Record},
    registry::{Begun, Standing},
    shared::Shared,
    thread::{Start, Thread, Turn},
};
use crate::{
    conversation::Row,
    engine::TurnSender,
    traffic::{
        Event, RequestLog,
        record::{ExpiryReason, RebuildReason},
    },
    turn::{ConversationId, FinishReason, Sends, TurnError, TurnEvent},
};
use codex_protocol::protocol::EventMsg;
use std::{fmt::Display, future::pending, sync::Arc};
use tail::Tail;
use tokio::{
    sync::mpsc::error::TrySendError,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// A live conversation.
pub struct Driver {
    shared: Arc<Shared>,
    id: ConversationId,
    serial: u64,
    queue: Queue,
    ended: CancellationToken,
    /// How long it is kept.
    keep: Keep,
    /// What is kept of it for good.
    row: Option<Row>,
    /// The model of a reply that could not be written down.
    unkept: Option<String>,
    /// What was said; `None` before the first request, which tells whether to look on disk.
    record: Option<Record>,
    thread: Option<Thread>,
}

/// How a request was answered, and the last thing that its client gets, where it is still there.
enum Answer {
    /// The conversation's thread, if it has one, can go on.
    Kept(Option<Result<TurnEvent, TurnError>>),
    /// The turn did not end well, and its thread is of no more use.
    Broken(Option<Result<TurnEvent, TurnError>>),
}

impl Driver {
    /// Leads a conversation until nobody needs it any more, and ends its thread.
    pub async fn lead(shared: Arc<Shared>, begun: Begun) {
        let Begun {
            id,
            serial,
            jobs,
            after,
            ended,
        } = begun;
        if let Some(after) = after {
            after.cancelled().await;
        }
        // Whoever waits for the end must not wait for ever, whatever happens here.
        let _guard = ended.clone().drop_guard();
        let mut driver = Self {
            queue: Queue::new(id.clone(), jobs),
            shared,
            id,
            serial,
            ended,
            keep: Keep::WhileLive,
            row: None,
            unkept: None,
            record: None,
            thread: None,
        };
        while let Some(job) = driver.next().await {
            let span = job.span.clone();
            if job.keep == Keep::Lasting {
                driver.keep = Keep::Lasting;
            }
            // The largest part of the task, and not needed while it waits.
            Box::pin(driver.answer(job)).instrument(span).await;
            // A client that has a name for it tries again under that name, and with it comes the
            // cache key of the first attempt.
            let is_unnamed = driver.keep == Keep::WhileLive || driver.id.is_made_up();
            if is_unnamed && driver.is_blank() && driver.retire() {
                break;
            }
        }
        Box::pin(driver.keep_what_is_left()).await;
        Box::pin(driver.end_thread()).await;
        let Self {
            shared,
            id,
            queue,
            ended,
            ..
        } = driver;
        shared.registry.ended(&id, &ended);
        queue.refuse(&if shared.stop.is_cancelled() {
            stopping()
        } else {
            deleted()
        });
    }

    /// The next request; `None` when the conversation is over.
    async fn next(&mut self) -> Option<Box<Job>> {
        let settings = self.shared.registry.settings();
        let parked = self.thread.as_ref().is_some_and(Thread::is_parked);
        let now = Instant::now();
        let (expires, rests) = if parked {
            (now + settings.parked, None)
        } else {
            (now + settings.idle, Some(now + settings.thread))
        };
        loop {
            let rests = rests.filter(|_| self.thread.is_some());
            let event = async {
                match &self.thread {
                    Some(thread) => thread.next_event().await,
                    None => pending().await,
                }
            };
            let event = tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return None,
                job = self.queue.next() => return job,
                () = sleep_until(expires) => {
                    if self.retire() {
                        let reason = if parked {
                            ExpiryReason::Parked
                        } else {
                            ExpiryReason::Idle
                        };
                        self.tell(Event::Expired { reason });
                        return None;
                    }
                    continue;
                }
                // What was said stays, and is all that another thread needs.
                () = sleep_until(rests.unwrap_or(expires)), if rests.is_some() => {
                    Box::pin(self.end_thread()).await;
                    continue;
                }
                event = event => event,
            };
            // Nothing happens in a thread that nobody asks anything, unless something is wrong.
            match event.map(|event| event.msg) {
                Ok(EventMsg::Error(_) | EventMsg::TurnAborted(_) | EventMsg::TurnComplete(_))
                    if parked =>
                {
                    self.warn(
                        "parked_turn_ended",
                        "the turn that waited for tool results has ended",
                    );
                    Box::pin(self.end_thread()).await;
                }
                // core tells them behind the reply.
                Ok(EventMsg::TokenCount(event)) => {
                    if let Some(limits) = event.rate_limits.as_ref().and_then(notes::rate_limits) {
                        self.tell(limits);
                    }
                }
                // core answers calls to tools that were never offered, when their turn comes.
                Ok(EventMsg::RawResponseItem(event)) => {
                    if let Some(record) = &mut self.record {
                        record.push_hidden(event.item);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    self.warn("thread_died", error);
                    Box::pin(self.end_thread()).await;
                }
            }
        }
    }

    async fn answer(&mut self, job: Box<Job>) {
        let reply = job.reply.clone();
        let answer = if reply.is_closed() {
            Answer::Kept(None)
        } else {
            self.exchange(job, &reply)
                .await
                .unwrap_or_else(|error| Answer::Kept(Some(Err(error))))
        };
        // The client may send its next request as soon as it has heard the end of this reply.
        let count = 1 + self.queue.take_given_up();
        let registry = &self.shared.registry;
        registry.answered(&self.id, self.serial, count, self.standing());
        let (end, is_broken) = match answer {
            Answer::Kept(end) => (end, false),
            Answer::Broken(end) => (end, true),
        };
        // Neither must wait for the other: the reply's end for the thread's, and what comes next in
        // the conversation for a client that does not read.
        if let Some(Err(TrySendError::Full(end))) = end.map(|end| reply.try_send(end)) {
            tokio::spawn(async move { drop(reply.send(end).await) });
        }
        if is_broken {
            self.discard_thread().await;
        }
    }

    /// Answers a request; what is known to be wrong before a turn begins is given back.
    async fn exchange(&mut self, job: Box<Job>, reply: &TurnSender) -> Result<Answer, TurnError> {
        let Job {
            mut request,
            blocks,
            sends,
            log,
            ..
        } = *job;
        self.load(sends, &blocks).await?;
        let record = self.record.get_or_insert_with(Record::new);
        let items = std::mem::take(&mut request.items);
        let mut tail = Tail::new(record, items, &blocks, sends)?;
        let tuning = self.shared.tuning.load_full();
        // To fetch a picture takes a while.
        tokio::select! {
            prepared = tuning.images.prepare(&mut tail.items) => prepared?,
            () = reply.closed() => return Ok(Answer::Kept(None)),
            () = self.shared.stop.cancelled() => return Err(stopping()),
            () = self.queue.tend() => return Err(deleted()),
        }

        let instructions = match request.instructions.take() {
            Some(instructions) if !instructions.is_empty() => instructions,
            // Who sends only what is new need not repeat the instructions.
            _ if sends == Sends::Either && !record.instructions.is_empty() => {
                record.instructions.clone()
            }
            _ => tuning.default_instructions.clone(),
        };
        let plan = Plan::new(
            request,
            instructions.clone(),
            &self.shared.config,
            tuning.effort,
        )?;
        let Tail { from, keep, .. } = tail;
        let asked = tail.asked.clone();
        let mut recorded = Recorded::default();
        let begun = self
            .begin_turn(&plan, &instructions, tail, &mut recorded, &log)
            .await;
        if let Err(error) = begun {
            return Ok(Answer::Broken(Some(Err(error))));
        }
        let Some(thread) = &self.thread else {
            return Err(TurnError::internal("a turn without a thread"));
        };
        log.publish(Event::CodexForward {
            mapped_model: plan.turn.model.clone(),
            effort: plan.turn.effort(),
            provider: self.shared.config.model_provider_id.clone(),
            thread: thread.id().to_string(),
            turn: thread.turn_id().map(str::to_owned),
        });
        let pump = Pump {
            thread,
            tools: Arc::clone(&plan.tools),
            reply,
            queue: &mut self.queue,
            stop: &self.shared.stop,
            figures: &self.shared.figures,
            log: &log,
        };
        let (end, turn) = match pump.run(&mut recorded).await {
            Over::Abandoned => return Ok(Answer::Broken(None)),
            Over::Ended { outcome, turn } => (outcome, turn),
        };
        let Some(record) = self.record.as_mut().filter(|_| end.is_ok()) else {
            return Ok(Answer::Broken(Some(end)));
        };
        let settled = record.settle(Exchange {
            keep,
            asked: &blocks[asked],
            from,
            recorded: recorded.items,
            hidden: recorded.hidden,
        });
        if let Err(error) = settled {
            return Ok(Answer::Broken(Some(Err(error))));
        }
        record.instructions = instructions;
        match (at_rest(&end, turn, &plan), &mut self.thread) {
            (Some(turn), Some(thread)) => {
                if matches!(turn, Turn::Parked(_)) {
                    log.publish(Event::Parked {
                        thread: thread.id().to_string(),
                        turn: thread.turn_id().map(str::to_owned),
                        calls: record.open_calls().to_vec(),
                    });
                }
                thread.set_turn(turn);
            }
            // Cut off at a limit. The client has the reply as far as it came, and core has not.
            _ => self.discard_thread().await,
        }
        self.commit(&plan.turn.model).await;
        Ok(Answer::Kept(Some(end)))
    }

    /// Begins the turn of a request, or goes on with the one that waits for it.
    async fn begin_turn(
        &mut self,
        plan: &Plan,
        instructions: &str,
        tail: Tail,
        recorded: &mut Recorded,
        log: &RequestLog,
    ) -> Result<(), TurnError> {
        let record = self.record.get_or_insert_with(Record::new);
        if let Some(thread) = &mut self.thread
            && *thread.fixed() == plan.fixed
            && tail.keeps_all(record)
        {
            match thread.turn() {
                Turn::Parked(settings) if *settings == plan.turn && tail.is_results_and_input() => {
                    let waited = thread.since().elapsed();
                    let (results, messages) = tail.into_results(&plan.tools);
                    log.publish(Event::Resumed {
                        thread: thread.id().to_string(),
                        turn: thread.turn_id().map(str::to_owned),
                        results: results.len(),
                        waited,
                    });
                    return thread
                        .resume_turn(results, messages, Arc::clone(&plan.tools))
                        .await;
                }
                Turn::Idle if tail.is_one_message() => {
                    let (_, input) = tail.into_input(&plan.tools);
                    return thread
                        .begin_turn(plan.turn.op(input), Arc::clone(&plan.tools))
                        .await;
                }
                Turn::Idle | Turn::Parked(_) | Turn::Running => {}
            }
        }
        if self.thread.is_some() || !record.items().is_empty() {
            log.publish(Event::Rebuilt {
                thread: record.thread.to_string(),
                reason: match &self.thread {
                    _ if !tail.keeps_all(record) => RebuildReason::Edited,
                    None => RebuildReason::Restored,
                    Some(thread) if *thread.fixed() == plan.fixed && thread.is_idle() => {
                        RebuildReason::Input
                    }
                    Some(_) => RebuildReason::Settings,
                },
                kept: tail.keep,
                of: record.transcript().len(),
            });
        }
        self.discard_thread().await;
        let storage = self.storage();
        let record = self.record.get_or_insert_with(Record::new);
        let kept = record.items_of(tail.keep);
        let (history, input) = tail.into_input(&plan.tools);
        let start = Start {
            id: record.thread,
            base_instructions: instructions.to_owned(),
            history: kept.iter().chain(&history).cloned().collect(),
            fixed: plan.fixed.clone(),
            storage,
        };
        recorded.items = history;
        let thread = Thread::start(&self.shared, start, &plan.turn.model, log).await?;
        self.thread
            .insert(thread)
            .begin_turn(plan.turn.op(input), Arc::clone(&plan.tools))
            .await
    }

    async fn end_thread(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.end(&self.shared).await;
        }
    }

    fn standing(&self) -> Standing {
        let Some(record) = &self.record else {
            return Standing::default();
        };
        Standing {
            // A client with a name of its own for its conversation finds it by that. Nobody else
            // is to find it by chance, and to write into it.
            chain: (self.id.is_made_up() && record.ends_in_reply())
                .then(|| record.transcript().chain()),
            calls: record.open_calls().to_vec(),
        }
    }

    /// Whether there is nothing to go on with.
    fn is_blank(&self) -> bool {
        let said = |record: &Record| !record.items().is_empty();
        self.thread.is_none() && self.row.is_none() && !self.record.as_ref().is_some_and(said)
    }

    /// Tells of something that no request is the cause of.
    fn tell(&self, event: Event) {
        self.shared.channel.publish(&self.id, event);
    }

    fn warn(&self, what: &'static str, detail: impl Display) {
        let detail = detail.to_string();
        self.tell(Event::Warning { what, detail });
    }

    fn retire(&self) -> bool {
        self.shared.registry.retire(&self.id, self.serial)
    }
}

/// How a turn rests after a reply that came to its own end; `None` after any other, whose thread is
/// of no more use.
fn at_rest(outcome: &Result<TurnEvent, TurnError>, turn: TurnState, plan: &Plan) -> Option<Turn> {
    match (outcome, turn) {
        (
            Ok(TurnEvent::Finished {
                reason: FinishReason::Stop,
                ..
            }),
            TurnState::Over,
        ) => Some(Turn::Idle),
        (
            Ok(TurnEvent::Finished {
                reason: FinishReason::ToolCalls,
                ..
            }),
            TurnState::Running,
        ) => Some(Turn::Parked(plan.turn.clone())),
        _ => None,
    }
}
