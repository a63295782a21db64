//! The user's Codex account: logging in and out, and what there is to tell about it.
//!
//! The login is the one that the Codex CLI uses, in the same place and form.

use super::{EngineError, settings};
use crate::config::CodexSettings;
use codex_core::config::Config;
use codex_login::{
    AuthManager, CodexAuth, LoginServer, ServerOptions, oauth_client_id, run_device_code_login,
    run_login_server,
};
use std::{io, path::Path};

/// What there is to tell about the account and where requests go. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStatus {
    /// The kind of login, in words.
    pub login: String,
    /// The ChatGPT plan, where the login has one.
    pub plan: Option<String>,
    /// The provider's id in `config.toml`.
    pub provider: String,
    /// The model for requests by Codex itself; clients name their own.
    pub model: Option<String>,
}

/// A login that waits for the user's browser.
pub struct BrowserLogin {
    server: LoginServer,
}

impl BrowserLogin {
    /// The address to open, for when no browser opens by itself.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.server.auth_url
    }

    /// Waits until the user has logged in.
    ///
    /// # Errors
    ///
    /// When the login fails or is refused.
    pub async fn wait(self) -> io::Result<()> {
        self.server.block_until_done().await
    }
}

/// Starts a login in the browser.
///
/// # Errors
///
/// When the callback's port is taken, or Codex's configuration is broken.
pub async fn browser_login(codex_home: &Path, state: &Path) -> Result<BrowserLogin, EngineError> {
    let server =
        run_login_server(options(codex_home, state).await?).map_err(EngineError::Account)?;
    Ok(BrowserLogin { server })
}

/// Logs in with a code that the user types elsewhere. codex-login prints the code.
///
/// # Errors
///
/// When the login fails or is refused.
pub async fn device_login(codex_home: &Path, state: &Path) -> Result<(), EngineError> {
    run_device_code_login(options(codex_home, state).await?)
        .await
        .map_err(EngineError::Account)
}

/// Forgets the login and revokes its tokens. False when there was none.
///
/// # Errors
///
/// When the login cannot be removed.
pub async fn logout(codex_home: &Path, state: &Path) -> Result<bool, EngineError> {
    let config = config(codex_home, state).await?;
    let login = settings::user_login(&config, codex_home).await;
    Box::pin(login.logout_with_revoke())
        .await
        .map_err(EngineError::Account)
}

/// Tells about the account without asking anyone.
///
/// # Errors
///
/// When Codex's configuration is broken.
pub async fn status(codex_home: &Path, state: &Path) -> Result<AccountStatus, EngineError> {
    let config = config(codex_home, state).await?;
    let auth = settings::user_login(&config, codex_home).await;
    Ok(AccountStatus {
        login: login_words(&auth),
        plan: auth
            .auth_cached()
            .and_then(|auth| auth.account_plan_type())
            .map(|plan| format!("{plan:?}").to_ascii_lowercase()),
        provider: config.model_provider_id,
        model: config.model,
    })
}

/// The kind of a login, in a word.
#[must_use]
pub fn login_kind(auth: &CodexAuth) -> &'static str {
    if auth.is_api_key_auth() {
        "api_key"
    } else if auth.is_chatgpt_auth() {
        "chatgpt"
    } else {
        "access_token"
    }
}

fn login_words(auth: &AuthManager) -> String {
    match auth.auth_cached() {
        None => "not logged in".to_owned(),
        Some(auth) if auth.is_api_key_auth() => "API key".to_owned(),
        Some(auth) if auth.is_chatgpt_auth() => with_email("ChatGPT", &auth),
        Some(auth) => with_email("access token", &auth),
    }
}

fn with_email(kind: &str, auth: &CodexAuth) -> String {
    auth.get_account_email()
        .map_or_else(|| kind.to_owned(), |email| format!("{kind} ({email})"))
}

async fn config(codex_home: &Path, state: &Path) -> Result<Box<Config>, EngineError> {
    let overrides = settings::user_overrides(codex_home)?;
    settings::core_config(overrides, &CodexSettings::default(), &state.join("codex")).await
}

async fn options(codex_home: &Path, state: &Path) -> Result<ServerOptions, EngineError> {
    let config = config(codex_home, state).await?;
    Ok(ServerOptions::new(
        codex_home.to_owned(),
        oauth_client_id(),
        config.forced_chatgpt_workspace_id.clone(),
        config.cli_auth_credentials_store_mode,
        config.auth_keyring_backend_kind(),
        Some(config.auth_route_config()),
    ))
}
