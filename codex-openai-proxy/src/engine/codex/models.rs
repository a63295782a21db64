//! The models: what core is told about each, and what this proxy lists.
//!
//! core decides by its model metadata when to compact a conversation, which of its own tools to
//! offer, and how much of a tool's output to keep. A forwarder wants none of that, for any model,
//! known or not, so it answers core's questions itself.

use super::convert;
use crate::turn::{Catalog, Model};
use codex_http_client::HttpClientFactory;
use codex_login::AuthManager;
use codex_models_manager::{
    ModelsManagerConfig,
    manager::{ModelsManager, ModelsManagerFuture, RefreshStrategy},
    model_info::model_info_from_slug,
};
use codex_protocol::{
    config_types::CollaborationModeMask,
    openai_models::{
        ModelInfo, ModelServiceTier, ModelVisibility, ModelsResponse, ToolMode,
        TruncationPolicyConfig,
    },
};
use std::sync::Arc;
use tokio::sync::TryLockError;

/// core's source of model metadata: the catalog bundled with it, changed so that a thread only
/// forwards. Never asks the backend for `/models`.
#[derive(Debug)]
pub struct ForwardingModels {
    models: Vec<ModelInfo>,
    auth: Arc<AuthManager>,
}

impl ForwardingModels {
    /// Reads the bundled catalog.
    ///
    /// # Errors
    ///
    /// When the catalog that core ships does not parse, which its own tests exclude.
    pub fn new(auth: Arc<AuthManager>) -> Result<Self, serde_json::Error> {
        let bundled = codex_models_manager::bundled_models_response()?;
        Ok(Self {
            models: bundled.models.into_iter().map(forwarding).collect(),
            auth,
        })
    }

    /// What is listed and known by name: the configured model first, then what core would show in
    /// its picker.
    pub fn catalog(&self, configured: Option<&str>, provider: &str) -> Catalog {
        let mut models: Vec<Model> = self
            .models
            .iter()
            .filter(|info| info.visibility == ModelVisibility::List)
            .map(|info| model(info, provider))
            .collect();
        if let Some(slug) = configured {
            let position = models.iter().position(|model| model.slug == slug);
            let first = position.map_or_else(
                || model(&self.info(slug), provider),
                |position| models.remove(position),
            );
            models.insert(0, first);
        }
        Catalog { models }
    }

    /// Metadata for any name: the entry of that name, else the one whose name is its longest
    /// prefix (`gpt-5.2` for `gpt-5.2-codex`), else core's fallback.
    fn info(&self, slug: &str) -> ModelInfo {
        let known = self
            .models
            .iter()
            .filter(|info| slug.starts_with(&info.slug))
            .max_by_key(|info| info.slug.len());
        known.map_or_else(
            || forwarding(model_info_from_slug(slug)),
            |info| ModelInfo {
                slug: slug.to_owned(),
                ..info.clone()
            },
        )
    }
}

impl ModelsManager for ForwardingModels {
    fn raw_model_catalog(
        &self,
        _refresh_strategy: RefreshStrategy,
        _http_client_factory: HttpClientFactory,
    ) -> ModelsManagerFuture<'_, ModelsResponse> {
        Box::pin(async {
            ModelsResponse {
                models: self.models.clone(),
            }
        })
    }

    fn get_remote_models(&self) -> ModelsManagerFuture<'_, Vec<ModelInfo>> {
        Box::pin(async { self.models.clone() })
    }

    fn try_get_remote_models(&self) -> Result<Vec<ModelInfo>, TryLockError> {
        Ok(self.models.clone())
    }

    fn auth_manager(&self) -> Option<&AuthManager> {
        Some(&self.auth)
    }

    fn list_collaboration_modes(&self) -> Vec<CollaborationModeMask> {
        Vec::new()
    }

    fn get_model_info<'a>(
        &'a self,
        model: &'a str,
        _config: &'a ModelsManagerConfig,
    ) -> ModelsManagerFuture<'a, ModelInfo> {
        Box::pin(async move { self.info(model) })
    }

    /// The backend announces new catalogs with each reply. Fetching them would be a second request.
    fn refresh_if_new_etag(
        &self,
        _etag: String,
        _http_client_factory: HttpClientFactory,
    ) -> ModelsManagerFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// More than any tool result that fits the body limit; not the largest integer, because core
/// multiplies it.
const KEEP_WHOLE: i64 = 1 << 40;

/// Turns off everything in a model's metadata that would make core add to a conversation, take
/// from it, or call the backend again.
fn forwarding(mut info: ModelInfo) -> ModelInfo {
    // Compaction would replace the client's history by a summary.
    info.context_window = None;
    info.max_context_window = None;
    info.auto_compact_token_limit = None;
    info.comp_hash = None;
    info.truncation_policy = TruncationPolicyConfig::bytes(KEEP_WHOLE);
    // core's own tools: hidden by this mode together with the stand-in for codex-code-mode.
    info.tool_mode = Some(ToolMode::CodeModeOnly);
    info.supports_search_tool = false;
    info.multi_agent_version = None;
    info.experimental_supported_tools = Vec::new();
    info.apply_patch_tool_type = None;
    // core's own prompts.
    info.base_instructions = String::new();
    info.model_messages = None;
    info.include_skills_usage_instructions = false;
    info.availability_nux = None;
    info.upgrade = None;
    // What the client asks for goes out; what it does not ask for is left to the backend.
    info.support_verbosity = true;
    info.default_verbosity = None;
    info.supports_parallel_tool_calls = true;
    info.default_service_tier = None;
    for tier in ["flex", "priority", "scale"] {
        if !info.supports_service_tier(tier) {
            info.service_tiers.push(ModelServiceTier {
                id: tier.to_owned(),
                name: tier.to_owned(),
                description: String::new(),
            });
        }
    }
    info.used_fallback_model_metadata = false;
    info
}

fn model(info: &ModelInfo, provider: &str) -> Model {
    Model {
        slug: info.slug.clone(),
        efforts: info
            .supported_reasoning_levels
            .iter()
            .filter_map(|preset| convert::effort_from_core(&preset.effort))
            .collect(),
        provider: provider.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{ForwardingModels, ToolMode};
    use codex_login::{AuthManager, CodexAuth};

    fn models() -> ForwardingModels {
        ForwardingModels::new(AuthManager::from_auth_for_testing(CodexAuth::from_api_key(
            "unused",
        )))
        .unwrap()
    }

    #[test]
    fn every_model_only_forwards() {
        let models = models();
        let known = models.models.iter().map(|info| info.slug.clone());
        for slug in known.chain(["gpt-5.2-codex".into(), "someone-elses".into()]) {
            let info = models.info(&slug);
            assert_eq!(info.slug, slug);
            assert_eq!(info.tool_mode, Some(ToolMode::CodeModeOnly), "{slug}");
            assert_eq!(info.auto_compact_token_limit(), None, "{slug}");
            assert_eq!(info.base_instructions, "", "{slug}");
        }
    }

    #[test]
    fn a_name_that_is_not_bundled_takes_after_its_longest_prefix() {
        let models = models();
        assert_eq!(
            models.info("gpt-5.4-mini-next").supported_reasoning_levels,
            models.info("gpt-5.4-mini").supported_reasoning_levels
        );
    }

    #[test]
    fn the_configured_model_is_listed_first_and_once() {
        let models = models();
        let catalog = models.catalog(Some("gpt-5.2"), "openai");
        assert_eq!(catalog.models[0].slug, "gpt-5.2");
        let count = catalog
            .models
            .iter()
            .filter(|m| m.slug == "gpt-5.2")
            .count();
        assert_eq!(count, 1);
        assert_eq!(models.catalog(Some("mine"), "lab").models[0].slug, "mine");
    }

    #[test]
    fn models_that_core_hides_are_not_listed() {
        let catalog = models().catalog(None, "openai");
        assert!(catalog.get("codex-auto-review").is_none());
        assert!(catalog.get("gpt-5.5").is_some());
    }
}
