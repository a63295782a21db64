//! What a provider of Chat Completions takes, as far as the user says so.

use crate::{
    config::{
        DialectSettings, MaxTokensField, WireApi,
        layers::RawProvider,
        reader::{Listed, Reader},
        settings::{Setting, provider},
        value::{Parsed, Written},
    },
    turn::Effort,
};

/// Settings of those that Chat Completions are spoken to.
static OF_CHAT: [&Setting; 4] = [
    &provider::SEND_REASONING,
    &provider::PROMPT_CACHE_KEY,
    &provider::REASONING_EFFORTS,
    &provider::MAX_TOKENS_FIELD,
];

impl Reader<'_> {
    pub(super) fn dialect(&mut self, raw: &RawProvider) -> DialectSettings {
        let wire_api = raw.find(&provider::WIRE_API).and_then(Written::into_text);
        if wire_api.as_deref() == Some(WireApi::Responses.as_str()) {
            for written in OF_CHAT.iter().filter_map(|setting| raw.find(setting)) {
                self.wrong(&written, "means nothing where wire_api is \"responses\"");
            }
        }
        let switch = |parsed: Option<Parsed>| parsed.and_then(|it| it.as_switch());
        let fields = [
            MaxTokensField::MaxTokens,
            MaxTokensField::MaxCompletionTokens,
        ];
        let max_tokens_field = raw.find(&provider::MAX_TOKENS_FIELD).map(|_| {
            let choices = fields.map(|field| (field.as_str(), field));
            self.word(raw, &provider::MAX_TOKENS_FIELD, &choices)
        });
        DialectSettings {
            send_reasoning: switch(self.of(raw, &provider::SEND_REASONING)),
            prompt_cache_key: switch(self.of(raw, &provider::PROMPT_CACHE_KEY)),
            reasoning_efforts: self.efforts(raw),
            max_tokens_field,
        }
    }

    fn efforts(&mut self, raw: &RawProvider) -> Option<Vec<Effort>> {
        let written = raw.find(&provider::REASONING_EFFORTS)?;
        let words = self.items(&provider::REASONING_EFFORTS, Some(&written))?;
        let mut efforts = Vec::with_capacity(words.len());
        for Listed { text, written } in &words {
            let effort = Effort::parse(text);
            if effort.is_none() {
                let known = Effort::ALL.map(Effort::as_str).join(", ");
                self.wrong(written, format_args!("{text:?} is none of {known}"));
            }
            efforts.extend(effort);
        }
        Some(efforts)
    }
}
