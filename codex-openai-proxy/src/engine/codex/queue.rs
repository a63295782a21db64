//! The requests of one conversation, in the order in which they came.

use crate::{
    conversation::Block,
    engine::TurnSender,
    traffic::RequestLog,
    turn::{ConversationId, Sends, TurnError, TurnRequest},
};
use std::collections::VecDeque;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::Span;

/// Requests of one conversation that may wait for their turn.
pub const QUEUE: usize = 32;

/// One request of a conversation.
#[derive(Debug)]
pub struct Job {
    /// What is asked.
    pub request: TurnRequest,
    /// Its items, as the client sees them.
    pub blocks: Vec<Block>,
    /// How much of the conversation they are.
    pub sends: Sends,
    /// How long the conversation is kept.
    pub keep: Keep,
    /// Where the reply goes.
    pub reply: TurnSender,
    /// When waiting for earlier requests is over.
    pub deadline: Instant,
    /// What is told of the request.
    pub log: RequestLog,
    /// The span of the request.
    pub span: Span,
}

/// How long a conversation is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// As long as its thread lives.
    WhileLive,
    /// For good: the client has a name for it, or a response that it can go on from.
    Lasting,
}

/// The requests that wait.
#[derive(Debug)]
pub struct Queue {
    id: ConversationId,
    /// Boxed: a channel makes room for dozens at once, and a conversation that rests keeps its own.
    incoming: mpsc::Receiver<Box<Job>>,
    waiting: VecDeque<Box<Job>>,
    /// Requests that were given up since somebody asked.
    given_up: usize,
}

impl Queue {
    /// The queue of the conversation `id`.
    pub fn new(id: ConversationId, incoming: mpsc::Receiver<Box<Job>>) -> Self {
        Self {
            id,
            incoming,
            waiting: VecDeque::new(),
            given_up: 0,
        }
    }

    /// The next request; `None` when the conversation has to end.
    pub async fn next(&mut self) -> Option<Box<Job>> {
        match self.waiting.pop_front() {
            Some(job) => Some(job),
            None => self.incoming.recv().await,
        }
    }

    /// Lets requests wait while another is answered, and gives up those that have waited for too
    /// long. Completes when the conversation has to end; can be dropped at any time.
    pub async fn tend(&mut self) {
        loop {
            let before = self.waiting.len();
            self.waiting.retain(|job| !job.reply.is_closed());
            self.given_up += before - self.waiting.len();
            let overdue = self.waiting.front().map(|job| job.deadline);
            tokio::select! {
                // More than that wait in the channel, and as many again are refused.
                job = self.incoming.recv(), if self.waiting.len() < QUEUE => match job {
                    Some(job) => self.waiting.push_back(job),
                    None => return,
                },
                () = sleep_until(overdue.unwrap_or_else(Instant::now)), if overdue.is_some() => {
                    if let Some(job) = self.waiting.pop_front() {
                        let busy = TurnError::ConversationBusy { id: self.id.clone() };
                        // Nothing was sent on it, so there is room, unless nobody listens.
                        drop(job.reply.try_send(Err(busy)));
                        self.given_up += 1;
                    }
                }
            }
        }
    }

    /// Refuses every request that waits, and those to come.
    pub fn refuse(mut self, error: &TurnError) {
        self.incoming.close();
        while let Ok(job) = self.incoming.try_recv() {
            self.waiting.push_back(job);
        }
        for job in self.waiting {
            drop(job.reply.try_send(Err(error.clone())));
        }
    }

    /// How many requests were given up since the last time that this was asked.
    pub fn take_given_up(&mut self) -> usize {
        std::mem::take(&mut self.given_up)
    }
}
