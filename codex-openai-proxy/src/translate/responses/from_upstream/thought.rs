//! Reasoning, as its events come.

use crate::turn::TurnEvent;
use std::{borrow::Cow, collections::BTreeSet};

/// One item of reasoning.
///
/// A summary and raw thought say the same twice: what comes first is told, the other is not.
#[derive(Debug, Default)]
pub(super) struct Thought {
    told: Option<Source>,
    /// The parts that something was told of.
    parts: BTreeSet<u64>,
    /// The last of them.
    part: Option<u64>,
    /// Whether it is open: more of it may follow, and its end is to be told.
    is_open: bool,
}

/// What an item of reasoning tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Its summary.
    Summary,
    /// The thought itself.
    Raw,
}

impl Thought {
    /// Reasoning that has begun.
    pub(super) fn begun() -> Self {
        Self {
            is_open: true,
            ..Self::default()
        }
    }

    /// More of a part.
    pub(super) fn more(
        &mut self,
        source: Source,
        part: u64,
        text: String,
        out: &mut Vec<TurnEvent>,
    ) {
        if text.is_empty() || *self.told.get_or_insert(source) != source {
            return;
        }
        if let Some(last) = self.part.replace(part)
            && last != part
            && self.is_open
        {
            out.push(TurnEvent::ReasoningBreak);
        }
        self.parts.insert(part);
        self.is_open = true;
        out.push(TurnEvent::Reasoning(text));
    }

    /// All of a part, which is told unless it was.
    pub(super) fn whole(
        &mut self,
        source: Source,
        part: u64,
        text: Cow<'_, str>,
        out: &mut Vec<TurnEvent>,
    ) {
        if !self.parts.contains(&part) {
            self.more(source, part, text.into_owned(), out);
        }
    }

    /// Whether it was begun or gone on with, and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether anything of it was told.
    pub(super) fn is_told(&self) -> bool {
        self.told.is_some()
    }

    /// Ends it, unless it has been ended: then what is sealed of it comes too late, and is given
    /// back.
    pub(super) fn end(
        &mut self,
        sealed: Option<String>,
        out: &mut Vec<TurnEvent>,
    ) -> Option<String> {
        if std::mem::take(&mut self.is_open) {
            if self.is_told() || sealed.is_some() {
                out.push(TurnEvent::ReasoningEnd { sealed });
            }
            return None;
        }
        sealed
    }
}
