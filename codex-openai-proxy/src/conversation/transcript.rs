//! What a conversation holds, as its client sees it, and what a request makes of it.

use super::{
    Block, BlockKind, Digest,
    block::{DIGEST_BYTES, has_reply},
};
use crate::turn::Sends;

#[cfg(test)]
mod tests;

/// The blocks that a conversation holds, oldest first, as digests: what is needed to recognise
/// them when they are sent again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    entries: Vec<Entry>,
}

/// Length of a block as bytes: its digest, and its end as a little-endian number.
const ENTRY_BYTES: usize = DIGEST_BYTES + size_of::<u64>();

/// One block of a [`Transcript`].
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    digest: Digest,
    /// The digest of the transcript up to and including this block.
    chain: Digest,
    /// See [`Transcript::push`].
    end: usize,
}

/// How a request continues a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// All that the conversation holds stays.
    Append {
        /// The first item of the request that is new. The number of its items where none is: the
        /// model is asked to go on.
        from: usize,
    },
    /// The request has a history of its own, which takes the place of the conversation's.
    Rewrite {
        /// The leading blocks, of the transcript and of the request alike, that stay.
        keep: usize,
    },
}

impl Transcript {
    /// Adds a block. `end` is the number of recorded items, in whatever way they are recorded,
    /// that belong to the conversation up to and including the block.
    pub fn push(&mut self, digest: Digest, end: usize) {
        let chain = self.chain().then(digest);
        self.entries.push(Entry { digest, chain, end });
    }

    /// Forgets all but the first `blocks` blocks.
    pub fn truncate(&mut self, blocks: usize) {
        self.entries.truncate(blocks);
    }

    /// The number of blocks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was said yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of recorded items that make up the first `blocks` blocks; of all blocks, where
    /// there are fewer.
    #[must_use]
    pub fn end_of(&self, blocks: usize) -> usize {
        let first = &self.entries[..blocks.min(self.entries.len())];
        first.last().map_or(0, |entry| entry.end)
    }

    /// The whole as bytes, for [`Transcript::from_bytes`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * ENTRY_BYTES);
        for entry in &self.entries {
            bytes.extend_from_slice(&entry.digest.0);
            bytes.extend_from_slice(&(entry.end as u64).to_le_bytes());
        }
        bytes
    }

    /// What [`Transcript::to_bytes`] made bytes of; `None` where it was not that.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut transcript = Self::default();
        let (entries, []) = bytes.as_chunks::<ENTRY_BYTES>() else {
            return None;
        };
        for entry in entries {
            let (digest, end) = entry.split_first_chunk()?;
            let end = u64::from_le_bytes(end.try_into().ok()?);
            transcript.push(Digest(*digest), usize::try_from(end).ok()?);
        }
        Some(transcript)
    }

    /// The digest of the whole. What [`chains`] gives for a request that begins with these blocks,
    /// at its place among the others.
    #[must_use]
    pub fn chain(&self) -> Digest {
        self.entries
            .last()
            .map_or_else(Digest::of_nothing, |entry| entry.chain)
    }
}

/// The digests of the first block, of the first two, and so on: [`Transcript::chain`] of each
/// conversation that `blocks` may continue, the longest last.
#[must_use]
pub fn chains(blocks: &[Block]) -> Vec<Digest> {
    blocks
        .iter()
        .scan(Digest::of_nothing(), |chain, block| {
            *chain = chain.then(block.digest);
            Some(*chain)
        })
        .collect()
}

/// Finds out what of a request is new to the conversation.
#[must_use]
pub fn align(transcript: &Transcript, blocks: &[Block], sends: Sends) -> Alignment {
    let held = &transcript.entries;
    let keep = held
        .iter()
        .zip(blocks)
        .take_while(|(entry, block)| entry.digest == block.digest)
        .count();
    if keep == held.len() {
        return append_after(blocks, keep);
    }
    match sends {
        Sends::Whole => Alignment::Rewrite { keep },
        Sends::Either => match overlap(held, blocks) {
            0 if has_reply(blocks) => Alignment::Rewrite { keep },
            overlap => append_after(blocks, overlap),
        },
    }
}

/// Appends all but the first `known` blocks.
fn append_after(blocks: &[Block], known: usize) -> Alignment {
    let from = match blocks.get(known) {
        Some(block) => block.items.start,
        None => blocks.last().map_or(0, |block| block.items.end),
    };
    Alignment::Append { from }
}

/// How many of the last blocks held are the first of a request that repeats where the
/// conversation stands before it says something new. An input says nothing about where: the same
/// may be said twice.
fn overlap(held: &[Entry], blocks: &[Block]) -> usize {
    match blocks.first() {
        Some(Block {
            kind: BlockKind::Reply | BlockKind::Results,
            ..
        }) => {}
        _ => return 0,
    }
    (1..=held.len().min(blocks.len()))
        .rev()
        .find(|&length| {
            let last = &held[held.len() - length..];
            last.iter()
                .zip(blocks)
                .all(|(entry, block)| entry.digest == block.digest)
        })
        .unwrap_or(0)
}
