//! How a provider fares: what calls to it have shown. Nobody is asked for it.

use super::breaker::Outcome;
use crate::turn::TurnError;
use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

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
    /// A call was answered.
    pub(super) fn answered(&self) {
        self.note(CheckKind::Call, true, None);
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
