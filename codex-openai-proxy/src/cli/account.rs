//! `login`, `logout`, `status`, `models`.

use super::{CliError, print};
use crate::{
    app::engines,
    config::Config,
    engine::codex::account,
    turn::{Effort, Model, model_name::reverse},
};

pub(super) async fn browser_login(config: &Config) -> Result<(), CliError> {
    let login = account::browser_login(&config.codex_home, &config.home).await?;
    print(&format!(
        "Log in with the browser that opens now. If none does, open this address:\n\n{}\n\n\
         On a machine without a browser: codex-openai-proxy login --device-auth\n",
        login.url()
    ))?;
    login.wait().await?;
    print("logged in\n")?;
    Ok(())
}

pub(super) async fn device_login(config: &Config) -> Result<(), CliError> {
    account::device_login(&config.codex_home, &config.home).await?;
    print("logged in\n")?;
    Ok(())
}

pub(super) async fn logout(config: &Config) -> Result<(), CliError> {
    let done = account::logout(&config.codex_home, &config.home).await?;
    print(if done {
        "logged out\n"
    } else {
        "there was no login\n"
    })?;
    Ok(())
}

pub(super) async fn status(config: &Config) -> Result<(), CliError> {
    let status = account::status(&config.codex_home, &config.home).await?;
    print(&format!(
        "login:     {}\nplan:      {}\nprovider:  {}\nmodel:     {}\naddress:   http://{}\n",
        status.login,
        status.plan.as_deref().unwrap_or("-"),
        status.provider,
        status.model.as_deref().unwrap_or("-"),
        config.addr,
    ))?;
    Ok(())
}

pub(super) async fn models(config: &Config) -> Result<(), CliError> {
    let engine = engines::codex(config).await?;
    let catalog = engine.catalog();
    let models = catalog.models.iter().map(model_line);
    let aliases = config
        .aliases
        .iter()
        .map(|(name, target)| format!("{name:<24}  alias of {target}\n"));
    print(&models.chain(aliases).collect::<String>())?;
    engine.shutdown().await;
    Ok(())
}

/// The name, the same reversed for clients that intercept it, and the efforts.
fn model_line(model: &Model) -> String {
    let efforts: Vec<&str> = model.efforts.iter().copied().map(Effort::as_str).collect();
    let line = format!(
        "{:<24}  {:<24}  {}",
        model.slug,
        reverse(&model.slug),
        efforts.join(" ")
    );
    format!("{}\n", line.trim_end())
}
