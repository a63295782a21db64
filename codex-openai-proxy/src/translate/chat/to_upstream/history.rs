//! The items of a turn as messages.

use crate::{
    translate::{arguments::readable, chat::Dialect},
    turn::{ImageDetail, Item, Part, Role, Tool, ToolCall, ToolKind, TurnError},
    wire::chat::upstream_request::{
        CalledFunction, UpstreamCall, UpstreamContent, UpstreamImage, UpstreamMessage, UpstreamPart,
    },
};
use std::{borrow::Cow, collections::HashMap, mem};

/// Between texts that were apart.
const PARAGRAPH: &str = "\n\n";

/// Stands in a tool's result for its images, which the message of a tool cannot hold.
const IMAGES_FOLLOW: &str = "[The images of this result follow in the next user message.]";

/// The messages of a turn, in the order that the API demands and in the shape that the templates of
/// models take, which are stricter than the API.
///
/// What leads is one system message. A developer's word that comes later is the user's: most
/// templates take no system message but the first. Something has to be the user's, so that the last
/// item is, where nothing but the developer speaks. Messages of the user that follow each other are
/// one, since many templates want the speakers to alternate.
///
/// # Errors
///
/// [`TurnError::UnknownToolCall`] for a result without its call: providers know of none but those
/// that they are sent.
pub(super) fn messages<'a>(
    instructions: Option<&'a str>,
    items: &'a [Item],
    dialect: &Dialect,
) -> Result<Vec<UpstreamMessage<'a>>, TurnError> {
    let leading = items.iter().map_while(developer).count();
    let leading = if leading == items.len() {
        leading.saturating_sub(1)
    } else {
        leading
    };
    let (leading, rest) = items.split_at(leading);
    let system: Vec<&str> = instructions
        .into_iter()
        .chain(leading.iter().filter_map(developer).flat_map(texts))
        .collect();
    let mut history = History {
        partners: partners(rest)?,
        items: rest,
        with_reasoning: dialect.reasoning_history,
        messages: Vec::new(),
        run: Run::default(),
    };
    if !system.is_empty() {
        let content = joined(&system, PARAGRAPH);
        history.messages.push(UpstreamMessage::System { content });
    }
    for (at, item) in rest.iter().enumerate() {
        history.add(at, item);
    }
    history.finish_run();
    Ok(history.messages)
}

/// For each item, where the result of the call stands that it is, or the call of its result. Ids may
/// come again once they are answered.
fn partners(items: &[Item]) -> Result<Vec<Option<usize>>, TurnError> {
    let mut partners = vec![None; items.len()];
    let mut open = HashMap::new();
    for (at, item) in items.iter().enumerate() {
        match item {
            Item::ToolCall(call) => {
                open.insert(call.id.as_str(), at);
            }
            Item::ToolResult { call_id, param, .. } => {
                let Some(call) = open.remove(call_id.as_str()) else {
                    return Err(TurnError::UnknownToolCall {
                        call_id: call_id.clone(),
                        param: param.clone(),
                    });
                };
                partners[call] = Some(at);
                partners[at] = Some(call);
            }
            Item::Message { .. } | Item::Reasoning(_) => {}
        }
    }
    Ok(partners)
}

/// Puts messages into order: the results of calls come right after the message that made them, and
/// before anything else.
struct History<'a> {
    items: &'a [Item],
    partners: Vec<Option<usize>>,
    with_reasoning: bool,
    messages: Vec<UpstreamMessage<'a>>,
    run: Run<'a>,
}

/// What the assistant does at a stretch, which is one message.
#[derive(Default)]
struct Run<'a> {
    /// Where it begins, once it has.
    start: Option<usize>,
    thoughts: Vec<&'a str>,
    text: Option<Cow<'a, str>>,
    calls: Vec<UpstreamCall<'a>>,
    /// Where the results of its calls stand.
    results: Vec<usize>,
    /// Whether one of them has come: it is over.
    is_answered: bool,
}

impl<'a> History<'a> {
    /// Adds the next item.
    fn add(&mut self, at: usize, item: &'a Item) {
        match item {
            Item::Message {
                role: Role::Assistant,
                content,
            } => self.run_at(at).say(text(content, "")),
            Item::Reasoning(text) => {
                if self.with_reasoning {
                    self.run_at(at).thoughts.push(text);
                }
            }
            Item::ToolCall(call) => {
                let result = self.partners[at];
                let run = self.run_at(at);
                run.calls.push(past_call(call));
                run.results.extend(result);
            }
            // Its place is behind its call.
            Item::ToolResult { .. } => {
                let run = &mut self.run;
                run.is_answered |= run.start.is_some() && self.partners[at] >= run.start;
            }
            Item::Message {
                role: Role::User,
                content: parts,
            } => {
                self.finish_run();
                self.user(content(parts));
            }
            Item::Message {
                role: Role::Developer,
                content,
            } => {
                self.finish_run();
                self.user(UpstreamContent::Text(text(content, PARAGRAPH)));
            }
        }
    }

    /// What the assistant does, with an item of its own at that place.
    fn run_at(&mut self, at: usize) -> &mut Run<'a> {
        if self.run.is_answered {
            self.finish_run();
        }
        self.run.start.get_or_insert(at);
        &mut self.run
    }

    /// The message of the assistant, the results of its calls, and the images of those.
    fn finish_run(&mut self) {
        let mut run = mem::take(&mut self.run);
        if run.text.is_none() && run.calls.is_empty() {
            return;
        }
        // DeepSeek wants the member with each message that calls, and be it empty.
        let has_reasoning = !run.thoughts.is_empty() || !run.calls.is_empty();
        let reasoning = joined(&run.thoughts, PARAGRAPH);
        self.messages.push(UpstreamMessage::Assistant {
            content: run.text,
            reasoning_content: (self.with_reasoning && has_reasoning).then_some(reasoning),
            tool_calls: run.calls,
        });
        run.results.sort_unstable();
        let mut images = Vec::new();
        for at in run.results {
            if let Item::ToolResult {
                call_id, output, ..
            } = &self.items[at]
            {
                self.messages.push(result(call_id, output, &mut images));
            }
        }
        if !images.is_empty() {
            self.user(UpstreamContent::Parts(images));
        }
    }

    /// More of what the user says.
    fn user(&mut self, more: UpstreamContent<'a>) {
        match self.messages.last_mut() {
            Some(UpstreamMessage::User { content }) => append(content, more),
            _ => self.messages.push(UpstreamMessage::User { content: more }),
        }
    }
}

impl<'a> Run<'a> {
    fn say(&mut self, more: Cow<'a, str>) {
        match &mut self.text {
            Some(text) => append_text(text, &more),
            None => self.text = Some(more),
        }
    }
}

fn developer(item: &Item) -> Option<&[Part]> {
    match item {
        Item::Message {
            role: Role::Developer,
            content,
        } => Some(content),
        _ => None,
    }
}

fn past_call(call: &ToolCall) -> UpstreamCall<'_> {
    let arguments = match call.kind {
        ToolKind::Custom => Cow::Owned(Tool::wrap_input(&call.arguments)),
        ToolKind::Function => readable(&call.arguments),
    };
    UpstreamCall {
        id: &call.id,
        function: CalledFunction {
            name: &call.name,
            arguments,
        },
    }
}

/// The result of a call, whose images go to `images`.
fn result<'a>(
    call_id: &'a str,
    output: &'a [Part],
    images: &mut Vec<UpstreamPart<'a>>,
) -> UpstreamMessage<'a> {
    let mut said = text(output, "");
    let mut own = output.iter().filter_map(image).peekable();
    if own.peek().is_some() {
        append_text(&mut said, IMAGES_FOLLOW);
        let text = Cow::Owned(format!("The images of the result of the call {call_id}:"));
        images.push(UpstreamPart::Text { text });
        images.extend(own);
    }
    UpstreamMessage::Tool {
        tool_call_id: call_id,
        content: said,
    }
}

/// Content of a message: one text where it has no images.
fn content(parts: &[Part]) -> UpstreamContent<'_> {
    if parts.iter().all(|part| matches!(part, Part::Text(_))) {
        return UpstreamContent::Text(text(parts, PARAGRAPH));
    }
    let parts = parts.iter().map(|part| match part {
        Part::Text(text) => UpstreamPart::Text {
            text: Cow::Borrowed(text),
        },
        Part::Image { url, detail, .. } => image_part(url, *detail),
    });
    UpstreamContent::Parts(parts.collect())
}

/// Adds content behind other content: text to text, else part after part.
fn append<'a>(content: &mut UpstreamContent<'a>, more: UpstreamContent<'a>) {
    match (content, more) {
        (UpstreamContent::Text(text), UpstreamContent::Text(more)) => append_text(text, &more),
        (UpstreamContent::Parts(parts), more) => parts.extend(into_parts(more)),
        (content @ UpstreamContent::Text(_), more) => {
            let text = mem::replace(content, UpstreamContent::Parts(Vec::new()));
            let parts = into_parts(text).into_iter().chain(into_parts(more));
            *content = UpstreamContent::Parts(parts.collect());
        }
    }
}

fn into_parts(content: UpstreamContent<'_>) -> Vec<UpstreamPart<'_>> {
    match content {
        UpstreamContent::Text(text) if text.is_empty() => Vec::new(),
        UpstreamContent::Text(text) => vec![UpstreamPart::Text { text }],
        UpstreamContent::Parts(parts) => parts,
    }
}

/// Adds a paragraph.
fn append_text(text: &mut Cow<'_, str>, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.to_mut().push_str(PARAGRAPH);
    }
    if !more.is_empty() {
        text.to_mut().push_str(more);
    }
}

fn texts(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Image { .. } => None,
    })
}

fn image(part: &Part) -> Option<UpstreamPart<'_>> {
    match part {
        Part::Image { url, detail, .. } => Some(image_part(url, *detail)),
        Part::Text(_) => None,
    }
}

fn image_part(url: &str, detail: Option<ImageDetail>) -> UpstreamPart<'_> {
    let detail = detail.map(|detail| match detail {
        ImageDetail::Auto => "auto",
        ImageDetail::Low => "low",
        // Chat Completions knows nothing finer.
        ImageDetail::High | ImageDetail::Original => "high",
    });
    UpstreamPart::ImageUrl {
        image_url: UpstreamImage { url, detail },
    }
}

/// The text of parts, with `between` between them. Those of the assistant and of tools are one text
/// that was cut.
fn text<'a>(parts: &'a [Part], between: &str) -> Cow<'a, str> {
    let texts: Vec<&str> = texts(parts).collect();
    joined(&texts, between)
}

/// Texts as one. The usual case is a single one, which is not copied.
fn joined<'a>(texts: &[&'a str], between: &str) -> Cow<'a, str> {
    match texts {
        [] => Cow::Borrowed(""),
        [text] => Cow::Borrowed(text),
        _ => Cow::Owned(texts.join(between)),
    }
}
