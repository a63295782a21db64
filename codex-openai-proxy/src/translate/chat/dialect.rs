//! What providers of Chat Completions take, where they differ.

use crate::turn::Effort;

/// What one provider takes of a request to one of its models. The default is what everybody takes.
///
/// Many servers refuse a request for a member that they do not know, and some for one that they miss.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Whether the assistant's past messages carry the reasoning that led to them, as
    /// `reasoning_content`.
    pub reasoning_history: bool,
    /// Whether `prompt_cache_key` is understood.
    pub cache_key: bool,
    /// The words that `reasoning_effort` may be; `None` where nobody knows. Empty where there is no
    /// such member.
    pub efforts: Option<Vec<Effort>>,
    /// What the limit of a reply is called.
    pub limit: LimitField,
}

/// What the limit of a reply is called, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LimitField {
    /// `max_tokens`, the old name.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`, the new one.
    MaxCompletionTokens,
}

/// Request fields that count as dropped when a request is read, and that every provider is sent.
const HONOURED: &[&str] = &[
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
];

/// The same of those that hold what was thought.
const REASONING: &[&str] = &[
    "input[] (reasoning)",
    "messages[].reasoning_content",
    "messages[].reasoning",
];

/// In the names of models that want their reasoning back. `DeepSeek` and Moonshot refuse the second
/// step of a tool loop without it: <https://api-docs.deepseek.com/guides/thinking_mode>,
/// <https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model>.
const REASONING_MODELS: [&str; 2] = ["deepseek", "kimi"];

/// Their makers' hosts.
const REASONING_HOSTS: [&str; 3] = ["deepseek.com", "moonshot.ai", "moonshot.cn"];

/// Hosts that refuse a message with `reasoning_content`, whatever the model.
const STRICT_HOSTS: [&str; 3] = ["groq.com", "cerebras.ai", "mistral.ai"];

/// Hosts that know `prompt_cache_key`: OpenAI's own and Azure's.
const CACHE_HOSTS: [&str; 4] = [
    "api.openai.com",
    "openai.azure.com",
    "cognitiveservices.azure.com",
    "services.ai.azure.com",
];

impl Dialect {
    /// The dialect of `model` as far as its name and the provider's host tell.
    #[must_use]
    pub fn of(host: &str, model: &str) -> Self {
        let host = host.to_ascii_lowercase();
        let model = model.to_ascii_lowercase();
        let is_at = |hosts: &[&str]| hosts.iter().any(|known| is_within(&host, known));
        let is_named = REASONING_MODELS.iter().any(|name| model.contains(name));
        Self {
            reasoning_history: is_at(&REASONING_HOSTS) || (is_named && !is_at(&STRICT_HOSTS)),
            cache_key: is_at(&CACHE_HOSTS),
            efforts: None,
            limit: LimitField::of(&model),
        }
    }

    /// Whether a request field that counts as dropped when a request is read is sent nevertheless.
    #[must_use]
    pub fn honours(&self, field: &str) -> bool {
        HONOURED.contains(&field)
            || (self.cache_key && field == "prompt_cache_key")
            || (self.reasoning_history && REASONING.contains(&field))
    }

    /// The effort that is sent where `asked` is wanted: the nearest one, and the lesser of two.
    #[must_use]
    pub(super) fn effort(&self, asked: Effort) -> Option<Effort> {
        let Some(known) = &self.efforts else {
            return Some(asked);
        };
        let rank = |effort: Effort| Effort::ALL.iter().position(|level| *level == effort);
        let distance =
            |effort: Effort| rank(effort).unwrap_or(0).abs_diff(rank(asked).unwrap_or(0));
        let nearest = |effort: &&Effort| (distance(**effort), **effort);
        known.iter().min_by_key(nearest).copied()
    }
}

impl LimitField {
    /// The one that a model knows, by its name.
    ///
    /// OpenAI's newer models refuse the old name, and OpenAI refuses both together. Most other
    /// servers know the old name, and some know nothing else and pass the new one over: `DeepSeek`,
    /// LM Studio, and Ollama (<https://github.com/ollama/ollama/issues/7125>). The maker's name, which
    /// routers put in front, does not count: `gpt-5`, `openai/o3`.
    fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let version = name.strip_prefix("gpt-").or_else(|| name.strip_prefix('o'));
        match version {
            Some(version) if version.starts_with(|first: char| first.is_ascii_digit()) => {
                Self::MaxCompletionTokens
            }
            _ => Self::MaxTokens,
        }
    }
}

/// Whether a host is this one, or below it.
fn is_within(host: &str, known: &str) -> bool {
    host.strip_suffix(known)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_goes_back_to_those_who_want_it() {
        for (host, model, expected) in [
            ("api.deepseek.com", "deepseek-chat", true),
            ("api.moonshot.cn", "any", true),
            ("openrouter.ai", "moonshotai/Kimi-K2-Thinking", true),
            ("localhost", "deepseek-r1:8b", true),
            ("api.groq.com", "moonshotai/kimi-k2-instruct", false),
            ("api.mistral.ai", "magistral-medium", false),
            ("localhost", "llama3", false),
        ] {
            let dialect = Dialect::of(host, model);
            assert_eq!(dialect.reasoning_history, expected, "{host} {model}");
            for field in ["input[] (reasoning)", "messages[].reasoning_content"] {
                assert_eq!(dialect.honours(field), expected, "{host} {model} {field}");
            }
        }
    }

    #[test]
    fn cache_keys_go_to_openai_and_azure_alone() {
        for (host, expected) in [
            ("api.openai.com", true),
            ("me.openai.azure.com", true),
            ("me.services.ai.azure.com", true),
            ("api.groq.com", false),
            ("notapi.openai.com", false),
            ("api.openai.com.example", false),
        ] {
            let dialect = Dialect::of(host, "m");
            assert_eq!(dialect.cache_key, expected, "{host}");
            assert_eq!(dialect.honours("prompt_cache_key"), expected, "{host}");
            assert!(dialect.honours("temperature"));
        }
    }

    #[test]
    fn the_limit_has_the_name_that_the_model_knows() {
        for (model, expected) in [
            ("gpt-5.2", LimitField::MaxCompletionTokens),
            ("gpt-4o", LimitField::MaxCompletionTokens),
            ("openai/o3-mini", LimitField::MaxCompletionTokens),
            ("gpt-oss:20b", LimitField::MaxTokens),
            ("olmo-3", LimitField::MaxTokens),
            ("deepseek-chat", LimitField::MaxTokens),
        ] {
            assert_eq!(Dialect::of("", model).limit, expected, "{model}");
        }
    }

    #[test]
    fn the_nearest_effort_is_sent() {
        let three = vec![Effort::High, Effort::Low, Effort::Medium];
        for (efforts, asked, expected) in [
            (None, Effort::XHigh, Some(Effort::XHigh)),
            (Some(three.clone()), Effort::XHigh, Some(Effort::High)),
            (Some(three.clone()), Effort::None, Some(Effort::Low)),
            (Some(three), Effort::Medium, Some(Effort::Medium)),
            (
                Some(vec![Effort::High, Effort::Low]),
                Effort::Medium,
                Some(Effort::Low),
            ),
            (Some(Vec::new()), Effort::Low, None),
        ] {
            let dialect = Dialect {
                efforts,
                ..Dialect::default()
            };
            assert_eq!(dialect.effort(asked), expected, "{dialect:?}");
        }
    }
}
