//! What is different in a configuration that was read again, and what of it a process takes up.

use crate::config::{
    CodexSettings, Config, Effective, LogSettings, Origin, Reload, UpstreamSettings,
};
use std::{collections::HashMap, fmt};

/// A setting that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    key: String,
    /// As TOML; `None` where it was not set at all, such as a provider that is new.
    from: Option<String>,
    /// The same now.
    to: Option<String>,
    /// Whether the process goes on with another value until it is started anew.
    waits: bool,
}

impl Change {
    /// What `new` has otherwise than `old`, in a process that began with `first`. Of a provider that is
    /// new or gone, what nobody has set is not told.
    pub(super) fn between(old: &[Effective], new: &[Effective], first: &[Effective]) -> Vec<Self> {
        let (olds, news, firsts) = (by_key(old), by_key(new), by_key(first));
        let is_same = |one: Option<&&Effective>, other: Option<&&Effective>| match (one, other) {
            (Some(one), Some(other)) => one.is_same(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let gone = old.iter().filter(|one| !news.contains_key(&*one.key));
        new.iter()
            .chain(gone)
            .map(|one| (one, olds.get(&*one.key), news.get(&*one.key)))
            .filter(|(_, from, to)| !is_same(*from, *to))
            .filter(|(one, from, to)| {
                one.origin != Origin::Default || (from.is_some() && to.is_some())
            })
            .map(|(one, from, to)| Self {
                key: one.key.clone(),
                from: from.map(|one| one.value.clone()),
                to: to.map(|one| one.value.clone()),
                waits: one.reload == Reload::Restart && !is_same(firsts.get(&*one.key), to),
            })
            .collect()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            from,
            to,
            waits,
        } = self;
        match (from.as_deref(), to.as_deref()) {
            // Of a secret, nothing else is told.
            (Some(from), Some(to)) if from == to => write!(f, "{key}: changed")?,
            (None | Some(""), Some(to)) => write!(f, "{key}: set to {to}")?,
            (_, None | Some("")) => write!(f, "{key}: not set any more")?,
            (Some(from), Some(to)) => write!(f, "{key}: {from} → {to}")?,
        }
        f.write_str(if *waits { " (after a restart)" } else { "" })
    }
}

fn by_key(settings: &[Effective]) -> HashMap<&str, &Effective> {
    let entries = settings.iter();
    entries
        .map(|setting| (setting.key.as_str(), setting))
        .collect()
}

/// The names of the providers that are asked in another order than before; `None` where the order is the
/// same, new ones and those that are gone left aside.
pub(super) fn new_order(old: &[UpstreamSettings], new: &[UpstreamSettings]) -> Option<String> {
    fn names<'a>(
        of: &'a [UpstreamSettings],
        with: &'a [UpstreamSettings],
    ) -> impl Iterator<Item = &'a str> {
        let is_in_both = |name: &&str| with.iter().any(|one| one.name == *name);
        of.iter().map(|one| &*one.name).filter(is_in_both)
    }
    let is_same = names(old, new).eq(names(new, old));
    let all: Vec<&str> = new.iter().map(|one| &*one.name).collect();
    (!is_same).then(|| all.join(", "))
}

/// The new configuration as far as a process takes it up that runs with the other.
pub(super) fn in_force(running: &Config, new: Config) -> Config {
    // Whether the log is in memory or on disk is decided once.
    let stays_there = (running.logs.max_bytes == 0) == (new.logs.max_bytes == 0);
    Config {
        addr: running.addr,
        home: running.home.clone(),
        codex_home: running.codex_home.clone(),
        log_format: running.log_format,
        logs: LogSettings {
            max_bytes: if stays_there {
                new.logs.max_bytes
            } else {
                running.logs.max_bytes
            },
            ..new.logs
        },
        codex: CodexSettings {
            client_version: running.codex.client_version.clone(),
            user_agent: running.codex.user_agent.clone(),
            only_model: running.codex.only_model.clone(),
            workdir: running.codex.workdir.clone(),
            ..new.codex
        },
        ..new
    }
}
