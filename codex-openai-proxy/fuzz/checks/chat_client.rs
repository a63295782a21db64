//! What a client makes of a stream of Chat Completions: it trusts nothing.

use codex_openai_proxy::wire::sse::Decoder;
use serde_json::{Value, json};

/// A reply, put together from its chunks.
#[derive(Debug, Default)]
pub struct Heard {
    /// The model that all chunks name.
    pub model: Option<String>,
    /// The answer.
    pub content: String,
    /// The reasoning beside it.
    pub reasoning: String,
    /// The calls, as a whole reply has them.
    pub calls: Vec<Value>,
    /// Why it ended.
    pub reason: Option<String>,
    /// What it took.
    pub usage: Option<Value>,
    /// The error that ended it in place of a reason.
    pub error: Option<Value>,
    is_done: bool,
}

impl Heard {
    /// Reads a stream.
    ///
    /// # Panics
    ///
    /// It breaks a rule that clients rely on.
    pub fn of(stream: &[u8]) -> Self {
        let mut frames = Vec::new();
        let fed = Decoder::new(1 << 24).feed(stream, &mut frames);
        assert_eq!(fed, Ok(()));
        let mut heard = Self::default();
        for (number, frame) in frames.iter().enumerate() {
            assert_eq!(frame.event, None);
            assert!(!heard.has_ended(), "something follows the end: {frame:?}");
            if frame.data == "[DONE]" {
                heard.is_done = true;
                continue;
            }
            match serde_json::from_str(&frame.data) {
                Ok(chunk) => heard.hear(number, &chunk),
                Err(error) => panic!("a chunk that is no JSON: {error}: {}", frame.data),
            }
        }
        assert!(heard.has_ended(), "a stream without an end");
        assert_eq!(heard.is_done, heard.reason.is_some(), "success and failure");
        heard
    }

    fn has_ended(&self) -> bool {
        self.is_done || self.error.is_some()
    }

    fn hear(&mut self, number: usize, chunk: &Value) {
        if chunk.get("error").is_some() {
            self.error = Some(chunk.clone());
            return;
        }
        let model = chunk["model"].as_str().map(str::to_owned);
        assert!(model.is_some(), "a chunk of no model: {chunk}");
        assert!(number == 0 || self.model == model, "another model: {chunk}");
        self.model = model;
        if let Some(usage) = chunk.get("usage").filter(|usage| !usage.is_null()) {
            assert!(self.reason.is_some() && self.usage.is_none(), "{chunk}");
            assert_eq!(chunk["choices"], json!([]));
            self.usage = Some(usage.clone());
            return;
        }
        assert!(self.reason.is_none(), "more of a reply that ended: {chunk}");
        let choice = &chunk["choices"][0];
        let delta = &choice["delta"];
        assert_eq!(delta.get("role").is_some(), number == 0, "{chunk}");
        if let Some(text) = delta["content"].as_str() {
            assert!(number == 0 || !text.is_empty(), "a delta without content");
            self.content.push_str(text);
        }
        if let Some(text) = delta["reasoning_content"].as_str() {
            assert!(!text.is_empty(), "a delta without reasoning");
            self.reasoning.push_str(text);
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.call(call);
        }
        self.reason = choice["finish_reason"].as_str().map(str::to_owned);
    }

    fn call(&mut self, fragment: &Value) {
        let arguments = fragment["function"]["arguments"].as_str();
        let arguments = arguments.unwrap_or_else(|| panic!("no arguments: {fragment}"));
        let index = fragment["index"].as_u64().map(usize::try_from);
        let Some(Ok(index)) = index else {
            panic!("a call without a place: {fragment}");
        };
        if let Some(call) = self.calls.get_mut(index) {
            if let Value::String(so_far) = &mut call["function"]["arguments"] {
                so_far.push_str(arguments);
            }
            assert_eq!(fragment.get("id"), None, "a call begins twice");
            return;
        }
        assert_eq!(index, self.calls.len(), "a call is left out");
        let mut call = fragment.clone();
        if let Some(call) = call.as_object_mut() {
            call.shift_remove("index");
        }
        self.calls.push(call);
    }
}
