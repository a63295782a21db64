//! The canonical model in core's terms.

use super::tools::ClientTools;
use crate::{
    conversation::wire_call_id,
    turn::{
        Effort, ImageDetail, Item, Part, ReasoningSummary, Role, ToolCall, ToolKind, Verbosity,
    },
};
use codex_protocol::{
    ResponseItemId,
    config_types::{ReasoningSummary as CoreSummary, Verbosity as CoreVerbosity},
    models::{
        ContentItem, FunctionCallOutputBody, FunctionCallOutputContentItem,
        FunctionCallOutputPayload, ImageDetail as CoreDetail, ResponseItem,
    },
    openai_models::ReasoningEffort,
    user_input::UserInput,
};
use std::borrow::Cow;

/// An item as core keeps it, with the names that `tools` have on the wire. Reasoning has none: core
/// keeps its own, which is sealed.
pub fn response_item(item: Item, tools: &ClientTools) -> Option<ResponseItem> {
    Some(match item {
        Item::Reasoning(_) => return None,
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
        Item::ToolCall(call) => {
            let call_id = wire_call_id(&call.id).into_owned();
            let (name, arguments) = tools.wire_call(call);
            ResponseItem::FunctionCall {
                id: unsent_id(),
                name,
                namespace: None,
                arguments,
                call_id,
                internal_chat_message_metadata_passthrough: None,
            }
        }
        Item::ToolResult {
            call_id, output, ..
        } => ResponseItem::FunctionCallOutput {
            id: unsent_id(),
            call_id: wire_call_id(&call_id).into_owned(),
            output: tool_output(output),
            internal_chat_message_metadata_passthrough: None,
        },
    })
}

/// An item with a call id that a backend takes: those of other model servers can be too long.
pub fn with_wire_id(mut item: ResponseItem) -> ResponseItem {
    if let ResponseItem::FunctionCall { call_id, .. }
    | ResponseItem::FunctionCallOutput { call_id, .. } = &mut item
        && let Cow::Owned(short) = wire_call_id(call_id)
    {
        *call_id = short;
    }
    item
}

/// What a client sees of an item that core recorded: nothing of reasoning. Names of tools stay as
/// they are on the wire.
pub fn visible_item(item: &ResponseItem) -> Option<Item> {
    match item {
        ResponseItem::Message { role, content, .. } => {
            let role = match role.as_str() {
                "assistant" => Role::Assistant,
                "user" => Role::User,
                _ => Role::Developer,
            };
            let content: Vec<Part> = content
                .iter()
                .filter_map(part)
                // What a model says without words, no client hears.
                .filter(|part| role != Role::Assistant || !is_empty(part))
                .collect();
            (!content.is_empty()).then_some(Item::Message { role, content })
        }
        ResponseItem::FunctionCall {
            name,
            arguments,
            call_id,
            ..
        } => Some(Item::ToolCall(ToolCall {
            id: call_id.clone(),
            name: name.clone(),
            kind: ToolKind::Function,
            arguments: arguments.clone(),
        })),
        ResponseItem::FunctionCallOutput {
            call_id, output, ..
        } => Some(Item::ToolResult {
            call_id: call_id.clone(),
            output: output_parts(output),
            param: String::new(),
        }),
        _ => None,
    }
}

/// What the assistant said.
pub fn answer(text: String) -> ResponseItem {
    ResponseItem::Message {
        id: unsent_id(),
        role: role_name(Role::Assistant).to_owned(),
        content: vec![ContentItem::OutputText { text }],
        phase: None,
        internal_chat_message_metadata_passthrough: None,
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

fn is_empty(part: &Part) -> bool {
    matches!(part, Part::Text(text) if text.is_empty())
}

fn part(item: &ContentItem) -> Option<Part> {
    match item {
        ContentItem::OutputText { text } | ContentItem::InputText { text } => {
            Some(Part::Text(text.clone()))
        }
        ContentItem::InputImage { image_url, detail } => Some(image_part(image_url, *detail)),
        ContentItem::InputAudio { .. } => None,
    }
}

fn image_part(url: &str, detail: Option<CoreDetail>) -> Part {
    let detail = match detail {
        // What no detail at all was sent as.
        None | Some(CoreDetail::Auto | CoreDetail::Low) => None,
        Some(CoreDetail::High) => Some(ImageDetail::High),
        Some(CoreDetail::Original) => Some(ImageDetail::Original),
    };
    Part::Image {
        url: url.to_owned(),
        detail,
        param: String::new(),
    }
}

fn output_parts(output: &FunctionCallOutputPayload) -> Vec<Part> {
    match &output.body {
        FunctionCallOutputBody::Text(text) => vec![Part::Text(text.clone())],
        FunctionCallOutputBody::ContentItems(items) => items
            .iter()
            .filter_map(|item| match item {
                FunctionCallOutputContentItem::InputText { text } => Some(Part::Text(text.clone())),
                FunctionCallOutputContentItem::InputImage { image_url, detail } => {
                    Some(image_part(image_url, *detail))
                }
                FunctionCallOutputContentItem::InputAudio { .. }
                | FunctionCallOutputContentItem::EncryptedContent { .. } => None,
            })
            .collect(),
    }
}

/// A result that is one text stays a plain string, as the client sent it.
pub fn tool_output(mut output: Vec<Part>) -> FunctionCallOutputPayload {
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
