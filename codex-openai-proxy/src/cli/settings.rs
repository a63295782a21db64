//! `config`: an example of the configuration, what is wrong with it, and what is in force.

use super::{CliError, print};
use crate::config::{self, Effective, Loaded, Origin, Reload, Sources};
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(super) enum Action {
    /// Print a config.toml with every setting, its default and its meaning
    Example,
    /// Tell every mistake in the configuration; exits with 2 if there is one
    Check,
    /// Print what is in force, and where each setting comes from
    Show {
        /// As a JSON document
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(action: Action, sources: &Sources) -> Result<(), CliError> {
    let text = match action {
        Action::Example => config::example(),
        Action::Check => checked(&sources.check()?),
        Action::Show { json: false } => shown(&sources.load()?),
        Action::Show { json: true } => format!("{:#}\n", document(&sources.load()?)),
    };
    print(&text)?;
    Ok(())
}

/// What was read, and what is odd about it.
fn checked(loaded: &Loaded) -> String {
    let files = loaded.files.iter().map(|file| {
        let path = file.display();
        match count_of(file, loaded) {
            _ if !file.exists() => format!("{path}: is not there\n"),
            1 => format!("{path}: 1 setting\n"),
            count => format!("{path}: {count} settings\n"),
        }
    });
    let others = loaded.effective.iter().filter_map(|setting| {
        let (Origin::Environment(name) | Origin::Flag(name)) = &setting.origin else {
            return None;
        };
        Some(format!("{name}: {}\n", setting.key))
    });
    let warnings = loaded.warnings.iter();
    let warnings = warnings.map(|warning| format!("warning: {warning}\n"));
    let end = ["no mistakes\n".to_owned()];
    files.chain(others).chain(warnings).chain(end).collect()
}

/// How many settings come from a file.
fn count_of(file: &Path, loaded: &Loaded) -> usize {
    let is_from = |setting: &&Effective| match &setting.origin {
        Origin::File { path, .. } | Origin::Profile { path, .. } => path == file,
        _ => false,
    };
    loaded.effective.iter().filter(is_from).count()
}

/// A line for each setting: its key, its value, and where that comes from.
fn shown(loaded: &Loaded) -> String {
    let line = |setting: &Effective| {
        let Effective {
            key, value, origin, ..
        } = setting;
        match value.as_str() {
            "" => format!("# {key} is not set\n"),
            value => format!("{key} = {value}  # {origin}\n"),
        }
    };
    loaded.effective.iter().map(line).collect()
}

/// The same as JSON.
fn document(loaded: &Loaded) -> Value {
    let settings = loaded.effective.iter().map(|setting| {
        json!({
            "key": setting.key,
            "value": value_of(&setting.value),
            "origin": setting.origin.to_string(),
            "reload": match setting.reload {
                Reload::Live => "live",
                Reload::Restart => "restart",
            },
        })
    });
    let files = loaded.files.iter().map(|file| file.display().to_string());
    let warnings = loaded.warnings.iter().map(ToString::to_string);
    json!({
        "files": files.collect::<Vec<_>>(),
        "settings": settings.collect::<Vec<_>>(),
        "warnings": warnings.collect::<Vec<_>>(),
    })
}

/// A value in TOML as JSON; null where there is none.
fn value_of(toml: &str) -> Value {
    if toml.is_empty() {
        return Value::Null;
    }
    let table: Result<toml::Table, _> = format!("value = {toml}").parse();
    let value = table.ok().and_then(|mut table| table.remove("value"));
    value
        .and_then(|value| serde_json::to_value(value).ok())
        .unwrap_or_else(|| toml.into())
}
