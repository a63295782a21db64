//! Requests that the upstream received, and what a test asks of them.

use bytes::Bytes;
use hyper::{HeaderMap, Method};
use serde_json::Value;

/// A request that the upstream received.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    /// Empty where there is none.
    pub query: String,
    pub headers: HeaderMap,
    /// The body; null where it is not JSON.
    pub body: Value,
    /// The body as it came.
    pub raw: Bytes,
}

impl Seen {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The text of the last item of the input.
    pub fn last_text(&self) -> &str {
        let input = self.body["input"].as_array().expect("an input");
        let item = input.last().expect("an item");
        item["content"][0]["text"].as_str().expect("a text")
    }

    /// The input as a model reads it, one line an item: `user: Hi`, `reasoning: SEAL`,
    /// `call ID NAME ARGUMENTS`, `output ID: RESULT`. Ids of items are left out.
    pub fn lines(&self) -> Vec<String> {
        let input = self.body["input"].as_array().expect("an input");
        input.iter().map(line).collect()
    }

    /// The same without reasoning: what is left where only the client remembers a chat.
    pub fn spoken_lines(&self) -> Vec<String> {
        let mut lines = self.lines();
        lines.retain(|line| !line.starts_with("reasoning: "));
        lines
    }

    /// What the upstream's cache goes by.
    pub fn cache_key(&self) -> &str {
        self.body["prompt_cache_key"].as_str().expect("a cache key")
    }

    /// core's name of the turn that the request belongs to.
    pub fn turn(&self) -> &str {
        let turn = &self.body["client_metadata"]["turn_id"];
        turn.as_str().expect("the id of a turn")
    }

    /// The names of the tools on offer.
    pub fn tool_names(&self) -> Vec<&str> {
        let tools = self.body["tools"].as_array().expect("tools");
        let names = tools.iter().map(|tool| tool["name"].as_str());
        names.map(|name| name.expect("a name")).collect()
    }

    /// Asserts that `text` went upstream nowhere in this request.
    #[track_caller]
    pub fn knows_nothing_of(&self, text: &str) {
        let whole = format!("{:?} {}", self.headers, self.body);
        assert!(!whole.contains(text), "'{text}' went upstream: {whole}");
    }
}

fn line(item: &Value) -> String {
    let text = |name: &str| item[name].as_str().unwrap_or("(none)");
    match text("type") {
        "message" => format!("{}: {}", text("role"), content(&item["content"])),
        "reasoning" => format!("reasoning: {}", text("encrypted_content")),
        "function_call" => format!(
            "call {} {} {}",
            text("call_id"),
            text("name"),
            text("arguments")
        ),
        "function_call_output" => {
            format!("output {}: {}", text("call_id"), content(&item["output"]))
        }
        _ => item.to_string(),
    }
}

/// A text, or the texts and images of parts.
fn content(content: &Value) -> String {
    let Some(parts) = content.as_array() else {
        return content.as_str().expect("a text or parts").to_owned();
    };
    let parts = parts.iter().map(|part| match part["type"].as_str() {
        Some("input_text" | "output_text") => part["text"].as_str().expect("a text").to_owned(),
        Some("input_image") => format!("[{}]", part["image_url"].as_str().expect("a URL")),
        _ => part.to_string(),
    });
    parts.collect::<Vec<_>>().join(" | ")
}
