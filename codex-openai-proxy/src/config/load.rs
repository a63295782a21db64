//! From the layers to a checked [`Config`].

pub(super) mod access;
mod dialect;
mod server;
pub(super) mod upstreams;

use super::{
    CodexSettings, Config, ConfigError, ContextOverflow, ConversationSettings, Flags, INFO_FILTER,
    KeptBodies, Loaded, LogFormat, LogSettings, Mistake, ReasoningSetting,
    document::Value,
    effective, is_on_this_machine,
    layers::{Env, Layers, Named, PROFILES, SWITCHES},
    names,
    reader::Reader,
    settings::{Setting, of, provider},
    value::{Parsed, Written, no_switch, switch, wrong_type},
};
use crate::turn::Aliases;
use std::{path::PathBuf, time::Duration};
use tracing_subscriber::EnvFilter;
use url::Url;

impl Config {
    /// Reads the configuration, and nothing but the configuration: see [`super::Sources::load`].
    ///
    /// # Errors
    ///
    /// Every mistake that there is, each naming its key, variable or flag.
    pub fn load(env: &dyn Fn(&str) -> Option<String>, flags: &Flags) -> Result<Self, ConfigError> {
        read(env, &[], flags).map(|loaded| loaded.config)
    }
}

/// Reads the configuration. `names` are those of all variables, where they are known.
pub(super) fn read(env: Env<'_>, names: &[String], flags: &Flags) -> Result<Loaded, ConfigError> {
    let mut mistakes = Vec::new();
    let layers = Layers::open(env, flags, &mut mistakes);
    let variable = |name: &str| layers.variable(name);
    mistakes.extend(names::unknown_variables(names, &variable));
    let mut warnings = names::without_effect(&variable);
    warnings.extend(names::nearly_known(names, &variable));
    let (home, codex_home) = (layers.home(), layers.codex_home());
    let mut reader = Reader {
        is_whole: layers.is_whole(),
        layers,
        mistakes,
        warnings,
    };
    reader.check_switches();
    let config = Config {
        addr: reader.addr(),
        home: reader.home(&of::HOME, home),
        codex_home: reader.home(&of::CODEX_HOME, codex_home),
        aliases: reader.aliases(),
        api_keys: reader.api_keys(),
        local_only: reader.switch(&of::LOCAL_ONLY).unwrap_or_default(),
        cors: reader.cors(),
        admission: reader.admission(),
        reasoning: reader.one_of(
            &of::REASONING,
            &[
                ("auto", ReasoningSetting::Auto),
                ("think", ReasoningSetting::Think),
                ("content", ReasoningSetting::Content),
                ("off", ReasoningSetting::Off),
            ],
        ),
        cursor_context_overflow: reader.one_of(
            &of::CONTEXT_OVERFLOW,
            &[
                ("error", ContextOverflow::Error),
                ("compact", ContextOverflow::Compact),
            ],
        ),
        limits: reader.limits(),
        conversations: reader.conversations(),
        logs: reader.logs(),
        metrics: reader.switch(&of::METRICS).unwrap_or(true),
        log_format: reader.one_of(
            &of::LOG_FORMAT,
            &[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)],
        ),
        log_filter: reader.log_filter(),
        codex: reader.codex(),
        upstreams: reader.upstreams(),
    };
    reader.check(&config);
    let effective = effective::list(&reader.layers, &config);
    let files = vec![reader.layers.path().to_owned()];
    Ok(Loaded {
        warnings: reader.finish()?,
        config,
        effective,
        files,
    })
}

/// The same, and every mistake of the profiles that are not in force, as far as it stands in them.
pub(super) fn check(env: Env<'_>, names: &[String], flags: &Flags) -> Result<Loaded, ConfigError> {
    let loaded = read(env, names, flags);
    let mut mistakes = match &loaded {
        Ok(_) => Vec::new(),
        Err(error) => error.mistakes.clone(),
    };
    let of_profile = format!("{PROFILES}.");
    for profile in Layers::open(env, flags, &mut Vec::new()).profiles() {
        let flags = Flags {
            profile: Some(profile.key.clone()),
            ..flags.clone()
        };
        let Err(error) = read(env, names, &flags) else {
            continue;
        };
        for mistake in error.mistakes {
            if mistake.name.starts_with(&of_profile) && !mistakes.contains(&mistake) {
                mistakes.push(mistake);
            }
        }
    }
    match loaded {
        Ok(loaded) if mistakes.is_empty() => Ok(loaded),
        _ => Err(ConfigError::new(mistakes)),
    }
}

/// How much of codex-core is logged beside so much of ours: it tells each step of its threads at `info`.
fn filter_of_level(level: &str) -> String {
    match level {
        "error" | "warn" => level.to_owned(),
        "info" => INFO_FILTER.to_owned(),
        more => format!("{more},codex_=info,codex_openai_proxy={more}"),
    }
}

impl Reader<'_> {
    fn home(&mut self, setting: &Setting, found: Option<PathBuf>) -> PathBuf {
        found.unwrap_or_else(|| {
            let variable = setting.variables().last().unwrap_or_default();
            self.add(
                variable,
                "this system names no folder for it: set the variable",
            );
            PathBuf::new()
        })
    }

    fn aliases(&mut self) -> Aliases {
        let entries = self.layers.entries(&of::ALIASES);
        self.names_of_models(entries).into_iter().collect()
    }

    fn conversations(&mut self) -> ConversationSettings {
        let default = ConversationSettings::default();
        ConversationSettings {
            idle: self.seconds(&of::CONVERSATION_IDLE).unwrap_or(default.idle),
            thread: self.seconds(&of::IDLE_THREAD).unwrap_or(default.thread),
            parked: self.seconds(&of::PARKED).unwrap_or(default.parked),
            max_live: self.count(&of::MAX_LIVE).unwrap_or(default.max_live),
            wait: self.seconds(&of::WAIT).unwrap_or(default.wait),
        }
    }

    fn logs(&mut self) -> LogSettings {
        let default = LogSettings::default();
        let days = self.number(&of::LOG_DAYS);
        let max_mib = self.number(&of::LOG_MAX);
        let page_folder = self.text(&of::PAGE_FOLDER).map(PathBuf::from);
        if let Some(folder) = &page_folder
            && !folder.join("logs.html").is_file()
        {
            let folder = folder.display();
            self.wrong_setting(
                &of::PAGE_FOLDER,
                format_args!("{folder}: there is no logs.html in it"),
            );
        }
        LogSettings {
            requests: self.switch(&of::LOG_REQUESTS).unwrap_or(default.requests),
            bodies: self.one_of(
                &of::LOG_BODIES,
                &[
                    ("off", KeptBodies::Off),
                    ("redacted", KeptBodies::Redacted),
                    ("full", KeptBodies::Full),
                ],
            ),
            max_age: days.map_or(default.max_age, |days| Duration::from_hours(days * 24)),
            max_bytes: max_mib.map_or(default.max_bytes, |mib| mib * 1024 * 1024),
            page_folder,
        }
    }

    /// The filter or the level, whichever the stronger layer says; in the same layer the filter.
    fn log_filter(&mut self) -> Option<String> {
        let filter = self.layers.find(&of::LOG_FILTER);
        let level = self.layers.find(&of::LOG_LEVEL);
        let by_level = self
            .layers
            .compare(&[&of::LOG_LEVEL], &[&of::LOG_FILTER])
            .is_gt();
        let level = self.parse(&of::LOG_LEVEL, level.as_ref());
        let filter_text = self.parse(&of::LOG_FILTER, filter.as_ref());
        let filter_text = filter_text.and_then(Parsed::into_text);
        if let (Some(written), Some(text)) = (&filter, &filter_text)
            && let Err(error) = EnvFilter::builder().parse(text)
        {
            self.wrong(written, error);
        }
        if by_level {
            let level = level.and_then(Parsed::into_text)?;
            Some(filter_of_level(&level))
        } else {
            filter_text
        }
    }

    fn codex(&mut self) -> CodexSettings {
        let default = CodexSettings::default();
        let default_instructions = self
            .text(&of::DEFAULT_INSTRUCTIONS)
            .unwrap_or(default.default_instructions);
        if default_instructions.trim().is_empty() {
            self.wrong_setting(
                &of::DEFAULT_INSTRUCTIONS,
                "must not be empty: the backend refuses an empty prompt",
            );
        }
        self.only_read();
        CodexSettings {
            default_instructions,
            client_version: self.sendable(&of::CLIENT_VERSION),
            user_agent: self.sendable(&of::USER_AGENT),
            fetch_images: self
                .switch(&of::FETCH_IMAGES)
                .unwrap_or(default.fetch_images),
            allow_private_image_hosts: self
                .switch(&of::PRIVATE_IMAGES)
                .unwrap_or(default.allow_private_image_hosts),
            only_model: default.only_model,
            reasoning_effort: self.text(&of::EFFORT),
            workdir: self.workdir(),
        }
    }

    /// Agents' sandboxes have other modes; nobody should believe that one of them is on.
    fn only_read(&mut self) {
        let Some(written) = self.layers.find(&of::SANDBOX) else {
            return;
        };
        if let Err(fault) = written.parse(&of::SANDBOX) {
            let why = "models run nothing on this machine";
            self.wrong(&written, format_args!("{fault}: {why}"));
        }
    }

    fn workdir(&mut self) -> Option<PathBuf> {
        let folder = PathBuf::from(self.text(&of::WORKDIR)?);
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        if !folder.is_dir() {
            let shown = folder.display();
            self.wrong_setting(&of::WORKDIR, format_args!("{shown} is no folder"));
        }
        Some(folder)
    }

    /// A text that goes out in a header.
    fn sendable(&mut self, setting: &Setting) -> Option<String> {
        let text = self.text(setting)?;
        if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            self.wrong_setting(setting, "must be printable ASCII: it goes out in a header");
        }
        Some(text)
    }

    /// Names for models: none is empty, nor what it stands for.
    fn names_of_models(&mut self, entries: Vec<Named>) -> Vec<(String, String)> {
        let mut names = Vec::with_capacity(entries.len());
        for Named { name, written } in entries {
            let Value::Text(target) = &written.value else {
                self.wrong(&written, wrong_type(&written.value, "the name of a model"));
                continue;
            };
            if name.trim().is_empty() || target.trim().is_empty() {
                self.wrong(&written, "an alias and its target must not be empty");
            }
            names.push((name, target.clone()));
        }
        names
    }

    /// Those that mean another setting say nothing where they are neither on nor off.
    fn check_switches(&mut self) {
        for name in SWITCHES {
            if let Some(text) = self.layers.variable(name)
                && switch(&text).is_none()
            {
                self.add(name, no_switch(&text));
            }
        }
    }

    /// What can only be seen in the whole.
    fn check(&mut self, config: &Config) {
        // A key that is wrong is told as such; one may stand where the file could not be read.
        if !config.addr.ip().to_canonical().is_loopback()
            && config.api_keys.is_empty()
            && !self.is_a_key_written()
            && self.is_whole
        {
            self.wrong_setting(
                &of::ADDR,
                format_args!(
                    "{} can be reached from other machines, so it needs a key: set PROXY_API_KEY, or \
                     put one into [auth.keys] (`codex-openai-proxy key new NAME` makes one)",
                    config.addr
                ),
            );
        }
        if config.local_only {
            self.warn_of_distant_providers();
        }
    }

    fn warn_of_distant_providers(&mut self) {
        let distant = |url: &str| Url::parse(url).is_ok_and(|url| !is_on_this_machine(&url));
        let message =
            "is not on this machine: its models are refused, because auth.local_only is set";
        let providers = self.layers.providers();
        let written = providers
            .iter()
            .filter_map(|raw| raw.find(&provider::BASE_URL));
        let written: Vec<Written> = written
            .filter(|written| matches!(&written.value, Value::Text(url) if distant(url)))
            .collect();
        for written in &written {
            self.warn(written, message);
        }
        if let Some(url) = self.layers.variable(upstreams::BASE_URL)
            && distant(&url)
        {
            self.warnings
                .push(Mistake::new(upstreams::BASE_URL, message));
        }
    }
}
