//! A chat as a client keeps it: its messages, and the requests that it makes of them.

use super::{Client, chat::Answer};
use serde_json::{Value, json};

/// A chat. Each request is made of its messages: of all, or of what the proxy has not seen yet.
#[derive(Debug, Clone)]
pub struct Talk {
    /// The fields that every request has, all messages among them.
    pub body: Value,
    /// How many messages were there when the last reply came, itself included.
    known: usize,
    /// What the last reply called the conversation.
    conversation: String,
}

impl Talk {
    pub fn new() -> Self {
        Self {
            body: json!({ "model": "gpt-5.2", "messages": [] }),
            known: 0,
            conversation: String::new(),
        }
    }

    /// A chat that begins with `text`.
    pub fn about(text: &str) -> Self {
        let mut talk = Self::new();
        talk.say(text);
        talk
    }

    /// Sets a field of every request.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.body[field] = value.into();
        self
    }

    /// Offers tools of those names.
    pub fn offering(self, names: &[&str]) -> Self {
        let tools: Vec<Value> = names.iter().map(|name| tool(name)).collect();
        self.with("tools", tools)
    }

    pub fn messages(&mut self) -> &mut Vec<Value> {
        let messages = self.body["messages"].as_array_mut();
        messages.expect("messages")
    }

    /// Adds a message of the user.
    pub fn say(&mut self, text: &str) -> &mut Self {
        self.messages()
            .push(json!({ "role": "user", "content": text }));
        self
    }

    /// Adds the result of a call.
    pub fn result(&mut self, call_id: &str, content: impl Into<Value>) -> &mut Self {
        self.messages().push(result(call_id, content));
        self
    }

    /// A request with the whole history.
    pub fn whole(&self) -> Value {
        self.body.clone()
    }

    /// A request with what is new alone.
    pub fn news(&self) -> Value {
        let mut body = self.body.clone();
        body["messages"]
            .as_array_mut()
            .expect("messages")
            .drain(..self.known);
        body
    }

    /// The same in the conversation that the last reply named, if there was one.
    pub fn named_news(&self) -> Value {
        let mut body = self.news();
        if !self.conversation.is_empty() {
            body["conversation_id"] = self.conversation.as_str().into();
        }
        body
    }

    /// What the last reply called the conversation.
    pub fn conversation(&self) -> &str {
        &self.conversation
    }

    /// Takes note of a reply that was read elsewhere and stands in the history already.
    pub fn heard_elsewhere(&mut self, conversation: String) {
        self.conversation = conversation;
        self.known = self.messages().len();
    }

    /// Takes a reply, which must have gone well, into the history.
    #[track_caller]
    pub fn hear(&mut self, answer: Answer) -> Value {
        let header = answer.header("x-conversation-id").map(str::to_owned);
        let reply = answer.ok();
        let conversation = reply["conversation_id"].as_str().expect("a conversation");
        assert_eq!(header.as_deref(), Some(conversation));
        let conversation = conversation.to_owned();
        self.messages().push(reply["choices"][0]["message"].clone());
        self.heard_elsewhere(conversation);
        reply
    }

    /// Sends the whole history.
    pub async fn send(&mut self, client: &Client) -> Value {
        let answer = client.chat(&self.whole()).await;
        self.hear(answer)
    }

    /// Sends what is new, by the name of the conversation.
    pub async fn send_news(&mut self, client: &Client) -> Value {
        let answer = client.chat(&self.named_news()).await;
        self.hear(answer)
    }
}

/// A function tool.
pub fn tool(name: &str) -> Value {
    json!({ "type": "function", "function": {
        "name": name,
        "parameters": { "type": "object", "properties": { "at": { "type": "integer" } } },
    } })
}

/// A message with the result of a call.
pub fn result(call_id: &str, content: impl Into<Value>) -> Value {
    json!({ "role": "tool", "tool_call_id": call_id, "content": content.into() })
}

/// The text of a reply.
#[track_caller]
pub fn said(reply: &Value) -> &str {
    let content = &reply["choices"][0]["message"]["content"];
    content.as_str().expect("a text")
}

/// The calls of a reply: id, name and arguments of each.
#[track_caller]
pub fn calls(reply: &Value) -> Vec<(&str, &str, &str)> {
    let choice = &reply["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let calls = choice["message"]["tool_calls"].as_array();
    calls
        .expect("calls")
        .iter()
        .map(|call| {
            assert_eq!(call["type"], "function");
            let function = &call["function"];
            (
                call["id"].as_str().expect("an id"),
                function["name"].as_str().expect("a name"),
                function["arguments"].as_str().expect("arguments"),
            )
        })
        .collect()
}
