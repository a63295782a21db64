//! How a provider fares: what calls to it have shown. Nobody is asked for it.

use super::breaker::Outcome;
use crate::turn::TurnError;
use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

/// The most models that a provider is known to have because it has answered for them: some answer for
/// whatever a client calls its model.
const MOST_MODELS: usize = 32;

/// The longest of their names, in bytes.
const LONGEST_MODEL: usize = 128;

/// What was seen of a provider last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// When.
    pub at: SystemTime,
    /// By what.
    pub kind: CheckKind,
    /// Whether it answered, and takes our key.
    pub ok: bool,
    /// What was wrong, where something was.
    pub detail: Option<String>,
}

/// What a provider was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckKind {
    /// A reply.
    Call,
    /// The list of its models.
    Models,
}

/// Whether a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Closed,
    /// One call is made, whose outcome decides.
    HalfOpen,
    /// It has failed too often, and is left alone.
    Open,
}

/// What is kept of how a provider fares.
#[derive(Debug, Default)]
pub(super) struct Vitals {
    last: Mutex<Option<Check>>,
    retries: AtomicU64,
    /// The models for which there was a reply.
    answered_for: RwLock<HashSet<Box<str>>>,
}

impl CheckKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Models => "models",
        }
    }
}

impl Standing {
    /// The word for it, as circuit breakers are spoken of.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

impl Vitals {
    /// A call for a reply of `model` was answered.
    pub(super) fn answered(&self, model: &str) {
        self.note(CheckKind::Call, true, None);
        if model.len() > LONGEST_MODEL || self.has_answered_for(model) {
            return;
        }
        let models = self.answered_for.write();
        let mut models = models.unwrap_or_else(PoisonError::into_inner);
        if models.len() < MOST_MODELS {
            models.insert(model.into());
        }
    }

    /// Whether there was a reply of `model`, as far as that is remembered.
    pub(super) fn has_answered_for(&self, model: &str) -> bool {
        let models = self.answered_for.read();
        models
            .unwrap_or_else(PoisonError::into_inner)
            .contains(model)
    }

    /// A call failed, and tells this of the provider.
    pub(super) fn failed(&self, error: &TurnError, outcome: Outcome) {
        let (ok, detail) = match error {
            TurnError::Provider(refusal) => {
                let takes_key = !matches!(refusal.status, 401 | 403);
                let detail = format!("it answered {}", refusal.status);
                (outcome == Outcome::Alive && takes_key, detail)
            }
            error => (false, error.to_string()),
        };
        self.note(CheckKind::Call, ok, Some(detail));
    }

    /// The provider has listed its models, or has not and why.
    pub(super) fn listed(&self, ok: bool, why_not: Option<String>) {
        self.note(CheckKind::Models, ok, why_not);
    }

    /// A call is made again.
    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(super) fn retries(&self) -> u64 {
        self.retries.load(Relaxed)
    }

    pub(super) fn last(&self) -> Option<Check> {
        self.lock().clone()
    }

    fn note(&self, kind: CheckKind, ok: bool, detail: Option<String>) {
        let at = SystemTime::now();
        *self.lock() = Some(Check {
            at,
            kind,
            ok,
            detail,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Check>> {
        // The value is whole: it is only ever replaced.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_were_answered_for_are_remembered_as_far_as_there_is_room() {
        let vitals = Vitals::default();
        assert!(!vitals.has_answered_for("llama3"));
        let long = "x".repeat(LONGEST_MODEL + 1);
        vitals.answered(&long);
        assert!(!vitals.has_answered_for(&long));
        for model in ["llama3", "llama3"] {
            vitals.answered(model);
            assert!(vitals.has_answered_for(model));
        }
        for number in 0..2 * MOST_MODELS {
            vitals.answered(&format!("made-up-{number}"));
        }
        let kept = (0..2 * MOST_MODELS).filter(|number| {
            let model = format!("made-up-{number}");
            vitals.has_answered_for(&model)
        });
        assert_eq!(kept.count(), MOST_MODELS - 1);
        assert!(vitals.has_answered_for("llama3"));
    }
}
