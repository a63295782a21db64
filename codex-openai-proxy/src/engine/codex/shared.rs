//! What all conversations of an engine share.

use super::{figures::Figures, registry::Registry, secrets::Secrets, tuning::Tuning};
use crate::{conversation::Store, traffic::LogChannel};
use arc_swap::ArcSwap;
use codex_core::{ThreadManager, config::Config};
use std::{path::PathBuf, sync::Arc};
use tokio_util::sync::CancellationToken;

/// The surroundings of a conversation.
pub struct Shared {
    /// What starts threads, and knows those that run.
    pub manager: ThreadManager,
    /// The configuration of every thread.
    pub config: Box<Config>,
    /// What must not come back from the upstream.
    pub secrets: Arc<Secrets>,
    /// Where it is told what happens.
    pub channel: LogChannel,
    /// What may change while it runs.
    pub tuning: ArcSwap<Tuning>,
    /// The conversations that are live.
    pub registry: Registry,
    /// The conversations that last.
    pub store: Store,
    /// The folder of their files.
    pub rollouts: PathBuf,
    /// What there is to tell of it.
    pub figures: Figures,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
}
