//! What a provider of Chat Completions takes, as far as the user says so.

use super::Mistakes;
use crate::{
    config::{DialectSettings, MaxTokensField, WireApi, raw::RawUpstream},
    turn::Effort,
};

const SEND_REASONING: &str = "send_reasoning";
const PROMPT_CACHE_KEY: &str = "prompt_cache_key";
const REASONING_EFFORTS: &str = "reasoning_efforts";
const MAX_TOKENS_FIELD: &str = "max_tokens_field";

impl Mistakes {
    /// Takes the keys out of `raw`.
    pub(super) fn dialect(
        &mut self,
        raw: &mut RawUpstream,
        key: &dyn Fn(&str) -> String,
    ) -> DialectSettings {
        if raw.wire_api.as_deref() == Some(WireApi::Responses.as_str()) {
            for (name, is_set) in [
                (SEND_REASONING, raw.send_reasoning.is_some()),
                (PROMPT_CACHE_KEY, raw.prompt_cache_key.is_some()),
                (REASONING_EFFORTS, raw.reasoning_efforts.is_some()),
                (MAX_TOKENS_FIELD, raw.max_tokens_field.is_some()),
            ] {
                if is_set {
                    self.add(key(name), "means nothing where wire_api is \"responses\"");
                }
            }
        }
        let efforts = raw.reasoning_efforts.take();
        let field = raw.max_tokens_field.take();
        DialectSettings {
            send_reasoning: raw.send_reasoning,
            prompt_cache_key: raw.prompt_cache_key,
            reasoning_efforts: efforts.map(|words| self.efforts(&key(REASONING_EFFORTS), &words)),
            max_tokens_field: field.map(|field| {
                let fields = [
                    MaxTokensField::MaxTokens,
                    MaxTokensField::MaxCompletionTokens,
                ];
                let choices = fields.map(|field| (field.as_str(), field));
                self.one_of(&key(MAX_TOKENS_FIELD), Some(field), &choices)
            }),
        }
    }

    fn efforts(&mut self, name: &str, words: &[String]) -> Vec<Effort> {
        let mut efforts = Vec::with_capacity(words.len());
        for word in words {
            let effort = Effort::parse(word);
            if effort.is_none() {
                let known = Effort::ALL.map(Effort::as_str).join(", ");
                self.add(name, format_args!("{word:?} is none of {known}"));
            }
            efforts.extend(effort);
        }
        efforts
    }
}
