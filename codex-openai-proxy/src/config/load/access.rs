//! The keys that open the API.

use crate::config::{
    ApiKey,
    document::{Table, Value},
    keys::{DIGEST_SCHEME, is_name},
    layers::Named,
    reader::Reader,
    settings::of,
    value::{Written, wrong_type},
};

/// The variables that hold keys, with commas between them. Both count.
pub(in crate::config) const KEY_VARIABLES: [&str; 2] = ["PROXY_API_KEY", "API_KEYS"];

/// How short a key may be, in bytes, before a warning says that it can be guessed.
const SHORTEST: usize = 16;

/// What a key is made of.
const UNSENDABLE: &str = "a key is made of visible ASCII characters, at most 1024 of them: others cannot be \
                          sent in a header";

/// What to do in place of writing a key down.
const ADVICE: &str = "write its digest, which `codex-openai-proxy key new NAME` prints with a new key, and \
                      `codex-openai-proxy key hash` makes of one that you have";

impl Reader<'_> {
    /// Those of the file, then those of the environment.
    pub(super) fn api_keys(&mut self) -> Vec<ApiKey> {
        self.refuse_keys_in_clear();
        let mut keys: Vec<ApiKey> = Vec::new();
        for Named { name, written } in self.layers.entries(&of::KEYS) {
            if is_name(&name)
                && let Some(new) = self.api_key(&name, &written)
            {
                self.add_key(&mut keys, new, &written);
            }
        }
        for variable in KEY_VARIABLES {
            let Some(written) = self.variable(variable) else {
                continue;
            };
            for (name, text) in keys_of(variable, written.value.as_text().unwrap_or_default()) {
                match ApiKey::new(&name, text) {
                    Some(new) => {
                        self.warn_if_short(&name, text, &written);
                        self.add_key(&mut keys, new, &written);
                    }
                    None => self.wrong(&written, UNSENDABLE),
                }
            }
        }
        keys
    }

    /// Whether there is a key somewhere that may be meant for now, be it wrong.
    pub(super) fn is_a_key_written(&self) -> bool {
        let is_set = |variable| self.layers.variable(variable).is_some();
        !self.layers.entries(&of::KEYS).is_empty() || KEY_VARIABLES.into_iter().any(is_set)
    }

    /// Whichever profile is in force: the file is read by others than this program.
    fn refuse_keys_in_clear(&mut self) {
        for Named { name, written } in self.layers.entries_everywhere(&of::KEYS) {
            if !is_name(&name) {
                // Neither the name nor what it is repeated: it may be the key.
                let place = Written {
                    name: of::KEYS.key.to_owned(),
                    ..written
                };
                let fault = "a key's name is made of at most 64 letters, digits, '-', '_' and '.'";
                self.wrong(&place, fault);
            } else if written.value.as_text().is_some_and(is_in_clear) {
                let fault = format!("keys do not stand in the file: {ADVICE}");
                self.wrong(&written, fault);
            }
        }
    }

    /// Of a digest nobody can say how long its key is. Tells nothing of the key itself.
    fn warn_if_short(&mut self, name: &str, key: &str, written: &Written) {
        if key.len() < SHORTEST {
            let fault = format_args!(
                "the key {name:?} has fewer than {SHORTEST} characters and can be guessed: \
                 `codex-openai-proxy key new NAME` prints a better one"
            );
            self.warn(written, fault);
        }
    }

    fn add_key(&mut self, keys: &mut Vec<ApiKey>, new: ApiKey, written: &Written) {
        if let Some(same) = keys.iter().find(|known| known.is_same_key(&new)) {
            let name = same.name();
            self.wrong(written, format_args!("is the same key as {name:?}"));
        } else if keys.iter().any(|known| known.name() == new.name()) {
            let name = new.name();
            self.wrong(
                written,
                format_args!("gives a second key the name {name:?}"),
            );
        } else {
            keys.push(new);
        }
    }

    fn api_key(&mut self, name: &str, written: &Written) -> Option<ApiKey> {
        let fault = match &written.value {
            Value::Text(text) => match ApiKey::of_digest(name, text.trim()) {
                Some(key) => return Some(key),
                None if is_in_clear(text) => return None,
                None => format!("is no digest: {DIGEST_SCHEME} and 64 hexadecimal digits are one"),
            },
            Value::Table(table) => match variable_of(table) {
                Some(variable) => match self.layers.variable(variable) {
                    Some(text) => match ApiKey::new(name, &text) {
                        Some(key) => {
                            self.warn_if_short(name, &text, written);
                            return Some(key);
                        }
                        None => format!("the variable {variable} holds no key: {UNSENDABLE}"),
                    },
                    None => super::upstreams::unset(variable),
                },
                // Not repeated, since it may well be the key itself.
                None if env_of(table).is_some() => super::upstreams::NO_VARIABLE.to_owned(),
                None => {
                    "takes { env = \"VARIABLE\" }, with the name of a variable that holds the key"
                        .to_owned()
                }
            },
            other => wrong_type(other, "a digest or { env = \"VARIABLE\" }"),
        };
        self.wrong(written, fault);
        None
    }
}

/// Whether an entry of `[auth.keys]` is not meant to be a digest.
fn is_in_clear(text: &str) -> bool {
    !text.trim_start().starts_with(DIGEST_SCHEME)
}

/// The keys in a variable, with their names: the variable's own, from the second on with a number.
pub(in crate::config) fn keys_of<'v>(
    variable: &'v str,
    value: &'v str,
) -> impl Iterator<Item = (String, &'v str)> {
    let keys = value
        .split(',')
        .map(str::trim)
        .filter(|key| !key.is_empty());
    keys.enumerate().map(move |(index, key)| match index {
        0 => (variable.to_owned(), key),
        index => (format!("{variable}-{}", index + 1), key),
    })
}

/// The variable that an entry of `[auth.keys]` names.
pub(in crate::config) fn variable_of(table: &Table) -> Option<&str> {
    let name = env_of(table)?;
    super::upstreams::is_variable(name).then_some(name)
}

/// What `{ env = "…" }` says.
fn env_of(table: &Table) -> Option<&str> {
    match table.entries.as_slice() {
        [entry] if entry.key == "env" => entry.item.value.as_text(),
        _ => None,
    }
}
