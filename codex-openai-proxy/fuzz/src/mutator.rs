//! Makes new inputs of old ones. Inputs that hold JSON, one text a line or one in all, are changed as
//! JSON more often than as bytes: changed bytes seldom come past the parser.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Map, Value, json};

/// Names and values with a meaning for some reader.
const WORDS: &[&str] = &[
    "model",
    "messages",
    "input",
    "role",
    "user",
    "assistant",
    "system",
    "developer",
    "tool",
    "content",
    "text",
    "type",
    "input_text",
    "output_text",
    "image_url",
    "input_image",
    "url",
    "detail",
    "tool_calls",
    "id",
    "function",
    "custom",
    "name",
    "arguments",
    "call_id",
    "tool_call_id",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "output",
    "tools",
    "tool_choice",
    "parameters",
    "strict",
    "format",
    "grammar",
    "namespace",
    "stream",
    "stream_options",
    "include_usage",
    "reasoning",
    "effort",
    "summary",
    "summary_text",
    "encrypted_content",
    "reasoning_effort",
    "reasoning_content",
    "response_format",
    "json_schema",
    "schema",
    "conversation",
    "conversation_id",
    "previous_response_id",
    "metadata",
    "instructions",
    "store",
    "background",
    "include",
    "x_codex",
    "choices",
    "delta",
    "message",
    "index",
    "finish_reason",
    "stop",
    "length",
    "content_filter",
    "usage",
    "prompt_tokens",
    "completion_tokens",
    "input_tokens",
    "output_tokens",
    "refusal",
    "error",
    "code",
    "read",
    "read_all",
    "patch",
    "weather",
    "<think>",
    "</think>",
    "response",
    "item",
    "item_id",
    "output_index",
    "content_index",
    "summary_index",
    "sequence_number",
    "status",
    "completed",
    "incomplete",
    "incomplete_details",
    "reason",
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.refusal.delta",
    "response.refusal.done",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.custom_tool_call_input.delta",
    "response.custom_tool_call_input.done",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "[DONE]",
    "{}",
    "{\"a\":1}",
    "call_a",
    "call_b",
    "",
];

/// Changes `data`, of which `size` bytes are an input, into another of at most `max_size` bytes. Returns
/// its length.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed) | 1 << 32);
    if dice.below(4) != 0
        && let Some(changed) = dice.change(&data[..size])
        && changed.len() <= max_size
    {
        data[..changed.len()].copy_from_slice(&changed);
        return changed.len();
    }
    fuzzer_mutate(data, size, max_size)
}

/// Chance, from a seed.
struct Dice(u64);

impl Dice {
    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        // Xorshift, of which the upper bits are the better ones.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Another input; `None` where there is no JSON in this one.
    fn change(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        let text = str::from_utf8(data).ok()?;
        if let Some(changed) = self.change_text(text) {
            return Some(changed.into_bytes());
        }
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let at = self.below(lines.len());
        match self.below(8) {
            0 => {
                let line = lines.remove(at);
                let to = self.below(lines.len() + 1);
                lines.insert(to, line);
            }
            1 => {
                let to = self.below(lines.len() + 1);
                lines.insert(to, lines[at].clone());
            }
            2 if lines.len() > 1 => drop(lines.remove(at)),
            _ => {
                let start = lines[at].find('{')?;
                let changed = self.change_text(&lines[at][start..])?;
                lines[at].replace_range(start.., &changed);
            }
        }
        Some(lines.join("\n").into_bytes())
    }

    /// Another JSON text; `None` where this is none.
    fn change_text(&mut self, text: &str) -> Option<String> {
        let mut value: Value = serde_json::from_str(text).ok()?;
        if !(value.is_object() || value.is_array()) {
            return None;
        }
        for _ in 0..=self.below(3) {
            let other = self.part(&value);
            let count = count(&value);
            let at = self.below(count);
            if let Some(part) = nth(&mut value, &mut { at }) {
                self.change_part(part, other);
            }
        }
        Some(value.to_string())
    }

    /// Some part of a value, or something new.
    fn part(&mut self, value: &Value) -> Value {
        if self.below(2) == 0 {
            let at = self.below(count(value));
            return nth(&mut value.clone(), &mut { at })
                .map(Value::take)
                .unwrap_or_default();
        }
        match self.below(10) {
            0 => Value::Null,
            1 => (self.below(2) == 0).into(),
            2 => self.below(4).into(),
            3 => self.of(&[-1_i64, i64::MIN, i64::MAX]).into(),
            4 => u64::MAX.into(),
            5 => self.of(&[0.5, -0.0, 1e300]).into(),
            6 => json!([]),
            7 => json!({}),
            _ => self.of(WORDS).into(),
        }
    }

    fn change_part(&mut self, part: &mut Value, other: Value) {
        match part {
            Value::Array(list) if self.below(4) != 0 => self.change_list(list, other),
            Value::Object(members) if self.below(4) != 0 => self.change_members(members, other),
            Value::String(text) if self.below(4) != 0 => self.change_string(text),
            Value::Number(number) if self.below(2) == 0 => {
                let number = number.as_u64().unwrap_or_default();
                *part = self
                    .of(&[number.wrapping_add(1), number.wrapping_sub(1)])
                    .into();
            }
            _ => {
                *part = match self.below(8) {
                    0 => json!([part.take()]),
                    1 => json!({ self.of(WORDS): part.take() }),
                    2 => part.to_string().into(),
                    _ => other,
                }
            }
        }
    }

    fn change_list(&mut self, list: &mut Vec<Value>, other: Value) {
        let at = self.below(list.len() + 1);
        match self.below(4) {
            0 if at < list.len() => drop(list.remove(at)),
            1 if at < list.len() => list.insert(at, list[at].clone()),
            2 if at < list.len() => {
                let to = self.below(list.len());
                list.swap(at, to);
            }
            _ => list.insert(at, other),
        }
    }

    fn change_members(&mut self, members: &mut Map<String, Value>, other: Value) {
        let at = self.below(members.len() + 1);
        let name = members.keys().nth(at).cloned();
        match (self.below(4), name) {
            (0, Some(name)) => drop(members.shift_remove(&name)),
            (1, Some(name)) => {
                let value = members.shift_remove(&name).unwrap_or_default();
                members.insert(self.of(WORDS).to_owned(), value);
            }
            (2, Some(name)) => drop(members.insert(name, other)),
            _ => drop(members.insert(self.of(WORDS).to_owned(), other)),
        }
    }

    fn change_string(&mut self, text: &mut String) {
        let at = text.floor_char_boundary(self.below(text.len() + 1));
        match self.below(5) {
            0 => self.of(WORDS).clone_into(text),
            1 => text.truncate(at),
            2 => drop(text.drain(..at)),
            3 => text.insert_str(at, self.of(WORDS)),
            _ => {
                let mut bytes = std::mem::take(text).into_bytes();
                let size = bytes.len();
                bytes.resize(size + 8, 0);
                let length = bytes.len();
                let size = fuzzer_mutate(&mut bytes, size, length);
                *text = String::from_utf8_lossy(&bytes[..size]).into_owned();
            }
        }
    }
}

/// How many values there are in one, with itself.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// The value with that number, in the order of the text.
fn nth<'a>(value: &'a mut Value, at: &mut usize) -> Option<&'a mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::Array(list) => list.iter_mut().find_map(|value| nth(value, at)),
        Value::Object(members) => members.values_mut().find_map(|value| nth(value, at)),
        _ => None,
    }
}
