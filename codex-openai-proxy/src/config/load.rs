//! From file, environment and flags to a checked [`Config`].

mod dialect;
mod upstreams;

use super::{
    ApiKey, CodexSettings, Config, ConfigError, ContextOverflow, ConversationSettings,
    DEFAULT_ADDR, KeptBodies, Limits, LogFormat, LogSettings, Mistake, ReasoningSetting,
    raw::{RawCodex, RawConfig, RawConversations, RawLogs, RawModels, RawServer},
};
use crate::turn::Aliases;
use std::{
    fmt::Display,
    fs, io,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};
use tracing_subscriber::EnvFilter;

const ADDR: &str = "CODEX_OPENAI_PROXY_ADDR";
const HOME: &str = "CODEX_OPENAI_PROXY_HOME";
const CODEX_HOME: &str = "CODEX_HOME";
const API_KEY: &str = "PROXY_API_KEY";
const LOG_FORMAT: &str = "LOG_FORMAT";
const LOG_FILTER: &str = "RUST_LOG";

/// What the command line sets.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--addr`.
    pub addr: Option<String>,
    /// `--config`.
    pub config: Option<PathBuf>,
}

impl Config {
    /// Reads the configuration. A variable that is empty counts as not set.
    ///
    /// # Errors
    ///
    /// Every mistake that there is, each naming its key, variable or flag.
    pub fn load(env: &dyn Fn(&str) -> Option<String>, flags: &Flags) -> Result<Self, ConfigError> {
        let env = |name: &str| {
            env(name)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        let mut found = Mistakes::default();
        let home = found.folder(HOME, env(HOME), || {
            let base = dirs::state_dir().or_else(dirs::data_local_dir)?;
            Some(base.join("codex-openai-proxy"))
        });
        let codex_home = found.folder(CODEX_HOME, env(CODEX_HOME), || {
            Some(dirs::home_dir()?.join(".codex"))
        });
        let raw = found.file(flags.config.as_deref(), &home);

        let addr = [
            ("--addr", flags.addr.clone()),
            (ADDR, env(ADDR)),
            ("server.addr", raw.server.addr.clone()),
        ]
        .into_iter()
        .find_map(|(name, value)| Some(found.addr(name, &value?)))
        .unwrap_or(DEFAULT_ADDR);
        let config = Self {
            addr,
            home,
            codex_home,
            aliases: found.aliases(raw.models),
            api_keys: found.api_keys(env(API_KEY)),
            reasoning: found.one_of(
                "reply.reasoning",
                raw.reply.reasoning,
                &[
                    ("auto", ReasoningSetting::Auto),
                    ("think", ReasoningSetting::Think),
                    ("content", ReasoningSetting::Content),
                    ("off", ReasoningSetting::Off),
                ],
            ),
            cursor_context_overflow: found.one_of(
                "reply.cursor_context_overflow",
                raw.reply.cursor_context_overflow,
                &[
                    ("error", ContextOverflow::Error),
                    ("compact", ContextOverflow::Compact),
                ],
            ),
            limits: found.limits(&raw.server),
            conversations: found.conversations(&raw.conversations),
            logs: found.logs(raw.logs),
            log_format: found.one_of(
                LOG_FORMAT,
                env(LOG_FORMAT),
                &[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)],
            ),
            log_filter: found.log_filter(env(LOG_FILTER)),
            codex: found.codex(raw.codex),
            upstreams: found.upstreams(raw.upstreams, &env),
        };
        found.none_or(config)
    }
}

/// The mistakes so far. Each method reads one setting and gives a stand-in where it is wrong, so
/// that the reading goes on; [`Mistakes::none_or`] decides.
#[derive(Default)]
struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn add(&mut self, name: impl Into<String>, message: impl Display) {
        self.0.push(Mistake {
            name: name.into(),
            message: message.to_string(),
        });
    }

    fn none_or(self, config: Config) -> Result<Config, ConfigError> {
        if self.0.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { mistakes: self.0 })
        }
    }

    fn folder(
        &mut self,
        name: &str,
        value: Option<String>,
        default: impl FnOnce() -> Option<PathBuf>,
    ) -> PathBuf {
        let Some(path) = value.map(PathBuf::from).or_else(default) else {
            self.add(name, "this system names no folder for it: set the variable");
            return PathBuf::new();
        };
        std::path::absolute(&path).unwrap_or_else(|error| {
            self.add(name, format_args!("{}: {error}", path.display()));
            path
        })
    }

    /// The file of `--config`, which has to be there, or that of our folder, which need not.
    fn file(&mut self, flag: Option<&Path>, home: &Path) -> RawConfig {
        let path = flag.map_or_else(|| home.join("config.toml"), Path::to_owned);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && flag.is_none() => {
                return RawConfig::default();
            }
            Err(error) => {
                self.add(path.display().to_string(), error);
                return RawConfig::default();
            }
        };
        toml::from_str(&text).unwrap_or_else(|error| {
            let fault = upstreams::syntax_fault(&text, &error);
            self.add(path.display().to_string(), fault);
            RawConfig::default()
        })
    }

    fn addr(&mut self, name: &str, value: &str) -> SocketAddr {
        value.parse().unwrap_or_else(|_| {
            self.add(
                name,
                format_args!("{value:?} is no address: write IP:PORT, such as {DEFAULT_ADDR}"),
            );
            DEFAULT_ADDR
        })
    }

    fn aliases(&mut self, raw: RawModels) -> Aliases {
        for (name, target) in &raw.aliases {
            if name.trim().is_empty() || target.trim().is_empty() {
                self.add(
                    format!("models.aliases.{name:?}"),
                    "an alias and its target must not be empty",
                );
            }
        }
        raw.aliases.into_iter().collect()
    }

    fn api_keys(&mut self, value: Option<String>) -> Vec<ApiKey> {
        let Some(value) = value else {
            return Vec::new();
        };
        let key = ApiKey::new(&value);
        if key.is_none() {
            self.add(
                API_KEY,
                "a key is made of visible ASCII characters: others cannot be sent in a header",
            );
        }
        key.into_iter().collect()
    }

    fn limits(&mut self, raw: &RawServer) -> Limits {
        let default = Limits::default();
        // A tunnel cuts a connection that was silent for 100 s.
        let drain = self.seconds(
            "server.drain_seconds",
            raw.drain_seconds,
            0..=86_400,
            default.drain,
        );
        let keep_alive = self.seconds(
            "server.keep_alive_seconds",
            raw.keep_alive_seconds,
            1..=90,
            default.keep_alive,
        );
        let first_event = self.seconds(
            "server.first_event_seconds",
            raw.first_event_seconds,
            0..=90,
            default.first_event,
        );
        let max_body_bytes = self
            .number(
                "server.max_body_bytes",
                raw.max_body_bytes,
                1..=4 * 1024 * 1024 * 1024,
            )
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(default.max_body_bytes);
        Limits {
            max_body_bytes,
            drain,
            keep_alive,
            first_event,
            sign_of_life: default.sign_of_life,
        }
    }

    fn conversations(&mut self, raw: &RawConversations) -> ConversationSettings {
        let default = ConversationSettings::default();
        let idle = self.seconds(
            "conversations.idle_seconds",
            raw.idle_seconds,
            1..=604_800,
            default.idle,
        );
        let parked = self.seconds(
            "conversations.parked_seconds",
            raw.parked_seconds,
            1..=86_400,
            default.parked,
        );
        // Whoever waits hears nothing in the meantime but comments.
        let wait = self.seconds(
            "conversations.wait_seconds",
            raw.wait_seconds,
            0..=600,
            default.wait,
        );
        let max_live = self
            .number("conversations.max_live", raw.max_live, 1..=100_000)
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(default.max_live);
        ConversationSettings {
            idle,
            parked,
            max_live,
            wait,
        }
    }

    fn logs(&mut self, raw: RawLogs) -> LogSettings {
        let default = LogSettings::default();
        let days = self.number("logs.days", raw.days, 1..=3650);
        let max_mib = self.number("logs.max_mib", raw.max_mib, 0..=1024 * 1024);
        if let Some(folder) = &raw.page_folder
            && !folder.join("logs.html").is_file()
        {
            self.add(
                "logs.page_folder",
                format_args!("{}: there is no logs.html in it", folder.display()),
            );
        }
        LogSettings {
            bodies: self.one_of(
                "logs.bodies",
                raw.bodies,
                &[
                    ("off", KeptBodies::Off),
                    ("redacted", KeptBodies::Redacted),
                    ("full", KeptBodies::Full),
                ],
            ),
            max_age: days.map_or(default.max_age, |days| Duration::from_hours(days * 24)),
            max_bytes: max_mib.map_or(default.max_bytes, |mib| mib * 1024 * 1024),
            page_folder: raw.page_folder,
        }
    }

    fn seconds(
        &mut self,
        name: &str,
        value: Option<i64>,
        range: RangeInclusive<u64>,
        default: Duration,
    ) -> Duration {
        self.number(name, value, range)
            .map_or(default, Duration::from_secs)
    }

    fn number(
        &mut self,
        name: &str,
        value: Option<i64>,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = value?;
        let number = u64::try_from(value)
            .ok()
            .filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            self.add(
                name,
                format_args!("{value} is not between {least} and {most}"),
            );
        }
        number
    }

    fn one_of<T: Copy + Default>(
        &mut self,
        name: &str,
        value: Option<String>,
        choices: &[(&str, T)],
    ) -> T {
        let Some(value) = value else {
            return T::default();
        };
        if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == value) {
            return *choice;
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        self.add(
            name,
            format_args!("{value:?} is none of {}", words.join(", ")),
        );
        T::default()
    }

    fn log_filter(&mut self, value: Option<String>) -> Option<String> {
        let value = value?;
        if let Err(error) = EnvFilter::builder().parse(&value) {
            self.add(LOG_FILTER, error);
        }
        Some(value)
    }

    fn codex(&mut self, raw: RawCodex) -> CodexSettings {
        let default = CodexSettings::default();
        let default_instructions = raw
            .default_instructions
            .unwrap_or(default.default_instructions);
        if default_instructions.trim().is_empty() {
            self.add(
                "codex.default_instructions",
                "must not be empty: the backend refuses an empty prompt",
            );
        }
        for (name, value) in [
            ("codex.client_version", &raw.client_version),
            ("codex.user_agent", &raw.user_agent),
        ] {
            let sendable = |value: &String| {
                !value.is_empty() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
            };
            if !value.as_ref().is_none_or(sendable) {
                self.add(name, "must be printable ASCII: it goes out in a header");
            }
        }
        CodexSettings {
            default_instructions,
            client_version: raw.client_version,
            user_agent: raw.user_agent,
            fetch_images: raw.fetch_images.unwrap_or(default.fetch_images),
            allow_private_image_hosts: raw
                .allow_private_image_hosts
                .unwrap_or(default.allow_private_image_hosts),
            only_model: default.only_model,
        }
    }
}

/// A variable of this process. Bytes that are not UTF-8 become U+FFFD, so that the value is seen
/// to be wrong and not taken for missing.
#[must_use]
pub fn process_environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}
