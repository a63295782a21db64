//! What is in force, and where it was set.

use super::{
    Config, Effective, Origin,
    document::Value,
    layers::{Layers, Named},
    load::{access, upstreams},
    origin::Fingerprint,
    settings::{Kind, NOT_SET, PROVIDER_SETTINGS, SETTINGS, Setting, of, provider},
    value::{Written, key, quoted},
};
use std::cmp::Ordering;

/// What stands for a secret.
const MASK: &str = "\"…\"";

/// Every setting of a configuration without mistakes.
pub(super) fn list(layers: &Layers<'_>, config: &Config) -> Vec<Effective> {
    let mut all = Vec::new();
    for setting in SETTINGS.iter().copied() {
        match setting.key {
            "home" => all.push(folder(layers, setting, &config.home)),
            "codex_home" => all.push(folder(layers, setting, &config.codex_home)),
            "auth.keys" => keys(layers, &mut all),
            "config" => all.push(folder(layers, setting, layers.path())),
            _ if setting.kind == Kind::Table => {
                named(layers.entries(setting), setting.key, setting, &mut all);
            }
            _ => {
                let written = layers.find(setting);
                all.push(effective(setting.key.to_owned(), setting, written));
            }
        }
    }
    mark_overruled(layers, &mut all);
    providers(layers, &mut all);
    all
}

/// Of two settings that say one thing, one is not in force.
fn mark_overruled(layers: &Layers<'_>, all: &mut [Effective]) {
    let level: &[&Setting] = &[&of::LOG_LEVEL];
    let filter: &[&Setting] = &[&of::LOG_FILTER];
    let per_minute: &[&Setting] = &[&of::RATE_PER_MINUTE];
    let in_window: &[&Setting] = &[&of::RATE_MAX, &of::RATE_WINDOW];
    let log = layers.compare(filter, level);
    for (one, other, stronger) in [
        // In the same layer the filter wins.
        (filter, level, log.then(Ordering::Greater)),
        (per_minute, in_window, layers.compare(per_minute, in_window)),
    ] {
        let (winner, beaten) = match stronger {
            Ordering::Greater => (one, other),
            Ordering::Less => (other, one),
            Ordering::Equal => continue,
        };
        let Some(by) = layers.strongest(winner) else {
            continue;
        };
        let is_beaten = |line: &&mut Effective| {
            line.origin != Origin::Default && beaten.iter().any(|setting| setting.key == line.key)
        };
        for line in all.iter_mut().filter(is_beaten) {
            line.origin = Origin::Overruled {
                origin: Box::new(line.origin.clone()),
                by: Box::new(by.clone()),
            };
        }
    }
}

fn folder(layers: &Layers<'_>, setting: &Setting, path: &std::path::Path) -> Effective {
    let written = layers.find(setting);
    Effective {
        key: setting.key.to_owned(),
        value: quoted(&path.display().to_string()),
        origin: written.map_or(Origin::Default, |written| written.origin),
        reload: setting.reload,
        secret: None,
    }
}

fn effective(key: String, setting: &Setting, written: Option<Written>) -> Effective {
    let parsed = written.as_ref().and_then(|it| it.parse(setting).ok());
    let value = match parsed {
        Some(parsed) => parsed.to_toml(setting.kind),
        None if setting.default == NOT_SET => String::new(),
        None => setting.default.to_owned(),
    };
    Effective {
        key,
        value,
        origin: written.map_or(Origin::Default, |written| written.origin),
        reload: setting.reload,
        secret: None,
    }
}

/// The entries of a table; each as a line of its own.
fn named(entries: Vec<Named>, prefix: &str, setting: &Setting, all: &mut Vec<Effective>) {
    for Named { name, written } in entries {
        let text = written.value.as_text().unwrap_or_default();
        let (value, secret) = if setting.secret {
            (MASK.to_owned(), Some(Fingerprint::of(text)))
        } else {
            (quoted(text), None)
        };
        all.push(Effective {
            key: format!("{prefix}.{}", key(&name)),
            value,
            origin: written.origin,
            reload: setting.reload,
            secret,
        });
    }
}

fn keys(layers: &Layers<'_>, all: &mut Vec<Effective>) {
    let key_of = |name: &str, value: String, origin: Origin, secret: &str| Effective {
        key: format!("{}.{}", of::KEYS.key, key(name)),
        value,
        origin,
        reload: of::KEYS.reload,
        secret: Some(Fingerprint::of(secret)),
    };
    for Named { name, written } in layers.entries(&of::KEYS) {
        let origin = written.origin;
        all.push(match &written.value {
            Value::Table(table) => {
                let variable = access::variable_of(table).unwrap_or_default();
                let secret = layers.variable(variable).unwrap_or_default();
                let shown = format!("{{ env = {} }}", quoted(variable));
                key_of(&name, shown, origin, &secret)
            }
            value => {
                let digest = value.as_text().unwrap_or_default();
                key_of(&name, MASK.to_owned(), origin, digest)
            }
        });
    }
    for variable in access::KEY_VARIABLES {
        let value = layers.variable(variable).unwrap_or_default();
        for (name, secret) in access::keys_of(variable, &value) {
            let origin = Origin::Environment(variable.to_owned());
            all.push(key_of(&name, MASK.to_owned(), origin, secret));
        }
    }
}

/// What is in force of each provider, without what is told from its host and the model.
fn providers(layers: &Layers<'_>, all: &mut Vec<Effective>) {
    for raw in layers.providers() {
        let name = raw.find(&provider::NAME).and_then(Written::into_text);
        let prefix = format!("upstreams.{}", key(&name.unwrap_or_default()));
        for setting in PROVIDER_SETTINGS.iter().copied() {
            let name = format!("{prefix}.{}", setting.key);
            if setting.kind == Kind::Table {
                named(raw.entries(setting), &name, setting, all);
            } else if let Some(written) = raw.find(setting) {
                let variable = (setting.key == provider::API_KEY_ENV.key)
                    .then(|| written.clone().into_text())
                    .flatten();
                let secret = variable.and_then(|variable| layers.variable(&variable));
                all.push(Effective {
                    secret: secret.as_deref().map(Fingerprint::of),
                    ..effective(name, setting, Some(written))
                });
            } else if setting.default != NOT_SET {
                all.push(effective(name, setting, None));
            }
        }
    }
    if layers.variable(upstreams::BASE_URL).is_some() {
        provider_of_environment(layers, all);
    }
}

fn provider_of_environment(layers: &Layers<'_>, all: &mut Vec<Effective>) {
    let name_of =
        |setting: &Setting| format!("upstreams.{}.{}", upstreams::FROM_ENVIRONMENT, setting.key);
    for (variable, setting) in [
        (upstreams::BASE_URL, &provider::BASE_URL),
        (upstreams::SUPPORTS_RESPONSES, &provider::WIRE_API),
        (upstreams::API_KEY, &provider::API_KEY_ENV),
        (upstreams::TIMEOUT, &provider::TIMEOUT),
        (upstreams::RETRIES, &provider::RETRIES),
    ] {
        let Some(written) = layers.written_variable(variable) else {
            if setting.default != NOT_SET {
                all.push(effective(name_of(setting), setting, None));
            }
            continue;
        };
        let origin = written.origin.clone();
        let text = written.value.as_text().unwrap_or_default();
        let mut line = effective(name_of(setting), setting, None);
        line.origin = origin;
        match variable {
            upstreams::API_KEY => {
                line.value = quoted(variable);
                line.secret = Some(Fingerprint::of(text));
            }
            upstreams::SUPPORTS_RESPONSES => {
                let api = upstreams::wire_api_of(text).unwrap_or_default();
                line.value = quoted(api.as_str());
            }
            _ => {
                if let Ok(parsed) = written.parse(setting) {
                    line.value = parsed.to_toml(setting.kind);
                }
            }
        }
        all.push(line);
    }
    for setting in [
        &provider::API_KEY_HEADER,
        &provider::CONNECT_TIMEOUT,
        &provider::IDLE_TIMEOUT,
    ] {
        all.push(effective(name_of(setting), setting, None));
    }
}
