//! Stands in for codex-core's code-mode crate.
//!
//! Code mode lets a model write JavaScript that calls tools. A forwarder runs nothing, so this
//! crate offers the names that codex-core expects and no runtime behind them. That also keeps V8,
//! and the download in its build script, out of the build.
//!
//! Besides, it is what hides codex-core's own tools: see [`is_code_mode_nested_tool`].
//! `docs/codex-core.md` has the whole story.

pub use codex_code_mode_protocol::*;

use std::{future::ready, path::PathBuf, sync::Arc};

const NO_RUNTIME: &str = "code mode is not part of this build";

/// Whether a tool is reached through code mode only. Here: every tool is.
///
/// In a thread whose model has the tool mode "code mode only", codex-core hides such tools from
/// the model unless they are marked for the model alone, as the client's tools are. There is no
/// other setting that hides all of its own. This definition takes the place of the one among the
/// re-exports, which knows two exceptions.
#[must_use]
pub fn is_code_mode_nested_tool(_tool_name: &str) -> bool {
    true
}

/// Would run code in this process. Refuses.
#[derive(Debug, Clone, Copy, Default)]
pub struct InProcessCodeModeSessionProvider;

impl CodeModeSessionProvider for InProcessCodeModeSessionProvider {
    fn create_session(
        &self,
        _delegate: Arc<dyn CodeModeSessionDelegate>,
    ) -> CodeModeSessionProviderFuture<'_> {
        Box::pin(ready(Err(NO_RUNTIME.to_owned())))
    }
}

/// Would run code in a host process. Refuses.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessOwnedCodeModeSessionProvider;

impl ProcessOwnedCodeModeSessionProvider {
    /// Ignores the program.
    #[must_use]
    pub fn with_host_program(_host_program: PathBuf) -> Self {
        Self
    }
}

impl CodeModeSessionProvider for ProcessOwnedCodeModeSessionProvider {
    fn create_session(
        &self,
        _delegate: Arc<dyn CodeModeSessionDelegate>,
    ) -> CodeModeSessionProviderFuture<'_> {
        Box::pin(ready(Err(NO_RUNTIME.to_owned())))
    }
}
