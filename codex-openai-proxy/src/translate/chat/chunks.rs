//! A streamed reply.

use super::{
    ReasoningStyle, ReplyHead, completion_usage,
    grammar::{Grammar, Sink},
    overflow_usage,
};
use crate::{
    turn::{ConversationId, FinishReason, TurnEvent, Usage},
    wire::{
        chat::{ChunkHead, ChunkTemplate, Delta, FunctionDelta, StreamOptions, ToolCallDelta},
        error::ErrorBody,
        sse,
    },
};

/// Writes one reply as a stream of `chat.completion.chunk` frames.
///
/// The first event brings the chunk with the role; [`TurnEvent::Finished`] brings the finish
/// reason, the usage if it was asked for, and `[DONE]`. Whatever comes after an end is ignored.
///
/// Usage is never made up: where the upstream told none, the stream has no usage chunk.
#[derive(Debug)]
pub struct ChunkWriter {
    grammar: Grammar,
    template: ChunkTemplate,
    options: StreamOptions,
    begun: bool,
}

impl ChunkWriter {
    /// A reply that has not begun.
    #[must_use]
    pub fn new(head: &ReplyHead, style: ReasoningStyle, include_usage: bool) -> Self {
        let options = StreamOptions { include_usage };
        let head = ChunkHead {
            id: &head.id,
            created: head.created,
            model: &head.model,
            conversation_id: head.conversation.as_ref().map(ConversationId::as_str),
        };
        Self {
            grammar: Grammar::new(style),
            template: ChunkTemplate::new(head, options),
            options,
            begun: false,
        }
    }

    /// Appends the frames that `event` causes.
    pub fn on_event(&mut self, event: TurnEvent, out: &mut Vec<u8>) {
        if self.grammar.has_ended() {
            return;
        }
        let mut frames = Frames {
            template: &self.template,
            options: self.options,
            out,
        };
        if !self.begun {
            self.begun = true;
            frames.delta(&Delta {
                role: Some("assistant"),
                content: Some(""),
                ..Delta::default()
            });
        }
        self.grammar.on_event(event, &mut frames);
    }

    /// Whether a part of the reply was written.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Appends a reply that says nothing but an enormous usage, asked for or not, in place of the
    /// error that the conversation does not fit the model. Makes sense before the reply has begun.
    pub fn on_overflow(&mut self, out: &mut Vec<u8>) {
        self.options.include_usage = true;
        self.template.tell_usage();
        let end = TurnEvent::Finished {
            reason: FinishReason::Stop,
            usage: Some(overflow_usage()),
        };
        self.on_event(end, out);
    }

    /// Appends the one error that ends a stream which failed. No finish reason and no `[DONE]`
    /// come with it, since clients read either as success.
    pub fn on_error(&mut self, error: &ErrorBody, out: &mut Vec<u8>) {
        if self.grammar.has_ended() {
            return;
        }
        self.grammar.abort();
        sse::write_data(out, error);
    }
}

/// The frames of one event.
struct Frames<'a> {
    template: &'a ChunkTemplate,
    options: StreamOptions,
    out: &'a mut Vec<u8>,
}

impl Frames<'_> {
    fn delta(&mut self, delta: &Delta<'_>) {
        self.template.write_delta(self.out, delta);
    }

    fn call(&mut self, call: ToolCallDelta) {
        self.delta(&Delta {
            tool_calls: Some([call]),
            ..Delta::default()
        });
    }
}

impl Sink for Frames<'_> {
    fn content(&mut self, text: &str) {
        self.delta(&Delta {
            content: Some(text),
            ..Delta::default()
        });
    }

    fn reasoning(&mut self, text: &str) {
        self.delta(&Delta {
            reasoning_content: Some(text),
            ..Delta::default()
        });
    }

    fn tool_call(&mut self, index: usize, id: String, name: String, arguments: String) {
        self.call(ToolCallDelta {
            index,
            id: Some(id),
            kind: Some("function"),
            function: FunctionDelta {
                name: Some(name),
                arguments,
            },
        });
    }

    fn arguments(&mut self, index: usize, arguments: String) {
        self.call(ToolCallDelta {
            index,
            id: None,
            kind: None,
            function: FunctionDelta {
                name: None,
                arguments,
            },
        });
    }

    fn finish(&mut self, reason: FinishReason, usage: Option<Usage>) {
        self.template.write_finish(self.out, reason.as_str());
        if let Some(usage) = usage
            && self.options.include_usage
        {
            self.template
                .write_usage(self.out, &completion_usage(usage));
        }
        self.out.extend_from_slice(sse::DONE);
    }
}
