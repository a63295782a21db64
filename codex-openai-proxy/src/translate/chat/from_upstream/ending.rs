//! Why a reply ended, and what it took.

use crate::{
    translate::{failure, note::Notes},
    turn::{FinishReason, TurnError, Usage},
    wire::{
        chat::upstream as wire,
        upstream::{Count, Field},
    },
};

/// Why a reply ended. Servers add to the words, and some write them in capitals.
pub(super) fn finish_reason(word: &str, notes: &mut Notes) -> Result<FinishReason, TurnError> {
    let lower = word.to_ascii_lowercase();
    let is = |words: &[&str]| words.contains(&lower.as_str());
    let begins = |words: &[&str]| words.iter().any(|known| lower.starts_with(known));
    // DeepSeek's.
    if lower == "insufficient_system_resource" {
        return Err(TurnError::Overloaded {
            message: "The provider ran out of capacity in the middle of its reply.".to_owned(),
        });
    }
    if begins(BROKEN) {
        let word = shortened(word);
        let message = format!("The provider broke its reply off with the reason '{word}'.");
        return Err(failure::turn_error(Some(message), &[]));
    }
    if is(&["tool_calls", "function_call"]) {
        return Ok(FinishReason::ToolCalls);
    }
    if is(&["length"]) || begins(LIMITED) {
        return Ok(FinishReason::Length);
    }
    if begins(FILTERED) {
        return Ok(FinishReason::ContentFilter);
    }
    if !is(STOPPED) {
        notes.take("unknown_finish_reason", shortened(word));
    }
    Ok(FinishReason::Stop)
}

/// The reasons of replies that came to no end: `OpenRouter` and Zhipu, vLLM, and gateways to Gemini.
const BROKEN: &[&str] = &[
    "error",
    "abort",
    "network_error",
    "malformed_function_call",
    "function_call_filter",
];

/// Those of replies that got too long. Mistral has the first.
const LIMITED: &[&str] = &["model_length", "max_tokens", "max_output_tokens"];

/// Those of replies that were withheld, with Gemini's and Zhipu's.
const FILTERED: &[&str] = &[
    "content_filter",
    "safety",
    "recitation",
    "blocklist",
    "prohibited_content",
    "spii",
    "sensitive",
];

/// Those of replies that are whole.
const STOPPED: &[&str] = &["stop", "eos", "eos_token", "end_turn", "stop_sequence"];

/// A provider's word, as far as it is one.
fn shortened(word: &str) -> String {
    word.chars().take(64).collect()
}

/// Token counts in our terms; `None` where nothing is counted.
pub(super) fn token_counts(usage: wire::Usage) -> Option<Usage> {
    let count = |field: Field<Count>| field.get().map(|Count(count)| count);
    let (input, output) = (count(usage.prompt_tokens), count(usage.completion_tokens));
    let total = count(usage.total_tokens);
    let input = input.or_else(|| output.or(total).map(|_| 0))?;
    // Some do not count the reasoning among the tokens written: xAI, and gateways to Gemini.
    let rest = total.unwrap_or(0).saturating_sub(input);
    let details = usage.prompt_tokens_details.get();
    let cached = details.and_then(|details| count(details.cached_tokens));
    let details = usage.completion_tokens_details.get();
    let reasoning = details.and_then(|details| count(details.reasoning_tokens));
    Some(Usage {
        input,
        cached: cached
            .or_else(|| count(usage.prompt_cache_hit_tokens))
            .unwrap_or(0),
        output: output.unwrap_or(0).max(rest),
        reasoning: reasoning.unwrap_or(0),
    })
}
