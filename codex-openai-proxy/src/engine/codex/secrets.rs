//! What the upstream is told in confidence, taken out of what core tells of its errors. An upstream may
//! repeat the key that it does not like, and core hands on what it says.

use crate::{
    config::{Secret, names_secret},
    engine::hidden,
};
use codex_login::{AuthManager, CodexAuth};
use codex_model_provider_info::ModelProviderInfo;
use codex_protocol::protocol::{ErrorEvent, EventMsg};
use std::sync::Arc;
use url::Url;

/// The keys of the provider, and the keeper of the login, whose tokens change.
///
/// A token that a command of the user's prints (`auth` of a provider) stays with core, and is not known
/// here.
pub struct Secrets {
    provider: Box<[Secret]>,
    auth: Arc<AuthManager>,
}

impl Secrets {
    /// Those of a provider, and of the login that `auth` keeps.
    pub fn new(provider: &ModelProviderInfo, auth: Arc<AuthManager>) -> Self {
        Self {
            provider: of_provider(provider).into_iter().map(Secret::new).collect(),
            auth,
        }
    }

    /// Takes them out of an event, where it may tell what the upstream has said of a request.
    pub fn clean(&self, event: &mut EventMsg) {
        match event {
            EventMsg::Error(error) => self.hide([&mut error.message]),
            EventMsg::TurnComplete(turn) => {
                if let Some(ErrorEvent { message, .. }) = &mut turn.error {
                    self.hide([message]);
                }
            }
            EventMsg::StreamError(error) => {
                let details = error.additional_details.as_mut();
                self.hide(details.into_iter().chain([&mut error.message]));
            }
            EventMsg::Warning(warning) | EventMsg::GuardianWarning(warning) => {
                self.hide([&mut warning.message]);
            }
            EventMsg::DeprecationNotice(notice) => self.hide([&mut notice.summary]),
            _ => {}
        }
    }

    fn hide<'a>(&self, texts: impl IntoIterator<Item = &'a mut String>) {
        // As it is now: core refreshes its tokens when it likes.
        let login = self.auth.auth_cached();
        let login: Vec<Secret> = login.iter().flat_map(of_login).map(Secret::new).collect();
        for text in texts {
            let bytes = std::mem::take(text).into_bytes();
            let bytes = hidden::without(self.provider.iter().chain(&login), bytes);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

/// The key, and of headers, of the query and of the address what is secret by its name or place.
fn of_provider(provider: &ModelProviderInfo) -> Vec<String> {
    let mut secrets: Vec<String> = provider.experimental_bearer_token.iter().cloned().collect();
    // Without its variable each request fails, and tells which one is missing.
    secrets.extend(provider.api_key().ok().flatten());
    if let Ok(api) = provider.to_api_provider(None) {
        let headers = api.headers.iter();
        secrets.extend(
            headers
                .filter(|(name, _)| names_secret(name.as_str()))
                .map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        );
        if let Ok(url) = Url::parse(&api.base_url) {
            let query = url.query_pairs().into_owned();
            secrets.extend(query.filter_map(secret));
            secrets.extend(url.password().map(str::to_owned));
        }
    }
    let query = provider.query_params.iter().flatten();
    secrets.extend(query.filter_map(|(name, value)| secret((name.clone(), value.clone()))));
    secrets
}

fn secret((name, value): (String, String)) -> Option<String> {
    names_secret(&name).then_some(value)
}

/// The key or token that requests carry, and those that stand behind it.
fn of_login(login: &CodexAuth) -> Vec<String> {
    let mut secrets: Vec<String> = login.get_token().into_iter().collect();
    if let Ok(tokens) = login.get_token_data() {
        secrets.extend([tokens.refresh_token, tokens.id_token.raw_jwt]);
    }
    secrets
}

#[cfg(test)]
mod tests;
