//! Requests that have no answer yet, and whether another one goes with them.

use crate::{
    conversation::{Block, Digest, has_reply},
    turn::{Sends, TurnError, TurnEvent},
};
use tokio::sync::mpsc::WeakSender;

/// A request that is being answered, or waits for that.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) says: Says,
    /// Tells whether its client is still there.
    pub(super) reply: WeakSender<Result<TurnEvent, TurnError>>,
}

/// The blocks of a request.
#[derive(Debug)]
pub(super) enum Says {
    /// All of the conversation.
    Whole(Vec<Digest>),
    /// What is new of it.
    News(Vec<Digest>),
}

impl Unanswered {
    /// Whether its client is still there.
    pub(super) fn is_awaited(&self) -> bool {
        let reply = self.reply.upgrade();
        reply.is_some_and(|reply| !reply.is_closed())
    }
}

impl Says {
    /// What a request of these blocks says.
    pub(super) fn new(blocks: &[Block], sends: Sends) -> Self {
        let digests = blocks.iter().map(|block| block.digest).collect();
        if sends == Sends::Whole || has_reply(blocks) {
            Self::Whole(digests)
        } else {
            Self::News(digests)
        }
    }

    /// Whether a later request cannot come after this one. What is only new comes after anything.
    pub(super) fn contradicts(&self, later: &Self) -> bool {
        match (self, later) {
            (_, Self::News(_)) => false,
            (Self::Whole(ours), Self::Whole(theirs)) => {
                ours.iter().zip(theirs).any(|(ours, theirs)| ours != theirs)
            }
            (Self::News(ours), Self::Whole(theirs)) => {
                !ours.is_empty() && !theirs.windows(ours.len()).any(|theirs| theirs == ours)
            }
        }
    }
}
