//! The configuration that core gets: the user's provider and model, and nothing else of the user's.

use super::EngineError;
use crate::{
    config::{CodexSettings, is_on_this_machine},
    engine::ProviderReport,
    files::private_dir,
};
use codex_core::config::Config;
use codex_features::{Feature, Features};
use codex_login::{AuthManager, CodexAuth};
use codex_model_provider_info::ModelProviderInfo;
use codex_protocol::{config_types::WebSearchMode, protocol::AskForApproval};
use codex_utils_absolute_path::AbsolutePathBuf;
use std::{collections::HashMap, fs, io, path::Path, sync::Arc};
use toml::Value;

/// The release of Codex that the audited sources lie behind. The crates that carry them have
/// numbers of their own, which would otherwise go out as Codex's version.
pub const CODEX_VERSION: &str = "0.145.0";

/// What of the user's `$CODEX_HOME/config.toml` counts here. Everything else in that file is about
/// an agent that works on the user's machine.
const HONOURED: [&str; 12] = [
    "chatgpt_base_url",
    "cli_auth_credentials_store",
    "forced_chatgpt_workspace_id",
    "forced_login_method",
    "model",
    "model_provider",
    "model_providers",
    "model_reasoning_effort",
    "model_reasoning_summary",
    "model_verbosity",
    "openai_base_url",
    "service_tier",
];

/// Reads the user's `config.toml`, with the profile that it selects laid over it.
///
/// # Errors
///
/// When the file exists and cannot be read or is no TOML.
pub fn user_overrides(codex_home: &Path) -> Result<Vec<(String, Value)>, EngineError> {
    let path = codex_home.join("config.toml");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(EngineError::UserConfig(path, error.to_string())),
    };
    let mut table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| EngineError::UserConfig(path, error.to_string()))?;
    let profile = table
        .get("profile")
        .and_then(Value::as_str)
        .and_then(|name| table.get("profiles")?.get(name)?.as_table())
        .cloned();
    table.extend(profile.unwrap_or_default());
    Ok(HONOURED
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), table.remove(*key)?)))
        .collect())
}

/// core's configuration for every thread of this process. `home` is a folder of ours: core writes
/// into the one that it is given.
///
/// # Errors
///
/// When the user's settings do not make sense to core, or `home` cannot be used.
pub async fn core_config(
    overrides: Vec<(String, Value)>,
    settings: &CodexSettings,
    home: &Path,
) -> Result<Box<Config>, EngineError> {
    let workdir = home.join("empty");
    private_dir(home)
        .and_then(|()| private_dir(&workdir))
        .map_err(|error| EngineError::Home(home.to_owned(), error))?;
    let loading =
        Config::load_default_with_cli_overrides_for_codex_home(home.to_owned(), overrides);
    let config = Box::pin(loading)
        .await
        .map_err(|error| EngineError::CoreConfig(error.to_string()))?;
    // Sixteen kilobytes, which every future that holds one would carry.
    let mut config = Box::new(config);
    forward_only(&mut config).map_err(EngineError::CoreConfig)?;
    // A folder without a repository, AGENTS.md or skills in or above it that belong to anyone.
    config.cwd = AbsolutePathBuf::from_absolute_path_checked(workdir)
        .map_err(|error| EngineError::Home(home.to_owned(), error))?;
    config.workspace_roots = Vec::new();
    identify(&mut config.model_provider, settings);
    // A connection is opened and primed with a request of its own at thread start, and a retry of
    // a broken one can go unannounced; both break what this proxy promises.
    config.model_provider.supports_websockets = false;
    Ok(config)
}

/// Whether the user's login may go to this provider: only to OpenAI's own hosts.
pub fn login_may_go_to(provider: &ModelProviderInfo) -> bool {
    let Some(base_url) = &provider.base_url else {
        return provider.is_openai();
    };
    let Ok(url) = url::Url::parse(base_url) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "https"
        && ["chatgpt.com", "openai.com"].iter().any(|own| {
            host == *own
                || host
                    .strip_suffix(own)
                    .is_some_and(|rest| rest.ends_with('.'))
        })
}

/// What there is to tell about a provider: nothing of its URL but the host, since keys stray into the
/// rest. `auth` decides where OpenAI's own provider lies.
pub fn report(id: &str, provider: &ModelProviderInfo, auth: Option<&CodexAuth>) -> ProviderReport {
    let mode = auth.map(CodexAuth::api_auth_mode);
    let url = provider
        .to_api_provider(mode)
        .ok()
        .and_then(|api| url::Url::parse(&api.base_url).ok());
    let host = url.as_ref().and_then(|url| {
        let host = url.host_str()?;
        Some(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        })
    });
    ProviderReport {
        name: id.to_owned(),
        host: host.unwrap_or_default(),
        is_local: url.as_ref().is_some_and(is_on_this_machine),
    }
}

/// Whether the provider brings its own credentials.
pub fn has_own_key(provider: &ModelProviderInfo) -> bool {
    provider.env_key.is_some()
        || provider.experimental_bearer_token.is_some()
        || provider.auth.is_some()
        || provider.aws.is_some()
}

/// The keeper of the user's login, and the only refresher of its single-use tokens.
pub async fn user_login(config: &Config, codex_home: &Path) -> Arc<AuthManager> {
    login_in(config, codex_home).await
}

/// A keeper of no login at all, for providers that must not see the user's.
pub async fn no_login(config: &Config, home: &Path) -> Result<Arc<AuthManager>, EngineError> {
    let manager = login_in(config, &home.join("no-login")).await;
    // Only a variable could have put one there.
    if manager.auth_cached().is_some() {
        return Err(EngineError::ForeignLogin);
    }
    Ok(manager)
}

async fn login_in(config: &Config, folder: &Path) -> Arc<AuthManager> {
    AuthManager::shared(
        folder.to_owned(),
        /*enable_codex_api_key_env*/ false,
        config.cli_auth_credentials_store_mode,
        config.forced_chatgpt_workspace_id.clone(),
        Some(config.chatgpt_base_url.clone()),
        config.auth_keyring_backend_kind(),
        config.auth_route_config(),
    )
    .await
}

/// Turns off everything by which core adds to a request, sends another, or touches the machine.
fn forward_only(config: &mut Config) -> Result<(), String> {
    let mut features = Features::default();
    // Without it core drops the service tier.
    features.enable(Feature::FastMode);
    let constraint = |error: codex_config::ConstraintError| error.to_string();
    config.features.set(features).map_err(constraint)?;
    config
        .permissions
        .approval_policy
        .set(AskForApproval::Never)
        .map_err(constraint)?;
    config
        .web_search_mode
        .set(WebSearchMode::Disabled)
        .map_err(constraint)?;
    config.mcp_servers.set(HashMap::new()).map_err(constraint)?;
    config.include_permissions_instructions = false;
    config.include_apps_instructions = false;
    config.include_collaboration_mode_instructions = false;
    config.include_skill_instructions = false;
    config.include_environment_context = false;
    config.orchestrator_skills_enabled = false;
    config.orchestrator_mcp_enabled = false;
    config.experimental_request_user_input_enabled = false;
    config.agents_enabled = false;
    config.agent_interrupt_message_enabled = false;
    config.project_doc_max_bytes = 0;
    config.personality = None;
    config.developer_instructions = None;
    config.notify = None;
    config.model_context_window = None;
    config.model_auto_compact_token_limit = None;
    config.tool_output_token_limit = None;
    config.analytics_enabled = Some(false);
    config.feedback_enabled = false;
    config.check_for_update_on_startup = false;
    config.ephemeral = true;
    Ok(())
}

/// Says who asks, in place of the crates' own numbers. What the user set for the provider stays.
fn identify(provider: &mut ModelProviderInfo, settings: &CodexSettings) {
    let version = settings.client_version.as_deref().unwrap_or(CODEX_VERSION);
    let user_agent = settings.user_agent.clone().unwrap_or_else(|| {
        let system = os_info::get();
        format!(
            "codex_cli_rs/{version} ({} {}; {})",
            system.os_type(),
            system.version(),
            system.architecture().unwrap_or("unknown"),
        )
    });
    let is_openai = provider.is_openai();
    let headers = provider.http_headers.get_or_insert_default();
    if is_openai {
        headers.insert("version".to_owned(), version.to_owned());
    }
    if !headers
        .keys()
        .any(|name| name.eq_ignore_ascii_case("user-agent"))
    {
        headers.insert("User-Agent".to_owned(), user_agent);
    }
}

#[cfg(test)]
mod tests {
    use super::{login_may_go_to, user_overrides};
    use codex_model_provider_info::ModelProviderInfo;
    use std::fs;

    fn at(base_url: &str) -> ModelProviderInfo {
        ModelProviderInfo::create_openai_provider(Some(base_url.to_owned()))
    }

    #[test]
    fn the_login_goes_to_openai_only() {
        assert!(login_may_go_to(&ModelProviderInfo::create_openai_provider(
            None
        )));
        assert!(login_may_go_to(&at(
            "https://chatgpt.com/backend-api/codex"
        )));
        assert!(login_may_go_to(&at("https://api.openai.com/v1")));
        assert!(login_may_go_to(&at("https://eu.api.openai.com/v1")));
        for other in [
            "http://chatgpt.com/backend-api/codex",
            "https://chatgpt.com.example/v1",
            "https://notopenai.com/v1",
            "https://example.com/openai.com",
            "https://openai.com@example.com/",
            "http://127.0.0.1:8080/v1",
            "not a url",
        ] {
            assert!(!login_may_go_to(&at(other)), "{other}");
        }
        let unnamed = ModelProviderInfo {
            name: "other".into(),
            ..ModelProviderInfo::default()
        };
        assert!(!login_may_go_to(&unnamed));
    }

    #[test]
    fn only_what_concerns_the_model_is_taken_from_the_user() {
        let home = tempfile::tempdir().unwrap();
        fs::write(
            home.path().join("config.toml"),
            "model = 'a'\nprofile = 'p'\nsandbox_mode = 'danger-full-access'\n\
             notify = ['sh']\n[profiles.p]\nmodel = 'b'\n[mcp_servers.x]\ncommand = 'sh'\n",
        )
        .unwrap();
        let overrides = user_overrides(home.path()).unwrap();
        assert_eq!(overrides, [("model".to_owned(), "b".into())]);
    }

    #[test]
    fn a_missing_file_is_no_error_and_a_broken_one_is() {
        let home = tempfile::tempdir().unwrap();
        assert!(user_overrides(home.path()).unwrap().is_empty());
        fs::write(home.path().join("config.toml"), "model = ").unwrap();
        let error = user_overrides(home.path()).unwrap_err().to_string();
        assert!(error.contains("config.toml"), "{error}");
    }
}
