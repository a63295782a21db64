//! HTTP providers: where they are, what they speak, and which models are theirs.

use crate::turn::Effort;
use std::{collections::BTreeMap, fmt, time::Duration};
use url::Url;

/// Parts of the names of headers and queries whose values are secret.
const SECRET_WORDS: [&str; 8] = [
    "auth", "key", "token", "secret", "cookie", "sig", "code", "password",
];

/// One HTTP provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// What clients and the log call it. Unique; made of letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What `/chat/completions`, `/responses` and `/models` are added to. Its scheme is `http` or
    /// `https`; it has no query and names no user.
    pub base_url: Url,
    /// What it speaks.
    pub wire_api: WireApi,
    /// The key that it wants, if it wants one.
    pub key: Option<UpstreamKey>,
    /// The models that are its own, by name or with `*` and `?` for what may stand there.
    pub models: Vec<String>,
    /// Names of the user's own for models of this provider: name → the provider's name.
    pub aliases: BTreeMap<String, String>,
    /// Headers to send besides, such as `HTTP-Referer`. Names are in lower case.
    pub headers: BTreeMap<String, Secret>,
    /// The query of each URL, such as `api-version`.
    pub query: BTreeMap<String, Secret>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the first byte of a reply may take.
    pub timeout: Duration,
    /// How long a reply may be silent after that.
    pub idle_timeout: Duration,
    /// How often a call is repeated that failed before anything of its reply came. 0 hands every
    /// failure on.
    pub retries: u32,
    /// What it takes of requests in Chat Completions that are translated for it.
    pub dialect: DialectSettings,
}

/// What a provider takes of Chat Completions. What is `None` is told from its host and the model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialectSettings {
    /// Whether the assistant's past messages carry their reasoning (`reasoning_content`).
    pub send_reasoning: Option<bool>,
    /// Whether `prompt_cache_key` is sent.
    pub prompt_cache_key: Option<bool>,
    /// What `reasoning_effort` may be; where this is empty, it is not sent. `None` sends what was
    /// asked for.
    pub reasoning_efforts: Option<Vec<Effort>>,
    /// What the limit of a reply is called.
    pub max_tokens_field: Option<MaxTokensField>,
}

/// What the limit of a reply is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MaxTokensField {
    /// `max_tokens`.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

impl MaxTokensField {
    /// The field's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

impl UpstreamSettings {
    /// [`UpstreamSettings::connect_timeout`] where nobody says otherwise.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// [`UpstreamSettings::timeout`] where nobody says otherwise.
    pub const TIMEOUT: Duration = Duration::from_mins(10);
    /// [`UpstreamSettings::idle_timeout`] where nobody says otherwise.
    pub const IDLE_TIMEOUT: Duration = Duration::from_mins(5);
    /// [`UpstreamSettings::retries`] where nobody says otherwise.
    pub const RETRIES: u32 = 2;

    /// A provider of that name and place, everything else as it is where the configuration is silent.
    pub fn new(name: impl Into<String>, base_url: Url) -> Self {
        Self {
            name: name.into(),
            base_url,
            wire_api: WireApi::default(),
            key: None,
            models: Vec::new(),
            aliases: BTreeMap::new(),
            headers: BTreeMap::new(),
            query: BTreeMap::new(),
            connect_timeout: Self::CONNECT_TIMEOUT,
            timeout: Self::TIMEOUT,
            idle_timeout: Self::IDLE_TIMEOUT,
            retries: Self::RETRIES,
            dialect: DialectSettings::default(),
        }
    }

    /// What must not come back from it: its key, and those headers and parts of the query whose names
    /// say that they are secret. Others (`api-version`, `X-Title`) may be what its errors are about.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let key = self.key.iter().map(|key| &key.value);
        let others = self.headers.iter().chain(&self.query);
        key.chain(others.filter_map(|(name, value)| names_secret(name).then_some(value)))
    }
}

/// Whether the name of a header or of a part of a query says that its value is secret.
#[must_use]
pub fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Which of OpenAI's two APIs a provider speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WireApi {
    /// Chat Completions, which nearly everybody speaks.
    #[default]
    Chat,
    /// Responses.
    Responses,
}

impl WireApi {
    /// The word for it in the configuration and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
        }
    }
}

/// The key of a provider, and how it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamKey {
    /// Where it stands.
    pub header: KeyHeader,
    /// The key: visible ASCII.
    pub value: Secret,
}

/// The header that a key is sent in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyHeader {
    /// `Authorization: Bearer …`.
    #[default]
    Authorization,
    /// `api-key: …`, as Azure has it.
    ApiKey,
    /// `x-api-key: …`.
    XApiKey,
}

impl KeyHeader {
    /// The header's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::ApiKey => "api-key",
            Self::XApiKey => "x-api-key",
        }
    }
}

/// Text that is sent and shown to nobody: a key, or what may hold one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` to itself.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
