//! Whose model a name is.

use super::{Provider, Upstreams};
use crate::{
    config::UpstreamSettings,
    turn::{
        Aliases,
        model_name::{read_backwards, reverse},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use wildmatch::WildMatch;

/// `codex/NAME` is a model of the Codex engine, even where a provider would take the name.
const CODEX: &str = "codex";

/// Who answers to a model's name.
#[derive(Debug, Clone)]
pub enum Found<'a> {
    /// A provider.
    Provider(Route),
    /// The Codex engine: by this name, where the client named the engine before it, else by the name
    /// as it came.
    Codex(Option<&'a str>),
}

/// A model of a provider.
#[derive(Debug, Clone)]
pub struct Route {
    /// Whose it is.
    pub provider: Arc<Provider>,
    /// What the provider calls it.
    pub model: String,
    /// Whether the client wrote the name backwards. Never true of an alias of `[models.aliases]`.
    pub reversed: bool,
}

/// The models that are a provider's.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By name.
    pub(super) plain: BTreeSet<String>,
    /// By names of the user's own.
    pub(super) aliases: BTreeMap<String, String>,
    globs: Vec<WildMatch>,
}

impl Names {
    pub(super) fn of(settings: &UpstreamSettings) -> Self {
        let (globs, plain): (Vec<_>, Vec<_>) = settings
            .models
            .iter()
            .cloned()
            .partition(|name| name.contains(['*', '?']));
        Self {
            plain: plain.into_iter().collect(),
            aliases: settings.aliases.clone(),
            globs: globs.iter().map(|glob| WildMatch::new(glob)).collect(),
        }
    }

    /// What the provider calls the model that is asked for by its alias or its name.
    fn known(&self, name: &str) -> Option<&str> {
        let plain = || self.plain.get(name);
        self.aliases.get(name).or_else(plain).map(String::as_str)
    }

    /// The same of a model that the client says is this provider's.
    fn own<'a>(&'a self, name: &'a str) -> &'a str {
        self.known(name).unwrap_or(name)
    }
}

impl Provider {
    /// The reading of a name that `glob` takes, and whether it is a reversed one. `family` is that of a
    /// name of OpenAI's families that is written backwards.
    fn reading<'a>(
        &self,
        glob: &WildMatch,
        name: &'a str,
        mirror: &'a str,
        family: Option<&'a str>,
    ) -> Option<(&'a str, bool)> {
        let taken = |name: &'a str, reversed| glob.matches(name).then_some((name, reversed));
        let family = family.and_then(|name| taken(name, true));
        match (taken(name, false), taken(mirror, true)) {
            (Some(plain), Some(mirror)) => {
                let mut both = [plain, mirror].into_iter();
                let listed = both.find(|(name, _)| self.list.has(name));
                listed.or(family).or(Some(plain))
            }
            (plain, mirror) => plain.or(mirror).or(family),
        }
    }
}

impl Upstreams {
    /// Reads the name that a client sent. An alias stands for its target; then the first of these that
    /// fits wins, each tried on the name as it is and, for clients that write names backwards, on the
    /// name reversed.
    ///
    /// 1. A model or an alias that a provider's settings name.
    /// 2. `PROVIDER/MODEL`, and `codex/MODEL` for the Codex engine.
    /// 3. A pattern of theirs, in the order of the configuration. Where it takes both readings, the
    ///    model that the provider listed is meant, else a name of OpenAI's families, else the name as
    ///    it came.
    ///
    /// What fits none of them is the Codex engine's.
    #[must_use]
    pub fn find<'a>(&self, sent: &'a str, aliases: &'a Aliases) -> Found<'a> {
        let alias = aliases.get(sent);
        let name = alias.unwrap_or(sent);
        let mirror = reverse(name);
        let found = |provider: &Arc<Provider>, model: &str, reversed: bool| {
            Found::Provider(Route {
                provider: Arc::clone(provider),
                model: model.to_owned(),
                reversed: reversed && alias.is_none(),
            })
        };
        let readings = [(name, false), (mirror.as_str(), true)];
        for (name, reversed) in readings {
            for provider in self.iter() {
                if let Some(model) = provider.names.known(name) {
                    return found(provider, model, reversed);
                }
            }
        }
        // Backwards, what is left stays backwards: the engine reads it so.
        let xedoc = reverse(CODEX);
        let front = name.split_once('/').filter(|&(engine, _)| engine == CODEX);
        let back = name.rsplit_once('/').filter(|&(_, end)| end == xedoc);
        let engines = front
            .map(|(_, model)| model)
            .or(back.map(|(model, _)| model));
        if let Some(model) = engines.filter(|model| !model.is_empty()) {
            return Found::Codex(Some(model));
        }
        for (name, reversed) in readings {
            if let Some((prefix, model)) = name.split_once('/')
                && !model.is_empty()
                && let Some(provider) = self.iter().find(|provider| provider.name() == prefix)
            {
                return found(provider, provider.names.own(model), reversed);
            }
        }
        let family = read_backwards(name);
        for provider in self.iter() {
            for glob in &provider.names.globs {
                if let Some((model, reversed)) =
                    provider.reading(glob, name, &mirror, family.as_deref())
                {
                    return found(provider, model, reversed);
                }
            }
        }
        Found::Codex(None)
    }

    /// Whether a name without the provider's before it leads to `provider`'s model of that name.
    pub(super) fn leads_to(&self, provider: &Arc<Provider>, name: &str) -> bool {
        match self.find(name, &Aliases::default()) {
            Found::Provider(route) => Arc::ptr_eq(&route.provider, provider) && route.model == name,
            Found::Codex(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams() -> Upstreams {
        let provider = |name: &str, models: &[&str], aliases: &[(&str, &str)]| {
            let url = "http://localhost/v1".parse().unwrap();
            UpstreamSettings {
                models: models.iter().map(|&model| model.to_owned()).collect(),
                aliases: aliases
                    .iter()
                    .map(|&(name, target)| (name.to_owned(), target.to_owned()))
                    .collect(),
                ..UpstreamSettings::new(name, url)
            }
        };
        let settings = [
            provider("ollama", &["llama3*", "qwen?"], &[("fast", "llama3.2:1b")]),
            provider("router", &["deepseek-chat"], &[]),
            provider(
                "local",
                &[
                    "deepseek-*",
                    "llama3.1",
                    "codex/own",
                    "ollama/own",
                    "gpt-oss*",
                ],
                &[],
            ),
        ];
        Upstreams::new(&settings).unwrap()
    }

    /// Who a name leads to, by which model, and whether it was reversed.
    fn find(sent: &str, aliases: &Aliases) -> (String, String, bool) {
        match upstreams().find(sent, aliases) {
            Found::Provider(route) => (
                route.provider.name().to_owned(),
                route.model,
                route.reversed,
            ),
            Found::Codex(name) => ("codex".to_owned(), name.unwrap_or("-").to_owned(), false),
        }
    }

    #[test]
    fn names_lead_where_the_documentation_says() {
        let aliases: Aliases = [
            ("quick", "ollama/mistral"),
            ("mirror", "lartsim/amallo"),
            ("deepseek-chat", "gpt-5.2"),
            ("deep", "codex/gpt-5.2-high"),
        ]
        .map(|(name, target)| (name.to_owned(), target.to_owned()))
        .into_iter()
        .collect();
        let cases = [
            // With the provider's name before it, whatever is behind.
            ("ollama/llama3", ("ollama", "llama3", false)),
            ("3amall/amallo", ("ollama", "llama3", true)),
            ("router/llama3", ("router", "llama3", false)),
            (
                "router/anthropic/claude",
                ("router", "anthropic/claude", false),
            ),
            ("ollama/fast", ("ollama", "llama3.2:1b", false)),
            ("tsaf/amallo", ("ollama", "llama3.2:1b", true)),
            ("ollama/", ("codex", "-", false)),
            ("/amallo", ("codex", "-", false)),
            ("codex/", ("codex", "-", false)),
            ("/xedoc", ("codex", "-", false)),
            ("other/llama3", ("codex", "-", false)),
            // The engine's name.
            ("codex/gpt-5.2", ("codex", "gpt-5.2", false)),
            ("2.5-tpg/xedoc", ("codex", "2.5-tpg", false)),
            ("codex/other", ("codex", "other", false)),
            // Names and aliases of the settings come before everything else.
            ("codex/own", ("local", "codex/own", false)),
            ("ollama/own", ("local", "ollama/own", false)),
            ("llama3.1", ("local", "llama3.1", false)),
            ("1.3amall", ("local", "llama3.1", true)),
            ("fast", ("ollama", "llama3.2:1b", false)),
            ("tsaf", ("ollama", "llama3.2:1b", true)),
            // Patterns.
            ("llama3", ("ollama", "llama3", false)),
            ("3amall", ("ollama", "llama3", true)),
            ("qwen3", ("ollama", "qwen3", false)),
            ("qwen", ("codex", "-", false)),
            ("deepseek-r1", ("local", "deepseek-r1", false)),
            ("b02:sso-tpg", ("local", "gpt-oss:20b", true)),
            ("b02:sso-tpg-low", ("local", "gpt-oss:20b-low", true)),
            // Everything else.
            ("gpt-5.2", ("codex", "-", false)),
            // Aliases for everybody come first, are no aliases again, and are never reversed.
            ("quick", ("ollama", "mistral", false)),
            ("mirror", ("ollama", "mistral", false)),
            ("deepseek-chat", ("codex", "-", false)),
            ("deep", ("codex", "gpt-5.2-high", false)),
        ];
        for (sent, (who, model, reversed)) in cases {
            let expected = (who.to_owned(), model.to_owned(), reversed);
            assert_eq!(find(sent, &aliases), expected, "{sent}");
        }
        let none = Aliases::default();
        assert_eq!(find("deepseek-chat", &none).0, "router");
        assert!(matches!(
            Upstreams::default().find("llama3", &none),
            Found::Codex(None)
        ));
    }

    #[test]
    fn a_pattern_for_everything_takes_families_backwards_and_others_as_they_come() {
        let url = "http://localhost/v1".parse().unwrap();
        let upstreams = Upstreams::new(&[UpstreamSettings {
            models: vec!["*".to_owned()],
            ..UpstreamSettings::new("upstream", url)
        }]);
        let upstreams = upstreams.unwrap();
        for (sent, model, reversed) in [
            ("gpt-5.2", "gpt-5.2", false),
            ("xedoc-2.5-tpg", "gpt-5.2-codex", true),
            ("2.5-tpg-high", "gpt-5.2-high", true),
            ("hgih-2.5-tpg", "gpt-5.2-high", true),
            ("gpt-4o", "gpt-4o", false),
            ("openai/gpt-4o", "openai/gpt-4o", false),
            ("llama3", "llama3", false),
            ("upstream/", "upstream/", false),
            ("codex/", "codex/", false),
            ("2.5-tpg/maertspu", "gpt-5.2", true),
        ] {
            let Found::Provider(route) = upstreams.find(sent, &Aliases::default()) else {
                panic!("{sent}");
            };
            assert_eq!((route.model.as_str(), route.reversed), (model, reversed));
        }
        let aliases = Aliases::default();
        let codex = upstreams.find("codex/gpt-5.2", &aliases);
        assert!(matches!(codex, Found::Codex(Some("gpt-5.2"))));
    }
}
