//! The settings of HTTP providers: those of the file, and the one of the environment.

use super::Mistakes;
use crate::config::{KeyHeader, Secret, UpstreamKey, UpstreamSettings, WireApi, raw::RawUpstream};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

const BASE_URL: &str = "UPSTREAM_BASE_URL";
const API_KEY: &str = "UPSTREAM_API_KEY";
const SUPPORTS_RESPONSES: &str = "UPSTREAM_SUPPORTS_RESPONSES";
const TIMEOUT: &str = "UPSTREAM_TIMEOUT";
const RETRIES: &str = "UPSTREAM_RETRIES";

/// The name of the provider that the environment defines.
const FROM_ENVIRONMENT: &str = "upstream";

/// `codex/NAME` asks for a model of the Codex engine.
const RESERVED: &str = "codex";

/// The most seconds that can be waited for anything.
const A_DAY: u64 = 86_400;

/// The most repetitions of a call.
const MOST_RETRIES: u64 = 10;

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

type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Mistakes {
    /// Those of the file in its order, then the one of the environment: it takes every model that
    /// nobody else does.
    pub(super) fn upstreams(
        &mut self,
        raw: Vec<RawUpstream>,
        env: Env<'_>,
    ) -> Vec<UpstreamSettings> {
        let mut names = BTreeSet::new();
        let mut upstreams = Vec::with_capacity(raw.len() + 1);
        for (at, raw) in raw.into_iter().enumerate() {
            let key = |name: &str| format!("upstreams[{at}].{name}");
            match raw.name.as_deref().map(|name| (name, name_fault(name))) {
                None => self.add(key("name"), "is missing"),
                Some((_, Some(fault))) => self.add(key("name"), fault),
                Some((name, None)) => {
                    if !names.insert(name.to_owned()) {
                        self.add(key("name"), "is the name of another provider too");
                    }
                }
            }
            upstreams.extend(self.upstream(raw, &key, env));
        }
        if let Some(upstream) = self.upstream_of_environment(env) {
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
    fn upstream(
        &mut self,
        mut raw: RawUpstream,
        key: &dyn Fn(&str) -> String,
        env: Env<'_>,
    ) -> Option<UpstreamSettings> {
        let dialect = self.dialect(&mut raw, key);
        let base_url = self.base_url(&key("base_url"), raw.base_url.as_deref());
        let key_header = self.one_of(
            &key("api_key_header"),
            raw.api_key_header.clone(),
            &[
                KeyHeader::Authorization,
                KeyHeader::ApiKey,
                KeyHeader::XApiKey,
            ]
            .map(|header| (header.as_str(), header)),
        );
        if raw.api_key_header.is_some() && raw.api_key_env.is_none() {
            self.add(key("api_key_header"), "means nothing without api_key_env");
        }
        let api_key = raw.api_key_env.and_then(|variable| {
            if !is_variable(&variable) {
                // Not repeated, since it may well be the key itself.
                self.add(
                    key("api_key_env"),
                    "is no name of a variable: it takes the name of one that holds the key",
                );
                return None;
            }
            let Some(value) = env(&variable) else {
                self.add(key("api_key_env"), unset(&variable));
                return None;
            };
            self.upstream_key(&variable, key_header, value)
        });
        if raw.models.iter().any(|model| model.trim().is_empty()) {
            self.add(key("models"), "a model's name must not be empty");
        }
        for (name, target) in &raw.aliases {
            if name.trim().is_empty() || target.trim().is_empty() {
                self.add(
                    key(&format!("aliases.{name:?}")),
                    "an alias and its target must not be empty",
                );
            }
        }
        let headers = self.headers(raw.headers, key, api_key.as_ref());
        let wire_api = self.one_of(
            &key("wire_api"),
            raw.wire_api,
            &[WireApi::Chat, WireApi::Responses].map(|api| (api.as_str(), api)),
        );
        let mut seconds =
            |name, value, default| self.seconds(&key(name), value, 1..=A_DAY, default);
        let connect_timeout = seconds(
            "connect_timeout_seconds",
            raw.connect_timeout_seconds,
            UpstreamSettings::CONNECT_TIMEOUT,
        );
        let timeout = seconds(
            "timeout_seconds",
            raw.timeout_seconds,
            UpstreamSettings::TIMEOUT,
        );
        let idle_timeout = seconds(
            "idle_timeout_seconds",
            raw.idle_timeout_seconds,
            UpstreamSettings::IDLE_TIMEOUT,
        );
        let retries = self.retries(&key("retries"), raw.retries);
        Some(UpstreamSettings {
            name: raw.name.unwrap_or_default(),
            base_url: base_url?,
            wire_api,
            key: api_key,
            models: raw.models,
            aliases: raw.aliases,
            headers,
            query: secrets(raw.query),
            connect_timeout,
            timeout,
            idle_timeout,
            retries,
            dialect,
        })
    }

    /// The one of the environment, for every model.
    fn upstream_of_environment(&mut self, env: Env<'_>) -> Option<UpstreamSettings> {
        let Some(base_url) = env(BASE_URL) else {
            for name in [API_KEY, SUPPORTS_RESPONSES, TIMEOUT, RETRIES] {
                if env(name).is_some() {
                    self.add(name, format_args!("means nothing without {BASE_URL}"));
                }
            }
            return None;
        };
        let base_url = self.base_url(BASE_URL, Some(&base_url));
        let wire_api = self.one_of(
            SUPPORTS_RESPONSES,
            env(SUPPORTS_RESPONSES).map(|word| word.to_ascii_lowercase()),
            &[
                ("0", WireApi::Chat),
                ("1", WireApi::Responses),
                ("false", WireApi::Chat),
                ("true", WireApi::Responses),
                ("no", WireApi::Chat),
                ("yes", WireApi::Responses),
            ],
        );
        let timeout = self.whole_number(TIMEOUT, env(TIMEOUT));
        let retries = self.whole_number(RETRIES, env(RETRIES));
        let timeout = self.seconds(TIMEOUT, timeout, 1..=A_DAY, UpstreamSettings::TIMEOUT);
        let retries = self.retries(RETRIES, retries);
        let key =
            env(API_KEY).and_then(|value| self.upstream_key(API_KEY, KeyHeader::default(), value));
        Some(UpstreamSettings {
            wire_api,
            key,
            models: vec!["*".to_owned()],
            timeout,
            retries,
            ..UpstreamSettings::new(FROM_ENVIRONMENT, base_url?)
        })
    }

    fn base_url(&mut self, name: &str, value: Option<&str>) -> Option<Url> {
        let fault = match value.map(Url::parse) {
            None => "is missing: write where the provider is, such as \
                     \"http://localhost:11434/v1\""
                .to_owned(),
            Some(Err(error)) => format!("is no URL: {error}"),
            Some(Ok(url)) => match url_fault(&url) {
                None => return Some(url),
                Some(fault) => fault.to_owned(),
            },
        };
        self.add(name, fault);
        None
    }

    fn upstream_key(
        &mut self,
        variable: &str,
        header: KeyHeader,
        value: String,
    ) -> Option<UpstreamKey> {
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.add(
                variable,
                "a key is made of visible ASCII characters: others cannot be sent in a header",
            );
            return None;
        }
        Some(UpstreamKey {
            header,
            value: Secret::new(value),
        })
    }

    fn headers(
        &mut self,
        raw: BTreeMap<String, String>,
        key: &dyn Fn(&str) -> String,
        api_key: Option<&UpstreamKey>,
    ) -> BTreeMap<String, Secret> {
        let mut headers = BTreeMap::new();
        for (name, value) in raw {
            let lower = name.to_ascii_lowercase();
            let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
            let fault = if lower.is_empty() || !lower.bytes().all(is_of_token) {
                Some("is no name of a header")
            } else if OURS.contains(&lower.as_str()) {
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
                self.add(key(&format!("headers.{name:?}")), fault);
            }
            headers.insert(lower, Secret::new(value));
        }
        headers
    }

    fn retries(&mut self, name: &str, value: Option<i64>) -> u32 {
        self.number(name, value, 0..=MOST_RETRIES)
            .and_then(|retries| u32::try_from(retries).ok())
            .unwrap_or(UpstreamSettings::RETRIES)
    }

    fn whole_number(&mut self, name: &str, value: Option<String>) -> Option<i64> {
        let value = value?;
        let number = value.parse().ok();
        if number.is_none() {
            self.add(name, format_args!("{value:?} is no whole number"));
        }
        number
    }
}

/// Whether this can be the name of a variable.
fn is_variable(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(is_letter)
        && name
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

/// Says that a variable is not set. Some keys could be names; none of them is in capitals.
fn unset(variable: &str) -> String {
    if variable.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return "names a variable that is not set".to_owned();
    }
    format!("the variable {variable} is not set")
}

/// A mistake in the file that keeps it from being read at all. Where it lies among the providers, the
/// lines are not repeated, which may hold keys; nor is what the message quotes.
pub(super) fn syntax_fault(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else {
        return error.to_string();
    };
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    // The header of the table it lies in: its own line, where that is the header.
    let rest_of_line = text[before.len()..].lines().next().unwrap_or_default();
    let until_here = &text[..before.len() + rest_of_line.len()];
    let header = until_here
        .lines()
        .rev()
        .map(str::trim_start)
        .find(|line| line.starts_with('['));
    let is_of_providers = header.is_some_and(|header| header.contains("upstreams"))
        || rest_of_line.contains("upstreams");
    if !is_of_providers {
        return error.to_string();
    }
    // `invalid type: string "KEY", expected a map`
    let message = error.message();
    let message = match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}…{}", &message[..=first], &message[last..])
        }
        _ => message.to_owned(),
    };
    format!("line {line}, among the providers: {message}")
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

/// Whether a byte may stand in a header's name: RFC 9110, section 5.6.2.
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn secrets(raw: BTreeMap<String, String>) -> BTreeMap<String, Secret> {
    raw.into_iter()
        .map(|(name, value)| (name, Secret::new(value)))
        .collect()
}
