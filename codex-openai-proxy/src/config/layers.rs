//! The layers: file, profile, environment, command line. The last that says something wins.

use super::{
    DEFAULT_ADDR, Flags, Mistake, Origin,
    document::{Document, Entry, Item, Table, Value},
    error::Place,
    names,
    settings::{Setting, of},
    value::{self, Written},
};
use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// The table of the profiles.
pub(super) const PROFILES: &str = "profiles";

/// The list of the providers.
pub(super) const UPSTREAMS: &str = "upstreams";

/// The variables of a host for `PORT`, the first that is set wins.
const HOSTS: [&str; 2] = ["PROXY_HOST", "HOST"];

/// Looks up a variable.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// All layers at once.
pub(super) struct Layers<'a> {
    env: Env<'a>,
    flags: &'a Flags,
    document: Document,
    profile: Option<String>,
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
    /// Reads the file of `--config`, which has to be there, or that of our folder, which need not; and
    /// finds the profile.
    pub(super) fn open(env: Env<'a>, flags: &'a Flags, mistakes: &mut Vec<Mistake>) -> Self {
        let nothing = |path| Document {
            path,
            root: Table::default(),
            faults: Vec::new(),
        };
        let mut layers = Self {
            env,
            flags,
            document: nothing(PathBuf::new()),
            profile: None,
        };
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
        layers.document = match fs::read_to_string(&path) {
            Ok(text) => Document::parse(path, &text),
            Err(error) => {
                if is_named || error.kind() != io::ErrorKind::NotFound {
                    mistakes.push(Mistake::new(path.display().to_string(), error));
                }
                nothing(path)
            }
        };
        mistakes.extend(layers.document.faults.iter().cloned());
        mistakes.extend(names::unknown_keys(&layers.document));
        layers.profile = layers.select_profile(mistakes);
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

    /// Whether all of the file is TOML.
    pub(super) fn is_whole(&self) -> bool {
        self.document.faults.is_empty()
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

    /// The entries of a table with the user's own names. A profile adds to those of the file, and
    /// replaces what has the same name.
    pub(super) fn entries(&self, setting: &Setting) -> Vec<Named> {
        let mut all: Vec<Named> = Vec::new();
        for (profile, root) in self.roots().into_iter().rev() {
            let table = root
                .find(setting.key)
                .and_then(|entry| entry.item.value.as_table());
            for entry in table.into_iter().flat_map(|table| &table.entries) {
                let key = format!("{}.{}", setting.key, value::key(&entry.key));
                all.retain(|other| other.name != entry.key);
                all.push(Named {
                    name: entry.key.clone(),
                    written: self.written(profile, &key, entry),
                });
            }
        }
        all
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

    /// The name of the address that is taken although `PORT` is set too.
    pub(super) fn idle_port(&self) -> Option<String> {
        self.variable("PORT")?;
        let own = self
            .flag(&of::ADDR)
            .or_else(|| self.own_variable(&of::ADDR))?;
        Some(own.name)
    }

    /// The host beside `PORT` that is no address, and the variable that names it.
    pub(super) fn idle_host(&self) -> Option<(&'static str, String)> {
        self.variable("PORT")?;
        let (name, host) = self.host()?;
        (ip(&host).is_none()).then_some((name, host))
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
            let profiles = root.get(PROFILES)?.item.value.as_table()?;
            Some((Some(name), profiles.get(name)?.item.value.as_table()?))
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
        let profiles = self.document.root.get(PROFILES);
        let profiles = profiles.and_then(|entry| entry.item.value.as_table());
        let known: Vec<&str> = profiles
            .into_iter()
            .flat_map(|table| &table.entries)
            .map(|entry| entry.key.as_str())
            .collect();
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
        self.own_variable(setting).or_else(|| match setting.key {
            "server.addr" => self.address_of_parts(),
            "server.cors_origins" => {
                let name = "PROXY_ENABLE_CORS";
                let text = self.variable(name)?;
                (value::switch(&text) == Some(false))
                    .then(|| of_variable(name, Value::List(Vec::new())))
            }
            "reply.reasoning" => {
                let name = "CODEX_HIDE_REASONING";
                let text = self.variable(name)?;
                (value::switch(&text) == Some(true))
                    .then(|| of_variable(name, Value::Text("off".into())))
            }
            _ => None,
        })
    }

    fn own_variable(&self, setting: &Setting) -> Option<Written> {
        setting
            .variables()
            .find_map(|name| self.written_variable(&name))
    }

    /// The address that `HOST` and `PORT` make of the one beneath.
    fn address_of_parts(&self) -> Option<Written> {
        let host = self.host();
        let host = host.and_then(|(name, host)| Some((name, ip(&host)?)));
        let port = self.variable("PORT");
        let name = match (&port, &host) {
            (Some(_), _) => "PORT",
            (None, Some((name, _))) => name,
            (None, None) => return None,
        };
        let beneath = self.of_file(&of::ADDR);
        let beneath = beneath.and_then(|written| match written.value {
            Value::Text(text) => text.parse().ok(),
            _ => None,
        });
        let beneath: SocketAddr = beneath.unwrap_or(DEFAULT_ADDR);
        let ip = host.map_or(beneath.ip(), |(_, ip)| ip);
        let port = port.unwrap_or_else(|| beneath.port().to_string());
        let text = match ip {
            IpAddr::V4(ip) => format!("{ip}:{port}"),
            IpAddr::V6(ip) => format!("[{ip}]:{port}"),
        };
        Some(of_variable(name, Value::Text(text)))
    }

    fn host(&self) -> Option<(&'static str, String)> {
        HOSTS
            .into_iter()
            .find_map(|name| Some((name, self.variable(name)?)))
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
        let table = self.table.get(setting.key);
        let table = table.and_then(|entry| entry.item.value.as_table());
        let entries = table.into_iter().flat_map(|table| &table.entries);
        let named = entries.map(|entry| {
            let key = format!("{}.{}", setting.key, value::key(&entry.key));
            Named {
                name: entry.key.clone(),
                written: self.written(&key, entry),
            }
        });
        named.collect()
    }

    fn written(&self, key: &str, entry: &Entry) -> Written {
        let name = format!("{}.{key}", self.prefix);
        of_entry(&self.at.file, self.profile.as_deref(), name, entry)
    }
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

/// An address, also by the name that every machine has for itself.
fn ip(host: &str) -> Option<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    host.trim_matches(['[', ']']).parse().ok()
}
