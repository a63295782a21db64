//! The items of a response while it grows.

use crate::{
    turn::ToolKind,
    wire::responses::{
        events::{ContentPlace, ItemPlace, SummaryPlace},
        reply::{ItemStatus, OutputItem, OutputText, SummaryText},
    },
};

/// One item of the output.
#[derive(Debug)]
pub(super) struct Item {
    /// Its id, which begins with what [`Body::prefix`] says.
    pub(super) id: String,
    /// Its position in the output.
    pub(super) at: usize,
    /// How it ended; `None` while more of it may come.
    pub(super) end: Option<ItemStatus>,
    /// What it is.
    pub(super) body: Body,
}

/// What an item is. Each text is held here and nowhere else.
#[derive(Debug)]
pub(super) enum Body {
    Message {
        text: String,
        /// The part that holds the text has been announced.
        has_part: bool,
    },
    Reasoning {
        /// What is shown, part by part.
        summary: Vec<String>,
        /// The last of these may grow.
        part_open: bool,
        sealed: Option<String>,
    },
    Call(Call),
}

/// A call to a tool of the client.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) kind: ToolKind,
    /// What the result has to name.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    /// What has come of its arguments, or of its text.
    pub(super) arguments: String,
}

impl Body {
    /// How the ids of such items begin.
    pub(super) fn prefix(&self) -> &'static str {
        match self {
            Self::Message { .. } => "msg_",
            Self::Reasoning { .. } => "rs_",
            Self::Call(call) => match call.kind {
                ToolKind::Function => "fc_",
                ToolKind::Custom => "ctc_",
            },
        }
    }
}

impl Item {
    /// The item as it goes over the wire. An open one has the status `open`.
    pub(super) fn as_wire(&self, open: ItemStatus) -> OutputItem<'_> {
        let id = self.id.as_str();
        let status = self.end.unwrap_or(open);
        match &self.body {
            Body::Message { text, has_part } => OutputItem::Message {
                id,
                status,
                role: "assistant",
                content: if *has_part {
                    vec![OutputText::new(text)]
                } else {
                    Vec::new()
                },
            },
            Body::Reasoning {
                summary, sealed, ..
            } => OutputItem::Reasoning {
                id,
                status: (status == ItemStatus::Incomplete).then_some(status),
                summary: summary.iter().map(|text| SummaryText { text }).collect(),
                encrypted_content: sealed.as_deref(),
            },
            Body::Call(call) => call.as_wire(id, status),
        }
    }

    /// Where the item is.
    pub(super) fn place(&self) -> ItemPlace<'_> {
        ItemPlace {
            item_id: &self.id,
            output_index: self.at,
        }
    }

    /// Where the text of a message is.
    pub(super) fn content_place(&self) -> ContentPlace<'_> {
        ContentPlace {
            item_id: &self.id,
            output_index: self.at,
            content_index: 0,
        }
    }

    /// Where a part of what is shown of the reasoning is.
    pub(super) fn summary_place(&self, summary_index: usize) -> SummaryPlace<'_> {
        SummaryPlace {
            item_id: &self.id,
            output_index: self.at,
            summary_index,
        }
    }
}

impl Call {
    fn as_wire<'a>(&'a self, id: &'a str, status: ItemStatus) -> OutputItem<'a> {
        let call_id = self.id.as_str();
        let name = self.name.as_str();
        let namespace = self.namespace.as_deref();
        match self.kind {
            ToolKind::Function => OutputItem::FunctionCall {
                id,
                status,
                call_id,
                name,
                namespace,
                arguments: &self.arguments,
            },
            ToolKind::Custom => OutputItem::CustomToolCall {
                id,
                status,
                call_id,
                name,
                namespace,
                input: &self.arguments,
            },
        }
    }
}
