//! The order in which the parts of a reply may come, whatever the events.

use super::ReasoningStyle;
use crate::turn::{FinishReason, TurnEvent, Usage};
use std::mem;

const THINK_OPEN: &str = "<think>";
const THINK_CLOSE: &str = "</think>\n\n";

/// Between two messages of one reply, and between two parts of its reasoning.
const PARAGRAPH: &str = "\n\n";

/// Where the parts of a reply go.
pub(super) trait Sink {
    /// More text.
    fn content(&mut self, text: &str);
    /// More reasoning, outside the text.
    fn reasoning(&mut self, text: &str);
    /// The call at position `index` begins; `arguments` are all of them, or as many as came.
    fn tool_call(&mut self, index: usize, id: String, name: String, arguments: String);
    /// More arguments of that call.
    fn arguments(&mut self, index: usize, arguments: String);
    /// The end; comes once, last.
    fn finish(&mut self, reason: FinishReason, usage: Option<Usage>);
}

/// Turns events into the parts of a reply.
#[derive(Debug)]
pub(super) struct Grammar {
    style: ReasoningStyle,
    phase: Phase,
    /// Whether text of the answer has come.
    spoke: bool,
    /// Whether reasoning has come.
    reasoned: bool,
    /// A message is whole: text that comes now begins a new paragraph.
    paragraph: bool,
    /// The same of reasoning.
    new_thought: bool,
    /// The ids of the calls so far. Some were told whole, and others in fragments.
    calls: Vec<String>,
    /// The positions of those that come in fragments, in the order in which they were begun.
    begun: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Answering,
    /// Inside `<think>`.
    Thinking,
    Ended,
}

impl Grammar {
    pub(super) fn new(style: ReasoningStyle) -> Self {
        Self {
            style,
            phase: Phase::Answering,
            spoke: false,
            reasoned: false,
            paragraph: false,
            new_thought: false,
            calls: Vec::new(),
            begun: Vec::new(),
        }
    }

    /// Whether the reply has ended, well or not.
    pub(super) fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Ends the reply without a finish.
    pub(super) fn abort(&mut self) {
        self.phase = Phase::Ended;
    }

    /// Hands on what `event` means. Nothing comes after the end, and empty text means nothing.
    pub(super) fn on_event(&mut self, event: TurnEvent, sink: &mut impl Sink) {
        if self.has_ended() {
            return;
        }
        match event {
            TurnEvent::Text(text) | TurnEvent::Reasoning(text) if text.is_empty() => {}
            TurnEvent::Text(text) => {
                self.stop_thinking(sink);
                if mem::take(&mut self.paragraph) {
                    sink.content(PARAGRAPH);
                }
                self.spoke = true;
                sink.content(&text);
            }
            TurnEvent::Reasoning(text) => {
                if mem::take(&mut self.new_thought) {
                    self.reason(PARAGRAPH, sink);
                }
                self.reasoned = true;
                self.reason(&text, sink);
            }
            TurnEvent::MessageEnd => self.paragraph = self.spoke,
            TurnEvent::ReasoningBreak | TurnEvent::ReasoningEnd { .. } => {
                self.new_thought = self.reasoned;
            }
            TurnEvent::ToolCallBegun { id, name, .. } => {
                self.stop_thinking(sink);
                let at = self.calls.len();
                self.begun.push(at);
                self.calls.push(id.clone());
                sink.tool_call(at, id, name, String::new());
            }
            TurnEvent::ToolCallDelta { index, arguments } => {
                if let Some(index) = self.begun.get(index) {
                    sink.arguments(*index, arguments);
                }
            }
            // Its fragments were all of it.
            TurnEvent::ToolCall(call) if self.calls.contains(&call.id) => {}
            TurnEvent::ToolCall(call) => {
                self.stop_thinking(sink);
                sink.tool_call(self.calls.len(), call.id.clone(), call.name, call.arguments);
                self.calls.push(call.id);
            }
            TurnEvent::Finished { reason, usage } => {
                self.stop_thinking(sink);
                self.phase = Phase::Ended;
                sink.finish(self.consistent(reason), usage);
            }
        }
    }

    fn reason(&mut self, text: &str, sink: &mut impl Sink) {
        match self.style {
            ReasoningStyle::Off => {}
            ReasoningStyle::Content => sink.reasoning(text),
            // In the middle of an answer nobody could tell it from the answer when it is echoed.
            ReasoningStyle::Think if self.spoke || !self.calls.is_empty() => sink.reasoning(text),
            ReasoningStyle::Think => {
                // The tags stand alone: clients look for a delta that is one.
                if self.phase != Phase::Thinking {
                    self.phase = Phase::Thinking;
                    sink.content(THINK_OPEN);
                }
                sink.content(text);
            }
        }
    }

    fn stop_thinking(&mut self, sink: &mut impl Sink) {
        if self.phase == Phase::Thinking {
            self.phase = Phase::Answering;
            sink.content(THINK_CLOSE);
        }
    }

    /// Clients run tools only after `tool_calls`, and wait for calls that `tool_calls` promised:
    /// the reason has to agree with what they saw.
    fn consistent(&self, reason: FinishReason) -> FinishReason {
        match reason {
            FinishReason::Stop if !self.calls.is_empty() => FinishReason::ToolCalls,
            FinishReason::ToolCalls if self.calls.is_empty() => FinishReason::Stop,
            other => other,
        }
    }
}
