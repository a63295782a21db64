//! The events of a streamed response, see
//! <https://platform.openai.com/docs/api-reference/responses-streaming>.

use super::reply::{OutputItem, OutputText, ResponseObject, SummaryText};
use crate::wire::sse::append_json;
use serde::Serialize;

/// One event, without its number.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum ReplyEvent<'a> {
    Created {
        response: ResponseObject<'a>,
    },
    InProgress {
        response: ResponseObject<'a>,
    },
    Completed {
        response: ResponseObject<'a>,
    },
    Incomplete {
        response: ResponseObject<'a>,
    },
    Failed {
        response: ResponseObject<'a>,
    },
    ItemAdded {
        output_index: usize,
        item: OutputItem<'a>,
    },
    ItemDone {
        output_index: usize,
        item: OutputItem<'a>,
    },
    ContentPartAdded {
        #[serde(flatten)]
        place: ContentPlace<'a>,
        part: OutputText<'a>,
    },
    ContentPartDone {
        #[serde(flatten)]
        place: ContentPlace<'a>,
        part: OutputText<'a>,
    },
    TextDelta {
        #[serde(flatten)]
        place: ContentPlace<'a>,
        delta: &'a str,
        /// Always empty.
        logprobs: [(); 0],
    },
    TextDone {
        #[serde(flatten)]
        place: ContentPlace<'a>,
        text: &'a str,
        /// Always empty.
        logprobs: [(); 0],
    },
    SummaryPartAdded {
        #[serde(flatten)]
        place: SummaryPlace<'a>,
        part: SummaryText<'a>,
    },
    SummaryPartDone {
        #[serde(flatten)]
        place: SummaryPlace<'a>,
        part: SummaryText<'a>,
    },
    SummaryTextDelta {
        #[serde(flatten)]
        place: SummaryPlace<'a>,
        delta: &'a str,
    },
    SummaryTextDone {
        #[serde(flatten)]
        place: SummaryPlace<'a>,
        text: &'a str,
    },
    ArgumentsDelta {
        #[serde(flatten)]
        place: ItemPlace<'a>,
        delta: &'a str,
    },
    ArgumentsDone {
        #[serde(flatten)]
        place: ItemPlace<'a>,
        name: &'a str,
        arguments: &'a str,
    },
    InputDelta {
        #[serde(flatten)]
        place: ItemPlace<'a>,
        delta: &'a str,
    },
    InputDone {
        #[serde(flatten)]
        place: ItemPlace<'a>,
        input: &'a str,
    },
}

/// Which item of the output an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ItemPlace<'a> {
    pub(crate) item_id: &'a str,
    pub(crate) output_index: usize,
}

/// Which part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ContentPlace<'a> {
    pub(crate) item_id: &'a str,
    pub(crate) output_index: usize,
    pub(crate) content_index: usize,
}

/// Which part of what is shown of the reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct SummaryPlace<'a> {
    pub(crate) item_id: &'a str,
    pub(crate) output_index: usize,
    pub(crate) summary_index: usize,
}

impl ReplyEvent<'_> {
    /// Its `type`.
    fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "response.created",
            Self::InProgress { .. } => "response.in_progress",
            Self::Completed { .. } => "response.completed",
            Self::Incomplete { .. } => "response.incomplete",
            Self::Failed { .. } => "response.failed",
            Self::ItemAdded { .. } => "response.output_item.added",
            Self::ItemDone { .. } => "response.output_item.done",
            Self::ContentPartAdded { .. } => "response.content_part.added",
            Self::ContentPartDone { .. } => "response.content_part.done",
            Self::TextDelta { .. } => "response.output_text.delta",
            Self::TextDone { .. } => "response.output_text.done",
            Self::SummaryPartAdded { .. } => "response.reasoning_summary_part.added",
            Self::SummaryPartDone { .. } => "response.reasoning_summary_part.done",
            Self::SummaryTextDelta { .. } => "response.reasoning_summary_text.delta",
            Self::SummaryTextDone { .. } => "response.reasoning_summary_text.done",
            Self::ArgumentsDelta { .. } => "response.function_call_arguments.delta",
            Self::ArgumentsDone { .. } => "response.function_call_arguments.done",
            Self::InputDelta { .. } => "response.custom_tool_call_input.delta",
            Self::InputDone { .. } => "response.custom_tool_call_input.done",
        }
    }

    /// Appends the event as a frame; it is the stream's `sequence_number`th, from 0.
    pub(crate) fn write(&self, sequence_number: u64, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Numbered<'a, 'b> {
            #[serde(rename = "type")]
            kind: &'static str,
            sequence_number: u64,
            #[serde(flatten)]
            event: &'a ReplyEvent<'b>,
        }

        let kind = self.kind();
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        append_json(
            out,
            &Numbered {
                kind,
                sequence_number,
                event: self,
            },
        );
        out.extend_from_slice(b"\n\n");
    }
}
