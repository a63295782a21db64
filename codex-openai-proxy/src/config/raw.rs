//! The TOML file as it is written. Nothing in it has been checked but for names and types.

use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

/// The whole file. Every key may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) server: RawServer,
    pub(super) models: RawModels,
    pub(super) reply: RawReply,
    pub(super) conversations: RawConversations,
    pub(super) logs: RawLogs,
    pub(super) codex: RawCodex,
    pub(super) upstreams: Vec<RawUpstream>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawServer {
    pub(super) addr: Option<String>,
    pub(super) max_body_bytes: Option<i64>,
    pub(super) drain_seconds: Option<i64>,
    pub(super) keep_alive_seconds: Option<i64>,
    pub(super) first_event_seconds: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawModels {
    pub(super) aliases: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawReply {
    pub(super) reasoning: Option<String>,
    pub(super) cursor_context_overflow: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConversations {
    pub(super) idle_seconds: Option<i64>,
    pub(super) parked_seconds: Option<i64>,
    pub(super) max_live: Option<i64>,
    pub(super) wait_seconds: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLogs {
    pub(super) bodies: Option<String>,
    pub(super) days: Option<i64>,
    pub(super) max_mib: Option<i64>,
    pub(super) page_folder: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCodex {
    pub(super) default_instructions: Option<String>,
    pub(super) client_version: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) fetch_images: Option<bool>,
    pub(super) allow_private_image_hosts: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawUpstream {
    pub(super) name: Option<String>,
    pub(super) base_url: Option<String>,
    pub(super) wire_api: Option<String>,
    pub(super) api_key_env: Option<String>,
    pub(super) api_key_header: Option<String>,
    pub(super) models: Vec<String>,
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) connect_timeout_seconds: Option<i64>,
    pub(super) timeout_seconds: Option<i64>,
    pub(super) idle_timeout_seconds: Option<i64>,
    pub(super) retries: Option<i64>,
    pub(super) send_reasoning: Option<bool>,
    pub(super) prompt_cache_key: Option<bool>,
    pub(super) reasoning_efforts: Option<Vec<String>>,
    pub(super) max_tokens_field: Option<String>,
}
