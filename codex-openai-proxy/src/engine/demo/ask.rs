//! What a request asks of the demo model.

use serde_json::Value;

/// The parts of a Responses API request that decide the answer.
///
/// Reads both shapes that codex-core sends: instructions and tools in fields of their own, and the
/// lite shape, in which they are the first items of `input`.
#[derive(Debug, Default)]
pub(super) struct Ask<'a> {
    /// The user's last message; images count, but only text is kept.
    pub text: String,
    /// Messages of the user so far.
    pub user_messages: usize,
    /// Images in the user's last message.
    pub images: usize,
    /// Function tools that may be called.
    pub tools: Vec<Function<'a>>,
    /// Results of the calls that the model made last, if nothing was said since.
    pub results: Vec<ToolResult<'a>>,
    /// The schema that the answer has to follow, where one is given.
    pub schema: Option<&'a Value>,
    /// Whether the model may show its reasoning.
    pub reasoning: Reasoning,
    /// Tokens of everything that was sent.
    pub input_tokens: u64,
    /// The part of them that an earlier request of the same conversation held already.
    pub cached_tokens: u64,
}

/// A function tool of the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function<'a> {
    /// Its name.
    pub name: &'a str,
    /// JSON Schema of its arguments.
    pub parameters: &'a Value,
}

/// What a tool answered.
#[derive(Debug)]
pub(super) struct ToolResult<'a> {
    /// The tool, where the call is still in the input.
    pub name: Option<&'a str>,
    /// Its answer, text parts joined.
    pub output: String,
}

/// Whether reasoning is wanted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reasoning {
    /// Think, and tell a summary.
    #[default]
    Shown,
    /// The request set the effort to `none`.
    Off,
}

impl<'a> Ask<'a> {
    /// Reads a request body. Whatever is missing or of another type counts as empty.
    pub fn read(body: &'a Value) -> Self {
        let input = items(&body["input"]);
        let is_user = |item: &&Value| item["type"] == "message" && item["role"] == "user";
        let last_user = input.iter().rfind(is_user);
        let is_result = |item: &&Value| item["type"] == "function_call_output";
        let result_count = input.iter().rev().take_while(is_result).count();
        let lite_tools = input
            .iter()
            .filter(|item| item["type"] == "additional_tools")
            .flat_map(|item| items(&item["tools"]));
        // The history is what a cache would hold: all but the last item.
        let history = input.split_last().map_or(&[][..], |(_, history)| history);
        let fixed = tokens_within(&body["instructions"]) + tokens_within(&body["tools"]);
        Self {
            text: last_user
                .map(|item| text_of(&item["content"]))
                .unwrap_or_default(),
            user_messages: input.iter().filter(is_user).count(),
            images: last_user.map_or(0, |item| {
                let is_image = |part: &&Value| part["type"] == "input_image";
                items(&item["content"]).iter().filter(is_image).count()
            }),
            tools: items(&body["tools"])
                .iter()
                .chain(lite_tools)
                .filter_map(Function::read)
                .collect(),
            results: input[input.len() - result_count..]
                .iter()
                .map(|item| ToolResult {
                    name: called_name(input, &item["call_id"]),
                    output: text_of(&item["output"]),
                })
                .collect(),
            schema: body.pointer("/text/format/schema"),
            reasoning: if body.pointer("/reasoning/effort") == Some(&Value::from("none")) {
                Reasoning::Off
            } else {
                Reasoning::Shown
            },
            input_tokens: fixed + input.iter().map(tokens_within).sum::<u64>(),
            cached_tokens: if history.is_empty() {
                0
            } else {
                fixed + history.iter().map(tokens_within).sum::<u64>()
            },
        }
    }

    /// The tool that the user's text names first, with the text before and after that name.
    pub fn named_tool(&self) -> Option<(Function<'a>, &str, &str)> {
        self.tools
            .iter()
            .filter_map(|tool| Some((find_word(&self.text, tool.name)?, *tool)))
            .min_by_key(|(at, _)| *at)
            .map(|(at, tool)| (tool, &self.text[..at], &self.text[at + tool.name.len()..]))
    }
}

impl<'a> Function<'a> {
    fn read(tool: &'a Value) -> Option<Self> {
        if tool["type"] != "function" {
            return None;
        }
        Some(Self {
            name: tool["name"].as_str().filter(|name| !name.is_empty())?,
            parameters: &tool["parameters"],
        })
    }
}

/// About how many tokens a text takes: four bytes each, as is usual for English.
pub(super) fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4).try_into().unwrap_or(u64::MAX)
}

/// The tokens of every text within `value`. An image's data URL counts as 85 tokens, the price of
/// a small image.
fn tokens_within(value: &Value) -> u64 {
    const IMAGE: u64 = 85;
    match value {
        Value::String(text) if text.starts_with("data:") => IMAGE,
        Value::String(text) => tokens(text),
        Value::Array(values) => values.iter().map(tokens_within).sum(),
        Value::Object(fields) => fields.values().map(tokens_within).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A string, or the text parts of a content list, one under the other.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        parts => {
            let texts: Vec<&str> = items(parts)
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect();
            texts.join("\n")
        }
    }
}

/// The tool that the call of that id went to.
fn called_name<'a>(input: &'a [Value], call_id: &Value) -> Option<&'a str> {
    input
        .iter()
        .find(|item| item["type"] == "function_call" && item["call_id"] == *call_id)?["name"]
        .as_str()
}

/// Where `word` stands in `text` by itself, not as part of a longer name.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let of_a_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(word)
        .find(|(at, _)| {
            !text[..*at].ends_with(of_a_name) && !text[at + word.len()..].starts_with(of_a_name)
        })
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests;
