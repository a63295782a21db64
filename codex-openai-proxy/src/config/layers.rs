//! The layers: file, profile, environment, command line. The last that says something wins.

mod address;

use super::{
    Flags, Mistake, Origin,
    document::{Document, Entry, Item, Table, Value},
    error::Place,
    names,
    settings::{Setting, of},
    value::{self, Written},
};
use std::{
    cmp::Ordering,
    fs, io,
    path::{Path, PathBuf},
};

/// The table of the profiles.
pub(super) const PROFILES: &str = "profiles";

/// The list of the providers.
pub(super) const UPSTREAMS: &str = "upstreams";

/// Switches that mean a setting which is none.
const ENABLE_CORS: &str = "PROXY_ENABLE_CORS";
const HIDE_REASONING: &str = "CODEX_HIDE_REASONING";
pub(super) const SWITCHES: [&str; 2] = [ENABLE_CORS, HIDE_REASONING];

/// Looks up a variable.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// All layers at once.
pub(super) struct Layers<'a> {
    env: Env<'a>,
    flags: &'a Flags,
    document: Document,
    profile: Option<String>,
    is_whole: bool,
}

/// One entry of a table whose names are the user's own.
pub(super) struct Named {
    /// Its name.
    pub(super) name: String,
    pub(super) written: Written,
}

/// A provider of the file.
pub(super) struct RawProvider {
    /// What its keys begin with, such as `upstreams[0]`.
    pub(super) prefix: String,
    pub(super) at: Place,
    table: Table,
    profile: Option<String>,
}

impl<'a> Layers<'a> {
    /// The environment and the flags alone.
    pub(super) fn without_file(env: Env<'a>, flags: &'a Flags) -> Self {
        Self {
            env,
            flags,
            document: Document::empty(PathBuf::new()),
            profile: None,
            is_whole: true,
        }
    }

    /// Reads the file of `--config`, which has to be there, or that of our folder, which need not; and
    /// finds the profile.
    pub(super) fn open(env: Env<'a>, flags: &'a Flags, mistakes: &mut Vec<Mistake>) -> Self {
        let mut layers = Self::without_file(env, flags);
        let named = match &flags.config {
            // Not as text: a path need not be any.
            Some(path) => Some(path.clone()),
            None => layers
                .find(&of::CONFIG)
                .and_then(Written::into_text)
                .map(PathBuf::from),
        };
        let is_named = named.is_some();
        let path = named
            .or_else(|| Some(layers.home()?.join("config.toml")))
            .unwrap_or_default();
        let path = std::path::absolute(&path).unwrap_or(path);
        let before = mistakes.len();
        layers.document = match fs::read(&path) {
            Ok(bytes) => Document::read(path, &bytes),
            Err(error) => {
                if is_named || error.kind() != io::ErrorKind::NotFound {
                    mistakes.push(Mistake::new(path.display().to_string(), error));
                }
                Document::empty(path)
            }
        };
        mistakes.extend(layers.document.faults.iter().cloned());
        layers.profile = layers.select_profile(mistakes);
        layers.is_whole = mistakes.len() == before;
        mistakes.extend(names::unknown_keys(&layers.document));
        layers
    }

    /// The folder of our own state; `None` where this system has no place for it.
    pub(super) fn home(&self) -> Option<PathBuf> {
        self.folder(&of::HOME, || {
            let base = dirs::state_dir().or_else(dirs::data_local_dir)?;
            Some(base.join("codex-openai-proxy"))
        })
    }

    /// The folder of the Codex CLI.
    pub(super) fn codex_home(&self) -> Option<PathBuf> {
        self.folder(&of::CODEX_HOME, || Some(dirs::home_dir()?.join(".codex")))
    }

    /// Whether the file could be read, all of it is TOML, and the profile is there.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.document.path
    }

    /// A variable, unless it is empty.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let value = (self.env)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The same, with its name.
    pub(super) fn written_variable(&self, name: &str) -> Option<Written> {
        Some(of_variable(name, Value::Text(self.variable(name)?)))
    }

    /// A setting, from the strongest layer that says something of it.
    pub(super) fn find(&self, setting: &Setting) -> Option<Written> {
        self.flag(setting)
            .or_else(|| self.environment(setting))
            .or_else(|| self.of_file(setting))
            .filter(|written| !written.is_blank(setting))
    }

    /// How strong the layer is that says something of these settings, against the one that does of
    /// `others`.
    pub(super) fn compare(&self, settings: &[&Setting], others: &[&Setting]) -> Ordering {
        let strength = |settings| self.strongest(settings).map(|origin| origin.strength());
        strength(settings).cmp(&strength(others))
    }

    /// The strongest place where one of these settings is set.
    pub(super) fn strongest(&self, settings: &[&Setting]) -> Option<Origin> {
        let origins = settings
            .iter()
            .rev()
            .filter_map(|setting| Some(self.find(setting)?.origin));
        origins.max_by_key(Origin::strength)
    }

    /// The entries of a table wherever they stand, also in profiles that are not in force.
    pub(super) fn entries_everywhere(&self, setting: &Setting) -> Vec<Named> {
        let profiles = self
            .profiles()
            .filter_map(|entry| Some((Some(entry.key.as_str()), entry.item.value.as_table()?)));
        let roots = std::iter::once((None, &self.document.root)).chain(profiles);
        roots
            .flat_map(|(profile, root)| self.entries_of(profile, root, setting))
            .collect()
    }

    /// The profiles of the file.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &Entry> {
        let profiles = self.document.root.get(PROFILES);
        let profiles = profiles.and_then(|entry| entry.item.value.as_table());
        profiles.into_iter().flat_map(|table| &table.entries)
    }

    /// The entries of a table with the user's own names. A profile adds to those of the file, and
    /// replaces what has the same name.
    pub(super) fn entries(&self, setting: &Setting) -> Vec<Named> {
        let mut all: Vec<Named> = Vec::new();
        for (profile, root) in self.roots().into_iter().rev() {
            for named in self.entries_of(profile, root, setting) {
                all.retain(|other| other.name != named.name);
                all.push(named);
            }
        }
        all
    }

    fn entries_of(&self, profile: Option<&str>, root: &Table, setting: &Setting) -> Vec<Named> {
        named(setting, root.find(setting.key), |key, entry| {
            self.written(profile, key, entry)
        })
    }

    /// The providers of the profile, if it names any, or those of the file.
    pub(super) fn providers(&self) -> Vec<RawProvider> {
        let roots = self.roots().into_iter();
        let list = roots.filter_map(|(profile, root)| Some((profile, root.get(UPSTREAMS)?)));
        let Some((profile, entry)) = list.into_iter().next() else {
            return Vec::new();
        };
        let Value::List(items) = &entry.item.value else {
            return Vec::new();
        };
        let list = qualified(profile, UPSTREAMS);
        let provider = |(index, item): (usize, &'_ Item)| {
            Some(RawProvider {
                prefix: format!("{list}[{index}]"),
                table: item.value.as_table()?.clone(),
                at: item.at.of(self.path()),
                profile: profile.map(str::to_owned),
            })
        };
        items.iter().enumerate().filter_map(provider).collect()
    }

    fn folder(
        &self,
        setting: &Setting,
        default: impl FnOnce() -> Option<PathBuf>,
    ) -> Option<PathBuf> {
        let named = self.find(setting).and_then(Written::into_text);
        let folder = named.map(PathBuf::from).or_else(default)?;
        std::path::absolute(folder).ok()
    }

    /// The roots to look in, the strongest first, with the profile's name.
    fn roots(&self) -> Vec<(Option<&str>, &Table)> {
        let root = &self.document.root;
        let profile = self.profile.as_deref().and_then(|name| {
            let entry = self.profiles().find(|entry| entry.key == name)?;
            Some((Some(name), entry.item.value.as_table()?))
        });
        profile.into_iter().chain([(None, root)]).collect()
    }

    fn select_profile(&self, mistakes: &mut Vec<Mistake>) -> Option<String> {
        let written = self.find(&of::PROFILE)?;
        let name = match written.parse(&of::PROFILE) {
            Ok(parsed) => parsed.into_text()?,
            Err(fault) => {
                mistakes.push(Mistake::new(written.name, fault).at(written.at));
                return None;
            }
        };
        let known: Vec<&str> = self.profiles().map(|entry| entry.key.as_str()).collect();
        if known.contains(&name.as_str()) {
            return Some(name);
        }
        let of_file = self.path().display();
        let message = if known.is_empty() {
            format!("there is no profile {name:?}: {of_file} has none")
        } else {
            format!(
                "there is no profile {name:?}: {of_file} has {}",
                known.join(", ")
            )
        };
        mistakes.push(Mistake::new(written.name, message).at(written.at));
        None
    }

    fn flag(&self, setting: &Setting) -> Option<Written> {
        let flag = setting.flag?;
        let flags = self.flags;
        let value = match flag {
            "--addr" => flags.addr.clone(),
            "--config" => flags.config.as_ref().map(|path| path.display().to_string()),
            "--profile" => flags.profile.clone(),
            "--log-level" => flags.log_level.clone(),
            "--log-format" => flags.log_format.clone(),
            _ => None,
        }?;
        Some(Written {
            name: flag.to_owned(),
            value: Value::Text(value),
            origin: Origin::Flag(flag.to_owned()),
            at: None,
        })
    }

    fn environment(&self, setting: &Setting) -> Option<Written> {
        let own = || self.own_variable(setting);
        let switched = |name, when, value| {
            let text = self.variable(name)?;
            (value::switch(&text) == Some(when)).then(|| of_variable(name, value))
        };
        match setting.key {
            "server.addr" => own().or_else(|| self.address_of_parts()),
            // Off is off, whatever a list says.
            "server.cors_origins" => {
                switched(ENABLE_CORS, false, Value::List(Vec::new())).or_else(own)
            }
            "reply.reasoning" => {
                own().or_else(|| switched(HIDE_REASONING, true, Value::Text("off".into())))
            }
            _ => own(),
        }
    }

    fn own_variable(&self, setting: &Setting) -> Option<Written> {
        setting
            .variables()
            .find_map(|name| self.written_variable(&name))
    }

    fn of_file(&self, setting: &Setting) -> Option<Written> {
        if !setting.in_file {
            return None;
        }
        self.roots().into_iter().find_map(|(profile, root)| {
            let entry = root.find(setting.key)?;
            Some(self.written(profile, setting.key, entry))
        })
    }

    fn written(&self, profile: Option<&str>, key: &str, entry: &Entry) -> Written {
        of_entry(self.path(), profile, qualified(profile, key), entry)
    }
}

impl RawProvider {
    /// One of its settings.
    pub(super) fn find(&self, setting: &Setting) -> Option<Written> {
        let entry = self.table.get(setting.key)?;
        let written = self.written(setting.key, entry);
        (!written.is_blank(setting)).then_some(written)
    }

    /// The entries of one of its tables.
    pub(super) fn entries(&self, setting: &Setting) -> Vec<Named> {
        named(setting, self.table.get(setting.key), |key, entry| {
            self.written(key, entry)
        })
    }

    fn written(&self, key: &str, entry: &Entry) -> Written {
        let name = format!("{}.{key}", self.prefix);
        of_entry(&self.at.file, self.profile.as_deref(), name, entry)
    }
}

/// The entries of the table that stands under this setting, if there is one. `written` is told the key of
/// each, with the setting's before it.
fn named(
    setting: &Setting,
    table: Option<&Entry>,
    written: impl Fn(&str, &Entry) -> Written,
) -> Vec<Named> {
    let table = table.and_then(|entry| entry.item.value.as_table());
    let entries = table.into_iter().flat_map(|table| &table.entries);
    let named = entries.map(|entry| Named {
        name: entry.key.clone(),
        written: written(
            &format!("{}.{}", setting.key, value::key(&entry.key)),
            entry,
        ),
    });
    named.collect()
}

fn of_entry(path: &Path, profile: Option<&str>, name: String, entry: &Entry) -> Written {
    Written {
        name,
        value: entry.item.value.clone(),
        origin: Origin::line(path, profile, entry.at.line),
        at: Some(entry.item.at.of(path)),
    }
}

fn of_variable(name: &str, value: Value) -> Written {
    Written {
        name: name.to_owned(),
        value,
        origin: Origin::Environment(name.to_owned()),
        at: None,
    }
}

/// A key with the table of its profile before it.
fn qualified(profile: Option<&str>, key: &str) -> String {
    match profile {
        None => key.to_owned(),
        Some(profile) => format!("{PROFILES}.{}.{key}", value::key(profile)),
    }
}
