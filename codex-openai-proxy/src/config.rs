//! The configuration: plain data, checked before anything is done with it.
//!
//! Four layers, the last wins: the TOML file, the profile of it that is in force, the environment, the
//! command line. What can be set stands in one table, [`SETTINGS`]. The environment is read here alone,
//! through a lookup that the caller hands in.
//!
//! `document` reads the file, `layers` finds what was written of a setting and where, `value` says
//! what it means, `names` what nobody knows, and `load` makes the [`Config`] of it.

mod document;
mod effective;
mod error;
mod example;
pub mod keys;
mod layers;
mod load;
mod local;
mod names;
mod origin;
mod reader;
mod settings;
mod sources;
#[cfg(test)]
mod tests;
mod units;
mod upstreams;
mod value;

pub use error::{ConfigError, Mistake, Place};
pub use example::example;
pub use keys::ApiKey;
pub use local::is_on_this_machine;
pub use origin::{Effective, Origin, Reload};
pub use settings::{Kind, PREFIX, PROVIDER_SETTINGS, SETTINGS, Setting};
pub use sources::{Flags, Loaded, Lookup, Sources, process_environment};
pub use upstreams::{
    DialectSettings, KeyHeader, MaxTokensField, Secret, UpstreamKey, UpstreamSettings, WireApi,
    names_secret,
};

use crate::turn::Aliases;
use std::{
    net::{Ipv4Addr, SocketAddr},
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

/// Where the proxy listens unless told otherwise.
pub const DEFAULT_ADDR: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 11435);

/// What is logged at the level `info`, which reads as `RUST_LOG` does: codex-core tells each step of its
/// threads there, which is too much beside what we tell.
pub const INFO_FILTER: &str = "info,codex_=warn,codex_openai_proxy=info";

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen. Port 0 takes a free one.
    pub addr: SocketAddr,
    /// The folder of our own state.
    pub home: PathBuf,
    /// The user's Codex folder, with the login and `config.toml` of the Codex CLI.
    pub codex_home: PathBuf,
    /// Model names of the user's own.
    pub aliases: Aliases,
    /// Keys that open the API. Without any, only direct loopback requests are served.
    pub api_keys: Vec<ApiKey>,
    /// Whether only providers on this machine may be asked.
    pub local_only: bool,
    /// The web pages that may read replies.
    pub cors: CorsOrigins,
    /// How many requests may come, and how many at once.
    pub admission: AdmissionSettings,
    /// How reasoning is shown.
    pub reasoning: ReasoningSetting,
    /// What Cursor gets where a conversation does not fit the model any more.
    pub cursor_context_overflow: ContextOverflow,
    /// Sizes and times.
    pub limits: Limits,
    /// How long conversations stay at hand.
    pub conversations: ConversationSettings,
    /// What the log channel keeps.
    pub logs: LogSettings,
    /// Whether requests are counted for `/metrics`.
    pub metrics: bool,
    /// The form of the log.
    pub log_format: LogFormat,
    /// What is logged, as `EnvFilter` reads it, where a level or a filter says so. Known to be well-formed.
    pub log_filter: Option<String>,
    /// What the Codex engine is told.
    pub codex: CodexSettings,
    /// HTTP providers, in the order in which they are asked whether a model is theirs.
    pub upstreams: Vec<UpstreamSettings>,
}

impl Config {
    /// The defaults, for these folders.
    #[must_use]
    pub fn new(home: PathBuf, codex_home: PathBuf) -> Self {
        Self {
            addr: DEFAULT_ADDR,
            home,
            codex_home,
            aliases: Aliases::default(),
            api_keys: Vec::new(),
            local_only: false,
            cors: CorsOrigins::default(),
            admission: AdmissionSettings::default(),
            reasoning: ReasoningSetting::default(),
            cursor_context_overflow: ContextOverflow::default(),
            limits: Limits::default(),
            conversations: ConversationSettings::default(),
            logs: LogSettings::default(),
            metrics: true,
            log_format: LogFormat::default(),
            log_filter: None,
            codex: CodexSettings::default(),
            upstreams: Vec::new(),
        }
    }
}

/// Sizes and times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest request body that is read, in bytes.
    pub max_body_bytes: usize,
    /// How long running replies may go on after the signal to stop.
    pub drain: Duration,
    /// Silence in a stream after which a comment is sent.
    pub keep_alive: Duration,
    /// How long a stream's status is held back for the first event.
    pub first_event: Duration,
    /// How long a client gets nothing but comments where its API has an event that says nothing new.
    pub sign_of_life: Duration,
    /// How long a client may take for the head of a request.
    pub head: Duration,
    /// How long it may take for the body.
    pub body: Duration,
    /// How long a connection without a request is kept.
    pub idle: Duration,
    /// How many connections there may be at once.
    pub max_connections: usize,
    /// How long a request may take, from its arrival to the end of its reply.
    pub request: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 64 * 1024 * 1024,
            drain: Duration::from_secs(30),
            keep_alive: Duration::from_secs(15),
            first_event: Duration::from_secs(15),
            // The Codex CLI gives up after five minutes without an event, comments or not.
            sign_of_life: Duration::from_mins(2),
            head: Duration::from_secs(30),
            body: Duration::from_mins(2),
            idle: Duration::from_secs(90),
            max_connections: 4096,
            request: Some(Duration::from_hours(1)),
        }
    }
}

/// The web pages that may read replies, as `Access-Control-Allow-Origin` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CorsOrigins {
    /// All of them. Who is let in is decided otherwise.
    #[default]
    Any,
    /// Those of these origins, such as `https://chat.example.com`.
    These(Vec<String>),
}

/// How many requests are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionSettings {
    /// How many may come with one key, or without a key from one address.
    pub rate: Option<RateLimit>,
    /// How many replies may be made at once. The others wait.
    pub max_parallel: Option<NonZeroUsize>,
    /// How many may wait for that.
    pub max_queued: usize,
    /// How long they wait at most.
    pub queue_timeout: Duration,
    /// The header in which whatever stands before us, such as a tunnel, tells the client's address. It is
    /// believed of peers on loopback addresses alone. In lower case.
    pub address_header: Option<String>,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        Self {
            rate: None,
            max_parallel: None,
            max_queued: 256,
            queue_timeout: Duration::from_mins(1),
            address_header: None,
        }
    }
}

/// So many requests in so much time, which may all come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub requests: NonZeroU32,
    /// In how much time. Never zero.
    pub window: Duration,
}

/// How long conversations stay at hand, and how many. One that is put away goes on when its
/// client comes back: from disk, or from the history that the client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationSettings {
    /// How long a conversation stays in memory after its last reply.
    pub idle: Duration,
    /// How long of that its thread of codex-core stays, unless a turn of it waits. It takes half a megabyte,
    /// and some milliseconds to start another.
    pub thread: Duration,
    /// How long a turn waits for the results of its tool calls.
    pub parked: Duration,
    /// How many conversations stay in memory; the one that was used least recently goes first.
    pub max_live: usize,
    /// How long a request waits for another of the same conversation.
    pub wait: Duration,
}

impl Default for ConversationSettings {
    fn default() -> Self {
        Self {
            idle: Duration::from_mins(30),
            thread: Duration::from_secs(30),
            parked: Duration::from_mins(15),
            max_live: 500,
            wait: Duration::from_mins(1),
        }
    }
}

/// What the log channel keeps, for `/logs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Whether anything is told of requests.
    pub requests: bool,
    /// Which bodies, and how.
    pub bodies: KeptBodies,
    /// How long.
    pub max_age: Duration,
    /// How much on disk, in bytes. 0 keeps nothing there: what is logged is gone with the process.
    pub max_bytes: u64,
    /// The folder from which the page is read anew each time, in place of the one that is built in.
    pub page_folder: Option<PathBuf>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            requests: true,
            bodies: KeptBodies::default(),
            max_age: Duration::from_hours(7 * 24),
            max_bytes: 256 * 1024 * 1024,
            page_folder: None,
        }
    }
}

/// Which bodies of requests and replies the log channel keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeptBodies {
    /// None.
    Off,
    /// All, with keys, tokens and cookies masked and images replaced by their size and digest.
    #[default]
    Redacted,
    /// All, as they were on the wire; only keys in headers are masked.
    Full,
}

impl KeptBodies {
    /// The word for it in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Redacted => "redacted",
            Self::Full => "full",
        }
    }
}

/// What the chat routes answer where a conversation does not fit the model any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContextOverflow {
    /// The error, as OpenAI words it.
    #[default]
    Error,
    /// An empty reply that tells an enormous usage. Cursor does not understand the error when it
    /// comes through a server of the user's own, but after such a reply it compacts the chat.
    Compact,
}

/// How the model's reasoning is shown to clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReasoningSetting {
    /// As `Think` where the model's name came reversed (that is Cursor), else as `Content`.
    #[default]
    Auto,
    /// As `<think>…</think>` in the text.
    Think,
    /// As `reasoning_content`.
    Content,
    /// Not at all.
    Off,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// What the Codex engine is told. The model provider and the like are not here: they come from
/// the user's `$CODEX_HOME/config.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodexSettings {
    /// The instructions of a request that brings none; the backend refuses an empty prompt.
    pub default_instructions: String,
    /// The Codex version that the backend is told; `None` for the one built in.
    pub client_version: Option<String>,
    /// The `User-Agent` that the backend is told; `None` for Codex's own with our version.
    pub user_agent: Option<String>,
    /// Whether `http(s)` image URLs are fetched here, since the backend takes only `data:` URLs.
    pub fetch_images: bool,
    /// Whether images may be fetched from hosts of the local network.
    pub allow_private_image_hosts: bool,
    /// The one model that there is, in place of the bundled catalog: the demo's.
    pub only_model: Option<String>,
    /// How hard the model thinks where neither the request nor its model's name says so.
    pub reasoning_effort: Option<String>,
    /// The folder that threads are told they are in; `None` for an empty one of ours. Nothing is read or
    /// run there.
    pub workdir: Option<PathBuf>,
}

impl Default for CodexSettings {
    fn default() -> Self {
        Self {
            default_instructions: "You are a helpful assistant.".to_owned(),
            client_version: None,
            user_agent: None,
            fetch_images: true,
            allow_private_image_hosts: false,
            only_model: None,
            reasoning_effort: None,
            workdir: None,
        }
    }
}
