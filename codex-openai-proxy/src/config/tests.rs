//! What the layers give together, and which mistakes are told.

mod access;
mod effective;
mod environment;
mod mistakes;
mod profiles;
mod settings;
mod upstreams;

use super::*;
use std::{fs, sync::Arc};

/// What stands in a folder of its own, and the variables beside it.
struct Setup {
    dir: tempfile::TempDir,
    vars: Vec<(String, String)>,
    flags: Flags,
}

impl Setup {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            vars: Vec::new(),
            flags: Flags::default(),
        }
    }

    /// With this `config.toml`.
    fn file(toml: &str) -> Self {
        let setup = Self::new();
        fs::write(setup.dir.path().join("config.toml"), toml).unwrap();
        setup
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    fn vars(vars: &[(&str, &str)]) -> Self {
        Self::new().with(vars)
    }

    fn with(self, vars: &[(&str, &str)]) -> Self {
        vars.iter()
            .fold(self, |setup, (name, value)| setup.var(name, value))
    }

    fn profile(mut self, name: &str) -> Self {
        self.flags.profile = Some(name.to_owned());
        self
    }

    fn load(&self) -> Result<Loaded, ConfigError> {
        self.sources().load()
    }

    fn sources(&self) -> Sources {
        let folder = self.dir.path().display().to_string();
        let vars = self.vars.clone();
        let env = move |name: &str| {
            let var = vars.iter().find(|(var, _)| var == name);
            var.map(|(_, value)| value.clone()).or_else(|| {
                matches!(name, "CODEX_HOME" | "CODEX_OPENAI_PROXY_HOME").then(|| folder.clone())
            })
        };
        Sources {
            env: Arc::new(env),
            names: self.vars.iter().map(|(name, _)| name.clone()).collect(),
            flags: self.flags.clone(),
        }
    }

    fn config(&self) -> Config {
        self.loaded().config
    }

    fn loaded(&self) -> Loaded {
        self.load().unwrap_or_else(|error| panic!("{error}"))
    }

    fn mistakes(&self) -> Vec<Mistake> {
        self.load().unwrap_err().mistakes
    }

    /// The only mistake, as it is told, without the folder.
    fn mistake(&self) -> String {
        let mistakes = self.mistakes();
        let [mistake] = mistakes.as_slice() else {
            panic!("{mistakes:#?}");
        };
        let folder = format!("{}/", self.dir.path().display());
        mistake.to_string().replace(&folder, "")
    }

    fn names_of_mistakes(&self) -> Vec<String> {
        let mistakes = self.mistakes().into_iter();
        let mut names: Vec<String> = mistakes.map(|mistake| mistake.name).collect();
        names.sort_unstable();
        names
    }
}

#[test]
fn nothing_set_gives_the_defaults() {
    let setup = Setup::new();
    let Loaded {
        config,
        files,
        warnings,
        ..
    } = setup.loaded();
    assert_eq!(config.addr.to_string(), "127.0.0.1:11435");
    assert_eq!(config.home, setup.dir.path());
    assert_eq!(config.reasoning, ReasoningSetting::Auto);
    assert_eq!(config.cursor_context_overflow, ContextOverflow::Error);
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.admission, AdmissionSettings::default());
    assert_eq!(config.cors, CorsOrigins::Any);
    assert_eq!(config.conversations, ConversationSettings::default());
    assert_eq!(config.logs, LogSettings::default());
    assert_eq!(config.log_format, LogFormat::Pretty);
    assert_eq!(config.log_filter, None);
    assert_eq!(config.codex, CodexSettings::default());
    assert!(!config.local_only);
    assert!(config.api_keys.is_empty());
    assert!(config.aliases.is_empty());
    assert!(config.upstreams.is_empty());
    assert!(warnings.is_empty(), "{warnings:?}");
    // It is not there yet, and may be any time.
    assert_eq!(files, [setup.dir.path().join("config.toml")]);
}

#[test]
fn every_key_of_the_server_and_its_guests_counts() {
    let setup = Setup::file(
        r#"
        [server]
        addr = "0.0.0.0:80"
        max_body = "1kb"
        request_seconds = 0
        head_seconds = 1
        body_seconds = 2
        idle_seconds = 3
        max_connections = 4
        drain_seconds = 0
        keep_alive_seconds = 10
        first_event_seconds = 5
        cors_origins = ["https://Chat.example.com", "http://localhost:3000"]
        [auth]
        local_only = true
        [auth.keys]
        cursor = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
        [limits]
        rate_max = 10
        rate_window = "15m"
        max_parallel = 4
        max_queued = 0
        queue_seconds = 30
        address_header = "CF-Connecting-IP"
        "#,
    );
    let config = setup.config();
    assert_eq!(config.addr.to_string(), "0.0.0.0:80");
    let seconds = Duration::from_secs;
    assert_eq!(
        config.limits,
        Limits {
            max_body_bytes: 1024,
            drain: Duration::ZERO,
            keep_alive: seconds(10),
            first_event: seconds(5),
            sign_of_life: Limits::default().sign_of_life,
            head: seconds(1),
            body: seconds(2),
            idle: seconds(3),
            max_connections: 4,
            request: None,
        }
    );
    assert_eq!(
        config.cors,
        CorsOrigins::These(vec![
            "https://chat.example.com".to_owned(),
            "http://localhost:3000".to_owned()
        ])
    );
    assert!(config.local_only);
    let names: Vec<&str> = config.api_keys.iter().map(|key| &**key.name()).collect();
    assert_eq!(names, ["cursor"]);
    assert_eq!(
        config.admission,
        AdmissionSettings {
            rate: Some(RateLimit {
                requests: NonZeroU32::new(10).unwrap(),
                window: Duration::from_mins(15),
            }),
            max_parallel: NonZeroUsize::new(4),
            max_queued: 0,
            queue_timeout: seconds(30),
            address_header: Some("cf-connecting-ip".to_owned()),
        }
    );
}

#[test]
fn every_key_of_what_is_answered_counts() {
    let setup = Setup::file(
        r#"
        [models.aliases]
        "my.fast" = "gpt-5.2-low"
        [reply]
        reasoning = "off"
        cursor_context_overflow = "compact"
        [conversations]
        idle_seconds = 60
        thread_seconds = 5
        parked_seconds = 30
        max_live = 10
        wait_seconds = 0
        [metrics]
        enabled = false
        [logs]
        requests = false
        bodies = "full"
        days = 1
        max_mib = 0
        level = "debug"
        format = "json"
        [codex]
        default_instructions = "Be brief."
        reasoning_effort = "high"
        workdir = "/"
        sandbox_mode = "read-only"
        client_version = "1.2.3"
        user_agent = "me/1 (x; y)"
        fetch_images = false
        allow_private_image_hosts = true
        "#,
    );
    let config = setup.config();
    assert_eq!(config.aliases.get("my.fast"), Some("gpt-5.2-low"));
    assert_eq!(config.reasoning, ReasoningSetting::Off);
    assert_eq!(config.cursor_context_overflow, ContextOverflow::Compact);
    assert_eq!(
        config.conversations,
        ConversationSettings {
            idle: Duration::from_mins(1),
            thread: Duration::from_secs(5),
            parked: Duration::from_secs(30),
            max_live: 10,
            wait: Duration::ZERO,
        }
    );
    assert_eq!(
        config.logs,
        LogSettings {
            bodies: KeptBodies::Full,
            max_age: Duration::from_hours(24),
            max_bytes: 0,
            requests: false,
            page_folder: None,
        }
    );
    assert!(!config.metrics);
    assert_eq!(config.log_format, LogFormat::Json);
    let filter = config.log_filter.as_deref();
    assert_eq!(filter, Some("debug,codex_=info,codex_openai_proxy=debug"));
    assert_eq!(
        config.codex,
        CodexSettings {
            default_instructions: "Be brief.".to_owned(),
            client_version: Some("1.2.3".to_owned()),
            user_agent: Some("me/1 (x; y)".to_owned()),
            fetch_images: false,
            allow_private_image_hosts: true,
            only_model: None,
            reasoning_effort: Some("high".to_owned()),
            workdir: Some("/".into()),
        }
    );
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let addr = |var: Option<&str>, flag: Option<&str>| {
        let mut setup = Setup::file("[server]\naddr = \"127.0.0.1:1\"");
        if let Some(value) = var {
            setup = setup.var("CODEX_OPENAI_PROXY_ADDR", value);
        }
        setup.flags.addr = flag.map(str::to_owned);
        setup.config().addr.port()
    };
    assert_eq!(addr(None, None), 1);
    assert_eq!(addr(Some("127.0.0.1:2"), None), 2);
    assert_eq!(addr(Some("127.0.0.1:2"), Some("[::1]:3")), 3);
    assert_eq!(addr(Some("  "), None), 1);
}

#[test]
fn the_file_of_the_flag_replaces_ours_and_has_to_exist() {
    let mut setup = Setup::file("[reply]\nreasoning = \"off\"");
    let other = setup.dir.path().join("other.toml");
    setup.flags.config = Some(other.clone());
    assert!(setup.mistake().starts_with("other.toml: "));

    fs::write(&other, "[reply]\nreasoning = \"think\"").unwrap();
    let loaded = setup.loaded();
    assert_eq!(loaded.config.reasoning, ReasoningSetting::Think);
    assert_eq!(loaded.files, [other]);
}

#[test]
fn a_relative_file_is_told_with_its_folder() {
    let mut setup = Setup::new();
    setup.flags.config = Some("no-such-file.toml".into());
    let mistakes = setup.mistakes();
    let folder = std::env::current_dir().unwrap();
    assert_eq!(
        mistakes[0].name,
        folder.join("no-such-file.toml").display().to_string()
    );
}
