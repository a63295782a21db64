//! What a provider takes, out of its settings.

use super::Provider;
use crate::{
    config::{DialectSettings, MaxTokensField},
    translate::chat::{Dialect, LimitField},
};

impl Provider {
    /// What it takes of a request in Chat Completions to its `model`.
    #[must_use]
    pub fn dialect(&self, model: &str) -> Dialect {
        dialect(&self.dialect, self.host(), model)
    }
}

/// What the settings say goes before what is known of the host and the model.
fn dialect(settings: &DialectSettings, host: &str, model: &str) -> Dialect {
    let known = Dialect::of(host, model);
    Dialect {
        reasoning_history: settings.send_reasoning.unwrap_or(known.reasoning_history),
        cache_key: settings.prompt_cache_key.unwrap_or(known.cache_key),
        efforts: settings.reasoning_efforts.clone().or(known.efforts),
        limit: settings
            .max_tokens_field
            .map_or(known.limit, |field| match field {
                MaxTokensField::MaxTokens => LimitField::MaxTokens,
                MaxTokensField::MaxCompletionTokens => LimitField::MaxCompletionTokens,
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Effort;

    #[test]
    fn what_the_settings_say_goes_before_what_is_known() {
        let (host, model) = ("api.deepseek.com", "deepseek-chat");
        let known = dialect(&DialectSettings::default(), host, model);
        assert_eq!(known, Dialect::of(host, model));
        let settings = DialectSettings {
            send_reasoning: Some(false),
            prompt_cache_key: Some(true),
            reasoning_efforts: Some(vec![Effort::High]),
            max_tokens_field: Some(MaxTokensField::MaxCompletionTokens),
        };
        assert_eq!(
            dialect(&settings, host, model),
            Dialect {
                reasoning_history: false,
                cache_key: true,
                efforts: Some(vec![Effort::High]),
                limit: LimitField::MaxCompletionTokens,
            }
        );
    }
}
