//! A reply in one piece.

use super::{
    ReasoningStyle, ReplyHead, completion_usage,
    grammar::{Grammar, Sink},
    overflow_usage,
};
use crate::{
    turn::{FinishReason, TurnEvent, Usage},
    wire::chat::{
        AssistantMessage, ChatCompletion, Choice, FunctionCall, ToolCall, system_fingerprint,
    },
};

/// Gathers the events of a turn into one `chat.completion`.
///
/// Where the upstream told no usage, the reply has none.
#[derive(Debug)]
pub struct ReplyFolder {
    head: ReplyHead,
    grammar: Grammar,
    parts: Parts,
}

#[derive(Debug, Default)]
struct Parts {
    content: String,
    reasoning: String,
    tool_calls: Vec<ToolCall>,
    end: Option<(FinishReason, Option<Usage>)>,
}

impl ReplyFolder {
    /// A reply that has not begun.
    #[must_use]
    pub fn new(head: ReplyHead, style: ReasoningStyle) -> Self {
        Self {
            head,
            grammar: Grammar::new(style),
            parts: Parts::default(),
        }
    }

    /// Adds an event.
    pub fn on_event(&mut self, event: TurnEvent) {
        self.grammar.on_event(event, &mut self.parts);
    }

    /// The reply; `None` where the turn never finished.
    #[must_use]
    pub fn finish(mut self) -> Option<ChatCompletion> {
        let (reason, usage) = self.parts.end.take()?;
        Some(completion(self.head, self.parts, Some(reason), usage))
    }

    /// The reply as far as it came: its finish reason is null where the turn never finished. For the
    /// log, not for a client.
    #[must_use]
    pub fn so_far(mut self) -> ChatCompletion {
        match self.parts.end.take() {
            Some((reason, usage)) => completion(self.head, self.parts, Some(reason), usage),
            None => completion(self.head, self.parts, None, None),
        }
    }

    /// A reply that says nothing but an enormous usage, in place of the error that the conversation
    /// does not fit the model. What was gathered before it is lost.
    #[must_use]
    pub fn overflow(self) -> ChatCompletion {
        let usage = Some(overflow_usage());
        completion(self.head, Parts::default(), Some(FinishReason::Stop), usage)
    }
}

impl Sink for Parts {
    fn content(&mut self, text: &str) {
        self.content.push_str(text);
    }

    fn reasoning(&mut self, text: &str) {
        self.reasoning.push_str(text);
    }

    fn tool_call(&mut self, _index: usize, id: String, name: String, arguments: String) {
        self.tool_calls.push(ToolCall {
            id,
            kind: "function",
            function: FunctionCall { name, arguments },
        });
    }

    fn arguments(&mut self, index: usize, arguments: String) {
        if let Some(call) = self.tool_calls.get_mut(index) {
            call.function.arguments.push_str(&arguments);
        }
    }

    fn finish(&mut self, reason: FinishReason, usage: Option<Usage>) {
        self.end = Some((reason, usage));
    }
}

fn completion(
    head: ReplyHead,
    parts: Parts,
    reason: Option<FinishReason>,
    usage: Option<Usage>,
) -> ChatCompletion {
    let only_calls = parts.content.is_empty() && !parts.tool_calls.is_empty();
    ChatCompletion {
        id: head.id,
        object: "chat.completion",
        created: head.created,
        model: head.model,
        conversation_id: head.conversation.map(|id| id.as_str().to_owned()),
        system_fingerprint: system_fingerprint(),
        choices: [Choice {
            index: 0,
            message: AssistantMessage {
                role: "assistant",
                content: (!only_calls).then_some(parts.content),
                reasoning_content: (!parts.reasoning.is_empty()).then_some(parts.reasoning),
                refusal: None,
                tool_calls: parts.tool_calls,
            },
            logprobs: None,
            finish_reason: reason.map(FinishReason::as_str),
        }],
        usage: usage.map(completion_usage),
    }
}
