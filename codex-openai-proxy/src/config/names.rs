//! Names that nobody knows: keys of the file and variables, each with the one that was probably meant.

use super::{
    Mistake,
    document::{Document, Entry, Table, Value},
    layers::{PROFILES, UPSTREAMS},
    settings::{Kind, PREFIX, PROVIDER_SETTINGS, SETTINGS, Setting},
    value::{key, wrong_type},
};
use std::{borrow::Cow, collections::BTreeSet, path::Path};

/// How alike two names are at least, of 1, if one may be meant by the other.
const ALIKE: f64 = 0.8;

/// The same for a key of another section, which is further away.
const ALIKE_ELSEWHERE: f64 = 0.9;

/// What variables of proxies of this kind begin with, ours aside.
const FAMILIES: [&str; 4] = ["CODEX_", "PROXY_", "RATE_LIMIT_", "UPSTREAM_"];

/// Variables of the Codex CLI that are like one of these and mean something else.
const OF_CODEX: [&str; 2] = ["CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED"];

/// Variables of other proxies of this kind that mean nothing here, and what to know of them.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    (
        "CODEX_ALLOW_DANGER_FULL_ACCESS",
        "models run nothing on this machine",
    ),
    ("CODEX_APPROVAL_MODE", "models run nothing on this machine"),
    (
        "CODEX_APPROVAL_POLICY",
        "models run nothing on this machine",
    ),
    ("CODEX_BIN", "Codex is built in"),
    (
        "CODEX_CONFIG_DIR",
        "CODEX_HOME names the folder of the Codex CLI",
    ),
    (
        "CODEX_ENV_FILE",
        "no file with variables is read: use config.toml",
    ),
    (
        "CODEX_FORCE_PROVIDER",
        "model_provider in Codex's config.toml says whom to ask",
    ),
    ("CODEX_MODEL", "requests name their model"),
    ("CODEX_PATH", "Codex is built in"),
    (
        "CODEX_WORKSPACE_NETWORK_ACCESS",
        "models run nothing on this machine",
    ),
    (
        "CODEX_WRAPPER_PROFILE_DIR",
        "Codex's own config.toml is in CODEX_HOME",
    ),
    (
        "PROXY_PORT",
        "PORT and CODEX_OPENAI_PROXY_ADDR say where to listen",
    ),
    (
        "PROXY_RATE_LIMIT_MAX",
        "RATE_LIMIT_MAX and RATE_LIMIT_WINDOW limit the rate",
    ),
    (
        "PROXY_SSE_MAX_CONCURRENCY",
        "CODEX_MAX_PARALLEL_REQUESTS limits what is done at once",
    ),
    ("PROXY_USE_APP_SERVER", "Codex is built in"),
];

/// What stands in the file and means nothing.
pub(super) fn unknown_keys(document: &Document) -> Vec<Mistake> {
    let mut search = Search {
        path: &document.path,
        mistakes: Vec::new(),
    };
    search.root(&document.root, "");
    search.mistakes
}

/// Variables that look like ours and are not.
pub(super) fn unknown_variables(
    names: &[String],
    value: &dyn Fn(&str) -> Option<String>,
) -> Vec<Mistake> {
    let known = known_variables();
    let names: BTreeSet<&String> = names.iter().collect();
    let unknown = names
        .into_iter()
        .filter(|name| name.starts_with(PREFIX) && !known.contains(*name));
    let set =
        unknown.filter(|name| value(name).is_some_and(|value| !is_of_kubernetes(name, &value)));
    let mistakes = set.map(|name| {
        let nearest = nearest_variable(name, PREFIX, &known, ALIKE);
        let advice = nearest.map_or_else(String::new, |known| format!(": did you mean {known}?"));
        Mistake::new(name, format_args!("is no variable of this program{advice}"))
    });
    mistakes.collect()
}

/// Variables that are nearly one of those that do not begin as ours do. They may as well be another
/// program's.
pub(super) fn nearly_known(
    names: &[String],
    value: &dyn Fn(&str) -> Option<String>,
) -> Vec<Mistake> {
    let known = known_variables();
    let is_free = |name: &&String| {
        !known.contains(*name) && !name.starts_with(PREFIX) && !OF_CODEX.contains(&name.as_str())
    };
    let names: BTreeSet<&String> = names.iter().filter(is_free).collect();
    let near = names.into_iter().filter_map(|name| {
        let family = FAMILIES.into_iter().find(|it| name.starts_with(it))?;
        let meant = nearest_variable(name, family, &known, ALIKE_ELSEWHERE)?;
        value(name)?;
        let message = format!("is no variable of this program: did you mean {meant}?");
        Some(Mistake::new(name, message))
    });
    near.collect()
}

/// Every variable that means something here, or is known to mean nothing.
fn known_variables() -> BTreeSet<String> {
    let all = SETTINGS.iter().chain(PROVIDER_SETTINGS);
    let related = all.flat_map(|setting| setting.related).copied();
    let without_effect = WITHOUT_EFFECT.iter().map(|(name, _)| *name);
    SETTINGS
        .iter()
        .flat_map(|setting| setting.variables())
        .map(Cow::into_owned)
        .chain(related.chain(without_effect).map(str::to_owned))
        .collect()
}

/// The known variable that is most like `name`, if it is alike enough. Both begin with `family`, which
/// does not count.
fn nearest_variable<'k>(
    name: &str,
    family: &str,
    known: &'k BTreeSet<String>,
    enough: f64,
) -> Option<&'k str> {
    let rest = name.strip_prefix(family)?;
    let of_family = known.iter().filter_map(|name| name.strip_prefix(family));
    let alike = of_family.map(|known| (strsim::jaro_winkler(rest, known), known));
    let (_, nearest) = alike
        .filter(|(alike, _)| *alike >= enough)
        .max_by(|one, other| {
            // One that goes on where the name ends is meant rather than others.
            let goes_on = |known: &str| known.starts_with(rest);
            let by_end = goes_on(one.1).cmp(&goes_on(other.1));
            by_end.then(one.0.total_cmp(&other.0))
        })?;
    known.get(&format!("{family}{nearest}")).map(String::as_str)
}

/// Variables of other proxies that are set and mean nothing here.
pub(super) fn without_effect(value: &dyn Fn(&str) -> Option<String>) -> Vec<Mistake> {
    let set = WITHOUT_EFFECT
        .iter()
        .filter(|(name, _)| value(name).is_some());
    set.map(|(name, advice)| Mistake::new(*name, format_args!("has no effect: {advice}")))
        .collect()
}

/// Whether a variable tells containers where a service of our name is. See
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    rest == "SERVICE_HOST"
        || rest.starts_with("SERVICE_PORT")
        || (rest == "PORT" && value.contains("://"))
        || rest
            .strip_prefix("PORT_")
            .is_some_and(|port| port.starts_with(|char: char| char.is_ascii_digit()))
}

struct Search<'d> {
    path: &'d Path,
    mistakes: Vec<Mistake>,
}

impl Search<'_> {
    /// A file, or one of its profiles.
    fn root(&mut self, root: &Table, prefix: &str) {
        let is_profile = !prefix.is_empty();
        for entry in &root.entries {
            match (entry.key.as_str(), &entry.item.value) {
                (UPSTREAMS, Value::List(items)) => {
                    for (index, item) in items.iter().enumerate() {
                        let name = format!("{prefix}{UPSTREAMS}[{index}]");
                        match &item.value {
                            Value::Table(table) => self.provider(table, &name),
                            other => {
                                let message = wrong_type(other, "a table");
                                let mistake = Mistake::new(name, message);
                                self.mistakes.push(mistake.at(item.at.of(self.path)));
                            }
                        }
                    }
                }
                (UPSTREAMS, other) => {
                    let wanted = "a list of tables, each under [[upstreams]],";
                    self.wrong_type(entry, format!("{prefix}{UPSTREAMS}"), other, wanted);
                }
                (PROFILES, value) if !is_profile => self.profiles(entry, value),
                ("profile", _) if !is_profile => {}
                (PROFILES | "profile", _) => {
                    let name = format!("{prefix}{}", entry.key);
                    self.unknown(entry, name, "cannot stand in a profile".to_owned());
                }
                _ => self.entry(entry, "", prefix),
            }
        }
    }

    fn profiles(&mut self, entry: &Entry, value: &Value) {
        let Value::Table(profiles) = value else {
            self.wrong_type(entry, PROFILES.to_owned(), value, "a table");
            return;
        };
        for profile in &profiles.entries {
            let name = format!("{PROFILES}.{}", key(&profile.key));
            match &profile.item.value {
                Value::Table(table) => self.root(table, &format!("{name}.")),
                other => self.wrong_type(profile, name, other, "a table"),
            }
        }
    }

    /// A key of `section`, which is empty at the top.
    fn entry(&mut self, entry: &Entry, section: &str, prefix: &str) {
        let dot = if section.is_empty() { "" } else { "." };
        let path = format!("{section}{dot}{}", entry.key);
        let in_file = || SETTINGS.iter().filter(|setting| setting.in_file);
        let name = format!("{prefix}{section}{dot}{}", key(&entry.key));
        let setting = in_file().find(|setting| setting.key == path);
        if entry.key.contains('.') {
            // To TOML, what stands in quotes is one key.
            let message = match setting {
                Some(setting) => format!("is no setting: {}", unquoted(setting, prefix)),
                None => "is no setting".to_owned(),
            };
            self.unknown(entry, name, message);
        } else if let Some(setting) = setting {
            if setting.kind == Kind::Table && entry.item.value.as_table().is_none() {
                self.wrong_type(entry, name, &entry.item.value, "a table");
            }
        } else if in_file().any(|setting| setting.section() == path) {
            match &entry.item.value {
                Value::Table(table) => {
                    for entry in &table.entries {
                        self.entry(entry, &path, prefix);
                    }
                }
                other => self.wrong_type(entry, name, other, format_args!("a table, [{path}],")),
            }
        } else {
            let message = match nearest(&entry.key, &path, section) {
                Some(meant) => format!("is no setting: did you mean `{meant}`?"),
                None => format!("is no setting: {}", known_in(section)),
            };
            self.unknown(entry, name, message);
        }
    }

    fn provider(&mut self, table: &Table, prefix: &str) {
        for entry in &table.entries {
            let name = format!("{prefix}.{}", key(&entry.key));
            let known = PROVIDER_SETTINGS
                .iter()
                .find(|setting| setting.key == entry.key);
            match known {
                Some(setting) if setting.kind == Kind::Table => {
                    if entry.item.value.as_table().is_none() {
                        self.wrong_type(entry, name, &entry.item.value, "a table");
                    }
                }
                Some(_) => {}
                None => {
                    let names = PROVIDER_SETTINGS.iter().map(|setting| setting.key);
                    let message = match best(&entry.key, names, ALIKE) {
                        Some(meant) => format!("is no setting: did you mean `{meant}`?"),
                        None => "is no setting of a provider".to_owned(),
                    };
                    self.unknown(entry, name, message);
                }
            }
        }
    }

    fn unknown(&mut self, entry: &Entry, name: String, message: String) {
        let mistake = Mistake::new(name, message);
        self.mistakes.push(mistake.at(entry.at.of(self.path)));
    }

    fn wrong_type(
        &mut self,
        entry: &Entry,
        name: String,
        value: &Value,
        wanted: impl std::fmt::Display,
    ) {
        let mistake = Mistake::new(name, wrong_type(value, wanted));
        self.mistakes.push(mistake.at(entry.item.at.of(self.path)));
    }
}

/// The key or section that was meant: one beside it, or the same in another section.
fn nearest(name: &str, path: &str, section: &str) -> Option<&'static str> {
    let in_file = || SETTINGS.iter().filter(|setting| setting.in_file);
    let beside = in_file().filter(|setting| setting.section() == section);
    let beside: Vec<&Setting> = beside.copied().collect();
    if let Some(meant) = best(name, beside.iter().map(|setting| setting.name()), ALIKE) {
        return beside
            .iter()
            .find(|setting| setting.name() == meant)
            .map(|setting| setting.key);
    }
    if section.is_empty() {
        let sections = in_file().map(|setting| setting.section());
        let sections = sections
            .chain([UPSTREAMS, PROFILES])
            .filter(|name| !name.is_empty());
        if let Some(meant) = best(name, sections, ALIKE) {
            return Some(meant);
        }
    }
    let elsewhere = best(
        name,
        in_file().map(|setting| setting.name()),
        ALIKE_ELSEWHERE,
    );
    elsewhere
        .and_then(|meant| in_file().find(|setting| setting.name() == meant))
        .map(|setting| setting.key)
        .or_else(|| best(path, in_file().map(|setting| setting.key), ALIKE_ELSEWHERE))
}

/// How a setting is written whose whole key stood between quotes.
fn unquoted(setting: &Setting, prefix: &str) -> String {
    if setting.kind == Kind::Table {
        format!("write `[{prefix}{}]`, without quotes", setting.key)
    } else {
        let (section, name) = (setting.section(), setting.name());
        format!("write `[{prefix}{section}]` and `{name}`, without quotes")
    }
}

fn known_in(section: &str) -> String {
    let in_section = SETTINGS
        .iter()
        .filter(|setting| setting.in_file && setting.section() == section);
    let names: Vec<&str> = in_section.map(|setting| setting.name()).collect();
    if section.is_empty() {
        "`codex-openai-proxy config example` shows all".to_owned()
    } else {
        format!("[{section}] has {}", names.join(", "))
    }
}

/// The most alike, if it is alike enough.
fn best<'n>(name: &str, known: impl Iterator<Item = &'n str>, enough: f64) -> Option<&'n str> {
    let name = name.to_ascii_lowercase();
    known
        .map(|known| (strsim::jaro_winkler(&name, known), known))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .filter(|(alike, _)| *alike >= enough)
        .map(|(_, known)| known)
}
