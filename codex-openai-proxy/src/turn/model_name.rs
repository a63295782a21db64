//! How the model name that a client sends is read: aliases, reversed names, effort suffixes.
//!
//! Some clients intercept names that look like OpenAI's own, or strip effort words from them. A
//! name may therefore come reversed (`xedoc-2.5-tpg`), and an effort may hang on it as a suffix
//! (`gpt-5.2-high`, or reversed as a whole: `hgih-2.5-tpg`).

use super::{Catalog, Effort};
use std::collections::BTreeMap;

/// Names of the user's own for models: name → what it stands for.
///
/// A target is read like any name that a client sends, except that it is not looked up here
/// again: `fast = "gpt-5.2-low"` is a model with an effort.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aliases(BTreeMap<String, String>);

/// A client's model name and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    /// The name as the client sent it, which is the name in everything that it gets back.
    pub sent: String,
    /// The model's name upstream.
    pub slug: String,
    /// The effort that the name carries as a suffix.
    pub effort: Option<Effort>,
    /// Whether the client wrote the name backwards. Never true of an alias.
    pub reversed: bool,
}

impl Aliases {
    /// What `name` stands for, if it is an alias.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Every alias with its target, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, target)| (name.as_str(), target.as_str()))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, String)> for Aliases {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl ModelName {
    /// Reads a name; the first of these that fits wins.
    ///
    /// 1. An alias.
    /// 2. A name in the catalog; the same reversed.
    /// 3. Either of them with an effort suffix that the model takes.
    /// 4. A name of one of OpenAI's model families, plain or reversed, with or without one of the
    ///    common effort suffixes.
    /// 5. The name as it came.
    #[must_use]
    pub fn resolve(sent: &str, aliases: &Aliases, catalog: &Catalog) -> Self {
        let alias = aliases.get(sent);
        let reading = Reading::of(alias.unwrap_or(sent), catalog);
        Self {
            sent: sent.to_owned(),
            slug: reading.slug,
            effort: reading.effort,
            reversed: reading.reversed && alias.is_none(),
        }
    }
}

/// `name` written backwards, character by character.
#[must_use]
pub fn reverse(name: &str) -> String {
    name.chars().rev().collect()
}

/// Reads a name that somebody else's catalog may have, of which nothing is known: gives the name the
/// right way round if it is one of OpenAI's model families written backwards, with or without an effort
/// that was hung on it afterwards. An effort stays on the name. A vendor may stand before the name:
/// `4.5-tpg/ianepo` is `openai/gpt-5.4`.
#[must_use]
pub fn read_backwards(name: &str) -> Option<String> {
    // `openai/gpt-4o` is no `o4-tpg/ianepo`.
    if name.split('/').any(looks_like_family) {
        return None;
    }
    let is_family = |reading: &String| {
        let model = reading.rsplit('/').next().unwrap_or_default();
        looks_like_family(model) && !is_chance(model)
    };
    let stem = split_effort(name).map(|(stem, _)| reverse(stem) + &name[stem.len()..]);
    [Some(reverse(name)), stem]
        .into_iter()
        .flatten()
        .find(is_family)
}

/// Whether a name that looks like one of the `o` family may well be another's, written backwards: that
/// of `minicpm-4o` begins with `o4-`.
fn is_chance(name: &str) -> bool {
    const VARIANTS: [&str; 4] = ["mini", "pro", "preview", "deep"];
    name.starts_with('o')
        && name
            .split('-')
            .nth(1)
            .is_some_and(|word| !VARIANTS.contains(&word) && Effort::parse(word).is_none())
}

/// One way to read a name.
struct Reading {
    slug: String,
    effort: Option<Effort>,
    reversed: bool,
}

impl Reading {
    fn of(name: &str, catalog: &Catalog) -> Self {
        let mirror = reverse(name);
        let plain_effort = split_effort(name).map(|(stem, effort)| Self {
            slug: stem.to_owned(),
            effort: Some(effort),
            reversed: false,
        });
        let mirror_effort = split_effort(&mirror).map(|(stem, effort)| Self {
            slug: stem.to_owned(),
            effort: Some(effort),
            reversed: true,
        });
        // `2.5-tpg-high`: a client took a reversed name from the list and hung the suffix on it.
        let stem_mirror = split_effort(name).map(|(stem, effort)| Self {
            slug: reverse(stem),
            effort: Some(effort),
            reversed: true,
        });
        let plain = Self {
            slug: name.to_owned(),
            effort: None,
            reversed: false,
        };
        let mirror = Self {
            slug: mirror,
            effort: None,
            reversed: true,
        };

        // A whole name that the catalog knows beats every suffix: `gpt-5.1-codex-max` is a model.
        if plain.is_known(catalog) {
            return plain;
        }
        if mirror.is_known(catalog) {
            return mirror;
        }
        let mut rest: Vec<Self> = [plain_effort, mirror_effort, stem_mirror]
            .into_iter()
            .flatten()
            .collect();
        if let Some(at) = rest.iter().position(|reading| reading.is_known(catalog)) {
            return rest.swap_remove(at);
        }

        // Nobody knows the name. The plain reading goes first: `gpt-4o` is no `o4-tpg`.
        if plain.is_family() {
            let stem = rest.into_iter().find(|r| !r.reversed && r.is_family());
            return stem.unwrap_or(plain);
        }
        let stem = rest.into_iter().find(|r| r.reversed && r.is_family());
        match stem {
            Some(stem) => stem,
            None if mirror.is_family() => mirror,
            None => plain,
        }
    }

    /// Whether the catalog has this model and the model takes this effort.
    fn is_known(&self, catalog: &Catalog) -> bool {
        let Some(model) = catalog.get(&self.slug) else {
            return false;
        };
        self.effort.is_none_or(|effort| {
            is_common(effort) || model.efforts.is_empty() || model.efforts.contains(&effort)
        })
    }

    /// Whether this looks like a model of OpenAI's, the effort being one that is safe to read as
    /// such without knowing the model.
    fn is_family(&self) -> bool {
        looks_like_family(&self.slug) && self.effort.is_none_or(is_common)
    }
}

/// Splits `gpt-5.2-high` into the name before the last hyphen and the effort after it.
fn split_effort(name: &str) -> Option<(&str, Effort)> {
    let (stem, word) = name.rsplit_once('-')?;
    if stem.is_empty() {
        return None;
    }
    Some((stem, Effort::parse(word)?))
}

/// `max` and `ultra` also end the names of models (`gpt-5.1-codex-max`); the others never did.
fn is_common(effort: Effort) -> bool {
    effort <= Effort::XHigh
}

/// Whether a name begins as OpenAI's model names do: `gpt-…`, `chatgpt-…`, `codex-…`, `o3`, `o4-…`.
fn looks_like_family(name: &str) -> bool {
    ["gpt-", "chatgpt-", "codex-"]
        .iter()
        .any(|family| name.starts_with(family))
        || name.strip_prefix('o').is_some_and(|rest| {
            let generation = rest.split('-').next().unwrap_or_default();
            !generation.is_empty() && generation.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Model;

    fn catalog() -> Catalog {
        let model = |slug: &str, efforts: &[Effort]| Model {
            slug: slug.to_owned(),
            efforts: efforts.to_vec(),
            provider: "openai".to_owned(),
        };
        let usual = [Effort::Low, Effort::Medium, Effort::High];
        Catalog {
            models: vec![
                model("gpt-5.2", &usual),
                model("gpt-5.6", &[Effort::Low, Effort::Max]),
                model("gpt-5.1-codex-max", &usual),
                model("local", &[]),
            ],
        }
    }

    /// Resolves with the catalog above and one alias of each kind.
    fn read(sent: &str) -> (String, Option<Effort>, bool) {
        let aliases: Aliases = [
            ("deep", "gpt-5.2-high"),
            ("mirror", "2.5-tpg"),
            ("first", "deep"),
            ("gpt-5.6", "local"),
        ]
        .into_iter()
        .map(|(name, target)| (name.to_owned(), target.to_owned()))
        .collect();
        let name = ModelName::resolve(sent, &aliases, &catalog());
        assert_eq!(name.sent, sent);
        (name.slug, name.effort, name.reversed)
    }

    #[test]
    fn names_are_read_as_the_documentation_says() {
        use Effort::{High, Low, Max, Medium, XHigh};
        let cases: &[(&str, &str, Option<Effort>, bool)] = &[
            // Aliases come first and never count as reversed; their targets are not aliases.
            ("deep", "gpt-5.2", Some(High), false),
            ("mirror", "gpt-5.2", None, false),
            ("first", "deep", None, false),
            ("gpt-5.6", "local", None, false),
            ("peed", "peed", None, false),
            // The catalog's names, both ways.
            ("gpt-5.2", "gpt-5.2", None, false),
            ("2.5-tpg", "gpt-5.2", None, true),
            ("lacol", "local", None, true),
            ("xam-xedoc-1.5-tpg", "gpt-5.1-codex-max", None, true),
            // With an effort, both ways, and with the suffix behind a reversed name.
            ("gpt-5.2-high", "gpt-5.2", Some(High), false),
            ("hgih-2.5-tpg", "gpt-5.2", Some(High), true),
            ("2.5-tpg-high", "gpt-5.2", Some(High), true),
            ("gpt-5.2-xhigh", "gpt-5.2", Some(XHigh), false),
            ("gpt-5.6-max", "gpt-5.6", Some(Max), false),
            ("local-max", "local", Some(Max), false),
            // A word that this model does not list and that may be part of a name.
            ("gpt-5.2-max", "gpt-5.2-max", None, false),
            ("gpt-5.1-codex-max", "gpt-5.1-codex-max", None, false),
            (
                "gpt-5.1-codex-max-low",
                "gpt-5.1-codex-max",
                Some(Low),
                false,
            ),
            // Families that the catalog lacks.
            ("xedoc-2.5-tpg", "gpt-5.2-codex", None, true),
            ("gpt-9-codex-high", "gpt-9-codex", Some(High), false),
            ("hgih-xedoc-9-tpg", "gpt-9-codex", Some(High), true),
            ("9-tpg-medium", "gpt-9", Some(Medium), true),
            ("xam-9-tpg", "gpt-9-max", None, true),
            ("inim-3o", "o3-mini", None, true),
            ("gpt-4o", "gpt-4o", None, false),
            ("o3-high", "o3", Some(High), false),
            // Strangers stay as they are.
            ("llama-3.3-70b", "llama-3.3-70b", None, false),
            ("phi-high", "phi-high", None, false),
            ("-high", "-high", None, false),
            ("o", "o", None, false),
        ];
        for (sent, slug, effort, reversed) in cases {
            assert_eq!(
                read(sent),
                ((*slug).to_owned(), *effort, *reversed),
                "{sent}"
            );
        }
    }

    #[test]
    fn names_of_families_are_read_backwards_without_a_catalog() {
        for (name, expected) in [
            ("2.5-tpg", Some("gpt-5.2")),
            ("xedoc-2.5-tpg", Some("gpt-5.2-codex")),
            ("2.5-tpg-high", Some("gpt-5.2-high")),
            ("hgih-2.5-tpg", Some("gpt-5.2-high")),
            ("4.5-tpg/ianepo", Some("openai/gpt-5.4")),
            ("inim-4o", Some("o4-mini")),
            ("3o-high", Some("o3-high")),
            ("3o", Some("o3")),
            ("gpt-5.2", None),
            ("gpt-4o", None),
            ("openai/gpt-4o", None),
            ("minicpm-4o", None),
            ("llama-3.3-70b", None),
            ("phi-high", None),
            ("", None),
        ] {
            assert_eq!(read_backwards(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn reversal_goes_by_character() {
        assert_eq!(reverse("é-日本"), "本日-é");
    }
}
