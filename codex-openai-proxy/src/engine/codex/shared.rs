//! What all conversations of an engine share.

use super::{images::Images, registry::Registry};
use crate::{config::ConversationSettings, conversation::Store, traffic::LogChannel};
use codex_core::{ThreadManager, config::Config};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// The surroundings of a conversation.
pub struct Shared {
    /// What starts threads, and knows those that run.
    pub manager: ThreadManager,
    /// The configuration of every thread.
    pub config: Box<Config>,
    /// Where it is told what happens.
    pub channel: LogChannel,
    /// Makes images ready.
    pub images: Images,
    /// The instructions of a client that gives none; the backend refuses a request without.
    pub default_instructions: String,
    /// The conversations that are live.
    pub registry: Registry,
    /// The conversations that last.
    pub store: Store,
    /// The folder of their files.
    pub rollouts: PathBuf,
    /// When and how conversations end.
    pub settings: ConversationSettings,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
}
