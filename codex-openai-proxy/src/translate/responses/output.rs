//! The order in which the parts of an output may come, whatever the events.

use super::items::{Body, Call, Item};
use crate::{
    turn::{ToolCall, ToolKind},
    wire::responses::{
        events::ReplyEvent,
        reply::{ItemStatus, OutputItem, OutputText, SummaryText},
    },
};
use std::collections::HashMap;

/// Where events of a stream go, if anybody reads them.
pub(super) struct Frames<'a> {
    /// The number of the next.
    pub(super) sequence: &'a mut u64,
    /// `None` for a reply that is not streamed.
    pub(super) out: Option<&'a mut Vec<u8>>,
}

/// The items of a response, in the order in which they began.
///
/// A message and reasoning end where another item begins. Calls stay open until they are whole,
/// since the fragments of several may alternate.
#[derive(Debug)]
pub(super) struct Output {
    items: Vec<Item>,
    /// What all ids of items have in common: the response's own, without its prefix.
    stem: String,
    /// The message or the reasoning that is open.
    speaking: Option<usize>,
    /// The items of the calls that come in fragments, in the order in which they were begun.
    begun: Vec<usize>,
    /// The items of all calls, by their ids.
    calls: HashMap<String, usize>,
}

impl Frames<'_> {
    pub(super) fn send(&mut self, event: &ReplyEvent<'_>) {
        if let Some(out) = &mut self.out {
            event.write(*self.sequence, out);
            *self.sequence += 1;
        }
    }
}

impl Output {
    /// The empty output of a response.
    pub(super) fn new(response_id: &str) -> Self {
        let stem = response_id.strip_prefix("resp_").unwrap_or(response_id);
        Self {
            items: Vec::new(),
            stem: stem.to_owned(),
            speaking: None,
            begun: Vec::new(),
            calls: HashMap::new(),
        }
    }

    /// The items as they go over the wire. Open ones have the status `open`.
    pub(super) fn as_wire(&self, open: ItemStatus) -> Vec<OutputItem<'_>> {
        self.items.iter().map(|item| item.as_wire(open)).collect()
    }

    /// Whether there is anything in it that a client can answer.
    pub(super) fn says_something(&self) -> bool {
        self.items
            .iter()
            .any(|item| matches!(item.body, Body::Message { .. } | Body::Call(_)))
    }

    pub(super) fn text(&mut self, more: String, frames: &mut Frames<'_>) {
        let open = self.speaking.filter(|at| {
            let body = &self.items[*at].body;
            matches!(body, Body::Message { .. })
        });
        let at = open.unwrap_or_else(|| self.open_message(frames));
        let item = &mut self.items[at];
        frames.send(&ReplyEvent::TextDelta {
            place: item.content_place(),
            delta: &more,
            logprobs: [],
        });
        if let Body::Message { text, .. } = &mut item.body {
            append(text, more);
        }
    }

    pub(super) fn reasoning(&mut self, more: String, frames: &mut Frames<'_>) {
        let at = self
            .open_reasoning()
            .unwrap_or_else(|| self.begin_reasoning(frames));
        let item = &mut self.items[at];
        let Body::Reasoning {
            summary, part_open, ..
        } = &mut item.body
        else {
            return;
        };
        let is_new = !*part_open;
        if is_new {
            summary.push(String::new());
            *part_open = true;
        }
        let index = summary.len() - 1;
        if is_new {
            frames.send(&ReplyEvent::SummaryPartAdded {
                place: item.summary_place(index),
                part: SummaryText { text: "" },
            });
        }
        frames.send(&ReplyEvent::SummaryTextDelta {
            place: item.summary_place(index),
            delta: &more,
        });
        if let Body::Reasoning { summary, .. } = &mut item.body {
            append(&mut summary[index], more);
        }
    }

    /// What is shown of the reasoning from now on is another part.
    pub(super) fn break_reasoning(&mut self, frames: &mut Frames<'_>) {
        if let Some(at) = self.open_reasoning() {
            self.items[at].close_summary_part(frames);
        }
    }

    /// The reasoning is whole. What is sealed of it makes an item even where nothing was shown.
    pub(super) fn end_reasoning(&mut self, sealed: Option<String>, frames: &mut Frames<'_>) {
        let at = match self.open_reasoning() {
            Some(at) => at,
            None if sealed.is_some() => self.begin_reasoning(frames),
            None => return,
        };
        if let Body::Reasoning { sealed: held, .. } = &mut self.items[at].body {
            *held = sealed;
        }
        self.end_speaking(ItemStatus::Completed, frames);
    }

    /// The message is whole.
    pub(super) fn end_message(&mut self, frames: &mut Frames<'_>) {
        if self.open_reasoning().is_none() {
            self.end_speaking(ItemStatus::Completed, frames);
        }
    }

    /// A message that says nothing.
    pub(super) fn empty_message(&mut self, frames: &mut Frames<'_>) {
        self.open_message(frames);
        self.end_speaking(ItemStatus::Completed, frames);
    }

    /// A call begins whose arguments come in fragments.
    pub(super) fn begin_call(&mut self, call: Call, frames: &mut Frames<'_>) {
        let at = match self.find_call(&call.id) {
            // Two calls of one id cannot be told apart by whoever answers them: they are one.
            Some(at) => at,
            None => self.open(Body::Call(call), frames),
        };
        self.begun.push(at);
    }

    /// More of the arguments of the call that was begun as number `index`.
    pub(super) fn arguments(&mut self, index: usize, more: String, frames: &mut Frames<'_>) {
        let Some(item) = self.begun.get(index).map(|at| &mut self.items[*at]) else {
            return;
        };
        if item.end.is_none() {
            item.send_arguments(&more, frames);
            if let Body::Call(call) = &mut item.body {
                append(&mut call.arguments, more);
            }
        }
    }

    /// A call is whole, whether any of it has come before or not. `named` says what the client
    /// calls the tool.
    pub(super) fn call(
        &mut self,
        whole: ToolCall,
        named: impl FnOnce(ToolKind, String, String) -> Call,
        frames: &mut Frames<'_>,
    ) {
        let ToolCall {
            id,
            name,
            kind,
            arguments,
        } = whole;
        let at = match self.find_call(&id) {
            Some(at) => at,
            None => self.open(Body::Call(named(kind, id, name)), frames),
        };
        let item = &mut self.items[at];
        if item.end.is_some() {
            return;
        }
        // Where the fragments were something else, the end of the call tells what holds.
        let rest = match &item.body {
            Body::Call(call) => arguments.strip_prefix(call.arguments.as_str()),
            _ => None,
        };
        if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
            item.send_arguments(rest, frames);
        }
        if let Body::Call(call) = &mut item.body {
            call.arguments = arguments;
        }
        item.close(ItemStatus::Completed, frames);
    }

    /// Nothing more comes. What is open is `end`, but for calls, which without their end are
    /// never whole.
    pub(super) fn finish(&mut self, end: ItemStatus, frames: &mut Frames<'_>) {
        self.end_speaking(end, frames);
        for item in &mut self.items {
            if item.end.is_none() {
                item.close(ItemStatus::Incomplete, frames);
            }
        }
    }

    fn open_message(&mut self, frames: &mut Frames<'_>) -> usize {
        let message = Body::Message {
            text: String::new(),
            has_part: false,
        };
        let at = self.open(message, frames);
        self.speaking = Some(at);
        let item = &mut self.items[at];
        frames.send(&ReplyEvent::ContentPartAdded {
            place: item.content_place(),
            part: OutputText::new(""),
        });
        if let Body::Message { has_part, .. } = &mut item.body {
            *has_part = true;
        }
        at
    }

    fn begin_reasoning(&mut self, frames: &mut Frames<'_>) -> usize {
        let reasoning = Body::Reasoning {
            summary: Vec::new(),
            part_open: false,
            sealed: None,
        };
        let at = self.open(reasoning, frames);
        self.speaking = Some(at);
        at
    }

    fn open_reasoning(&self) -> Option<usize> {
        self.speaking.filter(|at| {
            let body = &self.items[*at].body;
            matches!(body, Body::Reasoning { .. })
        })
    }

    fn find_call(&self, id: &str) -> Option<usize> {
        self.calls.get(id).copied()
    }

    /// Begins an item; its position.
    fn open(&mut self, body: Body, frames: &mut Frames<'_>) -> usize {
        self.end_speaking(ItemStatus::Completed, frames);
        let at = self.items.len();
        if let Body::Call(call) = &body {
            self.calls.insert(call.id.clone(), at);
        }
        let item = Item {
            id: format!("{}{}{at:02x}", body.prefix(), self.stem),
            at,
            end: None,
            body,
        };
        frames.send(&ReplyEvent::ItemAdded {
            output_index: at,
            item: item.as_wire(ItemStatus::InProgress),
        });
        self.items.push(item);
        at
    }

    fn end_speaking(&mut self, end: ItemStatus, frames: &mut Frames<'_>) {
        if let Some(at) = self.speaking.take() {
            self.items[at].close(end, frames);
        }
    }
}

impl Item {
    fn send_arguments(&self, delta: &str, frames: &mut Frames<'_>) {
        let place = self.place();
        match &self.body {
            Body::Call(call) if call.kind == ToolKind::Custom => {
                frames.send(&ReplyEvent::InputDelta { place, delta });
            }
            _ => frames.send(&ReplyEvent::ArgumentsDelta { place, delta }),
        }
    }

    /// Ends the item, and the part of it that is open.
    fn close(&mut self, end: ItemStatus, frames: &mut Frames<'_>) {
        self.close_summary_part(frames);
        match &self.body {
            Body::Message { text, .. } => {
                let place = self.content_place();
                frames.send(&ReplyEvent::TextDone {
                    place,
                    text,
                    logprobs: [],
                });
                frames.send(&ReplyEvent::ContentPartDone {
                    place,
                    part: OutputText::new(text),
                });
            }
            Body::Reasoning { .. } => {}
            Body::Call(call) => {
                let place = self.place();
                frames.send(&match call.kind {
                    ToolKind::Function => ReplyEvent::ArgumentsDone {
                        place,
                        name: &call.name,
                        arguments: &call.arguments,
                    },
                    ToolKind::Custom => ReplyEvent::InputDone {
                        place,
                        input: &call.arguments,
                    },
                });
            }
        }
        self.end = Some(end);
        frames.send(&ReplyEvent::ItemDone {
            output_index: self.at,
            item: self.as_wire(end),
        });
    }

    /// Ends the part of the reasoning that is open, if this is reasoning and one is.
    fn close_summary_part(&mut self, frames: &mut Frames<'_>) {
        let Body::Reasoning {
            summary, part_open, ..
        } = &mut self.body
        else {
            return;
        };
        if !std::mem::take(part_open) {
            return;
        }
        let index = summary.len() - 1;
        if let Body::Reasoning { summary, .. } = &self.body {
            let text = &summary[index];
            let place = self.summary_place(index);
            frames.send(&ReplyEvent::SummaryTextDone { place, text });
            frames.send(&ReplyEvent::SummaryPartDone {
                place,
                part: SummaryText { text },
            });
        }
    }
}

/// Adds to a text. The first piece, often all of it, is taken as it is.
fn append(text: &mut String, more: String) {
    if text.is_empty() {
        *text = more;
    } else {
        text.push_str(&more);
    }
}
