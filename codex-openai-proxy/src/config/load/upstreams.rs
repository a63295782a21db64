//! The settings of HTTP providers: those of the file, and the one of the environment.

use crate::config::{
    KeyHeader, Mistake, Secret, UpstreamKey, UpstreamSettings, WireApi,
    document::Value,
    layers::{Named, RawProvider},
    reader::{Listed, Reader, choose},
    settings::{Setting, provider},
    value::{Parsed, Written, switch, wrong_type},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use url::Url;

pub(in crate::config) const BASE_URL: &str = "UPSTREAM_BASE_URL";
pub(in crate::config) const API_KEY: &str = "UPSTREAM_API_KEY";
pub(in crate::config) const SUPPORTS_RESPONSES: &str = "UPSTREAM_SUPPORTS_RESPONSES";
pub(in crate::config) const TIMEOUT: &str = "UPSTREAM_TIMEOUT";
pub(in crate::config) const RETRIES: &str = "UPSTREAM_RETRIES";

/// The name of the provider that the environment defines.
pub(in crate::config) const FROM_ENVIRONMENT: &str = "upstream";

/// `codex/NAME` asks for a model of the Codex engine.
const RESERVED: &str = "codex";

/// Headers that belong to the connection and the body, which are not the user's.
const OURS: [&str; 7] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
];

/// Headers of one connection, or of a body that is not ours: no request can carry them to a provider.
const OF_CONNECTIONS: [&str; 8] = [
    "content-encoding",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
];

/// What a key is made of.
const UNSENDABLE: &str =
    "a key is made of visible ASCII characters: others cannot be sent in a header";

/// Told of what should be the name of a variable.
pub(super) const NO_VARIABLE: &str =
    "is no name of a variable: it takes the name of one that holds the key";

impl Reader<'_> {
    /// Those of the file in its order, then the one of the environment: it takes every model that
    /// nobody else does.
    pub(super) fn upstreams(&mut self) -> Vec<UpstreamSettings> {
        let mut names = BTreeSet::new();
        let mut upstreams = Vec::new();
        for raw in self.layers.providers() {
            let written = raw.find(&provider::NAME);
            let name = self.parse(&provider::NAME, written.as_ref());
            match (&written, name.and_then(Parsed::into_text)) {
                (None, _) => self.missing(&raw, &provider::NAME, "is missing"),
                (Some(_), None) => {}
                (Some(written), Some(name)) => {
                    if let Some(fault) = name_fault(&name) {
                        self.wrong(written, fault);
                    } else if !names.insert(name) {
                        self.wrong(written, "is the name of another provider too");
                    }
                }
            }
            upstreams.extend(self.upstream(&raw));
        }
        if let Some(upstream) = self.upstream_of_environment() {
            if names.contains(FROM_ENVIRONMENT) {
                self.add(
                    BASE_URL,
                    format_args!("defines a provider {FROM_ENVIRONMENT:?}, and so does the file"),
                );
            }
            upstreams.push(upstream);
        }
        upstreams
    }

    /// One of the file; `None` where it has no place.
    fn upstream(&mut self, raw: &RawProvider) -> Option<UpstreamSettings> {
        let dialect = self.dialect(raw);
        let base_url = raw.find(&provider::BASE_URL);
        if base_url.is_none() {
            let advice = "is missing: write where the provider is, such as \
                          \"http://localhost:11434/v1\"";
            self.missing(raw, &provider::BASE_URL, advice);
        }
        let base_url = base_url.and_then(|written| self.base_url(&written));
        let key = self.key_of_file(raw);
        let models = self.models(raw);
        let aliases = self.names_of_models(raw.entries(&provider::ALIASES));
        let headers = self.headers(raw, key.as_ref());
        let query = self.query(raw.entries(&provider::QUERY));
        let wire_api = self.word(
            raw,
            &provider::WIRE_API,
            &[WireApi::Chat, WireApi::Responses].map(|api| (api.as_str(), api)),
        );
        let mut seconds = |setting| {
            let seconds = self.of(raw, setting)?.as_number()?;
            Some(Duration::from_secs(seconds))
        };
        let connect_timeout = seconds(&provider::CONNECT_TIMEOUT);
        let timeout = seconds(&provider::TIMEOUT);
        let idle_timeout = seconds(&provider::IDLE_TIMEOUT);
        let retries = self.of(raw, &provider::RETRIES);
        let name = raw.find(&provider::NAME).and_then(Written::into_text);
        Some(UpstreamSettings {
            name: name.unwrap_or_default(),
            base_url: base_url?,
            wire_api,
            key,
            models,
            aliases: aliases.into_iter().collect(),
            headers,
            query,
            connect_timeout: connect_timeout.unwrap_or(UpstreamSettings::CONNECT_TIMEOUT),
            timeout: timeout.unwrap_or(UpstreamSettings::TIMEOUT),
            idle_timeout: idle_timeout.unwrap_or(UpstreamSettings::IDLE_TIMEOUT),
            retries: as_retries(retries),
            dialect,
        })
    }

    fn models(&mut self, raw: &RawProvider) -> Vec<String> {
        let written = raw.find(&provider::MODELS);
        let models = self.items(&provider::MODELS, written.as_ref());
        let mut names = Vec::new();
        for Listed { text, written } in models.into_iter().flatten() {
            if text.trim().is_empty() {
                self.wrong(&written, "a model's name must not be empty");
            }
            names.push(text);
        }
        names
    }

    /// The one of the environment, for every model.
    fn upstream_of_environment(&mut self) -> Option<UpstreamSettings> {
        let Some(written) = self.variable(BASE_URL) else {
            for name in [API_KEY, SUPPORTS_RESPONSES, TIMEOUT, RETRIES] {
                if self.layers.variable(name).is_some() {
                    self.add(name, format_args!("means nothing without {BASE_URL}"));
                }
            }
            return None;
        };
        let base_url = self.base_url(&written);
        let supports_responses = self.layers.variable(SUPPORTS_RESPONSES);
        let wire_api = supports_responses.map(|text| wire_api_of(&text));
        if wire_api == Some(None) {
            self.add(SUPPORTS_RESPONSES, "is neither 1 nor 0, true nor false");
        }
        let timeout = self.variable(TIMEOUT);
        let timeout = self.parse(&provider::TIMEOUT, timeout.as_ref());
        let timeout = timeout.and_then(|seconds| seconds.as_number());
        let retries = self.variable(RETRIES);
        let retries = self.parse(&provider::RETRIES, retries.as_ref());
        let key = self.layers.variable(API_KEY);
        let key = key.and_then(|value| self.upstream_key(API_KEY, KeyHeader::default(), value));
        Some(UpstreamSettings {
            wire_api: wire_api.flatten().unwrap_or_default(),
            key,
            models: vec!["*".to_owned()],
            timeout: timeout.map_or(UpstreamSettings::TIMEOUT, Duration::from_secs),
            retries: as_retries(retries),
            ..UpstreamSettings::new(FROM_ENVIRONMENT, base_url?)
        })
    }

    /// One of its settings, understood.
    pub(super) fn of(&mut self, raw: &RawProvider, setting: &Setting) -> Option<Parsed> {
        self.parse(setting, raw.find(setting).as_ref())
    }

    /// What one of its words stands for.
    pub(super) fn word<T: Copy + Default>(
        &mut self,
        raw: &RawProvider,
        setting: &Setting,
        choices: &[(&str, T)],
    ) -> T {
        let word = self.of(raw, setting).and_then(Parsed::into_text);
        word.map_or_else(T::default, |word| choose(&word, choices))
    }

    fn missing(&mut self, raw: &RawProvider, setting: &Setting, message: &str) {
        if self.is_whole {
            let name = format!("{}.{}", raw.prefix, setting.key);
            let mistake = Mistake::new(name, message);
            self.mistakes.push(mistake.at(raw.at.clone()));
        }
    }

    fn base_url(&mut self, written: &Written) -> Option<Url> {
        let parsed = self.parse(&provider::BASE_URL, Some(written))?;
        let fault = match Url::parse(&parsed.into_text()?) {
            Err(error) => format!("is no URL: {error}"),
            Ok(url) => match url_fault(&url) {
                None => return Some(url),
                Some(fault) => fault.to_owned(),
            },
        };
        self.wrong(written, fault);
        None
    }

    fn key_of_file(&mut self, raw: &RawProvider) -> Option<UpstreamKey> {
        let headers = [
            KeyHeader::Authorization,
            KeyHeader::ApiKey,
            KeyHeader::XApiKey,
        ];
        let header = self.word(
            raw,
            &provider::API_KEY_HEADER,
            &headers.map(|header| (header.as_str(), header)),
        );
        let Some(written) = raw.find(&provider::API_KEY_ENV) else {
            if header != KeyHeader::default()
                && let Some(written) = raw.find(&provider::API_KEY_HEADER)
            {
                self.wrong(&written, "means nothing without api_key_env");
            }
            return None;
        };
        let variable = self.parse(&provider::API_KEY_ENV, Some(&written))?;
        let variable = variable.into_text()?;
        if !is_variable(&variable) {
            // Not repeated, since it may well be the key itself.
            self.wrong(&written, NO_VARIABLE);
            return None;
        }
        let Some(value) = self.layers.variable(&variable) else {
            self.wrong(&written, unset(&variable));
            return None;
        };
        self.upstream_key(&variable, header, value)
    }

    fn upstream_key(
        &mut self,
        variable: &str,
        header: KeyHeader,
        value: String,
    ) -> Option<UpstreamKey> {
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.add(variable, UNSENDABLE);
            return None;
        }
        Some(UpstreamKey {
            header,
            value: Secret::new(value),
        })
    }

    fn headers(
        &mut self,
        raw: &RawProvider,
        api_key: Option<&UpstreamKey>,
    ) -> BTreeMap<String, Secret> {
        let mut headers = BTreeMap::new();
        for Named { name, written } in raw.entries(&provider::HEADERS) {
            let lower = name.to_ascii_lowercase();
            if !is_header(&lower) {
                // Not repeated, since the value may stand in it.
                let table = Written {
                    name: format!("{}.{}", raw.prefix, provider::HEADERS.key),
                    ..written
                };
                self.wrong(&table, "has what is no name of a header");
                continue;
            }
            let Value::Text(value) = &written.value else {
                self.wrong(&written, wrong_type(&written.value, "a string"));
                continue;
            };
            let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
            let fault = if OURS.contains(&lower.as_str()) {
                Some("is set by this proxy")
            } else if OF_CONNECTIONS.contains(&lower.as_str()) {
                Some("cannot be sent to a provider")
            } else if api_key.is_some_and(|api_key| api_key.header.as_str() == lower) {
                Some("is set by api_key_env")
            } else if !value.bytes().all(is_printable) {
                Some("must be printable ASCII: it goes out in a header")
            } else if headers.contains_key(&lower) {
                Some("is written twice")
            } else {
                None
            };
            if let Some(fault) = fault {
                self.wrong(&written, fault);
            }
            headers.insert(lower, Secret::new(value));
        }
        headers
    }

    fn query(&mut self, entries: Vec<Named>) -> BTreeMap<String, Secret> {
        let mut query = BTreeMap::new();
        for Named { name, written } in entries {
            match &written.value {
                Value::Text(value) => {
                    query.insert(name, Secret::new(value));
                }
                other => self.wrong(&written, wrong_type(other, "a string")),
            }
        }
        query
    }
}

/// What `UPSTREAM_SUPPORTS_RESPONSES` says.
pub(in crate::config) fn wire_api_of(text: &str) -> Option<WireApi> {
    Some(if switch(text)? {
        WireApi::Responses
    } else {
        WireApi::Chat
    })
}

fn as_retries(parsed: Option<Parsed>) -> u32 {
    parsed
        .and_then(|retries| u32::try_from(retries.as_number()?).ok())
        .unwrap_or(UpstreamSettings::RETRIES)
}

/// Whether this can be the name of a variable.
pub(in crate::config) fn is_variable(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(is_letter)
        && name
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

/// Says that a variable is not set. Some keys could be names; none of them is in capitals.
pub(super) fn unset(variable: &str) -> String {
    if variable.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return "names a variable that is not set".to_owned();
    }
    format!("the variable {variable} is not set")
}

/// What is wrong with a provider's name.
fn name_fault(name: &str) -> Option<&'static str> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(is_fit) {
        Some("is made of letters, digits, '-', '_' and '.'")
    } else if name == RESERVED {
        Some("stands for the Codex engine")
    } else {
        None
    }
}

/// What is wrong with a base URL.
fn url_fault(url: &Url) -> Option<&'static str> {
    let path = url.path().trim_end_matches('/');
    if !matches!(url.scheme(), "http" | "https") {
        Some("is no http or https URL")
    } else if !url.username().is_empty() || url.password().is_some() {
        // It would be shown wherever the URL is.
        Some("must not hold a key: name the variable that does with api_key_env")
    } else if url.query().is_some() || url.fragment().is_some() {
        Some("must have no query and no fragment: a query is set with query")
    } else if path.ends_with("/chat/completions") || path.ends_with("/responses") {
        Some("must end before /chat/completions or /responses: they are added")
    } else {
        None
    }
}

/// Whether this can be the name of a header: RFC 9110, section 5.6.2.
pub(super) fn is_header(name: &str) -> bool {
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_of_token)
}
