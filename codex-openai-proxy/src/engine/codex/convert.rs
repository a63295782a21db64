//! The canonical model in core's terms.

use crate::turn::{Effort, ImageDetail, Item, Part, ReasoningSummary, Role, Verbosity};
use codex_protocol::{
    ResponseItemId,
    config_types::{ReasoningSummary as CoreSummary, Verbosity as CoreVerbosity},
    models::{
        ContentItem, FunctionCallOutputContentItem, FunctionCallOutputPayload,
        ImageDetail as CoreDetail, ResponseItem,
    },
    openai_models::ReasoningEffort,
    user_input::UserInput,
};

/// A history item as core keeps it. Tool names go through `wire_name`.
pub fn response_item(item: Item, wire_name: impl Fn(String) -> String) -> ResponseItem {
    match item {
        Item::Message { role, content } => ResponseItem::Message {
            id: unsent_id(),
            role: role_name(role).to_owned(),
            content: content
                .into_iter()
                .map(|part| content_item(role, part))
                .collect(),
            phase: None,
            internal_chat_message_metadata_passthrough: None,
        },
        Item::ToolCall(call) => ResponseItem::FunctionCall {
            id: unsent_id(),
            name: wire_name(call.name),
            namespace: None,
            arguments: call.arguments,
            call_id: call.id,
            internal_chat_message_metadata_passthrough: None,
        },
        Item::ToolResult { call_id, output } => ResponseItem::FunctionCallOutput {
            id: unsent_id(),
            call_id,
            output: tool_output(output),
            internal_chat_message_metadata_passthrough: None,
        },
    }
}

/// A user message as the input of a turn. Equals what [`response_item`] makes of it on the wire.
pub fn user_input(content: Vec<Part>) -> Vec<UserInput> {
    content
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => UserInput::Text {
                text,
                text_elements: Vec::new(),
            },
            Part::Image { url, detail, .. } => UserInput::Image {
                image_url: url,
                detail: Some(image_detail(detail)),
            },
        })
        .collect()
}

/// core's word for an effort.
pub fn effort_to_core(effort: Effort) -> ReasoningEffort {
    match effort {
        Effort::None => ReasoningEffort::None,
        Effort::Minimal => ReasoningEffort::Minimal,
        Effort::Low => ReasoningEffort::Low,
        Effort::Medium => ReasoningEffort::Medium,
        Effort::High => ReasoningEffort::High,
        Effort::XHigh => ReasoningEffort::XHigh,
        Effort::Max => ReasoningEffort::Max,
        Effort::Ultra => ReasoningEffort::Ultra,
    }
}

/// Our word for one of core's efforts; `None` for one that only its model knows.
pub fn effort_from_core(effort: &ReasoningEffort) -> Option<Effort> {
    Effort::parse(effort.as_str())
}

/// core's word for a summary setting.
pub fn summary_to_core(summary: ReasoningSummary) -> CoreSummary {
    match summary {
        ReasoningSummary::Auto => CoreSummary::Auto,
        ReasoningSummary::Concise => CoreSummary::Concise,
        ReasoningSummary::Detailed => CoreSummary::Detailed,
        ReasoningSummary::None => CoreSummary::None,
    }
}

/// core's word for a verbosity.
pub fn verbosity_to_core(verbosity: Verbosity) -> CoreVerbosity {
    match verbosity {
        Verbosity::Low => CoreVerbosity::Low,
        Verbosity::Medium => CoreVerbosity::Medium,
        Verbosity::High => CoreVerbosity::High,
    }
}

/// core gives an item without an id one of its own and sends it; an id without a prefix it keeps
/// and does not send. The client sent no ids, so none go upstream.
#[allow(clippy::unnecessary_wraps)] // The type of the field.
fn unsent_id() -> Option<ResponseItemId> {
    Some(ResponseItemId::from_server("client".to_owned()))
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Developer => "developer",
    }
}

fn content_item(role: Role, part: Part) -> ContentItem {
    match part {
        Part::Text(text) if role == Role::Assistant => ContentItem::OutputText { text },
        Part::Text(text) => ContentItem::InputText { text },
        Part::Image { url, detail, .. } => ContentItem::InputImage {
            image_url: url,
            detail: Some(image_detail(detail)),
        },
    }
}

/// A result that is one text stays a plain string, as the client sent it.
fn tool_output(mut output: Vec<Part>) -> FunctionCallOutputPayload {
    if let [Part::Text(text)] = output.as_mut_slice() {
        return FunctionCallOutputPayload::from_text(std::mem::take(text));
    }
    let items = output
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => FunctionCallOutputContentItem::InputText { text },
            Part::Image { url, detail, .. } => FunctionCallOutputContentItem::InputImage {
                image_url: url,
                detail: Some(image_detail(detail)),
            },
        })
        .collect();
    FunctionCallOutputPayload::from_content_items(items)
}

/// core replaces an image of low detail by a sentence, so `low` goes as `auto`. No detail means
/// `auto` to the API; said outright, because core would say `high` for us.
fn image_detail(detail: Option<ImageDetail>) -> CoreDetail {
    match detail {
        None | Some(ImageDetail::Auto | ImageDetail::Low) => CoreDetail::Auto,
        Some(ImageDetail::High) => CoreDetail::High,
        Some(ImageDetail::Original) => CoreDetail::Original,
    }
}
