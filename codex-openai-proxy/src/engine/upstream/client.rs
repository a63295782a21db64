//! The one HTTP client that a provider keeps, and the URLs that it asks.

use crate::config::{KeyHeader, UpstreamSettings, WireApi, is_on_this_machine};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::{Client, redirect};
use std::time::Duration;
use url::Url;

/// What each provider is told of us.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// How much of one HTTP/2 stream may wait for a client that does not read.
const STREAM_WINDOW: u32 = 256 * 1024;

/// How much of all streams of a connection may. Many times the former: a few clients that do not read
/// must not hold up the others.
const CONNECTION_WINDOW: u32 = 32 * 1024 * 1024;

/// How long a connection is kept that nobody uses. Servers of plain HTTP are mostly small ones next to
/// us, some of which close theirs early.
const IDLE: Duration = Duration::from_secs(30);

/// The same where the connection is dear to make.
const IDLE_TLS: Duration = Duration::from_secs(90);

/// How often a busy connection is probed, so that a dead one is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Where a provider is asked for what.
#[derive(Debug, Clone)]
pub(super) struct Urls {
    /// For replies.
    pub(super) call: Url,
    /// For the list of its models.
    pub(super) models: Url,
}

impl Urls {
    pub(super) fn of(settings: &UpstreamSettings) -> Self {
        let at = |segments: &[&str]| {
            let mut url = settings.base_url.clone();
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().extend(segments);
            }
            if !settings.query.is_empty() {
                let query = settings.query.iter();
                url.query_pairs_mut()
                    .extend_pairs(query.map(|(name, value)| (name, value.expose())));
            }
            url
        };
        Self {
            call: match settings.wire_api {
                WireApi::Chat => at(&["chat", "completions"]),
                WireApi::Responses => at(&["responses"]),
            },
            models: at(&["models"]),
        }
    }
}

/// A client that keeps its connections: HTTP/2 where the provider agrees to it.
///
/// Redirects are not followed, since the key would go with them; and replies are taken as they are on
/// the wire, since their events are handed on one by one.
pub(super) fn build(settings: &UpstreamSettings) -> Result<Client, reqwest::Error> {
    let mut builder = Client::builder();
    if is_on_this_machine(&settings.base_url) {
        // The environment's proxy is for the world outside; it cannot know this machine's ports.
        builder = builder.no_proxy();
    }
    // `reqwest` would cut off whoever takes in nothing for 30 seconds, while it works on what came
    // before. How long that may take is for the timeout to say.
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    {
        builder = builder.tcp_user_timeout(None);
    }
    let is_tls = settings.base_url.scheme() == "https";
    builder
        .use_rustls_tls()
        .user_agent(USER_AGENT)
        .default_headers(headers(settings))
        .connect_timeout(settings.connect_timeout)
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .pool_idle_timeout(if is_tls { IDLE_TLS } else { IDLE })
        .tcp_nodelay(true)
        .tcp_keepalive(KEEP_ALIVE)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .build()
}

/// What goes with each request. The configuration has seen to it that all of it can be sent.
fn headers(settings: &UpstreamSettings) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: &str| {
        if let (Ok(name), Ok(mut value)) =
            (HeaderName::try_from(name), HeaderValue::try_from(value))
        {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    };
    for (name, value) in &settings.headers {
        set(name, value.expose());
    }
    if let Some(key) = &settings.key {
        let value = key.value.expose();
        match key.header {
            KeyHeader::Authorization => {
                set(header::AUTHORIZATION.as_str(), &format!("Bearer {value}"));
            }
            KeyHeader::ApiKey | KeyHeader::XApiKey => set(key.header.as_str(), value),
        }
    }
    headers
}
