//! What a client asks, and the body that says it.

use crate::pattern::Order;
use std::{net::SocketAddr, time::Duration};

/// The function that clients offer where an order has calls.
pub const TOOL: &str = "bench_tool";

/// Which protocol a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// Chat Completions.
    Chat,
    /// Responses.
    Responses,
}

/// Whom a client asks, and how.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// What stands before `/chat/completions` and `/responses`: `/v1`, for instance.
    pub prefix: String,
    /// The protocol.
    pub api: Api,
    /// The model that requests name.
    pub model: String,
    /// The API key, where one is wanted.
    pub key: Option<String>,
}

/// How the reply comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Server-sent events.
    Stream,
    /// In one piece.
    Whole,
}

/// What the text of the reply has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The marks of the order, all of them in their order; or the calls that come before them.
    Marks,
    /// Anything: the text is in [`Reply::text`](super::Reply::text).
    Nothing,
}

/// A call of the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The id that its result names.
    pub id: String,
    /// The function.
    pub name: String,
    /// Its arguments: JSON.
    pub arguments: String,
}

/// A part of a conversation, in whichever protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The user's text.
    User(String),
    /// The assistant's text.
    Assistant(String),
    /// A call by the assistant.
    Call(Call),
    /// What a call came to.
    Result {
        /// The id of the call.
        call: String,
        /// The text.
        output: String,
    },
}

/// A request for one reply.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What the reply has to be. It counts only if `messages` hold its prompt, or the proxy knows it
    /// from an earlier request.
    pub order: Order,
    /// How the reply comes.
    pub delivery: Delivery,
    /// `conversation_id` in the body.
    pub conversation: Option<String>,
    /// `previous_response_id` in the body (Responses alone).
    pub previous: Option<String>,
    /// The messages, which end with the order's prompt, or with results of its calls behind it.
    pub messages: Vec<Message>,
    /// What the reply's text must be.
    pub check: Check,
    /// The end of patience, from the request to the end of the reply.
    pub deadline: Duration,
}

impl Ask {
    /// Asks for an order, streamed, in a conversation without a name, with two minutes to answer.
    pub fn new(order: Order) -> Self {
        Self {
            order,
            delivery: Delivery::Stream,
            conversation: None,
            previous: None,
            messages: vec![Message::User(order.prompt())],
            check: Check::Marks,
            deadline: Duration::from_mins(2),
        }
    }

    /// The same in a conversation.
    #[must_use]
    pub fn named(mut self, conversation: impl Into<String>) -> Self {
        self.conversation = Some(conversation.into());
        self
    }

    /// Puts a history before the messages.
    #[must_use]
    pub fn after(mut self, history: impl IntoIterator<Item = Message>) -> Self {
        self.messages.splice(0..0, history);
        self
    }

    /// The request that follows a reply of calls: the same, then the calls, then a result for each.
    #[must_use]
    pub fn with_results(mut self, calls: &[Call]) -> Self {
        let asked = calls.iter().cloned().map(Message::Call);
        self.messages.extend(asked);
        self.messages.extend(calls.iter().map(Message::result_of));
        self
    }
}

impl Message {
    /// A result for a call.
    pub fn result_of(call: &Call) -> Self {
        Self::Result {
            call: call.id.clone(),
            output: "done".to_owned(),
        }
    }
}
