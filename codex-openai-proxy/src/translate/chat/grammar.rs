//! The order in which the parts of a reply may come, whatever the events.

use super::ReasoningStyle;
use crate::turn::{FinishReason, TurnEvent, Usage};
use std::{collections::HashSet, mem};

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
    text: Paragraphs,
    reasoning: Paragraphs,
    /// How many calls there were. Some were told whole, and others in fragments.
    calls: usize,
    /// Their ids.
    ids: HashSet<String>,
    /// The positions of those that come in fragments, in the order in which they were begun.
    begun: Vec<usize>,
}

/// Pieces of text that clients get as one, a paragraph each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Paragraphs {
    /// Nothing was said.
    #[default]
    None,
    /// In the middle of one.
    Open,
    /// One is whole: what comes now begins another.
    Whole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Answering,
    /// Inside `<think>`.
    Thinking,
    Ended,
}

impl Paragraphs {
    /// More comes. Says whether that begins another paragraph.
    fn go_on(&mut self) -> bool {
        mem::replace(self, Self::Open) == Self::Whole
    }

    /// One is whole, if any has begun.
    fn end(&mut self) {
        if *self == Self::Open {
            *self = Self::Whole;
        }
    }

    fn have_begun(self) -> bool {
        self != Self::None
    }
}

impl Grammar {
    pub(super) fn new(style: ReasoningStyle) -> Self {
        Self {
            style,
            phase: Phase::Answering,
            text: Paragraphs::default(),
            reasoning: Paragraphs::default(),
            calls: 0,
            ids: HashSet::new(),
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
                if self.text.go_on() {
                    sink.content(PARAGRAPH);
                }
                sink.content(&text);
            }
            TurnEvent::Reasoning(text) => {
                if self.reasoning.go_on() {
                    self.reason(PARAGRAPH, sink);
                }
                self.reason(&text, sink);
            }
            TurnEvent::MessageEnd => self.text.end(),
            TurnEvent::ReasoningBreak | TurnEvent::ReasoningEnd { .. } => {
                self.reasoning.end();
            }
            TurnEvent::ToolCallBegun { id, name, .. } => {
                self.stop_thinking(sink);
                let at = self.count_call(&id);
                self.begun.push(at);
                sink.tool_call(at, id, name, String::new());
            }
            TurnEvent::ToolCallDelta { index, arguments } => {
                if let Some(index) = self.begun.get(index) {
                    sink.arguments(*index, arguments);
                }
            }
            // Its fragments were all of it.
            TurnEvent::ToolCall(call) if self.ids.contains(&call.id) => {}
            TurnEvent::ToolCall(call) => {
                self.stop_thinking(sink);
                let at = self.count_call(&call.id);
                sink.tool_call(at, call.id, call.name, call.arguments);
            }
            TurnEvent::Finished { reason, usage } => {
                self.stop_thinking(sink);
                self.phase = Phase::Ended;
                sink.finish(self.consistent(reason), usage);
            }
        }
    }

    /// A call begins; its position.
    fn count_call(&mut self, id: &str) -> usize {
        self.ids.insert(id.to_owned());
        let at = self.calls;
        self.calls += 1;
        at
    }

    fn reason(&mut self, text: &str, sink: &mut impl Sink) {
        match self.style {
            ReasoningStyle::Off => {}
            ReasoningStyle::Content => sink.reasoning(text),
            // In the middle of an answer nobody could tell it from the answer when it is echoed.
            ReasoningStyle::Think if self.text.have_begun() || self.calls > 0 => {
                sink.reasoning(text);
            }
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
            FinishReason::Stop if self.calls > 0 => FinishReason::ToolCalls,
            FinishReason::ToolCalls if self.calls == 0 => FinishReason::Stop,
            other => other,
        }
    }
}
