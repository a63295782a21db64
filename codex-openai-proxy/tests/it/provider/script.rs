//! What a provider says, free of what it speaks.

use super::{Call, ChatReply};
use crate::upstream::{Reply, Seen};
use serde_json::{Value, json};

/// A whole reply: reasoning, then text, then calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Script {
    pub reasoning: &'static [&'static str],
    pub text: &'static [&'static str],
    /// Calls of functions.
    pub calls: &'static [Call<'static>],
    /// Calls of custom tools. Where there are functions alone, they are called as such.
    pub custom: &'static [Call<'static>],
    /// Chat's word for a reply that was cut short.
    pub cut: Option<&'static str>,
}

impl Script {
    /// The reply to a request, as a stream where it asks for one.
    pub fn reply(&self, wire_api: &str, seen: &Seen) -> Reply {
        let streamed = seen.body["stream"] == true;
        match (wire_api, streamed) {
            ("chat", true) => self.chat_stream().into(),
            ("chat", false) => self.chat(),
            (_, true) => self.responses(),
            (_, false) => self.responses().in_one_piece(),
        }
    }

    fn chat_stream(&self) -> ChatReply {
        let mut reply = ChatReply::stream()
            .thinks("reasoning_content", self.reasoning)
            .says(self.text);
        for (index, (id, name, arguments)) in self.all_calls().iter().enumerate() {
            let (first, second) = arguments.split_at(arguments.floor_char_boundary(5));
            reply = reply
                .call(index, id, name)
                .arguments(index, first)
                .arguments(index, second);
        }
        reply.finish(self.finish_reason()).usage().done()
    }

    fn chat(&self) -> Reply {
        let mut message = json!({});
        if !self.text.is_empty() {
            message["content"] = self.text.concat().into();
        }
        if !self.reasoning.is_empty() {
            message["reasoning_content"] = self.reasoning.concat().into();
        }
        let calls = self.all_calls();
        let calls = calls.iter().map(|(id, name, arguments)| {
            json!({
                "id": id,
                "type": "function",
                "function": { "name": name, "arguments": arguments },
            })
        });
        let calls: Vec<Value> = calls.collect();
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        ChatReply::whole(message, self.finish_reason())
    }

    fn responses(&self) -> Reply {
        let mut reply = Reply::stream();
        if !self.reasoning.is_empty() {
            reply = reply.reasoning(self.reasoning);
        }
        if !self.text.is_empty() {
            reply = reply.message(self.text);
        }
        for (id, name, arguments) in self.calls {
            reply = reply.call(id, name, arguments);
        }
        for (id, name, input) in self.custom {
            reply = reply.custom_call(id, name, input);
        }
        match self.cut {
            None => reply.completed(),
            Some("length") => reply.incomplete("max_output_tokens"),
            Some(reason) => reply.incomplete(reason),
        }
    }

    fn finish_reason(&self) -> &'static str {
        match self.cut {
            Some(reason) => reason,
            None if self.calls.is_empty() && self.custom.is_empty() => "stop",
            None => "tool_calls",
        }
    }

    /// Every call as that of a function.
    fn all_calls(&self) -> Vec<(&str, &str, String)> {
        let functions = self.calls.iter();
        let functions =
            functions.map(|(id, name, arguments)| (*id, *name, (*arguments).to_owned()));
        let custom = self.custom.iter();
        let custom =
            custom.map(|(id, name, input)| (*id, *name, json!({ "input": input }).to_string()));
        functions.chain(custom).collect()
    }
}
